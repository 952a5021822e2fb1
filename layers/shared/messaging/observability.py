"""The functions' logger and metrics. They write ids, never the text of a message, a token or a name."""

import traceback
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

logger = Logger()


def log_failure(error: Exception, **ids: Any) -> None:
    """Log a bug: the stack, but not the error's text, which could quote a message."""
    logger.error(
        "failed", stacklevel=3, **ids, error=type(error).__name__, trace=traceback.format_tb(error.__traceback__)
    )


def count(**counts: int) -> None:
    """Write the counts other than 0 as CloudWatch metrics, in the embedded metric format."""
    metrics = EphemeralMetrics()
    for name, value in counts.items():
        if value:
            metrics.add_metric(name, MetricUnit.Count, value)
    if metrics.metric_set:
        metrics.flush_metrics()
