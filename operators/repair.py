"""Fixes of violations that `verify` finds: from heads, from messages, and lost items from a restored copy of the table.

Every write is conditional on the items as read, so a repair is safe while the system runs, and safe to repeat.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.change import EDIT, REACTION, UNSEND, MessageChange
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.inbox_entry import ChangedConversation, Unread
from messaging.model.items import UNREADABLE, Item
from messaging.model.membership import FOLDERS, NO_SETTINGS, Block, Membership
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.pins import MOST_PINS, Pins
from messaging.model.sent_record import SentRecord
from messaging.retry import attempts, until_not_busy
from messaging.services.rewrite_inbox import rebuild
from messaging.storage.dynamodb import ABSENT, ConditionFailed, DynamoDB
from messaging.storage.table import Note, Table
from operators.conversation_table import ConversationTable, is_sent_record_of
from operators.memberships import between, possible, told_by, unopened, without_unreadable
from operators.verify import (
    SETTLE_SECONDS,
    Violation,
    conversation_violations,
    entry_or_pins,
    handle_person,
    holds,
    is_of_its_members,
    partition_violations,
    profile_person,
    readable_block,
    readable_change,
    readable_head,
    readable_sent_record,
    reads_as,
    shows,
)
from operators.writing import MAX_CONCURRENCY

# Items that follow from others, and how they are read. Unreadable pins are deleted, too: nothing else tells of them.
_DERIVED: dict[str, Callable[[Item], object]] = {
    keys.changed_pk(""): ChangedConversation.from_item,
    **{keys.folder_pk(folder, ""): entry_or_pins for folder in FOLDERS},
    keys.blocks_pk(""): readable_block,
    keys.unread_pk(""): Unread.from_item,
    keys.sent_record_pk(""): readable_sent_record,
}
_PATIENCE_SECONDS = 60.0  # for an item that keeps changing: nobody waits for an answer, as in the functions
_Result = TypeVar("_Result")


def repair_inboxes(table: Table, message_group_uuid: str) -> int:
    """Rebuild a conversation's entries and unread entries from its head, at any key. Raises Busy after a minute.

    Returns the version of the head that they show at least.
    """
    return _patiently(partial(_try_repair_inboxes, table, message_group_uuid))


def _try_repair_inboxes(table: Table, message_group_uuid: str) -> int:
    head = table.head(message_group_uuid, consistent=True)
    if head is None:
        return 0
    rebuild(table, head, keys.FIRST_TIME, give_up_after=_PATIENCE_SECONDS)
    for outcome in table.write_entries([Note(one) for one in head.changed_conversations]):
        if isinstance(outcome, Busy):
            raise outcome
    return head.version


def _patiently(action: Callable[[], _Result]) -> _Result:
    """Repeat an action while people who keep sending make it raise Busy."""
    return until_not_busy(action, _PATIENCE_SECONDS)


class Repair:
    """Fixes violations in a table. `backup` is the name of a restored copy, the source of lost items."""

    def __init__(self, client: Any, table_name: str, backup: str | None) -> None:
        self._table = ConversationTable(client, table_name)
        self._backup = DynamoDB(client, backup) if backup else None
        self._lost_uuids: dict[tuple[str, str], str] = {}

    def fix(self, violations: Iterable[Violation]) -> list[Violation]:
        """Fix what can be fixed, several conversations at a time; return the remaining violations. Raises Busy.

        A conversation stays unfixed if people send in it too fast.
        """
        violations = list(violations)
        unreadable = [one for one in violations if one.kind == "unreadable"]
        people = {one.where for one in violations if one.kind == "person" or _is_person(one)}
        orphans = [one for one in violations if one.kind == "orphan"]
        conversations = {one.where for one in violations if one.of_conversation}
        sent_records = [
            item for one in orphans if one.sk == keys.SENT_RECORD and (item := self._get(one.where, one.sk))
        ]
        for sent_record in map(SentRecord.from_item, sent_records):
            self._lost_uuids[sent_record.message_group_uuid, sent_record.created_at] = sent_record.message_uuid
        conversations |= {group for group, _ in self._lost_uuids}
        # Profiles first: they decide to which person a handle belongs, and how heads show their members.
        for pk in sorted(people, key=lambda pk: (not pk.startswith(keys.profile_pk("")), pk)):
            self._fix_person(pk)
        for one in unreadable:
            self._delete_derived(one)
        blocks = [(one.where.removeprefix(keys.blocks_pk("")), one.sk) for one in violations if one.kind == "block"]
        for owner_uuid, user_uuid in blocks:
            _patiently(partial(self._put_unopened, owner_uuid, user_uuid))
        conversations |= {keys.pair_uuid(*pair) for pair in blocks}
        with ThreadPoolExecutor(MAX_CONCURRENCY) as threads:
            left = {one for found in threads.map(self._fix_conversation, sorted(conversations)) for one in found}
        for one in orphans:
            self._delete_orphan(one)
        for owner_uuid, user_uuid in blocks:
            _patiently(partial(self._fix_block_entry, owner_uuid, user_uuid))
        for one in violations:
            if one.kind == "pins":
                _patiently(partial(self._fix_pins, one.where))
        left = {one for one in left if one.kind != "block"} | {one for one in violations if one.kind == "unknown"}
        others = {one.where for one in violations if one.kind in ("block", "pins", "unreadable")}
        others |= {keys.conversation_pk(keys.pair_uuid(*pair)) for pair in blocks}
        for pk in people | others:
            found = partition_violations(self._table, pk)
            left |= {one for one in found if one.kind in ("block", "person", "pins", "unreadable")}
        return sorted(left)

    def _delete_derived(self, unreadable: Violation) -> None:
        """Delete an unreadable item that is then rebuilt from a head or a message: an entry or a sent record."""
        item = self._get(unreadable.where, unreadable.sk)
        for prefix, read in _DERIVED.items():
            if unreadable.where.startswith(prefix) and _read(read, item) is None:
                with suppress(Busy):
                    self._replace(None, item)

    def _put_unopened(self, owner_uuid: str, user_uuid: str) -> None:
        """Put the head of two people without a conversation, for the block that one's list has."""
        group = keys.pair_uuid(owner_uuid, user_uuid)
        entry = self._block_entry(owner_uuid, user_uuid)
        if entry and next(self._items(group), None) is None:
            bare = Head.unopened(group, (owner_uuid, user_uuid), entry.at)
            self._replace(bare.blocked_by(owner_uuid, entry.at).item, None)

    def _block_entry(self, owner_uuid: str, user_uuid: str) -> BlockEntry | None:
        entry: BlockEntry | None = _read(readable_block, self._get(keys.blocks_pk(owner_uuid), user_uuid))
        return entry

    def _fix_block_entry(self, owner_uuid: str, user_uuid: str) -> None:
        """Make a person's list of blocks agree with a head."""
        pk, group = keys.blocks_pk(owner_uuid), keys.pair_uuid(owner_uuid, user_uuid)
        item, head = self._get(pk, user_uuid), _head_of_members(self._get(keys.conversation_pk(group), keys.HEAD))
        wanted = head.block_entry(owner_uuid) if head and head.is_blocking(owner_uuid) else None
        if not reads_as(readable_block, item, wanted):
            self._replace(wanted.item if wanted else None, item)

    def _fix_pins(self, pk: str) -> None:
        """Drop pins that are too many, doubled, or of other people's conversations."""
        item = self._get(pk, keys.PINS)
        pins = _read(Pins.from_item, item)
        if pins is None:
            return
        heads = [
            _read(readable_head, self._get(keys.conversation_pk(one), keys.HEAD)) for one in pins.message_group_uuids
        ]
        mine = {head.message_group_uuid for head in heads if head and pins.owner_uuid in head.members}
        kept = [one for one in dict.fromkeys(pins.message_group_uuids) if one in mine][:MOST_PINS]
        self._replace(replace(pins, message_group_uuids=tuple(kept), number=pins.number + 1).item, item)

    def _fix_conversation(self, group: str) -> list[Violation]:
        """Fix one conversation; return its remaining violations."""
        version = 0
        try:
            if self._backup:
                self._bring_back(group, self._backup)
            if self._fix_head(group):
                self._fix_changes(group)
                version = repair_inboxes(self._table, group)
                self._fix_sent_records(group)
        except UNREADABLE:  # a person must look at it
            pass
        except Busy as busy:
            return [Violation("busy", group, f"is not fixed: {busy}")]
        return self._left(group, version)

    def _left(self, group: str, version: int) -> list[Violation]:
        """The violations that remain in a conversation. Looks again at inboxes that the stream may correct."""
        left: list[Violation] = []
        for _ in attempts(SETTLE_SECONDS, first_pause=0.2, longest_pause=1.0):
            left = conversation_violations(self._table, group, version)
            if not any(one.of_inbox for one in left):
                break
        return left

    def _bring_back(self, group: str, backup: DynamoDB) -> None:
        """Put the items of a conversation that only the copy has."""
        there = {item["sk"]["S"] for item in self._items(group)}
        for item in backup.query_all(keys.conversation_pk(group), consistent=True):
            if item["sk"]["S"] not in there:
                self._put_if_absent(item)

    def _fix_head(self, group: str) -> bool:
        """Make head and messages agree: put a message that only the head has, or else replace the head.

        The head shows its members as their profiles do. Its version becomes one above those of all entries. False if
        there is no head, and the members cannot be found out.
        """
        senders, message_uuids = set[str](), set[str]()
        for item in self._message_items(group):
            message = self._with_its_uuid(item, Message.from_item(item))
            senders.add(message.sender.user_uuid)
            message_uuids.add(message.message_uuid)
        return _patiently(lambda: self._try_fix_head(group, senders, message_uuids))

    def _fix_changes(self, group: str) -> None:
        """Make changes, messages and head agree. A change that is lost is noted for a message that shows it."""
        _patiently(lambda: self._try_fix_changes(group))

    def _try_fix_changes(self, group: str) -> None:
        stored = self._get(keys.conversation_pk(group), keys.HEAD)
        head = _head_of_members(stored)
        if head is None or stored is None:
            return
        messages = list(map(Message.from_item, self._message_items(group)))
        items = {item["sk"]["S"]: item for item in self._table.db.query_all(keys.changes_pk(group), consistent=True)}
        read = {sk: _read(readable_change, item) for sk, item in items.items()}
        times = {message.created_at for message in messages}
        changes = {change.number: change for change in read.values() if change and change.created_at in times}
        # All three are the same number, so two are right if one is damaged.
        _, last, _ = sorted(
            [head.last_change, max(changes, default=0), max((one.change for one in messages), default=0)]
        )
        shown = self._with_numbers(messages, changes, last)
        for number in range(1, last + 1):
            known = changes.get(number)
            message = shown.get(number)
            if known is None or (message and known.created_at != message.created_at):
                message = message or shown[min(one for one in shown if one > number)]  # it was changed again since
                known = MessageChange(number, _kind_of(message), message.created_at, message.created_at)
                self._replace(known.item(group), items.get(keys.change_sk(number)))
                changes[number] = known
        for sk in items:
            if sk > keys.change_sk(last):
                self._replace(None, items[sk])
        if head.changed != changes.get(last):
            wanted = replace(head, changed=changes.get(last), version=head.version + 1)
            others = {name: value for name, value in stored.items() if name != "last_change"}
            self._replace({**others, **wanted.item}, stored)

    def _with_numbers(
        self, messages: list[Message], changes: Mapping[int, MessageChange], last: int
    ) -> dict[int, Message]:
        """Give messages the numbers of their last changes, as the changes say; return the messages by number."""
        numbers = {change.created_at: number for number, change in sorted(changes.items()) if number <= last}
        shown: dict[int, Message] = {}
        for message in messages:
            number = numbers.get(message.created_at, 0)
            is_possible = message.change <= last and message.change not in changes
            if message.change != number and not (is_possible and message.change > number):
                self._replace(replace(message, change=number).item, message.item)
                message = replace(message, change=number)
            if message.unsent_at and message != (unsent := message.unsent(message.unsent_at, message.change)):
                self._replace(unsent.item, message.item)
                message = unsent
            shown[message.change] = message
        return shown

    def _with_its_uuid(self, item: Item, message: Message) -> Message:
        """Give a message the message_uuid back under which its sent record is stored, if it has lost that."""
        lost = self._lost_uuids.get((message.message_group_uuid, message.created_at))
        if not lost:
            return message
        whole = replace(message, message_uuid=lost)
        stored = self._table.sent_records({message.message_uuid, lost} - {""})
        if message.message_uuid in stored or not is_sent_record_of(whole, stored.get(lost)):
            return message
        self._replace({**item, **whole.item}, item)
        return whole

    def _try_fix_head(self, group: str, senders: set[str], message_uuids: set[str]) -> bool:
        stored = self._get(keys.conversation_pk(group), keys.HEAD)
        head, last = _head_of_members(stored), self._newest(group)
        if head and last is None and _is_without_messages(head):
            return self._fix_unopened(head, stored)
        if head and (last is None or _is_next(head, last, message_uuids)):
            last = self._last_message(head)
            self._put_if_absent(last.item)
        wanted = self._wanted_head(group, head, last, senders) if last else None
        if wanted is None:
            return False
        wanted = self._with_possible_sides(wanted, stored)
        shown = self._shown_version(wanted)
        shows_members = head is not None and all(map(shows, head.members.values(), wanted.members.values()))
        is_readable = _read(readable_head, stored) is not None
        shows_sides = is_readable and head is not None and head.memberships == wanted.memberships
        if not (shows_members and shows_sides and holds(stored, wanted.item)) or wanted.version < max(shown, 1):
            wanted = replace(wanted, version=max(shown, wanted.version) + 1)
            self._replace({**(stored or {}), **wanted.item}, stored)
        return True

    def _fix_unopened(self, head: Head, stored: Item | None) -> bool:
        """Make a head without messages possible, or delete it if it keeps no block."""
        wanted = self._with_possible_sides(unopened(head), stored)
        if not wanted.is_blocked:
            self._replace(None, stored)
        elif wanted != head or not holds(stored, wanted.item) or head.version < 1:
            self._replace(replace(wanted, version=max(head.version, 0) + 1).item, stored)
        return wanted.is_blocked

    def _with_possible_sides(self, head: Head, stored: Item | None) -> Head:
        """The head with all that is readable of its members' sides, as far as it is possible."""
        head = replace(head, memberships={**head.memberships, **(_readable_sides(stored, head) if stored else {})})
        sides = {user_uuid: self._possible_side(head, user_uuid) for user_uuid in head.memberships}
        return replace(head, memberships={one: mine for one, mine in sides.items() if mine != NO_SETTINGS})

    def _possible_side(self, head: Head, user_uuid: str) -> Membership:
        """A member's side, with their block if their list has it and new messages are hidden from them.

        It has the time of the last message before its last range of hidden messages.
        """
        mine, other_uuid = head.membership(user_uuid), head.other(user_uuid).user_uuid
        is_hiding = bool(mine.unseen) and mine.unseen[-1][1] is None
        entry = self._block_entry(user_uuid, other_uuid) if is_hiding or mine.block else None
        if entry:
            block = mine.block or Block(entry.at, head.read_seqs[user_uuid], head.read_seqs[other_uuid])
            mine = replace(mine, block=block._replace(at=entry.at))
        mine = possible(mine, head.last_seq)
        if mine.settings and not mine.set_at:
            mine = replace(mine, set_at=self._noted_hour(user_uuid, head.message_group_uuid))
        seq = mine.frozen_at(head.last_seq)
        if seq is None or (seq == 0 and mine.shown_at):
            return mine
        messages = map(Message.from_item, self._message_items(head.message_group_uuid))
        found = next((message.created_at for message in messages if message.seq == seq), "")
        return replace(mine, shown_at=found or mine.shown_at or head.created_at)

    def _wanted_head(self, group: str, head: Head | None, last: Message, senders: set[str]) -> Head | None:
        wanted = replace(_possible(head.after(last)), version=head.version) if head else self._head_of(group, last)
        if wanted is None:
            return None
        if head and head.last_seq == last.seq:  # what followed this message stays: perhaps its sender marked it
            wanted = replace(wanted, memberships=head.memberships)
        members = {user_uuid: self._as_in_profile(member) for user_uuid, member in wanted.members.items()}
        return replace(
            wanted,
            members=members,
            last=wanted.last.sent_by(members[last.sender.user_uuid]),
            wrote=wanted.wrote | (senders & members.keys()),
        )

    def _as_in_profile(self, member: Person) -> Person:
        profile = None if member.is_gone else self._table.person(member.user_uuid, consistent=True)
        return profile or member

    def _shown_version(self, head: Head) -> int:
        """The latest version that an entry or unread entry of the conversation shows, 0 if there is none."""
        group = head.message_group_uuid
        unread_keys = [keys.key(keys.unread_pk(one), group) for one in head.members]
        versions = [Unread.from_item(item).version for item in self._table.db.get_many(unread_keys, consistent=True)]
        for owner_uuid in head.members:
            entries = self._table.all_entries_of(owner_uuid, group)
            versions += [entry.version for entry in entries]
        return max(versions, default=0)

    def _fix_sent_records(self, group: str) -> None:
        """Give each message its sent record, unless that points to another message with this message_uuid."""
        for page in self._table.messages(group):
            _patiently(partial(self._fix_page_of_sent_records, page))

    def _fix_page_of_sent_records(self, page: list[Message]) -> None:
        stored = self._table.sent_records({one.message_uuid for one in page})
        wrong = [one for one in page if not is_sent_record_of(one, stored.get(one.message_uuid))]
        mine = [one for one in wrong if not self._leads_elsewhere(one, stored.get(one.message_uuid))]
        first = {one.message_uuid: one for one in reversed(mine)}
        if not self._table.put_sent_records([*first.values()], stored):
            raise Busy("The records of a conversation's messages keep changing.")

    def _leads_elsewhere(self, message: Message, item: Item | None) -> bool:
        if item is None:
            return False
        sent_record = SentRecord.from_item(item)
        if (sent_record.message_group_uuid, sent_record.created_at) == (message.message_group_uuid, message.created_at):
            return False
        return self._is_there(item)

    def _newest(self, group: str) -> Message | None:
        newest = self._table.before(group, keys.HEAD, 1, consistent=True)
        return newest[0] if newest else None

    def _last_message(self, head: Head) -> Message:
        made = str(uuid5(NAMESPACE_URL, f"{head.message_group_uuid}/{head.last_seq}"))
        message_uuid = head.last.message_uuid or self._lost_uuids.get((head.message_group_uuid, head.created_at), made)
        return replace(head.last, message_uuid=message_uuid)

    def _head_of(self, group: str, last: Message) -> Head | None:
        """A head for messages without one; None if the members cannot be found out."""
        people, marks = {}, {}
        for message in map(Message.from_item, self._message_items(group)):
            people[message.sender.user_uuid] = message.sender
            marks[message.sender.user_uuid] = message.seq  # a sender has read all messages before their own
        wrote = frozenset(people)
        if len(people) == 1:
            entries = self._table.all_entries_of(last.sender.user_uuid, group)
            people |= {entry.other.user_uuid: entry.other for entry in entries}
        if len(people) != 2 or keys.pair_uuid(*people) != group:
            return None
        (other,) = (person for uuid, person in people.items() if uuid != last.sender.user_uuid)
        entries_of = {one: self._table.all_entries_of(one, group) for one in people}
        for one, mine in entries_of.items():
            marks[one] = max([marks.get(one, 0), *(min(entry.read_seq, last.seq) for entry in mine)])
        head = replace(Head.of_first(last, other), read_seqs=dict(sorted(marks.items())), wrote=wrote, version=0)
        for one, mine in entries_of.items():
            other_uuid = head.other(one).user_uuid
            told = told_by(mine, self._block_entry(one, other_uuid), last, (marks[one], marks[other_uuid]))
            head = head.with_membership(one, replace(told, set_at=self._noted_hour(one, group)))
        return head

    def _noted_hour(self, user_uuid: str, group: str) -> str:
        """The hour at which a conversation is noted among a person's changed ones, "" for none."""
        equal = {"message_group_uuid": {"S": group}}
        found = self._table.db.query_all(keys.changed_pk(user_uuid), equal=equal, consistent=True)
        return max((item["sk"]["S"][: keys.HOUR_LENGTH] for item in found), default="")

    def _delete_orphan(self, orphan: Violation) -> None:
        """Delete an item that points to a missing conversation or message, if that is still missing."""
        item = self._get(orphan.where, orphan.sk)
        if item is None or self._is_there(item):
            return
        if orphan.where.startswith(keys.changes_pk("")):  # the last of all changes of a conversation
            with suppress(Busy):
                for change in self._table.db.query_all(orphan.where, consistent=True):
                    self._replace(None, change)
            return
        named = _naming(item)
        with suppress(ConditionFailed):
            self._table.db.delete(keys.of(item), f"{named} = :group", {":group": item[named]})

    def _is_there(self, orphan: Item) -> bool:
        """True if the target of a change, a sent record, an entry or an unread entry exists, readable or not.

        A changed conversation needs a head that knows of a change in that hour or later.
        """
        if orphan["pk"]["S"].startswith(keys.changed_pk("")):
            stored = self._get(keys.conversation_pk(orphan["message_group_uuid"]["S"]), keys.HEAD)
            head = _head_of_members(stored)
            listed = head.changed_conversations if head else []
            mine = [one for one in listed if keys.changed_pk(one.owner_uuid) == orphan["pk"]["S"]]
            return any(one.sk >= orphan["sk"]["S"] for one in mine)
        if orphan["pk"]["S"].startswith(keys.changes_pk("")):
            return next(self._items(orphan["pk"]["S"].removeprefix(keys.changes_pk(""))), None) is not None
        if orphan["sk"]["S"] == keys.SENT_RECORD:
            sent_record = SentRecord.from_item(orphan)
            message = self._get(keys.conversation_pk(sent_record.message_group_uuid), sent_record.created_at)
            return message is not None and message.get("message_uuid") == {"S": sent_record.message_uuid}
        return next(self._items(orphan[_naming(orphan)]["S"]), None) is not None

    def _fix_person(self, pk: str) -> None:
        """Make profile and handle agree again. The profile is right, if it is readable."""
        profile, handle = self._get(pk, keys.PROFILE), self._get(pk, keys.HANDLE)
        if person := _read(profile_person, profile):
            self._put_handle(person)
        if handle is None or not (named := _read(handle_person, handle)):
            return
        stored = self._get(keys.profile_pk(named.user_uuid), keys.PROFILE)
        person = _read(profile_person, stored)
        with suppress(Busy):
            if person is None:
                self._replace({**(stored or {}), **named.profile_item}, stored)
            elif self._put_handle(person) and keys.handle_pk(person.handle) != pk:  # an earlier handle
                self._replace(None, handle)

    def _put_handle(self, person: Person) -> bool:
        """Write a person's handle. False if it belongs to another person with a profile, or keeps changing."""
        stored = self._get(keys.handle_pk(person.handle), keys.HANDLE)
        if reads_as(lambda item: shows(handle_person(item), person), stored, wanted=True):
            return True
        if (named := _read(handle_person, stored)) and named.user_uuid != person.user_uuid:
            other = _read(profile_person, self._get(keys.profile_pk(named.user_uuid), keys.PROFILE))
            if other and keys.handle_pk(other.handle) == keys.handle_pk(person.handle):
                return False
        try:
            self._replace(person.handle_item, stored)
        except Busy:
            return False
        return True

    def _replace(self, item: Item | None, stored: Item | None) -> None:
        """Put an item over `stored`, or delete that. Raises Busy if it has changed since it was read."""
        names = {f"#{number}": name for number, name in enumerate(stored or ())}
        values = {f":{number}": value for number, value in enumerate((stored or {}).values())}
        condition = " AND ".join(f"#{number} = :{number}" for number in range(len(names))) or ABSENT
        try:
            if item:
                self._table.db.put(item, condition, values, names)
            elif stored:
                self._table.db.delete(keys.of(stored), condition, values, names)
        except ConditionFailed:
            raise Busy("An item keeps changing.") from None

    def _put_if_absent(self, item: Item) -> bool:
        """Put an item. False if its key is occupied."""
        try:
            self._table.db.put(item, ABSENT)
        except ConditionFailed:
            return False
        return True

    def _get(self, pk: str, sk: str) -> Item | None:
        return self._table.db.get(keys.key(pk, sk), consistent=True)

    def _message_items(self, group: str) -> Iterator[Item]:
        return (item for item in self._items(group) if item["sk"]["S"] not in keys.NO_MESSAGES)

    def _items(self, group: str) -> Iterator[Item]:
        return self._table.db.query_all(keys.conversation_pk(group), consistent=True)


def _naming(item: Item) -> str:
    """The attribute of a sent record, an inbox entry or an unread entry that names the conversation."""
    return "message_group_uuid" if "message_group_uuid" in item else "sk"


def _possible(head: Head) -> Head:
    """The head, with no mark below 0 or above the last message."""
    return replace(head, read_seqs={one: between(0, mark, head.last_seq) for one, mark in head.read_seqs.items()})


def _head_of_members(stored: Item | None) -> Head | None:
    """The head, None if it is missing, unreadable, or not of the two members of its conversation."""
    head = _read(_salvaged_head, stored)
    return head if head and is_of_its_members(head) else None


def _salvaged_head(stored: Item) -> Head:
    """The head without those settings of members that are unreadable."""
    return readable_head(without_unreadable(stored))


def _readable_sides(stored: Item, head: Head) -> dict[str, Membership]:
    """The members' sides in the item of a head that is unreadable otherwise, but for one that has lost everything."""
    with suppress(*UNREADABLE):
        members = without_unreadable(stored)["members"]["M"]
        left = {one: members[one]["M"] for one in head.members if one in members}
        return {one: Membership.from_attributes(attributes) for one, attributes in left.items() if attributes}
    return {}


def _is_without_messages(head: Head) -> bool:
    """True if a head never had a message: it only keeps a block, and no names."""
    return not head.is_open or not any(person.handle for person in head.members.values())


def _kind_of(message: Message) -> str:
    """The kind of change that a message shows."""
    return UNSEND if message.unsent_at else EDIT if message.edited_at else REACTION


def _is_next(head: Head, last: Message, message_uuids: set[str]) -> bool:
    """True if the head has a message that follows the last one stored."""
    follows = head.last_seq == last.seq + 1 and head.created_at > last.created_at and keys.is_time(head.created_at)
    return follows and head.last.message_uuid not in message_uuids


def _is_person(violation: Violation) -> bool:
    return violation.where.startswith((keys.profile_pk(""), keys.handle_pk("")))


def _read(read: Callable[[Item], Any], item: Item | None) -> Any:
    """The entity of an item, None if it is missing or unreadable."""
    with suppress(*UNREADABLE):
        return read(item) if item else None
    return None
