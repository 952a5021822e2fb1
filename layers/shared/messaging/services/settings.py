"""A member's own settings of a conversation (docs/reach.md). The other member can notice none of them."""

from dataclasses import replace

from messaging.clock import Clock, utc_now
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Invalid, Prevented
from messaging.model.inbox_entry import InboxEntry
from messaging.model.limits import Limit
from messaging.model.membership import ARCHIVE, INBOX
from messaging.model.pins import MOST_PINS, Pins
from messaging.model.settings_change import SettingsChange
from messaging.retry import attempts, until_not_busy
from messaging.services.limits import give_back
from messaging.services.read import find_head_and_pins, require_member
from messaging.storage.table import HeadChanged, PinsChanged, Table


def change_settings(
    table: Table, user_uuid: str, message_group_uuid: str, change: SettingsChange, now: Clock = utc_now
) -> InboxEntry:
    """Change the caller's settings of a conversation; return its entry. 1 request, 1 write unit.

    Pins are stored apart, at 2 requests, 1 read and 1 write unit. Raises NotFound for a stranger as for no
    conversation, Invalid for more than MOST_PINS, and Busy.
    """
    if change.pinned is not None:
        head = _pin(table, user_uuid, message_group_uuid, pinned=change.pinned)
    if change.is_of_head:
        head = _change_head(table, user_uuid, message_group_uuid, change, now)
    return head.inbox_entry(user_uuid)


def leave(table: Table, user_uuid: str, message_group_uuid: str, now: Clock = utc_now) -> None:
    """End the caller's history of a conversation here; its next message brings it back. 1 request, 1 write unit.

    Raises NotFound for a stranger as for no conversation, and Busy.
    """
    try:
        until_not_busy(lambda: table.leave(message_group_uuid, user_uuid, keys.format_time(now())))
    except HeadChanged as changed:
        require_member(changed.head, user_uuid)
        raise


def accept_request(
    table: Table, user_uuid: str, message_group_uuid: str, limit: Limit, now: Clock = utc_now
) -> InboxEntry:
    """Move a request of the caller to the inbox; return its entry. 1 request, 1 write unit, and 1 each for the limit.

    The other can make another request in place of this one. Messages from before a decline stay hidden. Without a
    request nothing changes. Raises NotFound for a stranger as for no conversation, and Busy.
    """
    at = now()
    try:
        head = until_not_busy(lambda: table.accept_request(message_group_uuid, user_uuid, keys.format_time(at)))
    except HeadChanged as changed:
        return require_member(changed.head, user_uuid).inbox_entry(user_uuid)
    give_back(table, head.other(user_uuid).user_uuid, limit, at.timestamp())
    return head.inbox_entry(user_uuid)


def decline_request(table: Table, user_uuid: str, message_group_uuid: str, now: Clock = utc_now) -> None:
    """Remove a request of the caller, with all its messages so far. 1 request, 1 write unit.

    Raises Prevented if none waits, NotFound for a stranger as for no conversation, and Busy.
    """
    try:
        until_not_busy(lambda: table.decline_request(message_group_uuid, user_uuid, keys.format_time(now())))
    except HeadChanged as changed:
        require_member(changed.head, user_uuid)
        raise Prevented("There is no request to decline.") from None


def _change_head(table: Table, user_uuid: str, message_group_uuid: str, change: SettingsChange, now: Clock) -> Head:
    """Change a head until nothing changes meanwhile. A mute leaves the conversation in its folder."""
    known: Head | None = None
    for _ in attempts():
        if known:
            change = replace(change, archived=known.folder(user_uuid) == ARCHIVE)
        try:
            return table.change_settings(message_group_uuid, user_uuid, change, keys.format_time(now()), known)
        except HeadChanged as changed:
            known = require_member(changed.head, user_uuid)
        except Busy:
            pass
    raise Busy("This conversation keeps changing.")


def _pin(table: Table, user_uuid: str, message_group_uuid: str, *, pinned: bool) -> Head:
    """Pin a conversation, or end that; return its head. If all pins are in use, those without effect give way."""
    head, pins = find_head_and_pins(table, message_group_uuid, user_uuid)
    for _ in attempts():
        new = pins.pinned(message_group_uuid) if pinned else pins.unpinned(message_group_uuid)
        if len(new.message_group_uuids) > MOST_PINS:
            new = _shown(table, pins).pinned(message_group_uuid)
        if len(new.message_group_uuids) > MOST_PINS:
            raise Invalid("pins_exceed_max")
        if new == pins:
            return head
        try:
            table.change_pins(pins, new)
        except PinsChanged as changed:
            pins = changed.pins
        except Busy:
            pass
        else:
            return head
    raise Busy("The pins keep changing.")


def _shown(table: Table, pins: Pins) -> Pins:
    """The pins whose conversations are in the inbox."""
    heads = table.heads_of(pins.message_group_uuids)
    shown = (head for head in heads if head.is_open and head.folder(pins.owner_uuid) == INBOX)
    return pins.kept(frozenset(head.message_group_uuid for head in shown))
