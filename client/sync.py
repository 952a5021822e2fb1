"""What a device knows of its conversations, and what it asks for to know all of it: docs/sync.md in code.

Nothing here reads or writes a socket. What needs an answer of the API is a generator, `Steps`: it yields the path to
GET and is sent the Page. `follow` runs it. What comes over the socket goes to `Inbox.receive`, event by event, in
whatever order and however often it comes.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """An answer of the API: its JSON, and of its Link header what there is of `next`, `prev` and `monitor`."""

    body: Any
    links: Mapping[str, str]


Steps = Generator[str, Page, None]

_FIRST = "?limit=100"


def follow(steps: Steps, get: Callable[[str], Page]) -> None:
    """Runs `steps` to the end, with what GETs a path."""
    try:
        path = next(steps)
        while True:
            path = steps.send(get(path))
    except StopIteration:
        return


@dataclass
class Conversation:
    """One conversation: how far it goes, how far each has read, and once it is open its messages without a gap."""

    uuid: str
    other: dict[str, str] = field(default_factory=dict)
    """user_uuid, handle and display_name of the other person"""
    last_seq: int = 0
    read_seq: int = 0
    other_read_seq: int | None = None
    """None if the other does not show it."""
    is_open: bool = False
    messages: list[Message] = field(default_factory=list)
    _early: dict[int, Message] = field(default_factory=dict)  # by seq: those before them are missing yet
    _older: str | None = None  # the query of the page before the messages, if there is one
    _newer: str = ""  # the query of what follows them, or some of the last of them

    @property
    def unread_count(self) -> int:
        return max(0, self.last_seq - self.read_seq)

    @property
    def held_seq(self) -> int:
        """The number of the newest message without a gap before it."""
        return self.messages[-1]["seq"] if self.messages else 0

    def open(self) -> Steps:
        """The newest page of messages; from now on none is missed."""
        page = yield f"/api/messages/{self.uuid}{_FIRST}"
        self.messages, self._older, self.is_open = page.body[:1], page.links.get("prev"), True
        self._take_page(page)
        yield from self.refresh()

    def refresh(self) -> Steps:
        """Marks and messages, from the conversation itself, which is ahead of the list."""
        page = yield f"/api/message_groups/{self.uuid}"
        self.take_entry(page.body)
        yield from self.fill()

    def read_back(self) -> Steps:
        """The page before the messages there are, if they do not begin with the first."""
        if self._older:
            page = yield f"/api/messages/{self.uuid}{self._older}"
            self.messages[:0] = page.body
            self._older = page.links.get("prev")

    def fill(self) -> Steps:
        """What is missing of an open conversation, up to the last message heard of."""
        while self.is_open and self.held_seq < self.last_seq:
            page = yield f"/api/messages/{self.uuid}{self._newer}"
            self._take_page(page)
            if not page.body:  # heard of, and not there to be read yet: the next event or catching up tells
                break

    def take_entry(self, entry: Mapping[str, Any]) -> None:
        """As the list, a `message_group` event or the conversation itself says it is."""
        self.other = {name: entry[name] for name in ("user_uuid", "handle", "display_name")}
        self.last_seq = max(self.last_seq, entry["last_seq"])
        self.read_seq = max(self.read_seq, entry["read_seq"])
        mark = entry["other_read_seq"]
        self.other_read_seq = None if mark is None else max(self.other_read_seq or 0, mark)

    def take(self, message: Message) -> None:
        """A message, which may be there already, or have others missing before it."""
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
        """One's own. Marks move forward only, so an old one changes nothing."""
        self.read_seq = max(self.read_seq, seq)

    def move_other_mark(self, seq: int) -> None:
        self.other_read_seq = max(self.other_read_seq or 0, seq)

    def _take_page(self, page: Page) -> None:
        for message in page.body:
            self.take(message)
        self._newer = page.links.get("next") or page.links["monitor"]


class Inbox:
    """All conversations of somebody, as one of their devices knows them."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self._since = _FIRST  # first the whole list; later the changes since

    @property
    def unread(self) -> dict[str, int]:
        """What GET /api/unread must answer, by what is known here."""
        counts = [conversation.unread_count for conversation in self.conversations.values()]
        return {"message_groups": sum(1 for count in counts if count), "messages": sum(counts)}

    def catch_up(self) -> Steps:
        """Everything that was missed, while the socket's events wait. The first time, everything."""
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
        """An event of the socket. Those that change nothing that lasts (`typing` and the like) are passed over."""
        match event:
            case {"type": "message_group"}:
                self._take_entry(event)
            case {"type": "message", "message_group_uuid": uuid, "seq": seq}:
                if uuid not in self.conversations:  # its `message_group` event was lost
                    page = yield f"/api/message_groups/{uuid}"
                    self._take_entry(page.body)
                conversation = self.conversations[uuid]
                conversation.take(event)
                if conversation.is_mine(event):  # who sends has read
                    conversation.advance_mark(seq)
                elif conversation.other_read_seq is not None:
                    conversation.move_other_mark(seq)
                yield from conversation.fill()
            case {"type": "read", "message_group_uuid": uuid, "user_uuid": reader, "read_seq": seq}:
                known = self.conversations.get(uuid)
                if known and reader == known.other["user_uuid"]:
                    known.move_other_mark(seq)
                elif known:
                    known.advance_mark(seq)

    def _compare_totals(self) -> Steps:
        """Having caught up, one's own counts are never too low. If they are too high, another device has read."""
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
