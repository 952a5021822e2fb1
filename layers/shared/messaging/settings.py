"""The functions' settings, from the template."""

import os
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class SendSettings(Settings):
    """Settings of a function that sends messages. `message_max_chars` counts code points."""

    message_max_chars: int

    @classmethod
    def from_environment(cls) -> "SendSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], int(os.environ["MESSAGE_MAX_CHARS"]))


@dataclass(frozen=True, slots=True)
class EditSettings(SendSettings):
    """Settings of the function that edits messages. `edit_hours` is None for ever, `keep_versions` 0 for none."""

    edit_hours: int | None
    keep_versions: int

    @classmethod
    def from_environment(cls) -> "EditSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        send = SendSettings.from_environment()
        return cls(
            send.table_name, send.message_max_chars, _hours("EDIT_WITHIN_HOURS"), int(os.environ["KEEP_VERSIONS"])
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
