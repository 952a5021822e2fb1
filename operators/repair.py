"""Mending what `verify` finds: from heads, from messages, and, where items are lost, from a restored copy of the table.

Every write is conditional on what was read, so that all of it is safe while the system runs and can be done again.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from messaging import keys
from messaging.errors import Busy, HandleTaken
from messaging.inbox import rebuild
from messaging.items import Head, Item, Message, Person, Receipt
from messaging.retry import attempts
from messaging.table import Table
from operators.verify import Break, conversation_breaks, items_of, lying_message_groups


def repair_inboxes(table: Table, message_group_uuid: str) -> None:
    """Rebuilds a conversation's entries and unread entries from its head, wherever they are stored. Raises Busy."""
    head = table.head(message_group_uuid, consistent=True)
    if head:
        rebuild(table, head, keys.FIRST_TIME)


class Repair:
    """Mends breaks in a table. `backup` is the name of a restored copy of it, from which lost items come back."""

    def __init__(self, client: Any, table_name: str, backup: str | None) -> None:
        self._client = client
        self._name = table_name
        self._backup = backup
        self._table = Table(client, table_name)
        self._lost_uuids: dict[tuple[str, str], str] = {}

    def mend(self, breaks: Iterable[Break]) -> list[Break]:
        """Mends what can be mended and returns what is left. Raises Busy."""
        breaks = list(breaks)
        orphans = [one for one in breaks if one.kind == "orphan"]
        conversations = sorted({one.where for one in breaks if one.of_conversation})
        receipts = [item for one in orphans if one.sk == keys.RECEIPT and (item := self._get(one.where, one.sk))]
        for receipt in map(Receipt.from_item, receipts):
            self._lost_uuids[receipt.message_group_uuid, receipt.created_at] = receipt.message_uuid
        for conversation in sorted({*conversations, *(group for group, _ in self._lost_uuids)}):
            self._mend_conversation(conversation)
        for one in orphans:
            self._delete_orphan(one)
        people = [one for one in breaks if one.kind == "person"]
        return [
            *(one for one in breaks if one.kind in ("unknown", "unreadable")),
            *(one for one in people if not self._mend_person(one.where)),
            *(one for group in conversations for one in conversation_breaks(self._client, self._name, group)),
        ]

    def _mend_conversation(self, group: str) -> None:
        if self._backup:
            self._bring_back(group, self._backup)
        self._mend_head(group)
        self._mend_copies(group)
        self._mend_writers(group)
        repair_inboxes(self._table, group)

    def _bring_back(self, group: str, backup: str) -> None:
        """Puts the items of a conversation that the copy has and the table has not."""
        there = {item["sk"]["S"] for item in items_of(self._client, self._name, keys.conversation_pk(group))}
        for item in items_of(self._client, backup, keys.conversation_pk(group)):
            if item["sk"]["S"] not in there:
                self._put_if_absent(item)

    def _mend_head(self, group: str) -> None:
        """Makes head and last message agree: a message that only the head knows is put, else the head is."""
        for _ in attempts():
            head = self._table.head(group, consistent=True)
            last = self._newest(group)
            if head is None:
                made = self._head_of(group, last) if last else None
                if made is None or self._put_if_absent(made.item):
                    return
            elif last is None or last.created_at < head.created_at:
                self._put_if_absent(self._last_message(head).item)
                return
            elif (wanted := _possible(head.after(last))) == head or self._replace_head(head, wanted):
                return
        raise Busy("The head of a conversation keeps changing.")

    def _mend_copies(self, group: str) -> None:
        """Copies the profiles of both members into the head."""
        head = self._table.head(group, consistent=True)
        for user_uuid in head.members if head else ():
            person = self._table.person(user_uuid, consistent=True)
            if person:
                self._table.copy_profile(group, person)

    def _mend_writers(self, group: str) -> None:
        """Notes in the head who has written."""
        head = self._table.head(group, consistent=True)
        items = items_of(self._client, self._name, keys.conversation_pk(group)) if head else ()
        senders = {Message.from_item(item).sender.user_uuid for item in items if item["sk"]["S"] != keys.HEAD}
        for sender_uuid in sorted(senders - head.wrote) if head else ():
            self._write(
                self._client.update_item,
                Key=keys.key(keys.conversation_pk(group), keys.HEAD),
                UpdateExpression="SET members.#sender.wrote = :true ADD version :one",
                ConditionExpression="attribute_exists(members.#sender)",
                ExpressionAttributeNames={"#sender": sender_uuid},
                ExpressionAttributeValues={":true": {"BOOL": True}, ":one": {"N": "1"}},
            )

    def _newest(self, group: str) -> Message | None:
        newest = self._table.before(group, keys.HEAD, 1, consistent=True)
        return newest[0] if newest else None

    def _last_message(self, head: Head) -> Message:
        made = str(uuid5(NAMESPACE_URL, f"{head.message_group_uuid}/{head.last_seq}"))
        message_uuid = self._lost_uuids.get((head.message_group_uuid, head.created_at), made)
        sender = head.members[head.sender_uuid]
        return Message(head.message_group_uuid, message_uuid, head.message, sender, head.created_at, head.last_seq)

    def _head_of(self, group: str, last: Message) -> Head | None:
        """A head for messages that have none; None if it cannot be found out who converses."""
        people, sent = {}, {}
        for message in map(Message.from_item, items_of(self._client, self._name, keys.conversation_pk(group))):
            people[message.sender.user_uuid] = message.sender
            sent[message.sender.user_uuid] = message.seq
        if len(people) == 1:
            lying = lying_message_groups(self._table, last.sender.user_uuid, group)
            people |= {one.other.user_uuid: one.other for one in lying}
        if len(people) != 2 or keys.pair_uuid(*people) != group:
            return None
        (other,) = (person for uuid, person in people.items() if uuid != last.sender.user_uuid)
        # Who has sent a message had read those before it; more is not known.
        return replace(
            Head.of_first(last, other),
            last_seq=last.seq,
            read_seqs={one: sent.get(one, 0) for one in people},
            wrote=frozenset(sent),
        )

    def _delete_orphan(self, orphan: Break) -> None:
        """Deletes what points to a conversation or message that is not there, if that is still so."""
        item = self._get(orphan.where, orphan.sk)
        if item is None or self._is_there(item):
            return
        named = _naming(item)
        self._write(
            self._client.delete_item,
            Key=keys.key(orphan.where, orphan.sk),
            ConditionExpression=f"{named} = :group",
            ExpressionAttributeValues={":group": item[named]},
        )

    def _is_there(self, orphan: Item) -> bool:
        """True if what a receipt, a message group or an unread conversation points to exists."""
        if orphan["sk"]["S"] == keys.RECEIPT:
            receipt = Receipt.from_item(orphan)
            message = self._table.message(receipt.message_group_uuid, receipt.created_at)
            return message is not None and message.message_uuid == receipt.message_uuid
        group = orphan[_naming(orphan)]["S"]
        return bool(self._table.head(group, consistent=True)) or bool(self._newest(group))

    def _mend_person(self, pk: str) -> bool:
        """Makes profile and handle belong together again. The profile is right, if there is one."""
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
            self._write(
                self._client.delete_item,
                Key=keys.key(pk, keys.HANDLE),
                ConditionExpression="user_uuid = :user_uuid",
                ExpressionAttributeValues={":user_uuid": {"S": person.user_uuid}},
            )
        return True

    def _replace_head(self, head: Head, wanted: Head) -> bool:
        return self._write(
            self._client.put_item,
            Item=wanted.item,
            ConditionExpression="last_seq = :read AND created_at = :at",
            ExpressionAttributeValues={":read": {"N": str(head.last_seq)}, ":at": {"S": head.created_at}},
        )

    def _put_if_absent(self, item: Item) -> bool:
        return self._write(self._client.put_item, Item=item, ConditionExpression="attribute_not_exists(pk)")

    def _write(self, operation: Any, **request: Any) -> bool:
        """False if the condition refused it."""
        try:
            operation(TableName=self._name, **request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _get(self, pk: str, sk: str) -> Item | None:
        found = self._table.get_many([keys.key(pk, sk)], consistent=True)
        return found[0] if found else None


def _naming(item: Item) -> str:
    """The attribute of a receipt, a message group or an unread conversation that names the conversation."""
    return "message_group_uuid" if "message_group_uuid" in item else "sk"


def _possible(head: Head) -> Head:
    """With no mark past the last message."""
    return replace(head, read_seqs={one: min(mark, head.last_seq) for one, mark in head.read_seqs.items()})
