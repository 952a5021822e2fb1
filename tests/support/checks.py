"""Rules 3 and 4 (docs/design.md#rule-3), checked on the stored items."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry, Unread
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
    """Check that each person has one entry per conversation, at the last message, and the right unread entries."""
    heads = assert_conversations_are_whole(items)
    stored = [InboxEntry.from_item(item) for item in items if item["pk"]["S"].startswith(keys.inbox_pk(""))]
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
