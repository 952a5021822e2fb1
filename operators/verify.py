"""Checks of a whole table, or of one conversation, against the rules of docs/design.md."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.change import MessageChange
from messaging.model.connection import Connection, Subscription, Ticket
from messaging.model.conversation import Head
from messaging.model.hidden import Hidden
from messaging.model.inbox_entry import ChangedConversation, InboxEntry, Unread
from messaging.model.items import UNREADABLE, Item
from messaging.model.membership import FOLDERS
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.pins import MOST_PINS, Pins
from messaging.model.report import Report
from messaging.model.sent_record import SentRecord
from messaging.model.versions import Versions
from messaging.storage.table import Table
from operators.conversation_table import is_sent_record_of
from operators.memberships import possible, unopened

# Of violations shown to people, with their widths.
COLUMNS = {"kind": 9, "where": 0, "detail": 0}
SEGMENTS = 4  # of the parallel scan
SETTLE_SECONDS = 3.0  # seconds: an inbox may be behind its conversation by as much while the system runs
_BATCH = 100  # keys in one BatchGetItem
_Timed = TypeVar("_Timed", Head, MessageChange, SentRecord)


@dataclass(frozen=True, order=True)
class Violation:
    """A violation: its kind, its conversation or partition, and details in ids and numbers.

    `sk` is the sort key of an orphan or unreadable item in the partition `where`.
    """

    kind: str
    where: str
    detail: str
    sk: str = ""

    @property
    def of_inbox(self) -> bool:
        """True if an entry or unread entry is wrong, which can be fixed from the head of its conversation."""
        return self.kind in ("missing", "double", "stale", "unread", "unlisted", "version")

    @property
    def of_conversation(self) -> bool:
        """True if `where` is a message_group_uuid."""
        return self.of_inbox or self.kind in (
            "change",
            "copy",
            "erased",
            "form",
            "gap",
            "head",
            "headless",
            "hidden",
            "members",
            "order",
            "sent-record",
        )

    @property
    def row(self) -> tuple[str, str, str]:
        """Cells below COLUMNS."""
        return self.kind, self.where, self.detail


def verify(client: Any, table_name: str, on_progress: Callable[[int], None] = lambda _: None) -> list[Violation]:
    """Every violation in a table, sorted. Reads messages and sent records twice, in constant memory.

    An inbox that may only be a little behind its conversation is looked at again after a moment. `on_progress` gets
    the number of items in each page.
    """
    table = Table(client, table_name)
    with ThreadPoolExecutor(SEGMENTS) as threads:
        segments = [_Segment(table, number, on_progress) for number in range(SEGMENTS)]
        found = threads.map(lambda segment: segment.run(segment.scan()), segments)
        violations = {one for of_segment in found for one in of_segment}
    behind = {one for one in violations if one.of_inbox or one.kind == "copy"}
    if behind:
        versions = {group: _readable_version(table, group) for group in {one.where for one in behind}}
        time.sleep(SETTLE_SECONDS)
        violations -= behind
        for group, version in versions.items():
            violations |= {*inbox_violations(table, group, version), *copy_violations(table, group)}
    return sorted(violations)


def version_of(table: Table, message_group_uuid: str) -> int:
    """The version of a conversation's head, 0 if there is none."""
    head = table.head(message_group_uuid, consistent=True)
    return head.version if head else 0


def _readable_version(table: Table, message_group_uuid: str) -> int:
    with suppress(*UNREADABLE):
        return version_of(table, message_group_uuid)
    return 0


def inbox_violations(table: Table, message_group_uuid: str, version: int) -> list[Violation]:
    """The differences between a conversation's entries and unread entries and its head as of `version`.

    The head is read after them: an entry of a later version is wrong, and one in between is still being written. The
    scan reports unreadable items.
    """
    try:
        known = table.head(message_group_uuid, consistent=True)
        if known is None or not is_of_its_members(known):
            return []
        entries = {one: _entries(table, one, message_group_uuid) for one in known.members}
        unread_keys = [keys.key(keys.unread_pk(one), message_group_uuid) for one in known.members]
        found = [*_readable(Unread.from_item, table.db.get_many(unread_keys, consistent=True))]
        changed_keys = [keys.of(one.item) for one in known.changed_conversations]
        changed = _readable(ChangedConversation.from_item, table.db.get_many(changed_keys, consistent=True))
        listed = {one.owner_uuid for one in changed}
        head = table.head(message_group_uuid, consistent=True)
    except UNREADABLE:
        return []
    if head is None:
        return []
    unread = {entry.owner_uuid: entry for entry in found}
    violations: list[Violation] = []
    for owner_uuid in known.members:
        violations += _entry_violations(head, owner_uuid, entries[owner_uuid], version)
        violations += _unread_violations(head, owner_uuid, unread.get(owner_uuid), version)
    violations += [_unlisted(one) for one in known.changed_conversations if one.owner_uuid not in listed]
    return violations


def _entries(table: Table, owner_uuid: str, message_group_uuid: str) -> list[InboxEntry]:
    """One conversation's readable entries in all folders of a person."""
    equal = {"message_group_uuid": {"S": message_group_uuid}}
    return [
        entry
        for folder in FOLDERS
        for entry in _readable(
            InboxEntry.from_item,
            table.db.query_all(keys.folder_pk(folder, owner_uuid), equal=equal, consistent=True),
        )
    ]


def _readable(read: Callable[[Item], Any], items: Iterable[Item]) -> Iterator[Any]:
    for item in items:
        with suppress(*UNREADABLE):
            yield read(item)


def reads_as(read: Callable[[Item], object], item: Item | None, wanted: object) -> bool:
    """True if an item is stored and reads as `wanted`."""
    with suppress(*UNREADABLE):
        return item is not None and read(item) == wanted
    return False


def holds(stored: Any, wanted: Any) -> bool:
    """True if a stored item, or a value in it, has everything that `wanted` has."""
    if not isinstance(wanted, dict):
        return bool(stored == wanted)
    return isinstance(stored, dict) and all(name in stored and holds(stored[name], wanted[name]) for name in wanted)


def is_of_its_members(head: Head) -> bool:
    return len(head.members) == 2 and keys.pair_uuid(*head.members) == head.message_group_uuid


def _entry_violations(head: Head, owner_uuid: str, stored: list[InboxEntry], version: int) -> Iterator[Violation]:
    group, inbox, wanted = head.message_group_uuid, f"the folders of {owner_uuid}", head.inbox_entry(owner_uuid)
    if head.members[owner_uuid].is_deleted or not head.is_open:
        if stored and head.version == version:
            yield Violation("stale", group, f"in {inbox}, without messages or deleted")
    elif not stored:
        yield Violation("missing", group, f"from {inbox}")
    else:
        *others, entry = sorted(stored, key=lambda entry: (entry.version, entry.sk))
        if not all(_is_on_its_way(other.version, head, version) for other in others):
            yield Violation("double", group, f"in {inbox}: {', '.join(one.sk for one in stored)}")
        elif entry.version > head.version:
            yield Violation("version", group, f"in {inbox}: {entry.version}, the head has {head.version}")
        elif entry not in (wanted, wanted.tiebroken()) and not _is_on_its_way(entry.version, head, version):
            yield Violation("stale", group, f"in {inbox}: {entry.sk}")


def _unread_violations(head: Head, owner_uuid: str, stored: Unread | None, version: int) -> Iterator[Violation]:
    group, shown = head.message_group_uuid, stored.version if stored else version
    wanted = next((entry for entry in head.unread if entry.owner_uuid == owner_uuid), None)
    if stored and shown > head.version:
        yield Violation("version", group, f"unread of {owner_uuid}: {shown}, the head has {head.version}")
    elif stored != wanted and not _is_on_its_way(shown, head, version):
        yield _unread_violation(group, owner_uuid)


def _is_on_its_way(shown: int, head: Head, version: int) -> bool:
    """True if the stream handler may yet bring an entry of version `shown` to the head's, or delete it."""
    return version <= shown < head.version


def copy_violations(table: Table, message_group_uuid: str) -> list[Violation]:
    """The differences between members of a conversation and their profiles. A member without one is being erased.

    The scan reports unreadable items.
    """
    try:
        head = table.head(message_group_uuid, consistent=True)
        members = [person for person in head.members.values() if not person.is_gone] if head else []
        profiles = [(member, table.person(member.user_uuid, consistent=True)) for member in members]
    except UNREADABLE:
        return []
    return [
        _copy_break(message_group_uuid, member.user_uuid)
        for member, profile in profiles
        if profile and not shows(member, profile)
    ]


def shows(member: Person, profile: Person) -> bool:
    """True if a head or a handle shows a person as the profile does."""
    return (member.user_uuid, member.version, member.copied) == (profile.user_uuid, profile.version, profile.copied)


def _copy_break(message_group_uuid: str, user_uuid: str) -> Violation:
    return Violation("copy", message_group_uuid, f"shows {user_uuid} otherwise than the profile does")


def _unlisted(wanted: ChangedConversation) -> Violation:
    return Violation("unlisted", wanted.message_group_uuid, f"among the changed conversations of {wanted.owner_uuid}")


def _at_its_hour(entry: ChangedConversation) -> ChangedConversation:
    """The entry as it is read: of its time only the key remains."""
    return entry._replace(at=entry.sk)


def _unread_violation(message_group_uuid: str, owner_uuid: str) -> Violation:
    return Violation("unread", message_group_uuid, f"is noted otherwise for {owner_uuid} than the marks say")


def conversation_violations(table: Table, message_group_uuid: str, version: int) -> list[Violation]:
    """Every violation in one conversation and its entries, which must show it as of `version`."""
    violations = partition_violations(table, keys.conversation_pk(message_group_uuid))
    of_inbox = inbox_violations(table, message_group_uuid, version)
    return sorted({one for one in violations if not one.of_inbox} | {*of_inbox})


def partition_violations(table: Table, pk: str) -> set[Violation]:
    """Every violation that the items of one partition show."""
    return _Segment(table, 0, lambda _: None).run(table.db.query_all(pk, consistent=True))


class _Segment:
    """One part of the table: checks each partition as it passes, and looks up the targets of its references."""

    def __init__(self, table: Table, number: int, on_progress: Callable[[int], None]) -> None:
        self._table = table
        self._number = number
        self._on_progress = on_progress
        self._violations: set[Violation] = set()
        self._lookups: list[tuple[Item, Callable[[Item | None], None]]] = []

    def run(self, items_in_order: Iterator[Item]) -> set[Violation]:
        checks: dict[str, tuple[Callable[[Item], Any], Callable[[str, Iterator[tuple[Item, Any]]], None]]] = {
            keys.conversation_pk(""): (_of_conversation, self._conversation),
            keys.changed_pk(""): (ChangedConversation.from_item, self._changed),
            keys.changes_pk(""): (readable_change, self._changes),
            **{keys.folder_pk(folder, ""): (entry_or_pins, self._folder) for folder in FOLDERS},
            keys.blocks_pk(""): (readable_block, self._blocks),
            keys.unread_pk(""): (Unread.from_item, self._unread),
            keys.sent_record_pk(""): (readable_sent_record, self._sent_record),
            keys.profile_pk(""): (_profile_or_erased, self._profile),
            keys.handle_pk(""): (handle_person, self._handle),
            keys.ticket_pk(""): (Ticket.from_item, _nothing_else),
            keys.connections_pk(""): (Connection.from_item, _nothing_else),
            keys.subscriptions_pk(""): (Subscription.from_item, _nothing_else),
            keys.versions_pk(""): (Versions.from_item, _nothing_else),
            keys.limits_pk(""): (counter, _nothing_else),
            "RPT#": (Report.from_item, _nothing_else),
        }
        for pk, items in groupby(items_in_order, key=lambda item: str(item["pk"]["S"])):
            prefix, _, identifier = pk.partition("#")
            if f"{prefix}#" not in checks:
                self._report("unknown", pk, "is no partition of this model")
                continue
            read, check = checks[f"{prefix}#"]
            check(identifier, self._readable(read, items))
        while self._lookups:
            self._look_up()
        return self._violations

    def _readable(self, read: Callable[[Item], Any], items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
        """Each item with its entity; unreadable items are reported."""
        for item in items:
            try:
                entity = read(item)
            except UNREADABLE as error:
                pk, sk = item["pk"]["S"], item["sk"]["S"]
                self._report("unreadable", pk, f"{sk}: {type(error).__name__}: {error}", sk)
            else:
                yield item, entity

    def _conversation(self, group: str, items: Iterator[tuple[Item, Any]]) -> None:
        seq, last, head, senders, hidden = 0, None, None, set[Person](), Hidden(group)
        for item, entity in items:
            if isinstance(entity, Hidden):
                hidden = entity
                continue
            if isinstance(entity, Head):
                head = entity
                self._form(group, item, head.item)
                continue
            message: Message = entity
            senders.add(message.sender)
            self._message(group, message, seq)
            seq, last = message.seq, message
        if head is None:
            if last:
                self._report("headless", group, f"messages, the last of them {seq}, without a readable head")
            return
        if not is_of_its_members(head):
            self._report("members", group, "is not the conversation of its members")
            return
        self._of_head(head, last, senders, hidden)

    def _message(self, group: str, message: Message, last_seq: int) -> None:
        self._expect_sent_record(message)
        if message.change:
            self._expect_change(group, message.change, message.created_at)
        if message.unsent_at and message != message.unsent(message.unsent_at, message.change):
            self._report("change", group, "has unsent messages of which something remains")
        if not keys.is_time(message.created_at):
            self._report("order", group, f"{message.created_at} is not a time")
        if message.seq != last_seq + 1:
            self._report("gap", group, f"seq {message.seq} follows {last_seq}")

    def _of_head(self, head: Head, last: Message | None, senders: set[Person], hidden: Hidden) -> None:
        """Check a head against its messages, and expect all that follows from it."""
        if head.is_open or last:
            self._last_message(head, last)
            self._senders(head, senders)
            self._copies(head)
        elif not head.is_blocked or head != unopened(head):
            self._report("head", head.message_group_uuid, "has no messages, and not only a block")
        if head.version < 1:
            self._report("head", head.message_group_uuid, "has no version")
        for user_uuid in head.memberships:
            self._side(head, user_uuid)
        for wanted in head.inbox_entries:
            self._expect_group(wanted)
        for unread in head.unread:
            self._expect_unread(unread)
        if head.changed:
            self._expect_change(head.message_group_uuid, head.last_change, head.changed.created_at, head.changed)
        for changed in head.changed_conversations:
            self._expect_changed(changed)
        self._hidden(head, hidden)

    def _hidden(self, head: Head, hidden: Hidden) -> None:
        ends = {seq for mine in hidden.unseen.values() for first_and_last in mine for seq in first_and_last}
        if not (hidden.seqs.keys() | hidden.unseen.keys()) <= head.members.keys():
            self._report("hidden", head.message_group_uuid, "has messages hidden by somebody else")
        elif any(not 1 <= seq <= head.last_seq for seq in ends.union(*hidden.seqs.values())):
            self._report("hidden", head.message_group_uuid, "has hidden messages that are not there")

    def _side(self, head: Head, user_uuid: str) -> None:
        """Check a member's side, and expect their block, if there is one, in their list."""
        group, mine = head.message_group_uuid, head.membership(user_uuid)
        if possible(mine, head.last_seq) != mine:
            self._report("head", group, f"has settings of {user_uuid} that cannot be")
        if mine.block:
            self._expect_block(head.block_entry(user_uuid))
        seq = mine.frozen_at(head.last_seq)
        if seq is not None and not keys.is_time(mine.shown_at):
            self._report("head", group, f"does not have the time of the last message before a block of {user_uuid}")
        elif seq:
            self._expect_shown(group, mine.shown_at, seq)

    def _expect_shown(self, group: str, created_at: str, seq: int) -> None:
        def check(item: Item | None) -> None:
            if not reads_as(lambda item: Message.from_item(item).seq, item, seq):
                self._report("head", group, f"shows somebody the time of another message than {seq}")

        self._expect(keys.key(keys.conversation_pk(group), created_at), check)

    def _expect_block(self, wanted: BlockEntry) -> None:
        def check(item: Item | None) -> None:
            if not reads_as(readable_block, item, wanted):
                self._block(wanted)

        self._expect(wanted.item, check)

    def _blocks(self, _owner: str, items: Iterator[tuple[Item, BlockEntry]]) -> None:
        for _, entry in items:
            self._expect_blocking(entry)

    def _expect_blocking(self, entry: BlockEntry) -> None:
        """Check that the head of the two has the block."""

        def check(item: Item | None) -> None:
            head = Head.from_item(item) if item else None
            if head is None or not head.is_blocking(entry.owner_uuid) or head.block_entry(entry.owner_uuid) != entry:
                self._block(entry)

        group = keys.pair_uuid(entry.owner_uuid, entry.user_uuid)
        self._expect(keys.key(keys.conversation_pk(group), keys.HEAD), check)

    def _block(self, entry: BlockEntry) -> None:
        where = keys.blocks_pk(entry.owner_uuid)
        self._report("block", where, f"{entry.user_uuid} is blocked here or in the head, not in both", entry.user_uuid)

    def _form(self, group: str, stored: Item, wanted: Item) -> None:
        """Report a readable item with a lost attribute, for which its entity has a default."""
        if not holds(stored, wanted):
            self._report("form", group, "has items with missing attributes, or of another type")

    def _last_message(self, head: Head, last: Message | None) -> None:
        group = head.message_group_uuid
        wanted = None
        if last and last.sender.user_uuid in head.members:
            wanted = replace(head.after(last), read_seqs=head.read_seqs, wrote=head.wrote, memberships=head.memberships)
        if wanted is None or replace(wanted, version=head.version) != head:
            self._report("head", group, f"says {head.last_seq}, the last message is {last.seq if last else 0}")
        if any(not 0 <= mark <= head.last_seq for mark in head.read_seqs.values()):
            self._report("head", group, f"has a mark that is not from 0 to {head.last_seq}")

    def _senders(self, head: Head, senders: set[Person]) -> None:
        group = head.message_group_uuid
        if not {sender.user_uuid for sender in senders} <= set(head.members):
            self._report("members", group, "has messages of somebody else")
        elif not {sender.user_uuid for sender in senders} <= head.wrote:
            self._report("head", group, "does not note who has written")
        elif any(head.members[sender.user_uuid].is_deleted and not sender.is_deleted for sender in senders):
            self._report("erased", group, "has messages with the name of somebody deleted")

    def _copies(self, head: Head) -> None:
        for member in head.members.values():
            if not member.is_gone:
                self._expect_copy(head.message_group_uuid, member)

    def _expect_copy(self, group: str, member: Person) -> None:
        def check(item: Item | None) -> None:
            if item and not shows(member, Person.from_profile_item(item)):
                self._violations.add(_copy_break(group, member.user_uuid))

        self._expect(member.profile_item, check)

    def _expect_sent_record(self, message: Message) -> None:
        """Check a message's sent record. A conversation has at most one violation of each kind."""

        def check(item: Item | None) -> None:
            if item is None:
                self._report("sent-record", message.message_group_uuid, "has messages without a sent record")
            elif "ttl" in item or "seq" not in item or ("digest" not in item and message.is_as_sent):
                self._report(
                    "sent-record", message.message_group_uuid, "has sent records that expire, or lack digest or number"
                )
            elif not reads_as(partial(is_sent_record_of, message), item, wanted=True):
                self._report("sent-record", message.message_group_uuid, "has sent records of other messages")

        self._expect(keys.key(keys.sent_record_pk(message.message_uuid), keys.SENT_RECORD), check)

    def _expect_change(self, group: str, number: int, created_at: str, wanted: MessageChange | None = None) -> None:
        """Check the item of a change: which message it is of, and that it is the `wanted` one, if that is known."""

        def is_right(item: Item) -> bool:
            change = MessageChange.from_item(item)
            return change == wanted if wanted else change.created_at == created_at

        def check(item: Item | None) -> None:
            if not reads_as(is_right, item, wanted=True):
                self._report("change", group, f"change {number} is missing, or of another message")

        self._expect(keys.key(keys.changes_pk(group), keys.change_sk(number)), check)

    def _changes(self, group: str, items: Iterator[tuple[Item, MessageChange]]) -> None:
        number = 0
        for _, change in items:
            if change.number != number + 1:
                self._report("change", group, f"change {change.number} follows {number}")
            number = change.number
            self._expect_changed_message(group, change)
        self._expect_head_with(group, number)

    def _expect_changed_message(self, group: str, change: MessageChange) -> None:
        def check(item: Item | None) -> None:
            if not reads_as(lambda item: Message.from_item(item).change >= change.number, item, wanted=True):
                self._report("change", group, f"change {change.number} is of a message that does not show it")

        self._expect(keys.key(keys.conversation_pk(group), change.created_at), check)

    def _expect_head_with(self, group: str, number: int) -> None:
        def check(item: Item | None) -> None:
            if item is None:
                self._report("orphan", keys.changes_pk(group), "changes without conversation", keys.change_sk(number))
            elif Head.from_item(item).last_change < number:
                self._report("change", group, f"has changes up to {number}, which its head does not know")

        self._expect(keys.key(keys.conversation_pk(group), keys.HEAD), check)

    def _expect_changed(self, wanted: ChangedConversation) -> None:
        def check(item: Item | None) -> None:
            if not reads_as(ChangedConversation.from_item, item, _at_its_hour(wanted)):
                self._violations.add(_unlisted(wanted))

        self._expect(wanted.item, check)

    def _changed(self, _owner: str, items: Iterator[tuple[Item, ChangedConversation]]) -> None:
        for _, entry in items:
            self._expect_head_changed(entry)

    def _expect_head_changed(self, entry: ChangedConversation) -> None:
        """Check that the conversation was changed in its hour or later: a replay may have left an earlier one."""

        def check(item: Item | None) -> None:
            changed = {one.owner_uuid: one.sk for one in Head.from_item(item).changed_conversations} if item else {}
            if changed.get(entry.owner_uuid, "") < entry.sk:
                where = keys.changed_pk(entry.owner_uuid)
                self._report("orphan", where, "a changed conversation without change", entry.sk)

        self._expect(keys.key(keys.conversation_pk(entry.message_group_uuid), keys.HEAD), check)

    def _expect_group(self, wanted: InboxEntry) -> None:
        def beside(item: Item | None) -> None:
            if not reads_as(InboxEntry.from_item, item, wanted.tiebroken()):
                self._report("missing", wanted.message_group_uuid, f"from the folders of {wanted.owner_uuid}")

        def plain(item: Item | None) -> None:
            if not reads_as(InboxEntry.from_item, item, wanted):
                self._expect(wanted.tiebroken().item, beside)

        if keys.is_time(wanted.sk):  # otherwise the head is damaged
            self._expect(wanted.item, plain)

    def _expect_unread(self, wanted: Unread) -> None:
        def check(item: Item | None) -> None:
            if not reads_as(Unread.from_item, item, wanted):
                self._violations.add(_unread_violation(wanted.message_group_uuid, wanted.owner_uuid))

        self._expect(wanted.item, check)

    def _unread(self, _: str, items: Iterator[tuple[Item, Unread]]) -> None:
        for item, unread in items:
            self._form(unread.message_group_uuid, item, unread.item)
            self._expect_head_of(unread)

    def _expect_head_of(self, unread: Unread) -> None:
        def check(item: Item | None) -> None:
            if item is None:
                where = keys.unread_pk(unread.owner_uuid)
                self._report("orphan", where, "unread messages without conversation", unread.message_group_uuid)
            elif unread not in Head.from_item(item).unread:
                self._violations.add(_unread_violation(unread.message_group_uuid, unread.owner_uuid))

        self._expect(keys.key(keys.conversation_pk(unread.message_group_uuid), keys.HEAD), check)

    def _folder(self, owner_uuid: str, items: Iterator[tuple[Item, InboxEntry | Pins]]) -> None:
        seen: set[str] = set()
        for item, entity in items:
            if isinstance(entity, Pins):
                self._pins(entity)
                continue
            self._form(entity.message_group_uuid, item, entity.item)
            if entity.message_group_uuid in seen:
                self._report("double", entity.message_group_uuid, f"in the folders of {owner_uuid}")
            seen.add(entity.message_group_uuid)
            self._expect_head(entity)

    def _pins(self, pins: Pins) -> None:
        """Check that pins are few, of different conversations, and of the owner's."""
        wanted = {*pins.message_group_uuids}
        if len(pins.message_group_uuids) > MOST_PINS or len(wanted) < len(pins.message_group_uuids):
            self._report_pins(pins)
        for group in wanted:
            self._expect_pinned(pins, group)

    def _expect_pinned(self, pins: Pins, group: str) -> None:
        def check(item: Item | None) -> None:
            if not reads_as(lambda item: pins.owner_uuid in Head.from_item(item).members, item, wanted=True):
                self._report_pins(pins)

        self._expect(keys.key(keys.conversation_pk(group), keys.HEAD), check)

    def _report_pins(self, pins: Pins) -> None:
        detail = f"more than {MOST_PINS} pins, or pins of other people's conversations"
        self._report("pins", keys.inbox_pk(pins.owner_uuid), detail, keys.PINS)

    def _expect_head(self, group: InboxEntry) -> None:
        def check(item: Item | None) -> None:
            if item is None:
                self._report("orphan", group.key[0], "a message group without conversation", group.sk)
                return
            wanted = [one for one in Head.from_item(item).inbox_entries if one.owner_uuid == group.owner_uuid]
            if not wanted or group not in (wanted[0], wanted[0].tiebroken()):
                self._report("stale", group.message_group_uuid, f"in {group.key[0]}: {group.sk}")

        self._expect(keys.key(keys.conversation_pk(group.message_group_uuid), keys.HEAD), check)

    def _sent_record(self, message_uuid: str, items: Iterator[tuple[Item, SentRecord]]) -> None:
        for _, sent_record in items:

            def check(found: Item | None) -> None:
                if found is None or found["message_uuid"]["S"] != message_uuid:
                    self._report(
                        "orphan",
                        keys.sent_record_pk(message_uuid),
                        "a sent record without its message",
                        keys.SENT_RECORD,
                    )

            self._expect(keys.key(keys.conversation_pk(sent_record.message_group_uuid), sent_record.created_at), check)

    def _profile(self, user_uuid: str, items: Iterator[tuple[Item, Person | None]]) -> None:
        people = [person for _, person in items]
        if len(people) > 1:
            self._report("person", keys.profile_pk(user_uuid), "has a profile, though it was erased")
        for person in filter(None, people):
            self._expect_person(person, person.handle_item, handle_person, keys.profile_pk(user_uuid))

    def _handle(self, handle: str, items: Iterator[tuple[Item, Person]]) -> None:
        for _, person in items:
            self._expect_person(person, person.profile_item, profile_person, keys.handle_pk(handle))

    def _expect_person(self, person: Person, other: Item, read: Callable[[Item], Person], where: str) -> None:
        def check(found: Item | None) -> None:
            if not reads_as(lambda item: shows(read(item), person), found, wanted=True):
                self._report("person", where, "profile and handle do not belong together")

        self._expect(other, check)

    def _report(self, kind: str, where: str, detail: str, sk: str = "") -> None:
        self._violations.add(Violation(kind, where, detail, sk))

    def _expect(self, item: Item, check: Callable[[Item | None], None]) -> None:
        """Call `check` later with the stored item at the key of `item`. It may raise one of UNREADABLE."""
        self._lookups.append((keys.of(item), check))
        if len(self._lookups) >= _BATCH:
            self._look_up()

    def _look_up(self) -> None:
        lookups, self._lookups = self._lookups[:_BATCH], self._lookups[_BATCH:]
        wanted = {(key["pk"]["S"], key["sk"]["S"]): key for key, _ in lookups}
        items = self._table.db.get_many(list(wanted.values()), consistent=True)
        found = {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
        for key, check in lookups:
            with suppress(*UNREADABLE):  # the scan reports the item
                check(found.get((key["pk"]["S"], key["sk"]["S"])))

    def scan(self) -> Iterator[Item]:
        for page in self._table.db.scan(Segment=self._number, TotalSegments=SEGMENTS, ConsistentRead=True):
            self._on_progress(len(page))
            yield from page


def _nothing_else(_: str, items: Iterator[tuple[Item, object]]) -> None:
    """The check of items that only have to be readable."""
    deque(items, maxlen=0)


def _of_conversation(item: Item) -> Head | Hidden | Message:
    if item["sk"]["S"] == keys.HIDDEN:
        return Hidden.from_item(item)
    return readable_head(item) if item["sk"]["S"] == keys.HEAD else Message.from_item(item)


def entry_or_pins(item: Item) -> InboxEntry | Pins:
    """The entry or the pins of an item in a folder."""
    return Pins.from_item(item) if item["sk"]["S"] == keys.PINS else InboxEntry.from_item(item)


def readable_block(item: Item) -> BlockEntry:
    """The block of an item. Raises one of UNREADABLE also if its time is not a time."""
    entry = BlockEntry.from_item(item)
    if not keys.is_time(entry.at):
        raise ValueError(f"{entry.at!r} is not a time")
    return entry


def readable_head(item: Item) -> Head:
    """The head of an item. Raises one of UNREADABLE also if its time is not a time."""
    return _with_time(Head.from_item(item))


def readable_sent_record(item: Item) -> SentRecord:
    """The sent record of an item. Raises one of UNREADABLE also if its time is not a time."""
    return _with_time(SentRecord.from_item(item))


def readable_change(item: Item) -> MessageChange:
    """The change of an item. Raises one of UNREADABLE also if its message's time is not a time."""
    return _with_time(MessageChange.from_item(item))


def counter(item: Item) -> tuple[int, int]:
    """The value of a counter for a limit, and the time when it expires."""
    return int(item["count"]["N"]), int(item["ttl"]["N"])


def _with_time(entity: _Timed) -> _Timed:
    if not keys.is_time(entity.created_at):
        raise ValueError(f"{entity.created_at!r} is not a time")
    return entity


def _profile_or_erased(item: Item) -> Person | None:
    """The person of a profile, None for the note that they were erased."""
    return None if item["sk"]["S"] == keys.ERASED else profile_person(item)


def profile_person(item: Item) -> Person:
    """The person of a profile. Raises one of UNREADABLE also for a handle that is none."""
    return _with_handle(Person.from_profile_item(item))


def handle_person(item: Item) -> Person:
    """The person of a handle item. Raises one of UNREADABLE also for a handle that is none."""
    return _with_handle(Person.from_handle_item(item))


def _with_handle(person: Person) -> Person:
    if not keys.is_handle(person.handle):
        raise ValueError("the handle is none")
    return person
