"""Errors in the words of the domain. They know no HTTP: `api` turns them into statuses, `live` into error events."""

from collections.abc import Mapping
from typing import TypeVar

_Answer = TypeVar("_Answer")


class MessagingError(Exception):
    """The base of every error a caller can be told about; its text is safe to show and holds no message."""


class Unreadable(MessagingError):
    """JSON, a uuid, a limit or a cursor cannot be read."""


class Invalid(MessagingError):
    """What was sent can be read but not accepted; `codes` are those the bootcamp's web client knows."""

    def __init__(self, *codes: str) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


class Unauthenticated(MessagingError):
    """Nobody is signed in."""


class NotFound(MessagingError):
    """There is no such thing, or it is not the caller's to see: the two are not told apart."""


class MessageUuidTaken(MessagingError):
    """A message with this message_uuid, but another text, sender or conversation, was sent before."""


class TooLarge(MessagingError):
    """The body is larger than any acceptable message needs."""


class TooManyRequests(MessagingError):
    """The caller asks too often. The same may be asked again after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Busy(MessagingError):
    """DynamoDB throttled, conflicted or did not answer for longer than the retries last."""


class Conflict(Busy):
    """Another request was writing the same items at that moment, so this one wrote nothing."""


class HandleTaken(MessagingError):
    """The handle belongs to somebody else."""


def answer_for(error: MessagingError, answers: Mapping[type[MessagingError], _Answer]) -> _Answer:
    """The entry of an error's class, or of its nearest base class that has one. MessagingError must have one."""
    return next(answers[one] for one in type(error).__mro__ if one in answers)
