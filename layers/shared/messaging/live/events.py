"""The events of a change for each person, and the frames that carry them (asyncapi.yaml)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from messaging.api import views
from messaging.model import keys
from messaging.model.change import UNSEND, MessageChange
from messaging.model.conversation import Head
from messaging.model.hidden import Hidden, Sight
from messaging.model.inbox_entry import InboxEntry
from messaging.model.items import Item
from messaging.model.membership import OUT_OF_SIGHT
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.pins import Pins
from messaging.services.rewrite_inbox import Change

Event = dict[str, Any]
FRAME_BYTES = 32 * 1024  # API Gateway's maximum


# A message by its message_group_uuid and its time.
Place = tuple[str, str]


class PersonChange(NamedTuple):
    """A stream record of a changed profile: the person before and after."""

    old: Person
    new: Person


class HiddenChange(NamedTuple):
    """A stream record: the hidden messages of a conversation, before and after somebody hid one."""

    old: Hidden
    new: Hidden


StreamChange = Change | PersonChange | HiddenChange | Pins


def read_change(record: Item, messages_from: str) -> StreamChange:
    """Read a record of a head, hidden messages, pins or a changed profile. Raises one of UNREADABLE for any other.

    `messages_from` is the deployment's, for people who have not chosen.
    """
    images = record["dynamodb"]
    match images["NewImage"]["sk"]["S"]:
        case keys.PROFILE:
            person = Person.from_profile_item(images["NewImage"]).with_default(messages_from)
            old = Person.from_profile_item(images["OldImage"]) if "OldImage" in images else person
            return PersonChange(old.with_default(messages_from), person)
        case keys.HIDDEN:
            hidden = Hidden.from_item(images["NewImage"])
            none = Hidden(hidden.message_group_uuid)
            return HiddenChange(Hidden.from_item(images["OldImage"]) if "OldImage" in images else none, hidden)
        case keys.PINS:
            return Pins.from_item(images["NewImage"])
    return Change.from_record(record)


def is_changed(change: Change) -> bool:
    """True if a message was changed, not only sent."""
    return change.new.last_change > (change.old.last_change if change.old else 0)


def events_of(change: StreamChange, messages: Mapping[Place, Message]) -> dict[str, list[Event]]:
    """The events of a change for each person it concerns, in order; none for deleted people.

    `messages` are those changed or replied to, as they are now.
    """
    if isinstance(change, PersonChange):
        is_shown = change.new.version > change.old.version or change.new.messages_from != change.old.messages_from
        return {change.new.user_uuid: [views.me_event(change.new)]} if is_shown else {}
    if isinstance(change, Pins):
        return {change.owner_uuid: [views.pins_event(change)]}
    if isinstance(change, HiddenChange):
        return _events_of_hidden(change)
    return _events_of_head(change, messages)


def _events_of_hidden(change: HiddenChange) -> dict[str, list[Event]]:
    """An event for each message that somebody has hidden, for that person only."""
    new = {user_uuid: mine - change.old.of(user_uuid) for user_uuid, mine in change.new.seqs.items()}
    group = change.new.message_group_uuid
    return {one: [views.hidden_event(group, seq) for seq in sorted(seqs)] for one, seqs in new.items() if seqs}


def _events_of_head(change: Change, messages: Mapping[Place, Message]) -> dict[str, list[Event]]:
    events: dict[str, list[Event]] = {}
    if not change.new.is_open:
        return events
    for user_uuid, person in change.new.members.items():
        if not person.is_gone and (mine := list(_events_for(user_uuid, change, messages))):
            events[user_uuid] = mine
    return events


def _events_for(user_uuid: str, change: Change, messages: Mapping[Place, Message]) -> Iterator[Event]:
    """The events of a head's change for one member, as this member may see the conversation.

    Nothing that the other does reaches a member who blocks them: no reaction, no edit, no other name. Of changes, only
    the member's own unsends do.
    """
    old, new, group = change.old, change.new, change.new.message_group_uuid
    entry, before = new.inbox_entry(user_uuid), old.inbox_entry(user_uuid) if old else None
    if old is None or before is None:
        if entry.folder != OUT_OF_SIGHT:
            yield views.message_group_event(entry)
    elif _settings(old, before) != _settings(new, entry):
        yield views.settings_event(entry)
    if entry.folder == OUT_OF_SIGHT:
        return
    older_unseen = new.membership(user_uuid).older_unseen  # clients fetch those up to there
    here = {
        time: message
        for (of_group, time), message in messages.items()
        if of_group == group and message.seq > older_unseen
    }
    sight = Sight.of(new, user_uuid, Hidden(group))
    hidden = {message.seq: sight.withheld(message) for message in here.values() if sight.hides(message)}
    sent = old is None or new.last_seq > old.last_seq
    if sent and entry.last_seq == new.last_seq:
        yield views.message_event(new, here.get(new.created_at, new.last), here, hidden)
    changed = here.get(new.changed.created_at) if new.changed else None
    if new.changed and is_changed(change) and (not entry.blocking or _is_own_unsend(new.changed, changed, user_uuid)):
        is_shown = changed and sight.has_place_for(changed)
        yield views.change_event(group, new.changed, changed if is_shown else None, here, hidden)
    if old is None or before is None:
        return
    became_mutual = new.is_mutual and not old.is_mutual  # the entry now shows the other's mark
    is_renamed = old.other(user_uuid).shown != new.other(user_uuid).shown
    is_mark_toggled = (before.other_read_seq is None) != (entry.other_read_seq is None)
    if became_mutual or ((is_renamed or is_mark_toggled) and not entry.blocking):
        yield views.message_group_event(entry)
    yield from _marks_for(entry, before, old, new)


def _is_own_unsend(change: MessageChange, message: Message | None, user_uuid: str) -> bool:
    return change.kind == UNSEND and message is not None and message.sender.user_uuid == user_uuid


def _marks_for(entry: InboxEntry, before: InboxEntry, old: Head, new: Head) -> Iterator[Event]:
    """The marks that moved for one member: their own, and the other's as they see it, unless by sending."""
    user_uuid, other_uuid = entry.owner_uuid, entry.other.user_uuid
    known = old.read_seqs[other_uuid] if before.other_read_seq is None else before.other_read_seq
    # A sender has read everything.
    by_sending = (new.last.sender.user_uuid, new.last_seq) if new.last_seq > old.last_seq else None
    if new.read_seqs[user_uuid] > old.read_seqs[user_uuid] and (user_uuid, entry.read_seq) != by_sending:
        yield views.read_event(new.message_group_uuid, user_uuid, entry.read_seq)
    shown = entry.other_read_seq
    if shown is not None and shown > known and (other_uuid, shown) != by_sending:
        yield views.read_event(new.message_group_uuid, other_uuid, shown)


def _settings(head: Head, entry: InboxEntry) -> tuple[object, ...]:
    """All that a `settings` event tells."""
    begins_after = head.membership(entry.owner_uuid).begins_after
    return entry.folder, entry.muted_until, entry.marked_unread, entry.blocking, begins_after


def pack(events: Iterable[Event]) -> list[str]:
    """Pack events, in order, into JSON arrays, each as large as a frame allows."""
    frames: list[str] = []
    held: list[str] = []
    size = 0
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        more = len(text.encode()) + 1  # a comma or bracket
        if held and size + more + 1 > FRAME_BYTES:
            frames.append(f"[{','.join(held)}]")
            held, size = [], 0
        held.append(text)
        size += more
    if held:
        frames.append(f"[{','.join(held)}]")
    return frames
