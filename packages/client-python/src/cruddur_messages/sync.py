"""A device's state of its conversations, and the requests that complete it: docs/sync.md in code.

Nothing here does I/O. A method that needs an answer of the API is a generator, `Steps`: it yields the path to
GET and is sent the Page. `follow` runs it. `Inbox.receive` takes the socket's events one by one, in any order and with
repetitions.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """An answer of the API: its JSON, and the `next`, `prev` and `monitor` links of its Link header, if present."""

    body: Any
    links: Mapping[str, str]


Steps = Generator[str, Page, None]

_FIRST = "?limit=100"


def follow(steps: Steps, get: Callable[[str], Page]) -> None:
    """Run `steps` to the end; `get` fetches a path."""
    try:
        path = next(steps)
        while True:
            path = steps.send(get(path))
    except StopIteration:
        return


@dataclass
class Conversation:
    """One conversation: its last number, both read marks, and once it is open its messages without a gap."""

    uuid: str
    other: dict[str, str] = field(default_factory=dict)
    """user_uuid, handle and display_name of the other person"""
    last_seq: int = 0
    read_seq: int = 0
    other_read_seq: int | None = None
    """None if the other does not show it."""
    is_open: bool = False
    messages: list[Message] = field(default_factory=list)
    _early: dict[int, Message] = field(default_factory=dict)  # by seq: messages before them are still missing
    _older: str | None = None  # the query of the page before the messages, if there is one
    _newer: str = ""  # the query of the messages after them, or after one of the last

    @property
    def unread_count(self) -> int:
        return max(0, self.last_seq - self.read_seq)

    @property
    def held_seq(self) -> int:
        """The number of the newest message without a gap before it."""
        return self.messages[-1]["seq"] if self.messages else 0

    def open(self) -> Steps:
        """Fetch the newest page of messages; from now on none is missed."""
        page = yield f"/api/messages/{self.uuid}{_FIRST}"
        self.messages, self._older, self.is_open = page.body[:1], page.links.get("prev"), True
        self._take_page(page)
        yield from self.refresh()

    def refresh(self) -> Steps:
        """Fetch marks and messages from the conversation itself, which is ahead of the list."""
        page = yield f"/api/message_groups/{self.uuid}"
        self.take_entry(page.body)
        yield from self.fill()

    def read_back(self) -> Steps:
        """Fetch the page before the present messages, unless they begin with the first."""
        if self._older:
            page = yield f"/api/messages/{self.uuid}{self._older}"
            self.messages[:0] = page.body
            self._older = page.links.get("prev")

    def fill(self) -> Steps:
        """Fetch the missing messages of an open conversation, up to the last known number."""
        while self.is_open and self.held_seq < self.last_seq:
            page = yield f"/api/messages/{self.uuid}{self._newer}"
            self._take_page(page)
            if not page.body:  # known but not readable yet: the next event or catch-up fetches it
                break

    def take_entry(self, entry: Mapping[str, Any]) -> None:
        """Merge an entry of the list, of a `message_group` event or of the conversation itself."""
        self.other = {name: entry[name] for name in ("user_uuid", "handle", "display_name")}
        self.last_seq = max(self.last_seq, entry["last_seq"])
        self.read_seq = max(self.read_seq, entry["read_seq"])
        mark = entry["other_read_seq"]
        self.other_read_seq = None if mark is None else max(self.other_read_seq or 0, mark)

    def take_name(self, message: Message) -> None:
        """Take the name and handle of the other person from their newest message."""
        if message["seq"] == self.last_seq:
            self.other |= {name: message[name] for name in ("handle", "display_name")}

    def take(self, message: Message) -> None:
        """Merge a message, which may be a duplicate, or come before others that are missing."""
        self.last_seq = max(self.last_seq, message["seq"])
        if not self.is_open or message["seq"] <= self.held_seq:
            return
        self._early[message["seq"]] = message
        while following := self._early.pop(self.held_seq + 1, None):
            self.messages.append(following)
            if "after" in following:
                self._newer = f"{_FIRST}&after={following['after']}"

    def is_mine(self, message: Message) -> bool:
        return bool(message["user_uuid"] != self.other["user_uuid"])

    def advance_mark(self, seq: int) -> None:
        """Advance the person's own mark. Marks only rise, so an old one changes nothing."""
        self.read_seq = max(self.read_seq, seq)

    def move_other_mark(self, seq: int) -> None:
        self.other_read_seq = max(self.other_read_seq or 0, seq)

    def _take_page(self, page: Page) -> None:
        for message in page.body:
            self.take(message)
        self._newer = page.links.get("next") or page.links["monitor"]


class Inbox:
    """All conversations of a person, as known to one of their devices."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self._since = _FIRST  # first the whole list; later the changes since

    @property
    def unread(self) -> dict[str, int]:
        """The expected answer of GET /api/unread, computed from this state."""
        counts = [conversation.unread_count for conversation in self.conversations.values()]
        return {"message_groups": sum(1 for count in counts if count), "messages": sum(counts)}

    def catch_up(self) -> Steps:
        """Fetch all missed changes, while the socket's events wait; the first time, everything."""
        query: str | None = self._since
        monitor = None
        while query:
            page = yield f"/api/message_groups{query}"
            self._take_entries(page)
            monitor = page.links.get("monitor", monitor)
            query = page.links.get("next")
        self._since = monitor or self._since
        for conversation in [one for one in self.conversations.values() if one.is_open]:
            yield from conversation.refresh()
        yield from self._compare_totals()

    def receive(self, event: Event) -> Steps:
        """Merge an event of the socket. Events without lasting effect (`typing` and the like) are ignored."""
        match event:
            case {"type": "message_group"}:
                self._take_entry(event)
            case {"type": "message", "message_group_uuid": uuid, "seq": seq}:
                if uuid not in self.conversations:  # its `message_group` event was lost
                    page = yield f"/api/message_groups/{uuid}"
                    self._take_entry(page.body)
                conversation = self.conversations[uuid]
                conversation.take(event)
                if conversation.is_mine(event):  # a sender has read everything
                    conversation.advance_mark(seq)
                else:
                    conversation.take_name(event)
                    if conversation.other_read_seq is not None:
                        conversation.move_other_mark(seq)
                yield from conversation.fill()
            case {"type": "read", "message_group_uuid": uuid, "user_uuid": reader, "read_seq": seq}:
                known = self.conversations.get(uuid)
                if known and reader == known.other["user_uuid"]:
                    known.move_other_mark(seq)
                elif known:
                    known.advance_mark(seq)

    def _compare_totals(self) -> Steps:
        """Correct the counts after catching up: they are never too low; if too high, another device has read."""
        total = yield "/api/unread"
        query: str | None = _FIRST
        while query and self.unread != total.body:
            page = yield f"/api/message_groups{query}"
            self._take_entries(page)
            query = page.links.get("next")

    def _take_entries(self, page: Page) -> None:
        for entry in page.body:
            self._take_entry(entry)

    def _take_entry(self, entry: Mapping[str, Any]) -> None:
        self.conversations.setdefault(entry["uuid"], Conversation(entry["uuid"])).take_entry(entry)
