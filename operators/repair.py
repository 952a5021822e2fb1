"""Fixes of violations that `verify` finds: from heads, from messages, and lost items from a restored copy of the table.

Every write is conditional on the items as read, so a repair is safe while the system runs, and safe to repeat.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy, HandleTaken
from messaging.model.inbox_entry import Unread
from messaging.model.items import UNREADABLE, Item
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.retry import until_not_busy
from messaging.services.rewrite_inbox import rebuild
from messaging.storage.dynamodb import ABSENT, ConditionFailed, DynamoDB
from messaging.storage.table import HeadChanged, Table
from operators.conversation_table import ConversationTable, is_sent_record_of
from operators.verify import Violation, conversation_violations, is_of_its_members, shows
from operators.writing import MAX_CONCURRENCY


def repair_inboxes(table: Table, message_group_uuid: str) -> int:
    """Rebuild a conversation's entries and unread entries from its head, at any key. Raises Busy.

    Returns the version of the head that they show at least.
    """
    head = table.head(message_group_uuid, consistent=True)
    if head is None:
        return 0
    rebuild(table, head, keys.FIRST_TIME)
    return head.version


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
        orphans = [one for one in violations if one.kind == "orphan"]
        conversations = {one.where for one in violations if one.of_conversation}
        sent_records = [
            item for one in orphans if one.sk == keys.SENT_RECORD and (item := self._get(one.where, one.sk))
        ]
        for sent_record in map(SentRecord.from_item, sent_records):
            self._lost_uuids[sent_record.message_group_uuid, sent_record.created_at] = sent_record.message_uuid
        conversations |= {group for group, _ in self._lost_uuids}
        with ThreadPoolExecutor(MAX_CONCURRENCY) as threads:
            left = {one for found in threads.map(self._fix_conversation, sorted(conversations)) for one in found}
        for one in orphans:
            self._delete_orphan(one)
        people = [one for one in violations if one.kind == "person"]
        left |= {one for one in violations if one.kind in ("unknown", "unreadable")}
        left |= {one for one in people if not self._fix_person(one.where)}
        return sorted(left)

    def _fix_conversation(self, group: str) -> list[Violation]:
        """Fix one conversation; return its remaining violations."""
        version = 0
        try:
            if self._backup:
                self._bring_back(group, self._backup)
            if self._fix_head(group):
                self._fix_copies(group)
                self._fix_writers(group)
                version = repair_inboxes(self._table, group)
                self._fix_sent_records(group)
        except UNREADABLE:  # a person must look at it
            pass
        except Busy as busy:
            return [Violation("busy", group, f"is not mended: {busy}")]
        return conversation_violations(self._table, group, version)

    def _bring_back(self, group: str, backup: DynamoDB) -> None:
        """Put the items of a conversation that only the copy has."""
        there = {item["sk"]["S"] for item in self._items(group)}
        for item in backup.query_all(keys.conversation_pk(group), consistent=True):
            if item["sk"]["S"] not in there:
                self._put_if_absent(item)

    def _fix_head(self, group: str) -> bool:
        """Make head and last message agree: put a message that only the head has, or else update the head.

        The head's version becomes one above those of all entries. False if there is no head with two members.
        """
        return until_not_busy(lambda: self._try_fix_head(group))

    def _try_fix_head(self, group: str) -> bool:
        head, newest = self._table.newest(group, 1, consistent=True)
        last = newest[0] if newest else self._newest(group)
        if head is None:
            head = self._head_of(group, last) if last else None
            if head is None:
                return False
            if not self._put_if_absent(replace(head, version=self._shown_version(head) + 1).item):
                raise Busy("Another process is creating the head of a conversation.")
            return True
        if not is_of_its_members(head):
            return False
        if last is None or last.created_at < head.created_at:
            last = self._last_message(head)
            self._put_if_absent(last.item)
        wanted = replace(_possible(head.after(last)), version=head.version)
        shown = self._shown_version(head)
        if wanted != head or head.version < max(shown, 1):
            try:
                self._table.put_head(replace(wanted, version=max(shown, head.version) + 1), head)
            except HeadChanged:
                raise Busy("The head of a conversation keeps changing.") from None
        return True

    def _fix_copies(self, group: str) -> None:
        """Copy the profiles of members into the head, if it differs from them."""
        head = self._table.head(group, consistent=True)
        for member in head.members.values() if head else ():
            profile = self._table.person(member.user_uuid, consistent=True)
            if profile and not shows(member, profile):
                self._table.copy_profile(group, profile)

    def _fix_writers(self, group: str) -> None:
        """Note in the head which members have written."""
        head = self._table.head(group, consistent=True)
        items = self._items(group) if head else ()
        senders = {Message.from_item(item).sender.user_uuid for item in items if item["sk"]["S"] != keys.HEAD}
        for sender_uuid in sorted(senders - head.wrote) if head else ():
            with suppress(ConditionFailed):
                self._table.update_head(
                    group,
                    "SET members.#sender.wrote = :true",
                    "attribute_exists(members.#sender)",
                    {":true": {"BOOL": True}},
                    {"#sender": sender_uuid},
                )

    def _shown_version(self, head: Head) -> int:
        """The latest version that an entry or unread entry of the conversation shows, 0 if there is none."""
        group = head.message_group_uuid
        unread_keys = [keys.key(keys.unread_pk(one), group) for one in head.members]
        versions = [Unread.from_item(item).version for item in self._table.db.get_many(unread_keys, consistent=True)]
        for owner_uuid in head.members:
            entries = self._table.entries_of(owner_uuid, group, keys.FIRST_TIME)
            versions += [entry.version for entry in entries]
        return max(versions, default=0)

    def _fix_sent_records(self, group: str) -> None:
        """Give each message its sent record, unless that points to another message with this message_uuid."""
        for page in self._table.messages(group):
            until_not_busy(partial(self._fix_page_of_sent_records, page))

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
        people, sent = {}, {}
        for message in map(Message.from_item, self._items(group)):
            people[message.sender.user_uuid] = message.sender
            sent[message.sender.user_uuid] = message.seq
        if len(people) == 1:
            entries = self._table.entries_of(last.sender.user_uuid, group, keys.FIRST_TIME)
            people |= {entry.other.user_uuid: entry.other for entry in entries}
        if len(people) != 2 or keys.pair_uuid(*people) != group:
            return None
        (other,) = (person for uuid, person in people.items() if uuid != last.sender.user_uuid)
        # A sender has read all messages before their own; more is not known.
        return replace(
            Head.of_first(last, other),
            read_seqs={one: sent.get(one, 0) for one in people},
            wrote=frozenset(sent),
        )

    def _delete_orphan(self, orphan: Violation) -> None:
        """Delete an item that points to a missing conversation or message, if that is still missing."""
        item = self._get(orphan.where, orphan.sk)
        if item is None or self._is_there(item):
            return
        named = _naming(item)
        with suppress(ConditionFailed):
            self._table.db.delete(keys.of(item), f"{named} = :group", {":group": item[named]})

    def _is_there(self, orphan: Item) -> bool:
        """True if the target of a sent record, an inbox entry or an unread entry exists."""
        if orphan["sk"]["S"] == keys.SENT_RECORD:
            sent_record = SentRecord.from_item(orphan)
            message = self._table.message(sent_record.message_group_uuid, sent_record.created_at)
            return message is not None and message.message_uuid == sent_record.message_uuid
        group = orphan[_naming(orphan)]["S"]
        return bool(self._table.head(group, consistent=True)) or bool(self._newest(group))

    def _fix_person(self, pk: str) -> bool:
        """Make profile and handle agree again. The profile is right, if there is one."""
        profile, handle = self._get(pk, keys.PROFILE), self._get(pk, keys.HANDLE)
        if handle:
            named = Person.from_handle_item(handle)
            profile = self._get(keys.profile_pk(named.user_uuid), keys.PROFILE) or named.profile_item
        if not profile:
            return True
        person = Person.from_profile_item(profile)
        try:
            self._table.register(person)
        except HandleTaken:
            return False
        if handle and pk != keys.handle_pk(person.handle):
            with suppress(ConditionFailed):
                self._table.db.delete(
                    keys.key(pk, keys.HANDLE), "user_uuid = :user_uuid", {":user_uuid": {"S": person.user_uuid}}
                )
        return True

    def _put_if_absent(self, item: Item) -> bool:
        """Put an item. False if its key is occupied."""
        try:
            self._table.db.put(item, ABSENT)
        except ConditionFailed:
            return False
        return True

    def _get(self, pk: str, sk: str) -> Item | None:
        return self._table.db.get(keys.key(pk, sk), consistent=True)

    def _items(self, group: str) -> Iterator[Item]:
        return self._table.db.query_all(keys.conversation_pk(group), consistent=True)


def _naming(item: Item) -> str:
    """The attribute of a sent record, an inbox entry or an unread entry that names the conversation."""
    return "message_group_uuid" if "message_group_uuid" in item else "sk"


def _possible(head: Head) -> Head:
    """The head, with no mark above the last message."""
    return replace(head, read_seqs={one: min(mark, head.last_seq) for one, mark in head.read_seqs.items()})
