"""Messages that a person has hidden from themselves, see docs/changes.md, and all that a member may not see."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.items import Item
from messaging.model.message import Message

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


@dataclass(frozen=True, slots=True)
class Sight:
    """All that one member may see of a conversation: messages from `first_seq` to `last_seq`, without the `hidden`."""

    head: Head
    user_uuid: str
    hidden: frozenset[int]

    @classmethod
    def of(cls, head: Head, user_uuid: str, hidden: Hidden) -> "Sight":
        """What this member may see."""
        return cls(head, user_uuid, hidden.of(user_uuid))

    @property
    def first_seq(self) -> int:
        return self.head.membership(self.user_uuid).begins_after + 1

    @property
    def last_seq(self) -> int:
        return self.head.shown_seq(self.user_uuid)

    def has_place_for(self, message: Message) -> bool:
        """True if a message belongs to what this member may page through, even if it is hidden."""
        return self.first_seq <= message.seq <= self.last_seq

    def hides_seq(self, seq: int) -> bool:
        """True if the message with this number is hidden from this member."""
        return seq in self.hidden or self.head.membership(self.user_uuid).hides(seq)

    def hides(self, message: Message) -> bool:
        """True if a message is hidden from this member, or its present text is."""
        return message.seq in self.hidden or self.head.hides(self.user_uuid, message)
