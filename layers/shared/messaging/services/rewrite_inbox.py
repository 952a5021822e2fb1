"""Keeps inboxes right: the stream handler's work on changes of conversations' heads (docs/inbox.md).

A head counts its updates in `version`, and an entry stores the version it shows. A batch becomes one rewrite per
conversation, from its first head to its last, in one or two requests that read nothing. Each write states its
expectation. Any refusal leads to a rebuild from the current head, in one transaction.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from messaging import retry
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.items import Item
from messaging.model.membership import FOLDERS
from messaging.retry import attempts
from messaging.storage.table import (
    MAX_STALE_ENTRIES,
    Delete,
    Discard,
    Forget,
    HeadChanged,
    Insert,
    Note,
    PositionTaken,
    Table,
    Update,
    Write,
)

# For all rebuilds of a batch together; each makes at least one attempt. So the function ends before its timeout, even
# if people send fast in many conversations: the alarm of a timeout rolls deployments back (template.yaml).
REBUILD_BUDGET_SECONDS = 20.0


EntryKey = tuple[str, str]


class Change(NamedTuple):
    """A stream record: the old image of a head, None before the first message, and the new image."""

    sequence_number: str
    old: Head | None
    new: Head

    @classmethod
    def from_record(cls, record: Item) -> "Change":
        """Read a record. Raises one of UNREADABLE if it is not a change of a head."""
        images = record["dynamodb"]
        old = Head.from_item(images["OldImage"]) if record["eventName"] != "INSERT" else None
        new = Head.from_item(images["NewImage"])
        for head in (old, new):
            if head and (len(head.members) != 2 or keys.pair_uuid(*head.members) != new.message_group_uuid):
                raise ValueError("A conversation must have two members and their message_group_uuid.")
            if head and not keys.is_time(head.created_at):
                raise ValueError("A head must have the time of its last message.")
        if not images["SequenceNumber"].isdecimal():
            raise ValueError("A sequence number must consist of digits.")
        return cls(images["SequenceNumber"], old if old and old.is_open else None, new)


class Rewrite(NamedTuple):
    """All changes of one conversation in a batch, as one step from the first head to the last.

    `keys` are those of each member's entries for all heads, `had_unread` the members who had unread messages in one of
    them.
    """

    first: Change
    end: Head
    keys: dict[str, frozenset[EntryKey]]
    had_unread: frozenset[str]
    sequence_numbers: tuple[str, ...]

    @property
    def start(self) -> Head:
        """The head of the stored entries: the first message of a conversation writes its own entries."""
        return self.first.old or self.first.new

    @property
    def is_counted(self) -> bool:
        """True if the versions grow and nobody was deleted: then the entries reveal a replay."""
        deleted = any(person.is_deleted for head in (self.start, self.end) for person in head.members.values())
        return not deleted and self.end.version > (self.first.old.version if self.first.old else 0)

    @property
    def ends(self) -> set[EntryKey]:
        """The keys of the entries before and after."""
        return {head.entry_key(owner) for head in (self.start, self.end) for owner in head.members}

    @property
    def since(self) -> str:
        """The earliest time of an entry."""
        return min(sk for mine in self.keys.values() for _, sk in mine)

    @property
    def folders(self) -> frozenset[str]:
        """The folders of all entries."""
        return frozenset(keys.folder_of(pk)[0] for mine in self.keys.values() for pk, _ in mine)

    def moves(self, owner: str) -> bool:
        """True if a member's entry gets another key."""
        return self.start.entry_key(owner) != self.end.entry_key(owner)

    @property
    def noted(self) -> list[str]:
        """The members with a change or a setting in another hour than the last one before."""
        old = self.first.old
        return [one for one in self.end.members if self.end.changed_hour(one) != (old.changed_hour(one) if old else "")]

    def notes(self) -> Iterator[Write]:
        """Note the hour of the last change, for `since`."""
        yield from (Note(one) for one in self.end.both_changed_conversations if one.owner_uuid in self.noted)

    def forgets(self) -> Iterator[Write]:
        """Delete the notes of the hour before."""
        if self.first.old:
            known = self.first.old.both_changed_conversations
            yield from (Forget(one) for one in known if one.owner_uuid in self.noted)

    def first_writes(self) -> Iterator[Write]:
        """Bring entries and unread entries to the end's state, each at its key.

        An entry that shows nothing new is written, too: it may show what a head in between had.
        """
        for owner in self.end.members:
            entry = self.end.inbox_entry(owner)
            yield Insert(entry) if self.moves(owner) else Update(entry)
            unread = self.end.unread_of(owner)
            if self.end.has_unread(owner):
                is_stored = self.first.old is not None and self.first.old.has_unread(owner)
                yield Update(unread) if is_stored else Insert(unread)
            elif owner in self.had_unread:
                yield Discard(unread)
        yield from self.notes()

    def last_writes(self) -> Iterator[Write]:
        """Delete the replaced entries."""
        yield from (Delete(self.start.inbox_entry(owner)) for owner in self.end.members if self.moves(owner))
        yield from self.forgets()

    def leftovers(self, table: Table) -> Iterator[Write]:
        """Delete the entries that an interrupted attempt left at a key in between. Raises Busy."""
        for owner, known in self.keys.items():
            if not known - self.ends:
                continue
            entry, times = self.end.inbox_entry(owner), [sk for _, sk in known]
            for folder in {keys.folder_of(pk)[0] for pk, _ in known}:
                found = table.entries_of(owner, entry.message_group_uuid, folder, min(times), max(times))
                yield from (Discard(one) for one in found if one.key != entry.key)


class Rewritten(NamedTuple):
    """The outcome of a batch: conversations moved and rebuilt, and the errors of records that failed."""

    moved: int
    rebuilt: int
    failed: dict[str, Exception]


def fold(changes: Iterable[Change]) -> list[Rewrite]:
    """Fold changes into one rewrite per conversation, for any order and repetition of the records.

    A head without messages has no entries.
    """
    by_conversation: dict[str, list[Change]] = {}
    for change in changes:
        if change.new.is_open:
            by_conversation.setdefault(change.new.message_group_uuid, []).append(change)
    return [_fold_one(changes) for changes in by_conversation.values()]


def _fold_one(changes: Sequence[Change]) -> Rewrite:
    in_order = sorted(changes, key=lambda change: change.new.version)
    heads = [head for change in changes for head in (change.old, change.new) if head]
    members = heads[0].members
    return Rewrite(
        in_order[0],
        in_order[-1].new,
        {owner: frozenset(head.entry_key(owner) for head in heads) for owner in members},
        frozenset(owner for owner in members if any(head.has_unread(owner) for head in heads)),
        tuple(change.sequence_number for change in changes),
    )


def rewrite(table: Table, changes: Iterable[Change]) -> Rewritten:
    """Bring the entries and unread entries of every changed conversation to its head's state."""
    planned: list[Rewrite] = []
    refused: list[Rewrite] = []
    taken: set[EntryKey] = set()
    for one in fold(changes):
        # DynamoDB refuses a request that names a key twice.
        (planned if one.is_counted and not one.ends & taken else refused).append(one)
        taken |= one.ends
    failed: dict[str, Exception] = {}
    for step in (Rewrite.first_writes, Rewrite.last_writes, lambda one: one.leftovers(table)):
        planned = _do(table, planned, step, refused, failed)
    rebuilt = 0
    end = retry.clock() + REBUILD_BUDGET_SECONDS
    for one in refused:
        try:
            budget = min(retry.RETRY_BUDGET_SECONDS, end - retry.clock())
            head = rebuild(table, one.end, one.since, budget, one.folders)
            _note_again(table, one, head)
        except Exception as error:  # one conversation must not hold up the others; the handler reports it
            failed.update(dict.fromkeys(one.sequence_numbers, error))
        else:
            rebuilt += 1
    return Rewritten(len(planned), rebuilt, failed)


def _note_again(table: Table, one: Rewrite, head: Head | None) -> None:
    """Note the hour of a rebuilt conversation's last change, as `head` has it, and no other hour of the records.

    Raises the error of a write that failed.
    """
    if not one.noted:
        return
    wanted = {entry.key: entry for entry in head.changed_conversations} if head else {}
    known = [entry for change in (one.first.old, one.end) if change for entry in change.both_changed_conversations]
    other = {entry.key: entry for entry in known if entry.key not in wanted}
    for outcome in table.write_entries([*map(Note, wanted.values()), *map(Forget, other.values())]):
        if isinstance(outcome, Exception):
            raise outcome


def _do(
    table: Table,
    planned: Sequence[Rewrite],
    step: Callable[[Rewrite], Iterable[Write]],
    refused: list[Rewrite],
    failed: dict[str, Exception],
) -> list[Rewrite]:
    """Run one step of all rewrites in one request; return those that succeed. Adds others to `refused` or `failed`."""
    writes: list[tuple[Rewrite, list[Write]]] = []
    for one in planned:
        try:
            writes.append((one, list(step(one))))
        except Busy as busy:
            failed.update(dict.fromkeys(one.sequence_numbers, busy))
    outcomes = iter(table.write_entries([write for _, mine in writes for write in mine]))
    done: list[Rewrite] = []
    for one, mine in writes:
        mine_became = list(islice(outcomes, len(mine)))
        error = next((outcome for outcome in mine_became if isinstance(outcome, Exception)), None)
        if error:
            failed.update(dict.fromkeys(one.sequence_numbers, error))
        else:
            (done if all(mine_became) else refused).append(one)
    return done


def rebuild(
    table: Table,
    known: Head,
    since: str,
    give_up_after: float = retry.RETRY_BUDGET_SECONDS,
    folders: Iterable[str] = FOLDERS,
) -> Head | None:
    """Bring a conversation's entries to its head's state, in one transaction that checks the head; return the head.

    `known` is any head the conversation has had. Entries before both `since` and those of `known`, or in other folders
    than `folders` and the head's own, are not found. Costs 2 Queries per folder and `Table.replace_entries`. Safe while
    others write. Raises Busy.
    """
    group, first = known.message_group_uuid, min([since, *map(known.shown_at, known.members)])
    searched = {*folders}
    tiebroken: set[str] = set()
    for _ in attempts(give_up_after):
        try:
            found = [
                entry
                for owner in known.members
                for folder in sorted(searched)
                for entry in table.entries_of(owner, group, folder, first)
            ]
            # Last, so that it seldom changes before the transaction, even if people send fast.
            head = table.head(group, consistent=True)
            entries = head.inbox_entries if head else []
            if unsearched := {entry.folder for entry in entries} - searched:
                searched |= unsearched
                continue
            wanted = [entry.tiebroken() if entry.owner_uuid in tiebroken else entry for entry in entries]
            wanted_keys = {entry.key for entry in wanted}
            stale = [entry for entry in found if entry.key not in wanted_keys]
            table.replace_entries(known, head, wanted, stale[:MAX_STALE_ENTRIES])
            if len(stale) <= MAX_STALE_ENTRIES:
                return head
        except PositionTaken as position:
            tiebroken.update(position.owners)
        except (HeadChanged, Busy):
            tiebroken.clear()
    raise Busy("The head of a conversation keeps changing.")
