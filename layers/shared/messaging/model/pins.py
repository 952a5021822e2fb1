"""The conversations that a person has pinned to the top of their inbox."""

from dataclasses import dataclass, replace

from messaging.model import keys
from messaging.model.inbox_entry import InboxEntry
from messaging.model.items import Item, number
from messaging.model.membership import INBOX

MOST_PINS = 10


@dataclass(frozen=True, slots=True)
class Pins:
    """A person's pinned conversations, the one pinned last first. Every change adds 1 to `number`, 0 for none.

    A pin stays while its conversation is archived or out of sight, without effect, unless another needs its place.
    """

    owner_uuid: str
    message_group_uuids: tuple[str, ...] = ()
    number: int = 0

    def pinned(self, message_group_uuid: str) -> "Pins":
        """The pins after a conversation was pinned: it comes first."""
        return self._changed((message_group_uuid, *self._others(message_group_uuid)))

    def unpinned(self, message_group_uuid: str) -> "Pins":
        """The pins without a conversation."""
        return self._changed(self._others(message_group_uuid))

    def kept(self, message_group_uuids: frozenset[str]) -> "Pins":
        """The pins that are among these."""
        kept = tuple(one for one in self.message_group_uuids if one in message_group_uuids)
        return replace(self, message_group_uuids=kept)

    def shows(self, entry: InboxEntry) -> bool:
        """True if a conversation is pinned: only those in the inbox are."""
        return entry.folder == INBOX and entry.message_group_uuid in self.message_group_uuids

    def _others(self, message_group_uuid: str) -> tuple[str, ...]:
        return tuple(one for one in self.message_group_uuids if one != message_group_uuid)

    def _changed(self, message_group_uuids: tuple[str, ...]) -> "Pins":
        if message_group_uuids == self.message_group_uuids:
            return self
        return replace(self, message_group_uuids=message_group_uuids, number=self.number + 1)

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.inbox_pk(self.owner_uuid), keys.PINS),
            "pins": {"L": [{"S": one} for one in self.message_group_uuids]},
            "number": {"N": str(self.number)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Pins":
        return cls(
            item["pk"]["S"].removeprefix(keys.inbox_pk("")),
            tuple(one["S"] for one in item["pins"]["L"]),
            number(item, "number") or 0,
        )
