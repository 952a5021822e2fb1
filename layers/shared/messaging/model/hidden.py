"""Messages that a person has hidden from themselves: a private matter, see docs/changes.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from messaging.model import keys
from messaging.model.items import Item

MOST_HIDDEN = 1000  # messages of one conversation, for one person: every page of it reads them


@dataclass(frozen=True, slots=True)
class Hidden:
    """The numbers of the messages that each of the two has hidden in a conversation, by user_uuid."""

    message_group_uuid: str
    seqs: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def of(self, user_uuid: str) -> frozenset[int]:
        """The numbers of the messages that this person has hidden."""
        return self.seqs.get(user_uuid, frozenset())

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.conversation_pk(self.message_group_uuid), keys.HIDDEN),
            **{user_uuid: {"NS": [str(seq) for seq in sorted(mine)]} for user_uuid, mine in self.seqs.items() if mine},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Hidden":
        seqs = {
            name: frozenset(int(seq) for seq in value["NS"]) for name, value in item.items() if name not in ("pk", "sk")
        }
        return cls(item["pk"]["S"].removeprefix(keys.conversation_pk("")), seqs)
