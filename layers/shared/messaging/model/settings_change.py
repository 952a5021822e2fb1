"""A change of a member's own settings of a conversation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """New values for a member's settings; None leaves one unchanged. `muted_until` is "" for the end of a mute."""

    muted_until: str | None = None
    archived: bool | None = None
    pinned: bool | None = None
    marked_unread: bool | None = None

    @property
    def is_of_head(self) -> bool:
        """True if it changes more than the pins, which are stored apart."""
        return (self.muted_until, self.archived, self.marked_unread) != (None, None, None)
