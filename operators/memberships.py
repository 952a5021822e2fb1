"""A member's side of a conversation as it can be, and as other items tell it if a head has lost it."""

from collections.abc import Iterable
from dataclasses import replace

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry
from messaging.model.items import UNREADABLE, Item
from messaging.model.membership import (
    ARCHIVE,
    FOREVER,
    NO_SETTINGS,
    OUT_OF_SIGHT,
    REQUESTS,
    Ask,
    Block,
    Membership,
    Range,
)
from messaging.model.message import Message


def possible(mine: Membership, last_seq: int) -> Membership:
    """The nearest side that a member of a conversation with this last number can have."""
    ask = mine.ask if mine.ask and 0 <= mine.ask.after < last_seq and keys.is_time(mine.ask.at) else None
    block = mine.block if mine.block and keys.is_time(mine.block.at) else None
    if block:
        block = Block(block.at, between(0, block.read, last_seq), between(0, block.other_read, last_seq))
    return replace(
        mine,
        ask=ask,
        declined=mine.declined if ask and 0 <= (mine.declined or 0) <= ask.after else None,
        archived=None if mine.archived is None else between(0, mine.archived, last_seq),
        muted_until=mine.muted_until if mine.muted_until == FOREVER or keys.is_time(mine.muted_until) else "",
        begins_after=between(0, mine.begins_after, last_seq),
        unseen=_in_order(mine.unseen, last_seq, is_open=block is not None),
        older_unseen=between(0, mine.older_unseen, last_seq),
        shown_at=mine.shown_at if keys.is_time(mine.shown_at) else "",
        block=block,
        set_at=mine.set_at if keys.is_changed_sk(mine.set_at) else "",
        settings=max(0, mine.settings),
    )


def between(least: int, value: int, most: int) -> int:
    """The value, or the bound that it is past."""
    return max(least, min(value, most))


def _in_order(unseen: Iterable[Range], last_seq: int, *, is_open: bool) -> tuple[Range, ...]:
    """Ranges in order, up to the last number; the last one is open if `is_open`."""
    ranges: list[Range] = []
    end = 0
    for one, other in sorted(unseen, key=lambda one: one[0]):
        first, last = max(one, end + 1), last_seq if other is None else min(other, last_seq)
        if first <= last:
            ranges.append((first, last))
            end = last
    if is_open:
        first = ranges.pop()[0] if ranges and end == last_seq else last_seq + 1
        ranges.append((first, None))
    return tuple(ranges)


def unopened(head: Head) -> Head:
    """A head without messages as it has to be: without names, with the blocks of this one."""
    first = head.last.sender.user_uuid
    bare = Head.unopened(head.message_group_uuid, (first, head.other(first).user_uuid), head.created_at)
    return replace(bare, version=head.version, memberships=head.memberships)


def without_unreadable(head: Item) -> Item:
    """The item of a head without attributes of members that cannot be read as their side of the conversation."""
    members = {
        user_uuid: {"M": {name: value for name, value in member["M"].items() if _is_readable({name: value})}}
        for user_uuid, member in head["members"]["M"].items()
    }
    return {**head, "members": {"M": members}}


def _is_readable(attributes: Item) -> bool:
    try:
        Membership.from_attributes(attributes)
    except UNREADABLE:
        return False
    return True


def told_by(
    entries: Iterable[InboxEntry], block: BlockEntry | None, last: Message, marks: tuple[int, int]
) -> Membership:
    """A member's side of a conversation as their entry and their block tell it; `marks` are theirs and the other's.

    Messages that earlier blocks have hidden and the member has passed are in sight again: nothing else tells of them.
    """
    entry = max(entries, key=lambda entry: entry.version, default=None)
    mine = _of_entry(entry, last) if entry else NO_SETTINGS
    if block is None:
        return mine
    shown = (entry.last_seq, entry.created_at) if entry else (last.seq, last.created_at)
    return mine.blocking(Block(block.at, *marks), *shown)


def _of_entry(entry: InboxEntry, last: Message) -> Membership:
    return Membership(
        ask=Ask(min(entry.begins_after, last.seq - 1), last.created_at) if entry.folder == REQUESTS else None,
        archived=last.seq if entry.folder == ARCHIVE else None,
        muted_until=entry.muted_until,
        marked_unread=entry.marked_unread,
        begins_after=last.seq if entry.folder == OUT_OF_SIGHT else entry.begins_after,
        unseen=entry.skipped,
        settings=entry.last_setting,
    )
