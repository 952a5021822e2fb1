"""The parts of the API that clients use to stay in step, in memory: pages of three, whatever the requested limit."""

from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cruddur_messages.sync import Event, Page

_PAGE = 3
_HOUR = 5  # writes that a monitor link reaches back
_UNREADABLE_EVERY = 5  # changes of which one has an event without its message


class FakeApi:
    """Callers are user_uuids. `pushed` has each person's events, in order, as a perfect socket delivers them."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.marks: dict[str, dict[str, int]] = {}  # conversation → user_uuid → read_seq
        self.names: dict[str, dict[str, str]] = {}  # of people who changed them
        self.changes: dict[str, list[dict[str, Any]]] = {}
        self.hidden_messages: dict[str, dict[str, set[int]]] = {}  # conversation → user_uuid → seqs
        self.hidden: set[str] = set()  # people who hide their marks
        self.pushed: dict[str, list[Event]] = defaultdict(list)
        self._now = 0

    def send(self, sender: str, receiver: str, reply_to: int = 0, message_uuid: str = "") -> dict[str, Any]:
        uuid = "-".join(sorted((sender, receiver)))
        messages = self.messages.setdefault(uuid, [])
        marks = self.marks.setdefault(uuid, {sender: 0, receiver: 0})
        self.changes.setdefault(uuid, [])
        hidden = self.hidden_messages.setdefault(uuid, {sender: set(), receiver: set()})
        self._now += 1
        seq = len(messages) + 1
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
            if seq == 1:
                self.pushed[person].append({"type": "message_group", **self.entry(person, uuid)})
            event = {"type": "message", "message_group_uuid": uuid, **self.shown(person, uuid, seq), "after": str(seq)}
            self.pushed[person].append(event)
            if self._is_mutual(uuid) and not was_mutual:
                self.pushed[person].append({"type": "message_group", **self.entry(person, uuid)})
        return {"message_group_uuid": uuid, **message}

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
        if seq in self.hidden_messages[uuid][person]:
            return {"seq": seq, "hidden": True}
        if "reply_to" not in message:
            return message
        quoted = self.messages[uuid][message["reply_to"]["seq"] - 1]
        address = message["reply_to"]
        if address["seq"] in self.hidden_messages[uuid][person]:
            return {**message, "reply_to": {**address, "hidden": True}}
        state = {"unsent": True} if "unsent_at" in quoted else {"message": quoted["message"]}
        return {**message, "reply_to": {**address, "user_uuid": quoted["user_uuid"], **state}}

    def _change(self, uuid: str, kind: str, message: dict[str, Any]) -> None:
        self._now += 1
        number = len(self.changes[uuid]) + 1
        self.messages[uuid][message["seq"] - 1] = {**message, "change": number}
        change = {"change": number, "kind": kind, "seq": message["seq"], "at": self._now}
        self.changes[uuid].append(change)
        event = {"type": "change", "message_group_uuid": uuid, "change": number, "kind": kind}
        if number % _UNREADABLE_EVERY:
            event["message"] = self.messages[uuid][message["seq"] - 1]
        for person in self.marks[uuid]:
            self.pushed[person].append(event)

    def _listed(self, person: str, uuid: str, change: dict[str, Any]) -> dict[str, Any]:
        """A change as an element of the feed."""
        message = self.shown(person, uuid, change["seq"])
        return {"change": change["change"], "kind": change["kind"], "message": message}

    def mark_read(self, reader: str, uuid: str, seq: int) -> None:
        seq = min(seq, len(self.messages[uuid]))
        if seq > self.marks[uuid][reader]:
            self.marks[uuid][reader] = seq
            event = {"type": "read", "message_group_uuid": uuid, "user_uuid": reader, "read_seq": seq}
            for person in self.marks[uuid]:
                if person == reader or (self._is_mutual(uuid) and reader not in self.hidden):
                    self.pushed[person].append(event)

    def unread(self, person: str) -> dict[str, int]:
        counts = [self.entry(person, uuid)["unread_count"] for uuid in self._newest_first(person)]
        return {"message_groups": sum(1 for count in counts if count), "messages": sum(counts)}

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
        last = len(self.messages[uuid])
        if "after" in query:
            begin = int(query["after"])
            end = min(last, begin + _PAGE)
        else:
            end = int(query.get("before", last + 1)) - 1
            begin = max(0, end - _PAGE)
        links = {"next" if end < last else "monitor": f"?after={end}"}
        if begin:
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
        uuids = [uuid for uuid in self._newest_first(person) if self._time(uuid) < int(query.get("cursor", 10**9))]
        links = {} if "cursor" in query else {"monitor": f"?since={self._now - _HOUR}"}
        if len(uuids) > _PAGE:
            links["next"] = f"?cursor={self._time(uuids[_PAGE - 1])}"
        return Page([self.entry(person, uuid) for uuid in uuids[:_PAGE]], links)

    def _since(self, person: str, query: dict[str, str]) -> Page:
        """The conversations with a new message since then, oldest first; after them those that changed."""
        since = int(query["since"])
        position = (int(query.get("part", 0)), int(query.get("at", since)))
        sent = [((0, self._time(uuid)), uuid) for uuid in self._newest_first(person)]
        changed = [((1, self.changes[uuid][-1]["at"]), uuid) for _, uuid in sent if self.changes[uuid]]
        found = sorted(one for one in sent + changed if one[0] > position and one[0][1] > since)
        page = found[:_PAGE]
        if len(found) > _PAGE:
            (part, at), _ = page[-1]
            links = {"next": f"?since={since}&part={part}&at={at}"}
        else:
            links = {"monitor": f"?since={self._now - _HOUR}"}
        return Page([self.entry(person, uuid) for _, uuid in page], links)

    def _newest_first(self, person: str) -> list[str]:
        return sorted((uuid for uuid, marks in self.marks.items() if person in marks), key=self._time, reverse=True)

    def _time(self, uuid: str) -> int:
        return int(self.messages[uuid][-1]["created_at"])

    def entry(self, person: str, uuid: str) -> dict[str, Any]:
        marks = self.marks[uuid]
        (other,) = marks.keys() - {person}
        last = self.messages[uuid][-1]
        last_seq = last["seq"]
        return {
            "uuid": uuid,
            "user_uuid": other,
            **self._names(other),
            "message": last["message"],
            "created_at": self._time(uuid),
            "last_seq": last_seq,
            "last_change": len(self.changes[uuid]),
            **({"unsent": True} if "unsent_at" in last else {}),
            "read_seq": marks[person],
            "unread_count": max(0, last_seq - marks[person]),
            "other_read_seq": None if other in self.hidden or not self._is_mutual(uuid) else marks[other],
        }

    def _whole_entry(self, person: str, uuid: str) -> dict[str, Any]:
        hidden = len(self.hidden_messages[uuid][person])
        return {**self.entry(person, uuid), **({"hidden": hidden} if hidden else {})}

    def _names(self, person: str) -> dict[str, str]:
        return self.names.get(person, {"handle": person, "display_name": person.title()})

    def _is_mutual(self, uuid: str) -> bool:
        """True if both have written."""
        return len({message["user_uuid"] for message in self.messages[uuid]}) == 2
