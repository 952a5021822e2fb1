"""Changes of a message by one of the two people, and hiding it from oneself (docs/changes.md).

A change decides with the message as it was read. A refused condition returns the message as it is now, and the change
decides anew: so a repetition finds that all is done, and a late one that it may not be done any more.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from messaging.clock import Clock, utc_now
from messaging.model import keys
from messaging.model.change import EDIT, REACTION, UNSEND, MessageChange
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Changed, Forbidden, Gone, Invalid, Prevented
from messaging.model.message import Message
from messaging.retry import attempts, until_not_busy
from messaging.services.read import find_address, find_message, require_member
from messaging.services.suspension import require_not_suspended
from messaging.storage.table import MessageChanged, Table

MOST_REACTIONS = 5  # different ones of one person on one message


class Window(NamedTuple):
    """The time after a message's sending in which its sender may change it. `hours` are None for ever."""

    hours: int | None

    def require(self, message: Message, now: datetime) -> None:
        """Raise Gone if the time is over."""
        if self.hours is not None and now - datetime.fromisoformat(message.created_at) >= timedelta(hours=self.hours):
            raise Gone("It is too late to change this message.")


# The state of a message after a change with this time and number; the message itself if there is nothing to change.
_Decide = Callable[[Message, str, int], Message]


def edit(
    table: Table,
    user_uuid: str,
    message_group_uuid: str,
    message_uuid: str,
    text: str,
    seen: int,
    window: Window,
    now: Clock = utc_now,
    *,
    keep: int = 0,
) -> Message:
    """Give the caller's message another text, if `seen` is still the number of its last change.

    At most `keep` earlier texts are kept. A message that has this text already stays as it is. Raises NotFound,
    Forbidden for somebody else's message and for a suspended person, Gone for an unsent or too old one, Changed,
    Prevented while the caller blocks the other, and Busy.
    """

    def decide(message: Message, at: str, number: int) -> Message:
        _require_sender(message, user_uuid)
        _require_sent(message)
        if message.message == text:
            return message
        window.require(message, datetime.fromisoformat(at))
        if message.change != seen:
            raise Changed("The message has been changed since you saw it.")
        return message.edited(text, at, number)

    return _change(table, user_uuid, message_group_uuid, message_uuid, EDIT, decide, now, keep)


def unsend(
    table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str, window: Window, now: Clock = utc_now
) -> Message:
    """Take the caller's message back: only its place remains. An unsent message stays as it is.

    Raises NotFound, Forbidden for somebody else's message, Gone for a too old one, and Busy.
    """

    def decide(message: Message, at: str, number: int) -> Message:
        _require_sender(message, user_uuid)
        if message.unsent_at:
            return message
        window.require(message, datetime.fromisoformat(at))
        return message.unsent(at, number)

    return _change(table, user_uuid, message_group_uuid, message_uuid, UNSEND, decide, now)


def react(
    table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str, emoji: str, now: Clock = utc_now
) -> Message:
    """Add a reaction of the caller to a message. One that is there already stays.

    Raises NotFound, Gone for an unsent message, Invalid for one more than MOST_REACTIONS, Prevented while the
    caller blocks the other or a request waits for them, Forbidden for a suspended person, and Busy.
    """

    def decide(message: Message, _: str, number: int) -> Message:
        _require_sent(message)
        mine = message.reactions.get(user_uuid, ())
        if emoji in mine:
            return message
        if len(mine) >= MOST_REACTIONS:
            raise Invalid("reactions_exceed_max")
        return message.reacted(user_uuid, (*mine, emoji), number)

    return _change(table, user_uuid, message_group_uuid, message_uuid, REACTION, decide, now)


def take_back_reaction(
    table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str, emoji: str, now: Clock = utc_now
) -> Message:
    """Take a reaction of the caller from a message, if it is there.

    Raises NotFound, Gone for an unsent message, and Busy.
    """

    def decide(message: Message, _: str, number: int) -> Message:
        _require_sent(message)
        mine = message.reactions.get(user_uuid, ())
        if emoji not in mine:
            return message
        return message.reacted(user_uuid, tuple(one for one in mine if one != emoji), number)

    return _change(table, user_uuid, message_group_uuid, message_uuid, REACTION, decide, now)


def hide(table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str) -> int:
    """Hide a message from the caller, for good; return its number. The other person can notice nothing.

    2 requests, 1 read and 1 write unit. Raises NotFound, Invalid for too many in one conversation, and Busy.
    """
    seq = find_address(table, user_uuid, message_group_uuid, message_uuid).seq
    until_not_busy(lambda: table.hide(message_group_uuid, user_uuid, seq))
    return seq


def _change(
    table: Table,
    user_uuid: str,
    message_group_uuid: str,
    message_uuid: str,
    kind: str,
    decide: _Decide,
    now: Clock,
    keep: int = 0,
) -> Message:
    """Decide and write until nothing changes meanwhile; return the message as it is then."""
    head, message = find_message(table, user_uuid, message_group_uuid, message_uuid)
    for _ in attempts():
        if message.change > head.last_change:  # the head was read before that change
            head = table.head(message_group_uuid, consistent=True) or head
        head = require_member(head, user_uuid)
        at = keys.time_after(head.changed.at if head.changed else "", now())
        new = decide(message, at, head.last_change + 1)
        if new == message:
            return message
        if kind == EDIT or len(new.reactions.get(user_uuid, ())) > len(message.reactions.get(user_uuid, ())):
            _require_may_write(head, user_uuid)
            require_not_suspended(table, head.members[user_uuid])
        new = new.without_reactions_of(one for one, member in head.members.items() if member.is_gone)
        change = MessageChange(head.last_change + 1, kind, at, message.created_at)
        versions = table.versions(message_uuid).followed_by(message, keep) if keep else None
        if versions:
            new = replace(new, versions=len(versions.versions))
        try:
            table.change_message(head, message, new, change, user_uuid, versions)
        except MessageChanged as changed:
            head, message = changed.head or head, changed.message or message
        except Busy:
            head, message = find_message(table, user_uuid, message_group_uuid, message_uuid)
        else:
            return new
    raise Busy("This conversation keeps changing.")


def _require_sender(message: Message, user_uuid: str) -> None:
    if message.sender.user_uuid != user_uuid:
        raise Forbidden("Only the sender can change a message.")


def _require_may_write(head: Head, user_uuid: str) -> None:
    """Raise Prevented while this member blocks the other, or a request of the other waits for them."""
    mine = head.membership(user_uuid)
    if mine.block:
        raise Prevented("You block this person. Unblock them first.")
    if mine.ask:
        raise Prevented("Accept the request first.")


def _require_sent(message: Message) -> None:
    if message.unsent_at:
        raise Gone("The message was unsent.")
