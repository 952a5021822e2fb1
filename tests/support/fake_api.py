"""The parts of the API that clients use to stay in step, in memory: pages of three, whatever the requested limit."""

from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cruddur_messages.sync import Event, Page

_PAGE = 3
_HOUR = 5  # writes that a monitor link reaches back


class FakeApi:
    """Callers are user_uuids. `pushed` has each person's events, in order, as a perfect socket delivers them."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.marks: dict[str, dict[str, int]] = {}  # conversation → user_uuid → read_seq
        self.names: dict[str, dict[str, str]] = {}  # of people who changed them
        self.hidden: set[str] = set()  # people who hide their marks
        self.pushed: dict[str, list[Event]] = defaultdict(list)
        self._now = 0

    def send(self, sender: str, receiver: str) -> dict[str, Any]:
        uuid = "-".join(sorted((sender, receiver)))
        messages = self.messages.setdefault(uuid, [])
        marks = self.marks.setdefault(uuid, {sender: 0, receiver: 0})
        self._now += 1
        seq = len(messages) + 1
        message = {
            "uuid": f"{uuid}/{seq}",
            "user_uuid": sender,
            **self._names(sender),
            "message": f"Message {seq}",
            "seq": seq,
            "created_at": self._now,
        }
        was_mutual = self._is_mutual(uuid)
        messages.append(message)
        marks[sender] = seq
        for person in (sender, receiver):
            if seq == 1:
                self.pushed[person].append({"type": "message_group", **self._entry(person, uuid)})
            event = {"type": "message", "message_group_uuid": uuid, **message, "after": str(seq)}
            self.pushed[person].append(event)
            if self._is_mutual(uuid) and not was_mutual:
                self.pushed[person].append({"type": "message_group", **self._entry(person, uuid)})
        return {"message_group_uuid": uuid, **message}

    def mark_read(self, reader: str, uuid: str, seq: int) -> None:
        seq = min(seq, len(self.messages[uuid]))
        if seq > self.marks[uuid][reader]:
            self.marks[uuid][reader] = seq
            event = {"type": "read", "message_group_uuid": uuid, "user_uuid": reader, "read_seq": seq}
            for person in self.marks[uuid]:
                if person == reader or (self._is_mutual(uuid) and reader not in self.hidden):
                    self.pushed[person].append(event)

    def unread(self, person: str) -> dict[str, int]:
        counts = [self._entry(person, uuid)["unread_count"] for uuid in self._newest_first(person)]
        return {"message_groups": sum(1 for count in counts if count), "messages": sum(counts)}

    def get(self, person: str, path: str) -> Page:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path.split("/")[2:]:
            case ["unread"]:
                return Page(self.unread(person), {})
            case ["message_groups"]:
                return self._changes(person, query) if "since" in query else self._list(person, query)
            case ["message_groups", uuid]:
                return Page(self._entry(person, uuid), {})
            case ["messages", uuid]:
                return self._messages(self.messages[uuid], query)
        raise AssertionError(path)

    def _messages(self, messages: list[dict[str, Any]], query: dict[str, str]) -> Page:
        if "after" in query:
            begin = int(query["after"])
            end = min(len(messages), begin + _PAGE)
        else:
            end = int(query.get("before", len(messages) + 1)) - 1
            begin = max(0, end - _PAGE)
        links = {"next" if end < len(messages) else "monitor": f"?after={end}"}
        if begin:
            links["prev"] = f"?before={begin + 1}"
        return Page(messages[begin:end], links)

    def _list(self, person: str, query: dict[str, str]) -> Page:
        uuids = [uuid for uuid in self._newest_first(person) if self._time(uuid) < int(query.get("cursor", 10**9))]
        links = {} if "cursor" in query else {"monitor": f"?since={self._now - _HOUR}"}
        if len(uuids) > _PAGE:
            links["next"] = f"?cursor={self._time(uuids[_PAGE - 1])}"
        return Page([self._entry(person, uuid) for uuid in uuids[:_PAGE]], links)

    def _changes(self, person: str, query: dict[str, str]) -> Page:
        uuids = [uuid for uuid in reversed(self._newest_first(person)) if self._time(uuid) > int(query["since"])]
        page = uuids[:_PAGE]
        if len(uuids) > _PAGE:
            links = {"next": f"?since={self._time(page[-1])}"}
        else:
            links = {"monitor": f"?since={self._now - _HOUR}"}
        return Page([self._entry(person, uuid) for uuid in page], links)

    def _newest_first(self, person: str) -> list[str]:
        return sorted((uuid for uuid, marks in self.marks.items() if person in marks), key=self._time, reverse=True)

    def _time(self, uuid: str) -> int:
        return int(self.messages[uuid][-1]["created_at"])

    def _entry(self, person: str, uuid: str) -> dict[str, Any]:
        marks = self.marks[uuid]
        (other,) = marks.keys() - {person}
        last_seq = len(self.messages[uuid])
        return {
            "uuid": uuid,
            "user_uuid": other,
            **self._names(other),
            "message": f"Message {last_seq}",
            "created_at": self._time(uuid),
            "last_seq": last_seq,
            "read_seq": marks[person],
            "unread_count": max(0, last_seq - marks[person]),
            "other_read_seq": None if other in self.hidden or not self._is_mutual(uuid) else marks[other],
        }

    def _names(self, person: str) -> dict[str, str]:
        return self.names.get(person, {"handle": person, "display_name": person.title()})

    def _is_mutual(self, uuid: str) -> bool:
        """True if both have written."""
        return len({message["user_uuid"] for message in self.messages[uuid]}) == 2
