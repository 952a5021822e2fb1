"""The functions' settings, from the template."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once, at init."""

    table_name: str

    @classmethod
    def from_environment(cls) -> "Settings":
<<<<<<< HEAD
        """Read the environment. Raises KeyError for an unset variable."""
=======
        """Raises KeyError for a variable that is not set."""
        return cls(os.environ["TABLE_NAME"])


@dataclass(frozen=True, slots=True)
class SendSettings(Settings):
    """Of a function that sends messages. `message_max_chars` counts code points."""

    message_max_chars: int

    @classmethod
    def from_environment(cls) -> "SendSettings":
        """Raises KeyError for a variable that is not set, and ValueError for a limit that is no whole number."""
>>>>>>> b04721434ae1085fb7805862d3f60749d4bdefff
        return cls(os.environ["TABLE_NAME"], int(os.environ["MESSAGE_MAX_CHARS"]))
