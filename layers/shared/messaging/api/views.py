"""The API's JSON: the entities from a client's view (openapi.yaml describes it).

Most types are imported only for mypy: no function needs all of them at its cold start.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from messaging.model.cursors import MessageCursor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from messaging.model.change import MessageChange
    from messaging.model.conversation import Head
    from messaging.model.inbox_entry import InboxEntry
    from messaging.model.membership import ClosedRange
    from messaging.model.message import Message, Quote
    from messaging.model.person import Person
    from messaging.model.pins import Pins
    from messaging.model.versions import Version
    from messaging.services.blocks import Blocked
    from messaging.services.read import Conversation, Feed, Found, Totals
    from messaging.services.reports import Filed

_NONE: Mapping[int, int] = MappingProxyType({})


def messages(page: Conversation) -> list[dict[str, Any]]:
    return [shown_message(message, page.quoted, page.hidden) for message in page.messages]


def one_message(page: Conversation, versions: Sequence[Version]) -> dict[str, Any]:
    """The only message of a page, with its earlier versions, oldest first."""
    (message,) = messages(page)
    earlier = [{"message": one.message, "created_at": one.created_at} for one in versions]
    return {**message, **({"versions": earlier} if earlier else {})}


def shown_message(message: Message, quoted: Mapping[str, Message], hidden: Mapping[int, int]) -> dict[str, Any]:
    """A message as its reader sees it: with the message that it replies to, and without those hidden."""
    if message.seq in hidden:
        return hidden_message(message.seq, hidden[message.seq])
    reply = {"reply_to": _quote(message.reply_to, quoted, hidden)} if message.reply_to else {}
    return {**_message(message), **reply}


def hidden_message(seq: int, withheld: int = 0) -> dict[str, Any]:
    """A hidden message; `withheld` as Sight.withheld."""
    return {"seq": seq, "hidden": True, **({"change": withheld} if withheld else {})}


def message(message: Message) -> dict[str, Any]:
    """A message without that which it replies to."""
    reply = {"reply_to": _address(message.reply_to)} if message.reply_to else {}
    return {**_message(message), **reply}


def changes(feed: Feed) -> list[dict[str, Any]]:
    shown = [
        {
            "change": change.number,
            "kind": change.kind,
            **_shown_if_found(feed.messages.get(change.created_at), feed.quoted, feed.hidden),
        }
        for change in feed.changes
    ]
    mine = sorted(feed.hidden_by_reader)
    return [*shown, {"kind": "hidden", "seqs": mine}] if feed.ended and mine else shown


def _shown_if_found(
    message: Message | None, quoted: Mapping[str, Message], hidden: Mapping[int, int] = _NONE
) -> dict[str, Any]:
    return {"message": shown_message(message, quoted, hidden)} if message else {}


def _quote(quote: Quote, quoted: Mapping[str, Message], hidden: Mapping[int, int]) -> dict[str, Any]:
    if quote.seq in hidden:
        return {**_address(quote), "hidden": True}
    message = quoted.get(quote.created_at)
    if message is None or message.message_uuid != quote.message_uuid:
        return _address(quote)
    text = {"unsent": True} if message.unsent_at else {"message": message.message}
    return {**_address(quote), "user_uuid": message.sender.user_uuid, **text}


def _address(quote: Quote) -> dict[str, Any]:
    return {"uuid": quote.message_uuid, "seq": quote.seq}


def _reactions(message: Message) -> list[dict[str, Any]]:
    """Each emoji with those who gave it, in the order of the people and of their reactions."""
    by_emoji: dict[str, list[str]] = {}
    for user_uuid, mine in message.reactions.items():
        for emoji in mine:
            by_emoji.setdefault(emoji, []).append(user_uuid)
    return [{"emoji": emoji, "user_uuids": user_uuids} for emoji, user_uuids in by_emoji.items()]


def _message(message: Message) -> dict[str, Any]:
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
        **({"reactions": _reactions(message)} if message.reactions else {}),
    }


def sent_message(sent: Message) -> dict[str, Any]:
    """The answer to a send: the message as in the list, and its conversation."""
    return {"message_group_uuid": sent.message_group_uuid, **message(sent)}


def message_group(group: InboxEntry, pinned: bool | None = None, hidden: int = 0) -> dict[str, Any]:
    """An entry of a folder. `uuid` is the name that the bootcamp's web client reads.

    `pinned` is None if that is not known. `hidden` is the number of messages that its owner has hidden, 0 also if that
    is not known.
    """
    return {
        "uuid": group.message_group_uuid,
        "message_group_uuid": group.message_group_uuid,
        "display_name": group.other.display_name,
        "handle": group.other.handle,
        "avatar": group.other_avatar or None,
        "message": group.message,
        "created_at": group.created_at,
        "user_uuid": group.other.user_uuid,
        **_read_and_unread(group),
        "other_read_seq": group.other_read_seq,
        "last_change": group.last_change,
        "folder": group.folder or None,
        "muted_until": group.muted_until or None,
        **({} if pinned is None else {"pinned": pinned}),
        "marked_unread": group.marked_unread,
        "blocked": group.blocking,
        "begins_after": group.begins_after,
        "last_setting": group.last_setting,
        **_unseen(group.skipped),
        **({"unsent": True} if group.unsent else {}),
        **({"hidden": hidden} if hidden else {}),
    }


def _unseen(ranges: Sequence[ClosedRange]) -> dict[str, list[list[int]]]:
    """The messages after the mark that blocks have hidden."""
    return {"unseen": [[first, last] for first, last in ranges]} if ranges else {}


def message_groups(entries: Sequence[InboxEntry], pins: Pins) -> list[dict[str, Any]]:
    return [message_group(entry, pins.shows(entry)) for entry in entries]


def marks(head: Head, user_uuid: str) -> dict[str, Any]:
    """A member's read mark."""
    return {"message_group_uuid": head.message_group_uuid, **_read_and_unread(head.inbox_entry(user_uuid))}


def _read_and_unread(group: InboxEntry) -> dict[str, int]:
    return {"last_seq": group.last_seq, "read_seq": group.read_seq, "unread_count": group.unread_count}


def unread(totals: Totals) -> dict[str, Any]:
    return {"message_groups": totals.conversations, "messages": totals.messages, "requests": totals.requests}


def filed_report(filed: Filed) -> dict[str, Any]:
    return {"report_uuid": filed.report_uuid, "created_at": filed.created_at}


def user(person: Person) -> dict[str, Any]:
    return {
        "uuid": person.user_uuid,
        "handle": person.handle,
        "display_name": person.display_name,
        "avatar": person.avatar or None,
    }


def me(person: Person) -> dict[str, Any]:
    """The caller's own profile, with the deployment's default for `messages_from`: see Person.with_default."""
    return {**user(person), "receipts": person.read_receipts, "messages_from": person.messages_from}


def found_message_group(found: Found) -> dict[str, Any]:
    """The answer to a search by handle: whether the caller can write, and the conversation if there is one."""
    group = {"message_group_uuid": found.message_group_uuid, "display_name": found.person.display_name}
    return {**(group if found.message_group_uuid else {}), "can_write": found.can_write}


def blocked_user(blocked: Blocked) -> dict[str, Any]:
    return {**user(blocked.person), "blocked_at": blocked.at}


# Events of sockets (asyncapi.yaml describes them)


def message_event(
    head: Head, last: Message, quoted: Mapping[str, Message], hidden: Mapping[int, int] = _NONE
) -> dict[str, Any]:
    """The last message of a conversation, as it is now. `after` is the cursor to go on after it."""
    return {
        "type": "message",
        "message_group_uuid": head.message_group_uuid,
        **shown_message(last, quoted, hidden),
        "after": str(MessageCursor(head.message_group_uuid, head.created_at, head.last_seq)),
    }


def message_group_event(group: InboxEntry) -> dict[str, Any]:
    return {"type": "message_group", **message_group(group)}


def me_event(person: Person) -> dict[str, Any]:
    """The caller's own profile, after a change."""
    return {"type": "me", **me(person)}


def change_event(
    message_group_uuid: str,
    change: MessageChange,
    message: Message | None,
    quoted: Mapping[str, Message],
    hidden: Mapping[int, int] = _NONE,
) -> dict[str, Any]:
    """A change, with its message as it is now, if that could be read."""
    return {
        "type": "change",
        "message_group_uuid": message_group_uuid,
        "change": change.number,
        "kind": change.kind,
        **_shown_if_found(message, quoted, hidden),
    }


def hidden_event(message_group_uuid: str, seq: int) -> dict[str, Any]:
    return {"type": "hidden", "message_group_uuid": message_group_uuid, "seq": seq}


def settings_event(group: InboxEntry) -> dict[str, Any]:
    """A conversation after its owner, or a message, has changed its folder or another setting."""
    return {"type": "settings", **message_group(group)}


def pins_event(pins: Pins) -> dict[str, Any]:
    """A person's pinned conversations after a change."""
    return {"type": "pins", "number": pins.number, "message_group_uuids": list(pins.message_group_uuids)}


def read_event(message_group_uuid: str, user_uuid: str, read_seq: int) -> dict[str, Any]:
    return {
        "type": "read",
        "message_group_uuid": message_group_uuid,
        "user_uuid": user_uuid,
        "read_seq": read_seq,
    }


def typing_event(message_group_uuid: str, user_uuid: str) -> dict[str, Any]:
    return {"type": "typing", "message_group_uuid": message_group_uuid, "user_uuid": user_uuid}


def presence_event(message_group_uuid: str, user_uuid: str, *, online: bool) -> dict[str, Any]:
    return {"type": "presence", "message_group_uuid": message_group_uuid, "user_uuid": user_uuid, "online": online}


def pong_event() -> dict[str, Any]:
    return {"type": "pong"}


def error_event(code: str, detail: str) -> dict[str, Any]:
    return {"type": "error", "code": code, "detail": detail}
