"""Messages that a person has hidden from themselves, see docs/changes.md, and all that a member may not see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.items import Item
from messaging.model.membership import ClosedRange, Range, format_range, is_within, parse_closed_range
from messaging.model.message import Message

MOST_HIDDEN = 1000  # messages, or ranges, of one conversation, for one person: every page of it reads them
_UNSEEN = "unseen#"


@dataclass(frozen=True, slots=True)
class Hidden:
    """The numbers of the messages that each of the two has hidden in a conversation, by user_uuid.

    `unseen` are the ranges that former blocks have hidden, by user_uuid, as far as the head has no room for them.
    """

    message_group_uuid: str
    seqs: Mapping[str, frozenset[int]] = field(default_factory=dict)
    unseen: Mapping[str, tuple[ClosedRange, ...]] = field(default_factory=dict)

    def of(self, user_uuid: str) -> frozenset[int]:
        """The numbers of the messages that this person has hidden."""
        return self.seqs.get(user_uuid, frozenset())

    @property
    def key(self) -> Item:
        return keys.key(keys.conversation_pk(self.message_group_uuid), keys.HIDDEN)

    @property
    def item(self) -> Item:
        return {
            **self.key,
            **{user_uuid: {"NS": [str(seq) for seq in sorted(mine)]} for user_uuid, mine in self.seqs.items() if mine},
            **{unseen_attribute(user_uuid): ranges_attribute(mine) for user_uuid, mine in self.unseen.items() if mine},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Hidden":
        seqs, unseen = {}, {}
        for name, value in item.items():
            if name.startswith(_UNSEEN):
                unseen[name.removeprefix(_UNSEEN)] = tuple(parse_closed_range(one["S"]) for one in value["L"])
            elif name not in ("pk", "sk"):
                seqs[name] = frozenset(int(seq) for seq in value["NS"])
        return cls(item["pk"]["S"].removeprefix(keys.conversation_pk("")), seqs, unseen)


def unseen_attribute(user_uuid: str) -> str:
    """The name of the attribute with a person's ranges."""
    return f"{_UNSEEN}{user_uuid}"


def ranges_attribute(ranges: Iterable[Range]) -> Item:
    """Ranges as an attribute, to which others can be appended."""
    return {"L": [{"S": format_range(one)} for one in ranges]}


@dataclass(frozen=True, slots=True)
class Sight:
    """All that one member may see of a conversation: messages from `first_seq` to `last_seq`, without the `hidden`."""

    head: Head
    user_uuid: str
    first_seq: int
    last_seq: int
    hidden: frozenset[int]
    unseen: tuple[Range, ...]

    @classmethod
    def of(cls, head: Head, user_uuid: str, hidden: Hidden) -> "Sight":
        """What this member may see."""
        mine = head.membership(user_uuid)
        unseen = (*hidden.unseen.get(user_uuid, ()), *mine.unseen)
        return cls(head, user_uuid, mine.begins_after + 1, head.shown_seq(user_uuid), hidden.of(user_uuid), unseen)

    def has_place_for(self, message: Message) -> bool:
        """True if a message belongs to what this member may page through, even if it is hidden."""
        return self.first_seq <= message.seq <= self.last_seq

    def hides_seq(self, seq: int) -> bool:
        """True if the message with this number is hidden from this member."""
        return seq < self.first_seq or seq in self.hidden or is_within(seq, self.unseen)

    def hides(self, message: Message) -> bool:
        """True if a message is hidden from this member, or its present text is."""
        return self.hides_seq(message.seq) or self.head.withholds(self.user_uuid, message)

    def withheld(self, message: Message) -> int:
        """The number of the change whose text is hidden until the end of a block, 0 for a message hidden for ever."""
        return 0 if self.hides_seq(message.seq) else message.change
