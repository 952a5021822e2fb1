"""The API's JSON: how the entities look from outside (openapi.yaml describes it)."""

from typing import Any

from messaging.items import Head, Message, MessageGroup, Person
from messaging.read import Totals


def message_in_list(message: Message) -> dict[str, Any]:
    return {
        "uuid": message.message_uuid,
        "display_name": message.sender.display_name,
        "handle": message.sender.handle,
        "message": message.message,
        "created_at": message.created_at,
        "user_uuid": message.sender.user_uuid,
        "seq": message.seq,
    }


def sent_message(message: Message) -> dict[str, Any]:
    return {
        "message_group_uuid": message.message_group_uuid,
        "uuid": message.message_uuid,
        "display_name": message.sender.display_name,
        "handle": message.sender.handle,
        "message": message.message,
        "created_at": message.created_at,
        "seq": message.seq,
    }


def message_group(group: MessageGroup) -> dict[str, Any]:
    return {
        "uuid": group.message_group_uuid,
        "display_name": group.other.display_name,
        "handle": group.other.handle,
        "message": group.message,
        "created_at": group.created_at,
        "user_uuid": group.other.user_uuid,
        "last_seq": group.last_seq,
        "read_seq": group.read_seq,
        "unread_count": group.last_seq - group.read_seq,
        "other_read_seq": group.other_read_seq,
    }


def marks(head: Head, user_uuid: str) -> dict[str, Any]:
    """How far a member has read."""
    read_seq = head.read_seqs[user_uuid]
    return {
        "message_group_uuid": head.message_group_uuid,
        "last_seq": head.last_seq,
        "read_seq": read_seq,
        "unread_count": head.last_seq - read_seq,
    }


def unread(totals: Totals) -> dict[str, Any]:
    return {"message_groups": totals.message_groups, "messages": totals.messages}


def user(person: Person) -> dict[str, Any]:
    return {"uuid": person.user_uuid, "handle": person.handle, "display_name": person.display_name}


def me(person: Person) -> dict[str, Any]:
    return {**user(person), "receipts": person.receipts}
