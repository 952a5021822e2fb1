"""Limits of tests: none, so that a test may send, open and look up as much as it needs."""

import re

# For a deployed system, and for functions in the test's own process.
PARAMETERS = dict.fromkeys(
    ("MessagesPerMinute", "ConversationsPerDay", "PendingRequests", "LookupsPerHour", "TicketsPerHour"), "0"
)
VARIABLES = {"REQUEST_PAUSE_DAYS": "30", "MESSAGES_FROM": "everyone"} | {
    re.sub("(?<=[a-z])(?=[A-Z])", "_", name).upper(): value for name, value in PARAMETERS.items()
}
