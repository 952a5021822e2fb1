"""The functions' logger and metrics: lines of JSON with ids, never the text of a message, a token or a name."""

import json
import os
import time
import traceback
from datetime import UTC, datetime
from typing import Any


class Logger:
    """Log lines: level, message, time, service, X-Ray trace, and the given fields that are not None."""

    def info(self, message: str, **fields: Any) -> None:
        self._log("INFO", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._log("WARNING", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._log("ERROR", message, fields)

    def _log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        entry = {
            "level": level,
            "message": message,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "service": os.environ["SERVICE_NAME"],
            "xray_trace_id": _trace_id(),
            **fields,
        }
        _write({name: value for name, value in entry.items() if value is not None})


logger = Logger()


def log_failure(error: Exception, **ids: Any) -> None:
    """Log a bug: the stack and AWS's code, but not the error's text, which could quote a message."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code")
    trace = traceback.format_tb(error.__traceback__)
    logger.error("failed", **ids, error=type(error).__name__, code=code, trace=trace)


def count(**counts: int) -> None:
    """Write the counts other than 0 as CloudWatch metrics, in the embedded metric format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = {name: [int(value)] for name, value in counts.items() if value}
    if not metrics:
        return
    described = {
        "Namespace": os.environ["METRICS_NAMESPACE"],
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in metrics],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]}
    _write({"_aws": about, "service": os.environ["SERVICE_NAME"], **metrics})


def _write(entry: dict[str, Any]) -> None:
    print(json.dumps(entry, separators=(",", ":")))


def _trace_id() -> str | None:
    """The trace of the invocation, from a header such as Root=1-…;Parent=…;Sampled=1."""
    header = os.environ.get("_X_AMZN_TRACE_ID", "")
    return header.partition("Root=")[2].partition(";")[0] or None
