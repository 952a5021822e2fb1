"""Keeping inboxes right: what the stream handler does with the changes of conversations' heads (design, rules 4 and 5).

The usual way of a change is two requests and reads nothing: the record tells where the two message groups lie and where
they must lie. They are put where nothing lies yet, then those they replace are deleted, and both requests report what
they met. Whatever is not as the record says (a record seen before, a try cut off half-way, a place taken by another
conversation) means that the record is not to be trusted, and the conversation is rebuilt from its head, which is.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from messaging import keys
from messaging.errors import Busy
from messaging.items import Head, Item, MessageGroup
from messaging.retry import attempts
from messaging.table import HeadMoved, PositionTaken, Table

_CLOCKS_DIFFER_BY = 1.0  # seconds, DynamoDB's and Lambda's, at the most


@dataclass(frozen=True, slots=True)
class Change:
    """What a stream record says: a head as it was and as it became. `at` is the record's Unix time, rounded down."""

    sequence_number: str
    at: float
    old: Head
    new: Head

    @classmethod
    def from_record(cls, record: Item) -> "Change":
        """Raises KeyError, TypeError, ValueError or AttributeError for a record that is not a change of a head."""
        images = record["dynamodb"]
        old, new = Head.from_item(images["OldImage"]), Head.from_item(images["NewImage"])
        if not len(old.members) == len(new.members) == 2:
            raise ValueError("A conversation has two members.")
        if not (keys.is_time(old.created_at) and keys.is_time(new.created_at)):
            raise ValueError("A head has the time of its last message.")
        if not images["SequenceNumber"].isdecimal():
            raise ValueError("A sequence number is made of digits.")
        return cls(images["SequenceNumber"], float(images["ApproximateCreationDateTime"]), old, new)


@dataclass(frozen=True, slots=True)
class Move:
    """All changes of one conversation in a batch, folded: from the first head to the last, and all times of theirs.

    `since` is the Unix time of its oldest record.
    """

    start: Head
    end: Head
    times: frozenset[str]
    since: float
    sequence_numbers: tuple[str, ...]

    @property
    def in_place(self) -> bool:
        """True if no message came: a member is called otherwise now."""
        return self.start.created_at == self.end.created_at

    @property
    def of_one(self) -> bool:
        """True if a member was deleted, before or meanwhile: one inbox to rewrite, and the other to clear."""
        return any(person.is_deleted for head in (self.start, self.end) for person in head.members.values())

    @property
    def passes(self) -> bool:
        """True if there are times between the first and the last."""
        return len(self.times) > 2

    @property
    def places(self) -> set[tuple[str, str, str]]:
        """Where it deletes and where it puts. No two moves of a batch can share one: DynamoDB would refuse both."""
        return {
            (side, group.owner_uuid, group.sk)
            for side, head in (("delete", self.start), ("put", self.end))
            for group in head.message_groups
        }

    @property
    def visible(self) -> bool:
        """False if both inboxes look the same before and after."""
        return self.start.message_groups != self.end.message_groups


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of a batch: how many conversations were moved and how many rebuilt; which records failed, and why."""

    moved: int
    rebuilt: int
    failed: dict[str, Exception]


def fold(changes: Iterable[Change]) -> list[Move]:
    """One move for each conversation, whatever the order of the records and however often each is there."""
    by_conversation: dict[str, list[Change]] = {}
    for change in changes:
        by_conversation.setdefault(change.new.message_group_uuid, []).append(change)
    return [_fold_one(of_one) for of_one in by_conversation.values()]


def _fold_one(changes: list[Change]) -> Move:
    start = min(changes, key=lambda change: (change.old.created_at, int(change.sequence_number))).old
    end = max(changes, key=lambda change: (change.new.created_at, int(change.sequence_number))).new
    times = frozenset(head.created_at for change in changes for head in (change.old, change.new))
    since = min(change.at for change in changes)
    return Move(start, end, times, since, tuple(change.sequence_number for change in changes))


def rewrite(table: Table, changes: Iterable[Change], doubt_until: float) -> Rewritten:
    """Brings both people's message groups of every changed conversation to where they must lie.

    A try at records as old as `doubt_until`, a Unix time, may have been cut off before. If that try ended at another
    record, it has left message groups at a time that a move now passes over and cannot see: such a move is a rebuild.
    """
    trusted: list[Move] = []
    distrusted: list[Move] = []
    places: set[tuple[str, str, str]] = set()
    for move in fold(changes):
        if not move.visible:
            continue
        mine = move.places
        in_doubt = move.passes and move.since <= doubt_until + _CLOCKS_DIFFER_BY
        if move.in_place or move.of_one or in_doubt or mine & places:
            distrusted.append(move)
        else:
            trusted.append(move)
            places |= mine
    put, not_put, failed_to_put = _try(table.insert_message_groups, trusted, lambda move: move.end.message_groups)
    moved, not_there, failed_to_delete = _try(table.delete_message_groups, put, lambda move: move.start.message_groups)

    failed = failed_to_put | failed_to_delete
    rebuilt = 0
    for move in (*distrusted, *not_put, *not_there):
        try:
            rebuild(table, move.end, move.times)
        except Exception as error:  # one conversation must not hold up the others; the handler reports it
            failed.update(dict.fromkeys(move.sequence_numbers, error))
        else:
            rebuilt += 1
    return Rewritten(len(moved), rebuilt, failed)


def rebuild(table: Table, known: Head, times: Iterable[str]) -> None:
    """Puts a conversation's message groups where its head says, and deletes them from all other `times`.

    `known` is any head the conversation has had. Safe beside everything else that writes: it puts nothing unless the
    head is still as read, and what lies at an earlier time than the head's is never wanted again. Raises Busy.
    """
    beside: set[str] = set()
    for _ in attempts():
        try:
            head = table.head(known.message_group_uuid, consistent=True)
            placed = [
                group.beside() if group.owner_uuid in beside else group
                for group in (head.message_groups if head else [])
            ]
            if head:
                table.place_message_groups(head, placed)
            break
        except PositionTaken as position:
            beside.update(position.owners)
        except (HeadMoved, Busy):
            beside.clear()
    else:
        raise Busy("The head of a conversation keeps changing.")

    lying = [
        replace(group, sk=time)
        for time in {*times, *(group.created_at for group in placed)}
        for group in known.both_message_groups
    ]
    wanted = {(group.owner_uuid, group.sk) for group in placed}
    stale = [
        group for plain in lying for group in (plain, plain.beside()) if (group.owner_uuid, group.sk) not in wanted
    ]
    for outcome in table.delete_message_groups(stale):
        if isinstance(outcome, Exception):
            raise outcome


def _try(
    request: Callable[[list[MessageGroup]], Sequence[bool | Exception]],
    moves: list[Move],
    groups: Callable[[Move], list[MessageGroup]],
) -> tuple[list[Move], list[Move], dict[str, Exception]]:
    """One request for both message groups of every move: moves done, moves that met something else, failed records."""
    done: list[Move] = []
    otherwise: list[Move] = []
    failed: dict[str, Exception] = {}
    outcomes = request([group for move in moves for group in groups(move)])
    for move, pair in zip(moves, zip(outcomes[::2], outcomes[1::2], strict=True), strict=True):
        error = next((outcome for outcome in pair if isinstance(outcome, Exception)), None)
        if error:
            failed.update(dict.fromkeys(move.sequence_numbers, error))
        else:
            (done if all(pair) else otherwise).append(move)
    return done, otherwise, failed
