"""The events of a change for each person, and the frames that carry them (asyncapi.yaml)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from messaging.api import views
from messaging.model import keys
from messaging.model.hidden import Hidden
from messaging.model.items import Item
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services.rewrite_inbox import Change

Event = dict[str, Any]
FRAME_BYTES = 32 * 1024  # API Gateway's maximum


# A message by its message_group_uuid and its time.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PersonChange:
    """A stream record of a changed profile: the person before and after."""

    old: Person
    new: Person


@dataclass(frozen=True, slots=True)
class HiddenChange:
    """A stream record: the hidden messages of a conversation, before and after somebody hid one."""

    old: Hidden
    new: Hidden


StreamChange = Change | PersonChange | HiddenChange


def read_change(record: Item) -> StreamChange:
    """Read a record of a head, of hidden messages or of a changed profile. Raises one of UNREADABLE for any other."""
    images = record["dynamodb"]
    match images["NewImage"]["sk"]["S"]:
        case keys.PROFILE:
            person = Person.from_profile_item(images["NewImage"])
            return PersonChange(
                Person.from_profile_item(images["OldImage"]) if "OldImage" in images else person, person
            )
        case keys.HIDDEN:
            hidden = Hidden.from_item(images["NewImage"])
            none = Hidden(hidden.message_group_uuid)
            return HiddenChange(Hidden.from_item(images["OldImage"]) if "OldImage" in images else none, hidden)
    return Change.from_record(record)


def is_changed(change: Change) -> bool:
    """True if a message was changed, not only sent."""
    return change.new.last_change > (change.old.last_change if change.old else 0)


def events_of(change: StreamChange, messages: Mapping[Place, Message]) -> dict[str, list[Event]]:
    """The events of a change for each person it concerns, in order; none for deleted people.

    `messages` are those changed or replied to, as they are now.
    """
    if isinstance(change, PersonChange):
        return {change.new.user_uuid: [views.me_event(change.new)]} if change.new.version > change.old.version else {}
    if isinstance(change, HiddenChange):
        return _events_of_hidden(change)
    return _events_of_head(change, messages)


def _events_of_hidden(change: HiddenChange) -> dict[str, list[Event]]:
    """An event for each message that somebody has hidden, for that person only."""
    new = {user_uuid: mine - change.old.of(user_uuid) for user_uuid, mine in change.new.seqs.items()}
    group = change.new.message_group_uuid
    return {one: [views.hidden_event(group, seq) for seq in sorted(seqs)] for one, seqs in new.items() if seqs}


def _events_of_head(change: Change, messages: Mapping[Place, Message]) -> dict[str, list[Event]]:
    old, new = change.old, change.new
    group = new.message_group_uuid
    here = {time: message for (of_group, time), message in messages.items() if of_group == group}
    sent = old is None or new.last_seq > old.last_seq
    events: dict[str, list[Event]] = {}
    for user_uuid, person in new.members.items():
        if person.is_gone:
            continue
        mine: list[Event] = []
        if old is None:
            mine.append(views.message_group_event(new.inbox_entry(user_uuid)))
        if sent:
            mine.append(views.message_event(new, here.get(new.created_at, new.last), here))
        if new.changed and is_changed(change):
            mine.append(views.change_event(group, new.changed, here.get(new.changed.created_at), here))
        became_mutual = old is not None and new.is_mutual and not old.is_mutual  # the entry now shows the other's mark
        if became_mutual or (old and old.other(user_uuid).shown != new.other(user_uuid).shown):
            mine.append(views.message_group_event(new.inbox_entry(user_uuid)))
        for reader_uuid, read_seq in new.read_seqs.items():
            moved = old is not None and read_seq > old.read_seqs.get(reader_uuid, 0)
            by_sending = sent and (reader_uuid, read_seq) == (new.last.sender.user_uuid, new.last_seq)
            shown = new.is_mutual and new.members[reader_uuid].read_receipts
            if moved and not by_sending and (reader_uuid == user_uuid or shown):
                mine.append(views.read_event(new, reader_uuid))
        if mine:
            events[user_uuid] = mine
    return events


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
