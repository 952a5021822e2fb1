"""The parts of the API that clients use to stay in step, in memory: pages of three, whatever the requested limit."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cruddur_messages.sync import Event, Page

_PAGE = 3
_HOUR = 5  # writes that a monitor link reaches back
_UNREADABLE_EVERY = 5  # changes of which one has an event without its message


@dataclass
class _Side:
    """One person's side of a conversation: docs/reach.md in the numbers of its messages."""

    asked_after: int | None = None
    """The other's request waits; it follows this message."""
    declined: int | None = None
    archived: int | None = None
    muted_until: str | None = None
    marked_unread: bool = False
    begins_after: int = 0
    unseen: list[tuple[int, int | None]] = field(default_factory=list)
    marks: dict[str, int] | None = None
    """Those at the time of this person's block of the other, who is blocked as long as they are kept."""
    blocked_at: int = 0
    settings: int = 0
    set_at: int = 0

    @property
    def history_begins_after(self) -> int:
        return max(self.begins_after, self.asked_after or 0 if self.declined is not None else 0)

    def hides(self, seq: int) -> bool:
        ranges = ((first, seq if last is None else last) for first, last in self.unseen)
        return seq <= self.history_begins_after or any(first <= seq <= last for first, last in ranges)


class FakeApi:
    """Callers are user_uuids. `pushed` has each person's events, in order, as a perfect socket delivers them."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.marks: dict[str, dict[str, int]] = {}  # conversation → user_uuid → read_seq
        self.names: dict[str, dict[str, str]] = {}  # of people who changed them
        self.changes: dict[str, list[dict[str, Any]]] = {}
        self.hidden_messages: dict[str, dict[str, set[int]]] = {}  # conversation → user_uuid → seqs
        self.hidden: set[str] = set()  # people who hide their marks
        self.takes_requests: set[str] = set()
        self.pins: dict[str, list[str]] = defaultdict(list)
        self.pin_changes: dict[str, int] = defaultdict(int)
        self._sides: dict[str, dict[str, _Side]] = {}
        self.pushed: dict[str, list[Event]] = defaultdict(list)
        self._now = 0

    def send(
        self, sender: str, receiver: str, reply_to: int = 0, message_uuid: str = "", *, asks_again: bool = False
    ) -> dict[str, Any]:
        """Send a message. With `asks_again`, it begins another request, if the last one still waits."""
        uuid = "-".join(sorted((sender, receiver)))
        messages = self.messages.setdefault(uuid, [])
        marks = self.marks.setdefault(uuid, {sender: 0, receiver: 0})
        self.changes.setdefault(uuid, [])
        hidden = self.hidden_messages.setdefault(uuid, {sender: set(), receiver: set()})
        sides = self._sides.setdefault(uuid, {sender: _Side(), receiver: _Side()})
        self._now += 1
        seq = len(messages) + 1
        before = {person: self.folder(person, uuid) if messages else None for person in (sender, receiver)}
        theirs = sides[receiver]
        if (receiver in self.takes_requests and seq == 1) or (asks_again and theirs.asked_after is not None):
            theirs.asked_after = seq - 1
        mine = sides[sender]
        mine.begins_after = mine.history_begins_after
        mine.asked_after = mine.declined = None
        mine.marked_unread = False
        message = {
            "uuid": message_uuid or f"{seq}",
            "user_uuid": sender,
            **self._names(sender),
            "message": f"Message {seq}",
            "seq": seq,
            "change": 0,
            "created_at": self._now,
        }
        if 0 < reply_to < seq and reply_to not in hidden[sender]:
            message["reply_to"] = {"uuid": f"{reply_to}", "seq": reply_to}
        was_mutual = self._is_mutual(uuid)
        messages.append(message)
        marks[sender] = seq
        for person in (sender, receiver):
            if self.folder(person, uuid) is None or sides[person].hides(seq):
                continue
            if seq == 1:
                self.pushed[person].append({"type": "message_group", **self.entry(person, uuid)})
            elif self.folder(person, uuid) != before[person]:
                self._push_settings(person, uuid)
            event = {"type": "message", "message_group_uuid": uuid, **self.shown(person, uuid, seq), "after": str(seq)}
            self.pushed[person].append(event)
            if self._is_mutual(uuid) and not was_mutual:
                self.pushed[person].append({"type": "message_group", **self.entry(person, uuid)})
        return {"message_group_uuid": uuid, **message}

    def change_settings(self, person: str, uuid: str, change: dict[str, Any]) -> None:
        side = self._sides[uuid][person]
        if "muted_until" in change:
            if side.archived is not None and not change["muted_until"] and self.folder(person, uuid) == "archive":
                side.archived = len(self.messages[uuid])
            side.muted_until = change["muted_until"]
        if "archived" in change:
            side.archived = len(self.messages[uuid]) if change["archived"] else None
        side.marked_unread = change.get("marked_unread", side.marked_unread)
        if change.keys() - {"pinned"}:
            self._set(person, uuid)
        if "pinned" in change:
            self.pins[person] = [uuid] * change["pinned"] + [one for one in self.pins[person] if one != uuid]
            self.pin_changes[person] += 1
            pins = {"type": "pins", "number": self.pin_changes[person], "message_group_uuids": [*self.pins[person]]}
            self.pushed[person].append(pins)

    def accept(self, person: str, uuid: str) -> None:
        side = self._sides[uuid][person]
        side.begins_after = side.history_begins_after
        side.asked_after = side.declined = None
        self._set(person, uuid)

    def decline(self, person: str, uuid: str) -> None:
        side = self._sides[uuid][person]
        if side.asked_after is not None:
            side.declined = side.asked_after
            self.leave(person, uuid)

    def leave(self, person: str, uuid: str) -> None:
        self._sides[uuid][person].begins_after = len(self.messages[uuid])
        self._set(person, uuid)

    def block(self, person: str, uuid: str) -> None:
        side, last_seq = self._sides[uuid][person], len(self.messages[uuid])
        if side.marks is not None:
            return
        side.marks, side.blocked_at = dict(self.marks[uuid]), self._now
        first = last_seq + 1
        if side.unseen and side.unseen[-1][1] == last_seq:
            first, _ = side.unseen.pop()
        side.unseen.append((first, None))
        self._set(person, uuid)

    def unblock(self, person: str, uuid: str) -> None:
        side, last_seq = self._sides[uuid][person], len(self.messages[uuid])
        if side.marks is None:
            return
        side.marks = None
        first, _ = side.unseen.pop()
        if first <= last_seq:
            side.unseen.append((first, last_seq))
        self._set(person, uuid)

    def is_blocked(self, person: str, uuid: str) -> bool:
        """True if this person blocks the other."""
        return uuid in self._sides and self._sides[uuid][person].marks is not None

    def _set(self, person: str, uuid: str) -> None:
        """Count a setting, and tell the person's devices."""
        self._now += 1
        side = self._sides[uuid][person]
        side.settings += 1
        side.set_at = self._now
        self._push_settings(person, uuid)

    def _push_settings(self, person: str, uuid: str) -> None:
        self.pushed[person].append({"type": "settings", **self._live_entry(person, uuid)})

    def folder(self, person: str, uuid: str) -> str | None:
        side, shown_seq = self._sides[uuid][person], self._shown_seq(person, uuid)
        is_declined = side.asked_after is not None and side.asked_after == side.declined
        if shown_seq <= side.history_begins_after or is_declined:
            return None
        if side.asked_after is not None:
            return "requests"
        if side.archived is not None and (shown_seq <= side.archived or side.muted_until):
            return "archive"
        return "inbox"

    def _shown_seq(self, person: str, uuid: str) -> int:
        """The number of the last message that this person sees."""
        last_seq, unseen = len(self.messages[uuid]), self._sides[uuid][person].unseen
        return unseen[-1][0] - 1 if unseen and unseen[-1][1] in (None, last_seq) else last_seq

    def edit(self, uuid: str, seq: int, text: str) -> None:
        message = self.messages[uuid][seq - 1]
        if "unsent_at" not in message and message["message"] != text:
            self._change(uuid, "edit", {**message, "message": text, "edited_at": self._now + 1})

    def unsend(self, uuid: str, seq: int) -> None:
        message = self.messages[uuid][seq - 1]
        if "unsent_at" not in message:
            kept = {name: message[name] for name in message.keys() - {"edited_at", "reactions", "reply_to"}}
            self._change(uuid, "unsend", {**kept, "message": "", "unsent_at": self._now + 1})

    def react(self, uuid: str, seq: int, emoji: str) -> None:
        """Set or remove a reaction; all are of one person."""
        message = self.messages[uuid][seq - 1]
        if "unsent_at" not in message:
            emojis = {reaction["emoji"] for reaction in message.get("reactions", ())} ^ {emoji}
            reactions = [{"emoji": one, "user_uuids": [message["user_uuid"]]} for one in sorted(emojis)]
            self._change(uuid, "reaction", {**message, "reactions": reactions})

    def hide(self, person: str, uuid: str, seq: int) -> None:
        self.hidden_messages[uuid][person].add(seq)
        self.pushed[person].append({"type": "hidden", "message_group_uuid": uuid, "seq": seq})

    def shown(self, person: str, uuid: str, seq: int) -> dict[str, Any]:
        """A message as this person sees it now."""
        message = self.messages[uuid][seq - 1]
        if self._hides(person, uuid, seq):
            return {"seq": seq, "hidden": True}
        if self._withholds(person, uuid, seq):
            return {"seq": seq, "hidden": True, "change": message["change"]}
        if "reply_to" not in message:
            return message
        quoted = self.messages[uuid][message["reply_to"]["seq"] - 1]
        address = message["reply_to"]
        if self._hides(person, uuid, address["seq"]) or self._withholds(person, uuid, address["seq"]):
            return {**message, "reply_to": {**address, "hidden": True}}
        state = {"unsent": True} if "unsent_at" in quoted else {"message": quoted["message"]}
        return {**message, "reply_to": {**address, "user_uuid": quoted["user_uuid"], **state}}

    def _hides(self, person: str, uuid: str, seq: int) -> bool:
        """True if a person never sees a message: they or a block have hidden it, or it is before their history."""
        return seq in self.hidden_messages[uuid][person] or self._sides[uuid][person].hides(seq)

    def _withholds(self, person: str, uuid: str, seq: int) -> bool:
        """True if a person does not see a message, since the other has edited it during the present block."""
        side, message = self._sides[uuid][person], self.messages[uuid][seq - 1]
        is_edited = side.marks is not None and message.get("edited_at", 0) > side.blocked_at
        return is_edited and message["user_uuid"] != person

    def _has_place_for(self, person: str, uuid: str, seq: int) -> bool:
        return self._sides[uuid][person].history_begins_after < seq <= self._shown_seq(person, uuid)

    def _change(self, uuid: str, kind: str, message: dict[str, Any]) -> None:
        self._now += 1
        number = len(self.changes[uuid]) + 1
        self.messages[uuid][message["seq"] - 1] = {**message, "change": number}
        change = {"change": number, "kind": kind, "seq": message["seq"], "at": self._now}
        self.changes[uuid].append(change)
        event = {"type": "change", "message_group_uuid": uuid, "change": number, "kind": kind}
        for person in self.marks[uuid]:
            if self.is_blocked(person, uuid) and (kind, message["user_uuid"]) != ("unsend", person):
                continue  # nothing that the other does reaches a person who blocks them
            copy = self._pushed_copy(person, uuid, message["seq"])
            is_read = copy and number % _UNREADABLE_EVERY
            self.pushed[person].append({**event, **({"message": copy} if is_read else {})})

    def _pushed_copy(self, person: str, uuid: str, seq: int) -> dict[str, Any] | None:
        """A message in an event, which does not know the messages that the person has hidden."""
        message = self.messages[uuid][seq - 1]
        if not self._has_place_for(person, uuid, seq):
            return None
        if self._sides[uuid][person].hides(seq):
            return {"seq": seq, "hidden": True}
        return message

    def _listed(self, person: str, uuid: str, change: dict[str, Any]) -> dict[str, Any]:
        """A change as an element of the feed."""
        listed = {"change": change["change"], "kind": change["kind"]}
        if not self._has_place_for(person, uuid, change["seq"]):
            return listed
        return {**listed, "message": self.shown(person, uuid, change["seq"])}

    def mark_read(self, reader: str, uuid: str, seq: int) -> None:
        seq = min(seq, self._shown_seq(reader, uuid))
        if seq > self.marks[uuid][reader]:
            self.marks[uuid][reader] = seq
            event = {"type": "read", "message_group_uuid": uuid, "user_uuid": reader, "read_seq": seq}
            is_blocked = any(side.marks is not None for side in self._sides[uuid].values())
            for person in self.marks[uuid]:
                if person == reader or (self._is_mutual(uuid) and reader not in self.hidden and not is_blocked):
                    self.pushed[person].append(event)
        if self._sides[uuid][reader].marked_unread:
            self._sides[uuid][reader].marked_unread = False
            self._set(reader, uuid)

    def unread(self, person: str) -> dict[str, int]:
        entries = [self.entry(person, uuid) for uuid in self.conversations(person)]
        unread = [one for one in entries if one["unread_count"] or one["marked_unread"]]
        counted = [one for one in unread if one["folder"] == "inbox" and not one["muted_until"]]
        return {
            "message_groups": len(counted),
            "messages": sum(one["unread_count"] for one in counted),
            "requests": sum(one["folder"] == "requests" for one in unread),
        }

    def get(self, person: str, path: str) -> Page:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path.split("/")[2:]:
            case ["unread"]:
                return Page(self.unread(person), {})
            case ["message_groups"]:
                return self._since(person, query) if "since" in query else self._list(person, query)
            case ["message_groups", uuid]:
                return Page(self._whole_entry(person, uuid), {})
            case ["messages", uuid]:
                return self._messages(person, uuid, query)
            case ["messages", uuid, "changes"]:
                return self._changes(person, uuid, int(query["after"]))
            case ["messages", uuid, message_uuid]:
                (seq,) = [one["seq"] for one in self.messages[uuid] if one["uuid"] == message_uuid]
                return Page(self.shown(person, uuid, seq), {})
        raise AssertionError(path)

    def _messages(self, person: str, uuid: str, query: dict[str, str]) -> Page:
        last, first = self._shown_seq(person, uuid), self._sides[uuid][person].history_begins_after + 1
        if "after" in query:
            begin = max(first - 1, int(query["after"]))
            end = max(begin, min(last, begin + _PAGE))
        else:
            end = int(query.get("before", last + 1)) - 1
            begin = max(first - 1, end - _PAGE)
        links = {"next" if end < last else "monitor": f"?after={end}"}
        if "after" not in query and begin == end:
            links = {}
        if begin >= first:
            links["prev"] = f"?before={begin + 1}"
        return Page([self.shown(person, uuid, seq) for seq in range(begin + 1, end + 1)], links)

    def _changes(self, person: str, uuid: str, after: int) -> Page:
        page = [self._listed(person, uuid, change) for change in self.changes[uuid][after : after + _PAGE]]
        hidden = sorted(self.hidden_messages[uuid][person])
        end = after + len(page)
        is_last = end == len(self.changes[uuid])
        if is_last and hidden:
            page.append({"kind": "hidden", "seqs": hidden})
        return Page(page, {"monitor" if is_last else "next": f"?after={end}"})

    def _list(self, person: str, query: dict[str, str]) -> Page:
        folder, of_folder = query.get("folder", "inbox"), _of_folder(query)
        pins = [uuid for uuid in self.pins[person] if folder == self.folder(person, uuid) == "inbox"]
        before = int(query.get("cursor", 10**9))
        uuids = [
            uuid
            for uuid in self._newest_first(person, folder)
            if self._time(person, uuid) < before and uuid not in pins
        ]
        links = {} if "cursor" in query else {"monitor": f"?{of_folder}since={self._now - _HOUR}"}
        if "cursor" not in query and folder == "inbox":
            links["first"] = f"?pins={self.pin_changes[person]}"
        if len(uuids) > _PAGE:
            links["next"] = f"?{of_folder}cursor={self._time(person, uuids[_PAGE - 1])}"
        page = [*([] if "cursor" in query else pins), *uuids[:_PAGE]]
        return Page([{**self.entry(person, uuid), "pinned": uuid in pins} for uuid in page], links)

    def _since(self, person: str, query: dict[str, str]) -> Page:
        """The folder's conversations with a new message since then, oldest first; after them all that changed."""
        folder, since, of_folder = query.get("folder", "inbox"), int(query["since"]), _of_folder(query)
        position = (int(query.get("part", 0)), int(query.get("at", since)))
        sent = [((0, self._time(person, uuid)), uuid) for uuid in self._newest_first(person, folder)]
        changed = [((1, self._changed_at(person, uuid)), uuid) for uuid in self.conversations(person)]
        found = sorted(one for one in sent + changed if one[0] > position and one[0][1] > since)
        page = found[:_PAGE]
        if len(found) > _PAGE:
            (part, at), _ = page[-1]
            links = {"next": f"?{of_folder}since={since}&part={part}&at={at}"}
        else:
            links = {"monitor": f"?{of_folder}since={self._now - _HOUR}"}
            if folder == "inbox":
                links["first"] = f"?pins={self.pin_changes[person]}"
        return Page([self.entry(person, uuid) for _, uuid in page], links)

    def conversations(self, person: str) -> list[str]:
        return [uuid for uuid, marks in self.marks.items() if person in marks]

    def in_order(self, person: str, folder: str) -> list[str]:
        """The conversations of a folder, the pinned ones first."""
        uuids = self._newest_first(person, folder)
        pins = [uuid for uuid in self.pins[person] if folder == "inbox" and uuid in uuids]
        return pins + [uuid for uuid in uuids if uuid not in pins]

    def _newest_first(self, person: str, folder: str) -> list[str]:
        uuids = (uuid for uuid in self.conversations(person) if self.folder(person, uuid) == folder)
        return sorted(uuids, key=lambda uuid: self._time(person, uuid), reverse=True)

    def _time(self, person: str, uuid: str) -> int:
        """The time of the last message that a person sees."""
        shown_seq = self._shown_seq(person, uuid)
        return int(self.messages[uuid][shown_seq - 1]["created_at"]) if shown_seq else 0

    def _changed_at(self, person: str, uuid: str) -> int:
        """The time of the last change of a message, or of the person's last setting."""
        changed_at = self.changes[uuid][-1]["at"] if self.changes[uuid] else 0
        return max(int(changed_at), self._sides[uuid][person].set_at)

    def entry(self, person: str, uuid: str) -> dict[str, Any]:
        return {**self._live_entry(person, uuid), "pinned": uuid in self.pins[person]}

    def _live_entry(self, person: str, uuid: str) -> dict[str, Any]:
        """The entry as events have it."""
        marks, side = self.marks[uuid], self._sides[uuid][person]
        (other,) = marks.keys() - {person}
        last, last_seq = self.messages[uuid][-1], self._shown_seq(person, uuid)
        shows_last = last_seq == last["seq"] and side.marks is None
        read_seq = max(marks[person], side.history_begins_after)
        if last_seq < last["seq"]:
            read_seq = min(read_seq, last_seq)
        skipped = [(max(first, read_seq + 1), end) for first, end in side.unseen if end and end > read_seq]
        skipped_count = sum(max(0, min(end, last_seq) - first + 1) for first, end in skipped)
        return {
            "uuid": uuid,
            "user_uuid": other,
            **self._names(other),
            "message": last["message"] if shows_last else "",
            "created_at": self._time(person, uuid),
            "last_seq": last_seq,
            "last_change": len(self.changes[uuid]),
            **({"unsent": True} if shows_last and "unsent_at" in last else {}),
            "read_seq": read_seq,
            "unread_count": last_seq - read_seq - skipped_count,
            "other_read_seq": self._other_mark(person, other, uuid),
            "folder": self.folder(person, uuid),
            "muted_until": side.muted_until,
            "marked_unread": side.marked_unread,
            "blocked": side.marks is not None,
            "begins_after": side.history_begins_after,
            "last_setting": side.settings,
            **({"unseen": [list(one) for one in skipped]} if skipped else {}),
        }

    def _other_mark(self, person: str, other: str, uuid: str) -> int | None:
        """The other's mark as this person sees it: as it was before a block."""
        if other in self.hidden or not self._is_mutual(uuid):
            return None
        kept = self._sides[uuid][person].marks or self._sides[uuid][other].marks or self.marks[uuid]
        return kept[other]

    def _whole_entry(self, person: str, uuid: str) -> dict[str, Any]:
        hidden = len(self.hidden_messages[uuid][person])
        return {**self.entry(person, uuid), **({"hidden": hidden} if hidden else {})}

    def _names(self, person: str) -> dict[str, str]:
        return self.names.get(person, {"handle": person, "display_name": person.title()})

    def _is_mutual(self, uuid: str) -> bool:
        """True if both have written."""
        return len({message["user_uuid"] for message in self.messages[uuid]}) == 2


def _of_folder(query: dict[str, str]) -> str:
    """The beginning of the queries of links."""
    return f"folder={query['folder']}&" if "folder" in query else ""
