"""Errors in the words of the domain. They know no HTTP: `api` turns them into statuses, `live` into error events."""

from collections.abc import Mapping
from typing import TypeVar

_Answer = TypeVar("_Answer")


class MessagingError(Exception):
    """The base of every error for callers; its text is safe to show and contains no message."""


class Unreadable(MessagingError):
    """JSON, a uuid, a limit or a cursor is not valid."""


class Invalid(MessagingError):
    """The content is readable but not acceptable; `codes` are those of the bootcamp's web client."""

    def __init__(self, *codes: str) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


class UnknownFields(Invalid):
    """The body has fields that its route does not know; each code names one, in the caller's own words."""

    def __init__(self, *fields: str) -> None:
        super().__init__(*(f"{field}_unknown" for field in fields))


class Unauthenticated(MessagingError):
    """Nobody is signed in."""


class NotFound(MessagingError):
    """There is no such thing, or the caller may not see it: both look the same."""


class Forbidden(MessagingError):
    """The caller may see this, but not change it."""


class Prevented(MessagingError):
    """The caller's own side of a conversation is in the way: they block the other person, or have not answered them."""


class Gone(MessagingError):
    """The message was unsent, or may not be changed any more."""


class Changed(MessagingError):
    """The message has been changed since the caller saw it."""


class MessageUuidTaken(MessagingError):
    """A message with this message_uuid, but another text, sender or conversation, was sent before."""


class TooLarge(MessagingError):
    """The body is larger than any valid request."""


class TooManyRequests(MessagingError):
    """The caller makes too many requests; a retry is possible after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Busy(MessagingError):
    """DynamoDB throttled, conflicted or did not answer for longer than the retries last."""


class Conflict(Busy):
    """Another request was writing the same items at the same moment, so this one wrote nothing."""


class HandleTaken(MessagingError):
    """The handle belongs to somebody else."""


def answer_for(error: MessagingError, answers: Mapping[type[MessagingError], _Answer]) -> _Answer:
    """The entry of the error's class or of its nearest base class with an entry. MessagingError must have one."""
    return next(answers[one] for one in type(error).__mro__ if one in answers)
