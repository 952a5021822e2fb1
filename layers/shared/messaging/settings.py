"""The functions' settings, from the template."""

import os
from datetime import timedelta
from typing import NamedTuple

from messaging.model import limits
from messaging.model.limits import Limit, SendLimits
from messaging.model.person import ClaimNames
from messaging.model.reach import Reach


class Settings(NamedTuple):
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


def _reach() -> Reach:
    """The deployment's rules of reach. Raises KeyError and ValueError."""
    return Reach(os.environ["MESSAGES_FROM"], timedelta(days=_number("REQUEST_PAUSE_DAYS")))


def _number(name: str) -> int:
    """A number in the environment. Raises KeyError and ValueError."""
    return int(os.environ[name])


def _pending_requests() -> Limit:
    """The limit of requests that wait. Raises KeyError and ValueError."""
    return limits.pending_requests(_number("PENDING_REQUESTS"), _number("REQUEST_PAUSE_DAYS"))


class SendSettings(NamedTuple):
    """Settings of a function that sends messages. `message_max_chars` counts code points."""

    table_name: str
    message_max_chars: int
    limits: SendLimits
    reach: Reach

    @classmethod
    def from_environment(cls) -> "SendSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(
            os.environ["TABLE_NAME"],
            _number("MESSAGE_MAX_CHARS"),
            SendLimits(
                limits.messages_per_minute(_number("MESSAGES_PER_MINUTE")),
                limits.conversations_per_day(_number("CONVERSATIONS_PER_DAY")),
                _pending_requests(),
                limits.lookups_per_hour(_number("LOOKUPS_PER_HOUR")),
            ),
            _reach(),
        )


class LookupSettings(NamedTuple):
    """Settings of a function that looks up handles."""

    table_name: str
    lookups: Limit

    @classmethod
    def from_environment(cls) -> "LookupSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], limits.lookups_per_hour(_number("LOOKUPS_PER_HOUR")))


class FindSettings(NamedTuple):
    """Settings of the function that finds conversations, and says whether the caller can write there."""

    table_name: str
    lookups: Limit
    reach: Reach

    @classmethod
    def from_environment(cls) -> "FindSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        lookup = LookupSettings.from_environment()
        return cls(lookup.table_name, lookup.lookups, _reach())


class TicketSettings(NamedTuple):
    """Settings of the function that issues tickets."""

    table_name: str
    tickets: Limit

    @classmethod
    def from_environment(cls) -> "TicketSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], limits.tickets_per_hour(_number("TICKETS_PER_HOUR")))


class RequestSettings(NamedTuple):
    """Settings of the function that accepts requests."""

    table_name: str
    requests: Limit

    @classmethod
    def from_environment(cls) -> "RequestSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], _pending_requests())


class ReportSettings(NamedTuple):
    """Settings of the function that takes reports. `retention` is that of the copied texts."""

    table_name: str
    reports: Limit
    retention: timedelta

    @classmethod
    def from_environment(cls) -> "ReportSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(
            os.environ["TABLE_NAME"],
            limits.reports_per_day(_number("REPORTS_PER_DAY")),
            timedelta(days=_number("REPORT_RETENTION_DAYS")),
        )


class EditSettings(NamedTuple):
    """Settings of the function that edits messages. `edit_hours` is None for ever, `keep_versions` 0 for none."""

    table_name: str
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


class UnsendSettings(NamedTuple):
    """Settings of the function that takes messages back. `unsend_hours` is None for ever."""

    table_name: str
    unsend_hours: int | None

    @classmethod
    def from_environment(cls) -> "UnsendSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], _hours("UNSEND_WITHIN_HOURS"))


class ProfileSettings(NamedTuple):
    """Settings of a function that shows own profiles: `messages_from` holds for people without a choice."""

    table_name: str
    messages_from: str

    @classmethod
    def from_environment(cls) -> "ProfileSettings":
        """Read the environment. Raises KeyError for an unset variable."""
        return cls(os.environ["TABLE_NAME"], os.environ["MESSAGES_FROM"])


class SignUpSettings(NamedTuple):
    """Settings of a function that makes profiles of a token's claims: their names, None with Cognito."""

    table_name: str
    messages_from: str
    claims: ClaimNames | None

    @classmethod
    def from_environment(cls) -> "SignUpSettings":
        """Read the environment. Raises KeyError for an unset variable."""
        names = ClaimNames(*(os.environ[f"{name}_CLAIM"] for name in ("HANDLE", "DISPLAY_NAME", "PICTURE", "EMAIL")))
        profile = ProfileSettings.from_environment()
        return cls(profile.table_name, profile.messages_from, names if os.environ["USER_ID_CLAIM"] else None)
