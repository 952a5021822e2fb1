"""Changes of messages: numbered per conversation, without a gap (docs/changes.md)."""

from typing import NamedTuple

from messaging.model import keys
from messaging.model.items import Item

EDIT, UNSEND, REACTION = "edit", "unsend", "reaction"


class MessageChange(NamedTuple):
    """A change of the message at `created_at`: its number in the conversation, from 1, its kind and its time.

    It never holds a text, so that none stays after an unsend.
    """

    number: int
    kind: str
    at: str
    created_at: str

    @property
    def attributes(self) -> Item:
        """The attributes that the change's item shares with the head, while it is the last change."""
        return {"kind": {"S": self.kind}, "at": {"S": self.at}, "created_at": {"S": self.created_at}}

    @property
    def in_head(self) -> Item:
        """The attribute of the head."""
        return {"M": {"number": {"N": str(self.number)}, **self.attributes}}

    def item(self, message_group_uuid: str) -> Item:
        """The stored change."""
        return {**keys.key(keys.changes_pk(message_group_uuid), keys.change_sk(self.number)), **self.attributes}

    @classmethod
    def from_item(cls, item: Item) -> "MessageChange":
        return cls._of(int(item["sk"]["S"]), item)

    @classmethod
    def from_head(cls, attribute: Item) -> "MessageChange":
        return cls._of(int(attribute["M"]["number"]["N"]), attribute["M"])

    @classmethod
    def _of(cls, number: int, item: Item) -> "MessageChange":
        return cls(number, item["kind"]["S"], item["at"]["S"], item["created_at"]["S"])
