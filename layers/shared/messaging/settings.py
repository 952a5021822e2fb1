"""The functions' settings, from the template."""

import os
from dataclasses import dataclass

from messaging.model import limits
from messaging.model.limits import Limit, SendLimits
from messaging.model.person import ClaimNames


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once, at init."""

    table_name: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment. Raises KeyError for an unset variable."""
        return cls(os.environ["TABLE_NAME"])


def _hours(name: str) -> int | None:
    """A number of hours in the environment, None for `none`."""
    text = os.environ[name]
    return None if text == "none" else int(text)


def _number(name: str) -> int:
    """A number in the environment. Raises KeyError and ValueError."""
    return int(os.environ[name])


@dataclass(frozen=True, slots=True)
class SendSettings(Settings):
    """Settings of a function that sends messages. `message_max_chars` counts code points."""

    message_max_chars: int
    limits: SendLimits

    @classmethod
    def from_environment(cls) -> "SendSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(
            os.environ["TABLE_NAME"],
            _number("MESSAGE_MAX_CHARS"),
            SendLimits(
                limits.messages_per_minute(_number("MESSAGES_PER_MINUTE")),
                limits.conversations_per_day(_number("CONVERSATIONS_PER_DAY")),
                limits.pending_requests(_number("PENDING_REQUESTS"), _number("REQUEST_PAUSE_DAYS")),
                limits.lookups_per_hour(_number("LOOKUPS_PER_HOUR")),
            ),
        )


@dataclass(frozen=True, slots=True)
class LookupSettings(Settings):
    """Settings of a function that looks up handles."""

    lookups: Limit

    @classmethod
    def from_environment(cls) -> "LookupSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], limits.lookups_per_hour(_number("LOOKUPS_PER_HOUR")))


@dataclass(frozen=True, slots=True)
class TicketSettings(Settings):
    """Settings of the function that issues tickets."""

    tickets: Limit

    @classmethod
    def from_environment(cls) -> "TicketSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], limits.tickets_per_hour(_number("TICKETS_PER_HOUR")))


@dataclass(frozen=True, slots=True)
class EditSettings(Settings):
    """Settings of the function that edits messages. `edit_hours` is None for ever, `keep_versions` 0 for none."""

    message_max_chars: int
    edit_hours: int | None
    keep_versions: int

    @classmethod
    def from_environment(cls) -> "EditSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(
            os.environ["TABLE_NAME"],
            _number("MESSAGE_MAX_CHARS"),
            _hours("EDIT_WITHIN_HOURS"),
            _number("KEEP_VERSIONS"),
        )


@dataclass(frozen=True, slots=True)
class UnsendSettings(Settings):
    """Settings of the function that takes messages back. `unsend_hours` is None for ever."""

    unsend_hours: int | None

    @classmethod
    def from_environment(cls) -> "UnsendSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], _hours("UNSEND_WITHIN_HOURS"))


@dataclass(frozen=True, slots=True)
class SignUpSettings(Settings):
    """Settings of a function that makes profiles of a token's claims: their names, None with Cognito."""

    claims: ClaimNames | None

    @classmethod
    def from_environment(cls) -> "SignUpSettings":
        """Read the environment. Raises KeyError for an unset variable."""
        names = ClaimNames(*(os.environ[f"{name}_CLAIM"] for name in ("HANDLE", "DISPLAY_NAME", "PICTURE", "EMAIL")))
        return cls(os.environ["TABLE_NAME"], names if os.environ["USER_ID_CLAIM"] else None)
