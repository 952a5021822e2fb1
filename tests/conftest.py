"""What all tests share: the functions' environment, and free ports."""

import os
import socket

# The functions read these at import; no test may reach AWS.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "tests",
    "POWERTOOLS_METRICS_NAMESPACE": "CruddurMessages",
    "TABLE_NAME": "not-a-table",
    "MESSAGE_MAX_CHARS": "1024",
}


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
