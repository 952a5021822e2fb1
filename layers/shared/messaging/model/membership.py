"""One member's side of a conversation: folder, mute, history, requests and blocks (docs/reach.md)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from messaging.model.items import Item, number

FOREVER = "forever"  # sorts after all times

INBOX = "inbox"
REQUESTS = "requests"
ARCHIVE = "archive"
OUT_OF_SIGHT = ""  # left, declined, or nothing that the member may see
FOLDERS = (INBOX, REQUESTS, ARCHIVE, OUT_OF_SIGHT)

Range = tuple[int, int | None]  # the first and the last seq; None: up to the present
ClosedRange = tuple[int, int]
MOST_RANGES = 10  # in a head, besides that of a present block: a head must stay below 1 KB


class Ask(NamedTuple):
    """A request of the other member: it follows the message `after`, 0 for none, and its first message came `at`."""

    after: int
    at: str

    @property
    def attribute(self) -> Item:
        return {"M": {"after": {"N": str(self.after)}, "at": {"S": self.at}}}


class Block(NamedTuple):
    """A block of the other member, since `at`. The marks that each sees of the other stay where they were:

    `read` is this member's mark, `other_read` the other's.
    """

    at: str
    read: int
    other_read: int


@dataclass(frozen=True, slots=True)
class Membership:
    """The stored state of one member. All else follows from it and the conversation's last message.

    `ask` waits for this member's answer; `declined` is the `after` of an ask that was declined, None for none.
    `archived` is the number of the last message when the conversation was archived, None if it was not.
    `muted_until` is a time, FOREVER or "". The history begins after the number `begins_after`: they left then, or
    declined a request. `unseen` are the ranges of messages that blocks have hidden for ever, in order; the last one is
    open while the block lasts. Those up to the number `older_unseen`, for which the head has no room, are in the item
    of the hidden messages. `shown_at` is the time of the last message before that last range. `sent` counts this
    member's messages of a minute. `set_at` is the hour of the last setting, "" for never. `settings` is its number:
    each update that changes what the member sees, other than by a message, adds 1, so that devices can order copies of
    their settings (together with the number of the last message). It never grows by an update of the other member.
    """

    ask: Ask | None = None
    declined: int | None = None
    archived: int | None = None
    muted_until: str = ""
    marked_unread: bool = False
    begins_after: int = 0
    unseen: tuple[Range, ...] = ()
    shown_at: str = ""
    block: Block | None = None
    sent: str = ""
    set_at: str = ""
    settings: int = 0
    older_unseen: int = 0

    def shown_seq(self, last_seq: int) -> int:
        """The number of the last message that this member may see, of a conversation with this last number."""
        seq = self.frozen_at(last_seq)
        return last_seq if seq is None else seq

    def frozen_at(self, last_seq: int) -> int | None:
        """The number of the message with the time `shown_at`, 0 for none; None if it does not matter.

        It matters during a block, and after it until the next message.
        """
        if self.unseen and self.unseen[-1][1] in (None, last_seq):
            return self.unseen[-1][0] - 1
        return None

    def hides(self, seq: int) -> bool:
        """True if this member may not see the message with this number: it is unseen, or before their history."""
        return seq <= self.begins_after or is_within(seq, self.unseen)

    def skipped(self, after: int) -> tuple[ClosedRange, ...]:
        """The ranges of messages after one that blocks have hidden, without that of a present block."""
        return tuple((max(first, after + 1), last) for first, last in self.unseen if last is not None and last > after)

    def last_shown_at(self, last_seq: int, created_at: str) -> str:
        """The time of the last message that this member may see, of a conversation with this last message."""
        return created_at if self.shown_seq(last_seq) == last_seq else self.shown_at

    def folder(self, last_seq: int, created_at: str) -> str:
        """The folder of a conversation with this last message: one of FOLDERS."""
        shown_seq = self.shown_seq(last_seq)
        if shown_seq <= self.begins_after or self.is_declined:
            return OUT_OF_SIGHT
        if self.ask:
            return REQUESTS
        if self.archived is not None and (
            shown_seq <= self.archived
            or self.muted_until > self.last_shown_at(last_seq, created_at)  # no message ends a mute
        ):
            return ARCHIVE
        return INBOX

    @property
    def is_declined(self) -> bool:
        """True if a request was declined, and no new one has come since."""
        return self.ask is not None and self.ask.after == self.declined

    def asking(self, ask: Ask) -> "Membership":
        """The state after the first message of a new request, which shows nothing from before a decline."""
        if self.is_declined:
            return replace(self, ask=ask, declined=None, begins_after=ask.after)
        return replace(self, ask=ask)

    def answered(self) -> "Membership":
        """The state after a message of this member, which accepts a request and reads everything."""
        return replace(self, ask=None, declined=None, marked_unread=False)

    def without_block(self, last_seq: int) -> "Membership":
        """The state after the end of a block, of a conversation with this last number."""
        *before, (first, _) = self.unseen
        unseen = (*before, *([(first, last_seq)] if first <= last_seq else []))
        older = [last for _, last in unseen[:-MOST_RANGES] if last]
        return replace(
            self, block=None, unseen=unseen[-MOST_RANGES:], older_unseen=older[-1] if older else self.older_unseen
        )

    def blocking(self, block: Block, last_seq: int, created_at: str) -> "Membership":
        """The state after a block, of a conversation with this last message."""
        if self.unseen and self.unseen[-1][1] == last_seq:
            *before, (first, _) = self.unseen
            return replace(self, block=block, unseen=(*before, (first, None)))
        return replace(self, block=block, unseen=(*self.unseen, (last_seq + 1, None)), shown_at=created_at)

    @property
    def attributes(self) -> Item:
        """The attributes that a head has for this member: only those that differ from the default."""
        return {
            **({"request": self.ask.attribute} if self.ask else {}),
            **({"declined": {"N": str(self.declined)}} if self.declined is not None else {}),
            **({"archived": {"N": str(self.archived)}} if self.archived is not None else {}),
            **({"muted_until": {"S": self.muted_until}} if self.muted_until else {}),
            **({"marked_unread": {"BOOL": True}} if self.marked_unread else {}),
            **({"begins_after": {"N": str(self.begins_after)}} if self.begins_after else {}),
            **({"unseen": {"S": " ".join(map(format_range, self.unseen))}} if self.unseen else {}),
            **({"shown_at": {"S": self.shown_at}} if self.shown_at else {}),
            **({"block": _block_attribute(self.block)} if self.block else {}),
            **({"sent": {"S": self.sent}} if self.sent else {}),
            **({"set_at": {"S": self.set_at}} if self.set_at else {}),
            **({"settings": {"N": str(self.settings)}} if self.settings else {}),
            **({"older_unseen": {"N": str(self.older_unseen)}} if self.older_unseen else {}),
        }

    @classmethod
    def from_attributes(cls, member: Item) -> "Membership":
        """Read a member of a head."""
        if ATTRIBUTES.isdisjoint(member):
            return NO_SETTINGS
        ask = member.get("request", {"M": None})["M"]
        block = member.get("block", {"M": None})["M"]
        return cls(
            Ask(int(ask["after"]["N"]), ask["at"]["S"]) if ask else None,
            number(member, "declined"),
            number(member, "archived"),
            _text(member, "muted_until"),
            "marked_unread" in member,
            number(member, "begins_after") or 0,
            tuple(map(_parse_range, _text(member, "unseen").split())),
            _text(member, "shown_at"),
            Block(block["at"]["S"], int(block["read"]["N"]), int(block["other_read"]["N"])) if block else None,
            _text(member, "sent"),
            _text(member, "set_at"),
            number(member, "settings") or 0,
            number(member, "older_unseen") or 0,
        )


NO_SETTINGS = Membership()
ATTRIBUTES = frozenset(
    {
        "request",
        "declined",
        "archived",
        "muted_until",
        "marked_unread",
        "begins_after",
        "unseen",
        "shown_at",
        "block",
        "sent",
        "set_at",
        "settings",
        "older_unseen",
    }
)


def count_skipped(ranges: Iterable[ClosedRange], last_seq: int) -> int:
    """The number of messages in these ranges, up to the last one that a member may see."""
    return sum(max(0, min(last, last_seq) - first + 1) for first, last in ranges)


def is_within(seq: int, ranges: Iterable[Range]) -> bool:
    """True if one of the ranges has this number."""
    return any(first <= seq and (last is None or seq <= last) for first, last in ranges)


def _text(member: Item, name: str) -> str:
    text: str = member.get(name, {"S": ""})["S"]
    return text


def _block_attribute(block: Block) -> Item:
    marks = {"read": {"N": str(block.read)}, "other_read": {"N": str(block.other_read)}}
    return {"M": {"at": {"S": block.at}, **marks}}


def format_range(one: Range) -> str:
    """Format a range as it is stored."""
    first, last = one
    return f"{first}-{'' if last is None else last}"


def _parse_range(text: str) -> Range:
    first, _, last = text.partition("-")
    return int(first), int(last) if last else None


def parse_closed_range(text: str) -> ClosedRange:
    """Read a range of an entry."""
    first, _, last = text.partition("-")
    return int(first), int(last)
