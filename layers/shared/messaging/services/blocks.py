"""Blocks: the blocked person can notice nothing (docs/reach.md)."""

from typing import NamedTuple

from messaging.clock import Clock, utc_now
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.cursors import BlocksCursor
from messaging.model.errors import Busy, Invalid, NotFound
from messaging.model.person import Person
from messaging.retry import attempts
from messaging.storage.table import HeadChanged, Table


class Blocked(NamedTuple):
    """A person, and since when the caller blocks them; None if they do not."""

    person: Person
    at: str | None


class Blocks(NamedTuple):
    """A page of the people that the caller blocks. `more` continues after it, None at the end."""

    people: list[Blocked]
    more: BlocksCursor | None


def block(table: Table, user_uuid: str, other_uuid: str, now: Clock = utc_now) -> Blocked:
    """Block a person: from now on the caller sees nothing new of them. A blocked person stays blocked.

    Without a conversation of the two, a head without messages keeps the block. 3 requests, 2 read and 6 write units.
    Raises NotFound, Invalid for the caller themselves, and Busy.
    """
    if user_uuid == other_uuid:
        raise Invalid("user_is_self")
    people = table.people_by_uuid([user_uuid, other_uuid])
    if user_uuid not in people:
        raise NotFound("You have no profile yet.")
    if other_uuid not in people:
        raise NotFound("There is no such person.")
    group = keys.pair_uuid(user_uuid, other_uuid)
    head = table.head(group, consistent=True)
    for _ in attempts():
        if head and (mine := head.membership(user_uuid).block):
            return Blocked(people[other_uuid], mine.at)
        at = keys.time_after(head.changed.at if head and head.changed else "", now())
        new = (head or Head.unopened(group, (user_uuid, other_uuid), at)).blocked_by(user_uuid, at)
        try:
            table.block(head, new, user_uuid)
        except HeadChanged as changed:
            head = changed.head
        except Busy:
            head = table.head(group, consistent=True)
        else:
            return Blocked(people[other_uuid], at)
    raise Busy("This conversation keeps changing.")


def unblock(table: Table, user_uuid: str, other_uuid: str, now: Clock = utc_now) -> Blocked:
    """End a block; its hidden messages stay hidden. Without a block nothing changes.

    3 requests, 2 read and 6 write units. Raises NotFound, Invalid after too many blocks of the same person, and Busy.
    """
    people = table.people_by_uuid([user_uuid, other_uuid])
    group = keys.pair_uuid(user_uuid, other_uuid)
    head = table.head(group, consistent=True)
    for _ in attempts():
        if head is None or not head.is_blocking(user_uuid):
            if other_uuid not in people:
                raise NotFound("There is no such person.")
            break
        try:
            table.unblock(head, head.unblocked_by(user_uuid, keys.format_time(now())), user_uuid)
        except HeadChanged as changed:
            head = changed.head
        except Busy:
            head = table.head(group, consistent=True)
        else:
            break
    else:
        raise Busy("This conversation keeps changing.")
    return Blocked(_shown(people, other_uuid), None)


def list_blocks(table: Table, user_uuid: str, limit: int, cursor: BlocksCursor | None = None) -> Blocks:
    """The people that the caller blocks, in the order of their user_uuids: 2 requests, 0.5 read units for each.

    Raises NotFound if the caller was erased.
    """
    found = table.blocks(user_uuid, limit + 1, cursor.after if cursor else "")
    page = found[:limit]
    people = table.people_by_uuid([user_uuid, *(entry.user_uuid for entry in page)])
    if user_uuid not in people:
        raise NotFound("You have no profile yet.")
    return Blocks(
        [Blocked(_shown(people, entry.user_uuid), entry.at) for entry in page],
        BlocksCursor(user_uuid, page[-1].user_uuid) if len(found) > limit else None,
    )


def _shown(people: dict[str, Person], user_uuid: str) -> Person:
    """The person with a user_uuid, as a deleted one if there is no profile."""
    return people.get(user_uuid) or Person(user_uuid, "", "").deleted
