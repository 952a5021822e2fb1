"""Rules 3 and 4 (docs/design.md#rule-3), checked on the stored items."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from messaging.model import keys
from messaging.model.change import MessageChange
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.membership import FOLDERS
from messaging.model.message import Message

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def read_all(dynamodb: "DynamoDBClient", table_name: str) -> list[dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    return [dict(item) for page in pages for item in page["Items"]]


def stored_messages(items: list[dict[str, Any]]) -> list[Message]:
    """The messages among items of a table."""
    return [
        Message.from_item(item)
        for item in items
        if item["pk"]["S"].startswith(keys.conversation_pk("")) and item["sk"]["S"] not in (keys.HEAD, keys.HIDDEN)
    ]


def assert_conversations_are_whole(items: list[dict[str, Any]]) -> list[Head]:
    """Check that each conversation's seq is 1, 2, 3 … in order of time and its head has the last. Returns the heads."""
    messages: dict[str, list[Message]] = {}
    heads = [Head.from_item(item) for item in items if item["sk"]["S"] == keys.HEAD]
    for message in stored_messages(items):
        messages.setdefault(message.message_group_uuid, []).append(message)
    heads = [head for head in heads if head.is_open or not head.is_blocked]
    assert set(messages) == {head.message_group_uuid for head in heads}
    for head in heads:
        conversation = sorted(messages[head.message_group_uuid], key=lambda message: message.created_at)
        assert [message.seq for message in conversation] == list(range(1, head.last_seq + 1))
        assert len({message.created_at for message in conversation}) == len(conversation)
        sender = head.members[head.last.sender.user_uuid]
        assert conversation[-1].as_last(sender) == head.last
        assert all(0 <= mark <= head.last_seq for mark in head.read_seqs.values())
    return heads


def assert_inboxes_stand_at_the_heads(items: list[dict[str, Any]]) -> None:
    """Check that each person has one entry per conversation, in its folder, and the right unread entries."""
    heads = assert_conversations_are_whole(items)
    prefixes = tuple(keys.folder_pk(folder, "") for folder in FOLDERS)
    stored = [
        InboxEntry.from_item(item)
        for item in items
        if item["pk"]["S"].startswith(prefixes) and item["sk"]["S"] != keys.PINS
    ]
    assert Counter((group.owner_uuid, group.message_group_uuid) for group in stored) == Counter(
        (group.owner_uuid, group.message_group_uuid) for head in heads for group in head.inbox_entries
    )
    wanted = {(group.owner_uuid, group.message_group_uuid): group for head in heads for group in head.inbox_entries}
    for group in stored:
        assert group in (
            wanted[group.owner_uuid, group.message_group_uuid],
            wanted[group.owner_uuid, group.message_group_uuid].tiebroken(),
        )
    noted = [Unread.from_item(item) for item in items if item["pk"]["S"].startswith(keys.unread_pk(""))]
    unread = [one for head in heads for one in head.unread]
    assert sorted(noted, key=str) == sorted(unread, key=str)
    assert_changes_are_whole(items, heads)


def assert_changes_are_whole(items: list[dict[str, Any]], heads: list[Head]) -> None:
    """Check that changes are 1, 2, 3 …, that messages and heads show them, and that `since` leads to them."""
    messages = {(message.message_group_uuid, message.created_at): message for message in stored_messages(items)}
    changes: dict[str, list[MessageChange]] = {}
    for item in items:
        if item["pk"]["S"].startswith(keys.changes_pk("")):
            changes.setdefault(item["pk"]["S"], []).append(MessageChange.from_item(item))
    for head in heads:
        mine = sorted(changes.get(keys.changes_pk(head.message_group_uuid), []), key=lambda change: change.number)
        assert [change.number for change in mine] == list(range(1, head.last_change + 1))
        assert head.changed == (mine[-1] if mine else None)
        shown = {(change.number, change.created_at) for change in mine}
        for (group, time), message in messages.items():
            if group == head.message_group_uuid and message.change:
                assert (message.change, time) in shown
        assert all(messages[head.message_group_uuid, one.created_at].change >= one.number for one in mine)
    noted = {
        (item["pk"]["S"], item["message_group_uuid"]["S"], item["sk"]["S"])
        for item in items
        if item["pk"]["S"].startswith(keys.changed_pk(""))
    }
    wanted = {
        (one.item["pk"]["S"], one.message_group_uuid, one.sk) for head in heads for one in head.changed_conversations
    }
    assert wanted <= noted
    # An interrupted attempt may have left one at an earlier hour.
    hours = {(pk, group): sk for pk, group, sk in wanted}
    assert all(sk <= hours[pk, group] for pk, group, sk in noted if (pk, group) in hours)
