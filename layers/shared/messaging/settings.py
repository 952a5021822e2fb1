"""The functions' settings, from the template."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once, at init. `message_max_chars` counts code points."""

    table_name: str
    message_max_chars: int

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment. Raises KeyError for an unset variable."""
        return cls(os.environ["TABLE_NAME"], int(os.environ["MESSAGE_MAX_CHARS"]))
