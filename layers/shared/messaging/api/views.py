"""The API's JSON: the entities from a client's view (openapi.yaml describes it)."""

from typing import Any

from messaging.model.conversation import Head
from messaging.model.cursors import MessageCursor
from messaging.model.inbox_entry import InboxEntry
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services.read import Totals


def message(message: Message) -> dict[str, Any]:
    return {
        "uuid": message.message_uuid,
        "display_name": message.sender.display_name,
        "handle": message.sender.handle,
        "message": message.message,
        "created_at": message.created_at,
        "user_uuid": message.sender.user_uuid,
        "seq": message.seq,
        "change": message.change,
        **({"edited_at": message.edited_at} if message.edited_at else {}),
        **({"unsent_at": message.unsent_at} if message.unsent_at else {}),
    }


def sent_message(sent: Message) -> dict[str, Any]:
    """The answer to a send: the message as in the list, and its conversation."""
    return {"message_group_uuid": sent.message_group_uuid, **message(sent)}


def message_group(group: InboxEntry) -> dict[str, Any]:
    """An entry of the inbox. `uuid` is the name that the bootcamp's web client reads."""
    return {
        "uuid": group.message_group_uuid,
        "message_group_uuid": group.message_group_uuid,
        "display_name": group.other.display_name,
        "handle": group.other.handle,
        "avatar": group.other_avatar or None,
        "message": group.message,
        "created_at": group.created_at,
        "user_uuid": group.other.user_uuid,
        **_read_and_unread(group.last_seq, group.read_seq),
        "other_read_seq": group.other_read_seq,
        "last_change": group.last_change,
        **({"unsent": True} if group.unsent else {}),
    }


def marks(head: Head, user_uuid: str) -> dict[str, Any]:
    """A member's read mark."""
    return {
        "message_group_uuid": head.message_group_uuid,
        **_read_and_unread(head.last_seq, head.read_seqs[user_uuid]),
    }


def _read_and_unread(last_seq: int, read_seq: int) -> dict[str, int]:
    return {"last_seq": last_seq, "read_seq": read_seq, "unread_count": last_seq - read_seq}


def unread(totals: Totals) -> dict[str, Any]:
    return {"message_groups": totals.conversations, "messages": totals.messages}


def user(person: Person) -> dict[str, Any]:
    return {
        "uuid": person.user_uuid,
        "handle": person.handle,
        "display_name": person.display_name,
        "avatar": person.avatar or None,
    }


def me(person: Person) -> dict[str, Any]:
    return {**user(person), "receipts": person.read_receipts}


# Events of sockets (asyncapi.yaml describes them)


def message_event(head: Head) -> dict[str, Any]:
    """The last message of a conversation. `after` is the cursor to go on after it."""
    return {
        "type": "message",
        "message_group_uuid": head.message_group_uuid,
        **message(head.last),
        "after": str(MessageCursor(head.message_group_uuid, head.created_at, head.last_seq)),
    }


def message_group_event(group: InboxEntry) -> dict[str, Any]:
    return {"type": "message_group", **message_group(group)}


def me_event(person: Person) -> dict[str, Any]:
    """The caller's own profile, after a change."""
    return {"type": "me", **me(person)}


def read_event(head: Head, user_uuid: str) -> dict[str, Any]:
    return {
        "type": "read",
        "message_group_uuid": head.message_group_uuid,
        "user_uuid": user_uuid,
        "read_seq": head.read_seqs[user_uuid],
    }


def typing_event(message_group_uuid: str, user_uuid: str) -> dict[str, Any]:
    return {"type": "typing", "message_group_uuid": message_group_uuid, "user_uuid": user_uuid}


def presence_event(message_group_uuid: str, user_uuid: str, *, online: bool) -> dict[str, Any]:
    return {"type": "presence", "message_group_uuid": message_group_uuid, "user_uuid": user_uuid, "online": online}


def pong_event() -> dict[str, Any]:
    return {"type": "pong"}


def error_event(code: str, detail: str) -> dict[str, Any]:
    return {"type": "error", "code": code, "detail": detail}
