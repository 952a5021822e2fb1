"""The functions' settings, from the template."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once, at init."""

    table_name: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment. Raises KeyError for an unset variable."""
        return cls(os.environ["TABLE_NAME"])


@dataclass(frozen=True, slots=True)
class SendSettings(Settings):
    """Settings of a function that sends messages. `message_max_chars` counts code points."""

    message_max_chars: int

    @classmethod
    def from_environment(cls) -> "SendSettings":
        """Read the environment. Raises KeyError for an unset variable, ValueError for a limit that is no number."""
        return cls(os.environ["TABLE_NAME"], int(os.environ["MESSAGE_MAX_CHARS"]))
