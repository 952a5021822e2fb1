"""What all tests share: the functions' environment, and free ports."""

import os
import random
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

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

# How far properties search: `make test` does quickly, --hypothesis-profile=soak for long.
settings.register_profile("quick", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("quick"), max_examples=600)
# For `make mutate`: the first example that fails is enough, whether or not there is a shorter one.
settings.register_profile(
    "mutation", settings.get_profile("quick"), max_examples=20, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("quick")


def examples(*, soak: int, quick: int | None = None) -> int:
    """How many examples to try: so many in `make soak`, else `quick` ones or those of the profile."""
    if settings() == settings.get_profile("soak"):
        return soak
    return quick or settings().max_examples


@pytest.fixture(autouse=True, scope="session")
def _refuse_at_once() -> Iterator[None]:
    """Refusals do not wait, but in the test of that. Functions that are deployed do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("messaging.services.refusals.MIN_REFUSAL_SECONDS", 0.0)
        yield


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, nor on the next, which is for the web client.

    Below the range that outgoing connections take theirs from, so that none of them has it before the server does.
    """
    for port in random.SystemRandom().sample(range(20_000, 30_000, 2), 100):
        with socket.socket() as probe, socket.socket() as next_probe:
            if probe.connect_ex(("127.0.0.1", port)) and next_probe.connect_ex(("127.0.0.1", port + 1)):
                return port
    raise RuntimeError("no port is free")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="fail if a test was skipped, as CI does")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With --strict-skips a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.config.getoption("--strict-skips") and reporter.getreports("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests have recorded as their summary: a table of figures, whichever worker measured them."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in getattr(report, "user_properties", ()):
            if name == "summary":
                terminalreporter.write_line(f"\n{value}")
