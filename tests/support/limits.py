"""Limits of tests: none, so that a test may send, open and look up as much as it needs."""

import re

from operators.schema import template

# For a deployed system, and for functions in the test's own process.
PARAMETERS = dict.fromkeys(
    (
        "MessagesPerMinute",
        "ConversationsPerDay",
        "PendingRequests",
        "LookupsPerHour",
        "ReportsPerDay",
        "TicketsPerHour",
    ),
    "0",
)
DEFAULTS = {name: str(template()["Parameters"][name]["Default"]) for name in PARAMETERS}


def variable(parameter: str) -> str:
    """The environment variable of a parameter."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", parameter).upper()


VARIABLES = {"REQUEST_PAUSE_DAYS": "30", "MESSAGES_FROM": "everyone", "REPORT_RETENTION_DAYS": "180"} | {
    variable(name): value for name, value in PARAMETERS.items()
}
