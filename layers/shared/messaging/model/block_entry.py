"""Blocked people: one person's list of those they block."""

from typing import NamedTuple

from messaging.model import keys
from messaging.model.items import Item


class BlockEntry(NamedTuple):
    """A person blocked by its owner, since `at`. It has no name, which would have to follow changes.

    It is stored exactly while the head of the two has the owner's block: see membership.Block.
    """

    owner_uuid: str
    user_uuid: str
    at: str

    @property
    def item(self) -> Item:
        return {**keys.key(keys.blocks_pk(self.owner_uuid), self.user_uuid), "at": {"S": self.at}}

    @classmethod
    def from_item(cls, item: Item) -> "BlockEntry":
        return cls(item["pk"]["S"].removeprefix(keys.blocks_pk("")), item["sk"]["S"], item["at"]["S"])
