"""A device's state of its conversations, and the requests that complete it: docs/sync.md and docs/changes.md in code.

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
    held_seq: int = 0
    """The number of the newest message without a gap before it."""
    last_change: int = 0
    """The messages have all changes up to this one, and perhaps later ones."""
    hidden: set[int] = field(default_factory=set)
    """Numbers of the messages that the person has hidden from themselves. It stays so, whatever comes later."""
    _first_seq: int = 1
    _copies: dict[int, Message] = field(default_factory=dict)  # by seq, the newest of each; some before or after a gap
    _known_change: int = 0
    _hidden_count: int = 0
    _older: str | None = None  # the query of the page before the messages, if there is one
    _newer: str = ""  # the query of the messages after them, or after one of the last

    @property
    def messages(self) -> list[Message]:
        """The messages that are held, in order. A hidden one has its `seq` and `hidden`, and nothing else."""
        return [self._shown(seq, self._copies[seq]) for seq in range(self._first_seq, self.held_seq + 1)]

    @property
    def unread_count(self) -> int:
        return max(0, self.last_seq - self.read_seq)

    def quoted(self, message: Message) -> Message | None:
        """The message that this one replies to, as it is now, or as much as the server said of it."""
        if reply_to := message.get("reply_to"):
            return self._shown(reply_to["seq"], self._copies.get(reply_to["seq"]) or reply_to)
        return None

    def open(self) -> Steps:
        """Fetch the newest page of messages; from now on none is missed, and no change."""
        entry = yield f"/api/message_groups/{self.uuid}"
        self.take_entry(entry.body)
        page = yield f"/api/messages/{self.uuid}{_FIRST}"
        self.last_change = entry.body["last_change"]  # the page was read later, and may have some more
        self._first_seq = page.body[0]["seq"]
        self.held_seq, self._older, self.is_open = self._first_seq - 1, page.links.get("prev"), True
        self._take_page(page)
        yield from self.fill()

    def refresh(self) -> Steps:
        """Fetch marks, messages and changes from the conversation itself, which is ahead of the list."""
        page = yield f"/api/message_groups/{self.uuid}"
        self.take_entry(page.body)
        yield from self.fill()

    def read_back(self) -> Steps:
        """Fetch the page before the present messages, unless they begin with the first."""
        if self._older:
            page = yield f"/api/messages/{self.uuid}{self._older}"
            for message in page.body:
                self.take(message)
            self._first_seq = page.body[0]["seq"]
            self._older = page.links.get("prev")

    def fill(self) -> Steps:
        """Fetch the missing messages and changes of an open conversation, up to the last known numbers."""
        while self.is_open and self.held_seq < self.last_seq:
            page = yield f"/api/messages/{self.uuid}{self._newer}"
            self._take_page(page)
            if not page.body:  # known but not readable yet: the next event or catch-up fetches it
                break
        query: str | None = f"{_FIRST}&after={self.last_change}"
        while self.is_open and query and self._lacks_changes:
            page = yield f"/api/messages/{self.uuid}/changes{query}"
            for change in page.body:
                self._take_listed(change)
            query = page.links.get("next")

    def take_entry(self, entry: Mapping[str, Any]) -> None:
        """Merge an entry of the list, of a `message_group` event or of the conversation itself."""
        self.other = {name: entry[name] for name in ("user_uuid", "handle", "display_name")}
        self.last_seq = max(self.last_seq, entry["last_seq"])
        self.read_seq = max(self.read_seq, entry["read_seq"])
        mark = entry["other_read_seq"]
        self.other_read_seq = None if mark is None else max(self.other_read_seq or 0, mark)
        self._known_change = max(self._known_change, entry["last_change"])
        self._hidden_count = max(self._hidden_count, entry.get("hidden", 0))

    def take_name(self, message: Message) -> None:
        """Take the name and handle of the other person from their newest message."""
        if message["seq"] == self.last_seq:
            self.other |= {name: message[name] for name in ("handle", "display_name")}

    def take(self, message: Message) -> None:
        """Merge a copy of a message, which may be a duplicate, outdated, or come before others that are missing."""
        seq = message["seq"]
        self.last_seq = max(self.last_seq, seq)
        if message.get("hidden"):
            self.hidden.add(seq)
        if not self.is_open:
            return
        self._copies[seq] = _merged(self._copies.get(seq, message), message)
        while following := self._copies.get(self.held_seq + 1):
            self.held_seq += 1
            if "after" in following:
                self._newer = f"{_FIRST}&after={following['after']}"

    def take_change(self, event: Event) -> None:
        """Merge a `change` event, which may be a duplicate, or come before others that are missing."""
        number = event["change"]
        self._known_change = max(self._known_change, number)
        if "message" in event:
            self.take(event["message"])
            if number == self.last_change + 1:
                self.last_change = number

    def is_mine(self, message: Message) -> bool:
        return bool(message["user_uuid"] != self.other["user_uuid"])

    def advance_mark(self, seq: int) -> None:
        """Advance the person's own mark. Marks only rise, so an old one changes nothing."""
        self.read_seq = max(self.read_seq, seq)

    def move_other_mark(self, seq: int) -> None:
        self.other_read_seq = max(self.other_read_seq or 0, seq)

    @property
    def _lacks_changes(self) -> bool:
        return self.last_change < self._known_change or len(self.hidden) < self._hidden_count

    def _shown(self, seq: int, copy: Message) -> Message:
        return {"seq": seq, "hidden": True} if seq in self.hidden else copy

    def _take_page(self, page: Page) -> None:
        for message in page.body:
            self.take(message)
        self._newer = page.links.get("next") or page.links["monitor"]

    def _take_listed(self, change: Event) -> None:
        """Merge an element of the feed, which follows `last_change`."""
        if change["kind"] == "hidden":
            self.hidden.update(change["seqs"])
        else:
            if "message" in change:  # the server could read it
                self.take(change["message"])
            self.last_change = max(self.last_change, change["change"])


def _merged(known: Message, message: Message) -> Message:
    """The newer of two copies of a message: it has the larger `change`. It keeps the quote that either has."""
    newer, older = (message, known) if message.get("change", 0) > known.get("change", 0) else (known, message)
    if "reply_to" in newer and len(newer["reply_to"]) < len(older.get("reply_to", ())):
        return {**newer, "reply_to": older["reply_to"]}
    return newer


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
                conversation = yield from self._conversation(uuid)
                conversation.take(event)
                if conversation.is_mine(event):  # a sender has read everything
                    conversation.advance_mark(seq)
                else:
                    conversation.take_name(event)
                    if conversation.other_read_seq is not None:
                        conversation.move_other_mark(seq)
                yield from conversation.fill()
            case {"type": "change", "message_group_uuid": uuid}:
                conversation = yield from self._conversation(uuid)
                conversation.take_change(event)
                yield from conversation.fill()
            case {"type": "hidden", "message_group_uuid": uuid, "seq": seq} if uuid in self.conversations:
                self.conversations[uuid].hidden.add(seq)
            case {"type": "read", "message_group_uuid": uuid, "user_uuid": reader, "read_seq": seq}:
                known = self.conversations.get(uuid)
                if known and reader == known.other["user_uuid"]:
                    known.move_other_mark(seq)
                elif known:
                    known.advance_mark(seq)

    def _conversation(self, uuid: str) -> Generator[str, Page, Conversation]:
        if uuid not in self.conversations:  # its `message_group` event was lost
            page = yield f"/api/message_groups/{uuid}"
            self._take_entry(page.body)
        return self.conversations[uuid]

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
