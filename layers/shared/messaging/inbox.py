"""Keeping inboxes right: what the stream handler does with the changes of conversations' heads (design, rules 4 and 5).

The usual way of a change is one or two requests and reads nothing: the record tells where the two message groups lie
and where they must lie, which marks they have, and what is unread for whom. They are put where nothing lies yet, or
changed where they lie, then those they replace are deleted, and each write reports what it met. Whatever is not as the
record says (a record seen before, a try cut off half-way, a place taken by another conversation) means that the record
is not to be trusted, and the conversation is rebuilt from its head, which is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

from messaging import keys
from messaging.errors import Busy
from messaging.items import Head, Item, Unread
from messaging.retry import attempts
from messaging.table import Delete, HeadMoved, Insert, PositionTaken, Table, Update, Write

_CLOCKS_DIFFER_BY = 1.0  # seconds, DynamoDB's and Lambda's, at the most


@dataclass(frozen=True, slots=True)
class Change:
    """What a stream record says: a head as it was and as it became. `at` is the record's Unix time, rounded down.

    `old` is None for a head that was not there: the first message has opened the conversation.
    """

    sequence_number: str
    at: float
    old: Head | None
    new: Head

    @classmethod
    def from_record(cls, record: Item) -> "Change":
        """Raises one of UNREADABLE for a record that is not a change of a head."""
        images = record["dynamodb"]
        old = Head.from_item(images["OldImage"]) if record["eventName"] != "INSERT" else None
        new = Head.from_item(images["NewImage"])
        for head in (old, new):
            if head and len(head.members) != 2:
                raise ValueError("A conversation has two members.")
            if head and not keys.is_time(head.created_at):
                raise ValueError("A head has the time of its last message.")
        if not images["SequenceNumber"].isdecimal():
            raise ValueError("A sequence number is made of digits.")
        return cls(images["SequenceNumber"], float(images["ApproximateCreationDateTime"]), old, new)

    @property
    def start(self) -> Head:
        """The head whose message groups lie in the inboxes before: the first message brings its own."""
        return self.old or self.new


@dataclass(frozen=True, slots=True)
class Move:
    """All changes of one conversation in a batch, folded: from the first head to the last, and all times of theirs.

    `opened` says that the conversation was opened with `start`, and nothing is noted as unread yet. `since` is the Unix
    time of its oldest record.
    """

    start: Head
    end: Head
    opened: bool
    times: frozenset[str]
    since: float
    sequence_numbers: tuple[str, ...]

    @property
    def in_place(self) -> bool:
        """True if no message came: the message groups stay where they lie."""
        return self.start.created_at == self.end.created_at

    @property
    def of_one(self) -> bool:
        """True if a member was deleted, before or meanwhile: one inbox to rewrite, and the other to clear."""
        return any(person.is_deleted for head in (self.start, self.end) for person in head.members.values())

    @property
    def renamed(self) -> bool:
        """True if a member is called otherwise now."""
        return self.start.members != self.end.members

    @property
    def folded(self) -> bool:
        """True if there were heads between the first and the last."""
        return len({*self.sequence_numbers}) > 1

    @property
    def shows_second_try(self) -> bool:
        """False if it can be done twice unnoticed: the opening moves nothing, and what it notes may be gone again."""
        return not (self.opened and self.folded)

    @property
    def places(self) -> set[tuple[str, str, str]]:
        """Where it deletes and where it puts. No two moves of a batch can share one: DynamoDB would refuse both."""
        return {
            (side, group.owner_uuid, group.sk)
            for side, head in (("delete", self.start), ("put", self.end))
            for group in head.message_groups
        }

    @property
    def first_writes(self) -> list[Write]:
        """Puts the message groups and what is unread. Of each owner something is written that shows a second try."""
        writes: list[Write] = []
        was_unread = {} if self.opened else {entry.owner_uuid: entry for entry in self.start.unread}
        is_unread = {entry.owner_uuid: entry for entry in self.end.unread}
        for old, new in zip(self.start.message_groups, self.end.message_groups, strict=True):
            before, now = was_unread.get(new.owner_uuid), is_unread.get(new.owner_uuid)
            if not self.in_place:
                writes.append(Insert(new))
            elif (old, before) != (new, now):
                writes.append(Update(old, new))
            match before, now:
                case None, Unread():
                    writes.append(Insert(now))
                case Unread(), None:
                    writes.append(Delete(before))
                case Unread(), Unread() if before != now:
                    writes.append(Update(before, now))
        return writes

    @property
    def last_writes(self) -> list[Write]:
        """Deletes the message groups that were replaced."""
        return [] if self.in_place else [Delete(group) for group in self.start.message_groups]


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
    first = min(changes, key=lambda change: (change.start.created_at, int(change.sequence_number)))
    last = max(changes, key=lambda change: (change.new.created_at, int(change.sequence_number)))
    times = frozenset(head.created_at for change in changes for head in (change.start, change.new))
    since = min(change.at for change in changes)
    return Move(
        first.start, last.new, first.old is None, times, since, tuple(change.sequence_number for change in changes)
    )


def rewrite(table: Table, changes: Iterable[Change], doubt_until: float) -> Rewritten:
    """Brings both people's message groups of every changed conversation, and what is unread, to what they must be.

    A try at records as old as `doubt_until`, a Unix time, may have been cut off before. If that try ended at another
    record, it has left what a folded move passes over and cannot see: such a move is a rebuild.
    """
    trusted: list[tuple[Move, list[Write]]] = []
    distrusted: list[Move] = []
    places: set[tuple[str, str, str]] = set()
    for move in fold(changes):
        in_doubt = move.folded and move.since <= doubt_until + _CLOCKS_DIFFER_BY
        otherwise = move.of_one or (move.renamed and move.in_place) or not move.shows_second_try
        mine = move.places
        if in_doubt or otherwise or mine & places:
            distrusted.append(move)
        elif writes := move.first_writes:
            trusted.append((move, writes))
            places |= mine
    put, not_put, failed_to_put = _try(table, trusted)
    moved, not_there, failed_to_delete = _try(table, [(move, move.last_writes) for move in put])

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

    What is unread for whom is put as the head says, too. `known` is any head the conversation has had. Safe beside
    everything else that writes: it puts nothing unless the head is still as read, and what lies at an earlier time than
    the head's is never wanted again. Raises Busy.
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
                table.place_entries(head, placed)
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
    for outcome in table.write_entries([Delete(group) for group in stale]):
        if isinstance(outcome, Exception):
            raise outcome


def _try(table: Table, planned: list[tuple[Move, list[Write]]]) -> tuple[list[Move], list[Move], dict[str, Exception]]:
    """One request for the writes of every move: moves done, moves that met something else, failed records."""
    done: list[Move] = []
    otherwise: list[Move] = []
    failed: dict[str, Exception] = {}
    outcomes = iter(table.write_entries([write for _, writes in planned for write in writes]))
    for move, writes in planned:
        mine = list(islice(outcomes, len(writes)))
        error = next((outcome for outcome in mine if isinstance(outcome, Exception)), None)
        if error:
            failed.update(dict.fromkeys(move.sequence_numbers, error))
        else:
            (done if all(mine) else otherwise).append(move)
    return done, otherwise, failed
