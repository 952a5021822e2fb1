"""Limits of one person's requests, with the words of draft-ietf-httpapi-ratelimit-headers: quota, window, remaining."""

from typing import NamedTuple

from messaging.model.errors import TooManyRequests
from messaging.model.person import Person

MESSAGES = "messages"
CONVERSATIONS = "conversations"
REQUESTS = "requests"
LOOKUPS = "lookups"
REPORTS = "reports"
TICKETS = "tickets"
NAMES = (MESSAGES, CONVERSATIONS, REQUESTS, LOOKUPS, REPORTS, TICKETS)

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400  # seconds


class Limit(NamedTuple):
    """A person's quota in each window of `seconds`, which begin at multiples of them. A quota of 0 is no limit."""

    name: str
    quota: int
    seconds: int

    def applies_to(self, person: Person) -> bool:
        """True unless it is no limit, or operators have lifted it for this person."""
        return self.quota > 0 and self.name not in person.lifted

    def window(self, now: float) -> int:
        """The number of the window at a Unix time."""
        return int(now) // self.seconds

    def end(self, now: float) -> int:
        """The Unix time at which the window ends."""
        return (self.window(now) + 1) * self.seconds

    def usage(self, count: int, now: float) -> "Usage":
        """The usage at a Unix time, after `count` requests in its window."""
        return Usage(self, max(0, self.quota - count), self.end(now) - int(now))


class Usage(NamedTuple):
    """The state of a limit: the quota that remains, and the seconds until its window ends."""

    limit: Limit
    remaining: int
    reset: int


class LimitReached(TooManyRequests):
    """The caller has used up a quota."""

    def __init__(self, usage: Usage) -> None:
        limit = usage.limit
        super().__init__(f"Your limit of {limit.quota} {limit.name} is used up.", usage.reset)
        self.usage = usage


class SendLimits(NamedTuple):
    """The limits of a sender, and of look-ups, since a message to a handle that nobody has reveals this."""

    messages: Limit
    conversations: Limit
    requests: Limit
    lookups: Limit


def messages_per_minute(quota: int) -> Limit:
    """The limit of messages in one conversation."""
    return Limit(MESSAGES, quota, _MINUTE)


def conversations_per_day(quota: int) -> Limit:
    return Limit(CONVERSATIONS, quota, _DAY)


def pending_requests(quota: int, pause_days: int) -> Limit:
    """The limit of requests that wait for an answer. Those from before the pause's window count no more."""
    return Limit(REQUESTS, quota, pause_days * _DAY)


def lookups_per_hour(quota: int) -> Limit:
    return Limit(LOOKUPS, quota, _HOUR)


def reports_per_day(quota: int) -> Limit:
    return Limit(REPORTS, quota, _DAY)


def tickets_per_hour(quota: int) -> Limit:
    return Limit(TICKETS, quota, _HOUR)


UNLIMITED = SendLimits(messages_per_minute(0), conversations_per_day(0), pending_requests(0, 30), lookups_per_hour(0))
