"""A device's state of its conversations, and the requests that complete it: docs/sync.md and docs/changes.md in code.

Nothing here does I/O. A method that needs an answer of the API is a generator, `Steps`: it yields the path to
GET and is sent the Page. `follow` runs it. `Inbox.receive` takes the socket's events one by one, in any order and with
repetitions.
"""

import math
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Event = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """An answer of the API: its JSON, and the `next`, `prev`, `monitor` and `first` links of its Link header."""

    body: Any
    links: Mapping[str, str]


Steps = Generator[str, Page, None]

_FIRST = "?limit=100"
_INBOX, _REQUESTS, _ARCHIVE = "inbox", "requests", "archive"


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
    folder: str | None = _INBOX
    """None if the person has left the conversation, or declined it."""
    muted_until: str | None = None
    """A time, "forever", or None."""
    marked_unread: bool = False
    blocked: bool = False
    """True if the person blocks the other."""
    begins_after: int = 0
    """The person's history begins after this number."""
    last_setting: int = 0
    """Of two copies of the settings, that with the larger number is newer, then that with the larger `last_seq`."""
    last_at: str = ""
    """The time of the last message."""
    _unseen: list[tuple[int, int]] = field(default_factory=list)
    _first_seq: int = 1
    _copies: dict[int, Message] = field(default_factory=dict)  # by seq, the newest of each; some before or after a gap
    _known_change: int = 0
    _hidden_count: int = 0
    _withheld_at: float = math.inf  # `last_setting` when the first of the copies was requested that a block withholds
    _older: str | None = None  # the query of the page before the messages, if there is one
    _newer: str = ""  # the query of the messages after them, or after one of the last

    @property
    def messages(self) -> list[Message]:
        """The messages that are held, in order. A hidden one has its `seq` and `hidden`, and nothing else."""
        end = min(self.held_seq, self.last_seq)  # of later ones, a block leaves nothing to show
        return [self._shown(seq, self._copies[seq]) for seq in range(self._first_seq, end + 1)]

    @property
    def has_older(self) -> bool:
        """True if there are messages before these."""
        return self._older is not None

    @property
    def unread_count(self) -> int:
        skipped = (min(last, self.last_seq) - max(first - 1, self.read_seq) for first, last in self._unseen)
        return max(0, self.last_seq - self.read_seq - sum(max(0, count) for count in skipped))

    @property
    def is_unread(self) -> bool:
        return self.marked_unread or self.unread_count > 0

    def is_muted(self, at: str | None = None) -> bool:
        """True if it is muted now, or at another time."""
        return self.muted_until is not None and (
            self.muted_until == "forever" or self.muted_until > (at or datetime.now(UTC).isoformat())
        )

    def quoted(self, message: Message) -> Message | None:
        """The message that this one replies to, as it is now, or as much as the server said of it."""
        if reply_to := message.get("reply_to"):
            return self._shown(reply_to["seq"], self._copies.get(reply_to["seq"]) or reply_to)
        return None

    def open(self) -> Steps:
        """Fetch the newest page of messages; from now on none is missed, and no change."""
        entry = yield f"/api/message_groups/{self.uuid}"
        self.take_entry(entry.body)
        setting = self.last_setting
        page = yield f"/api/messages/{self.uuid}{_FIRST}"
        self.last_change = entry.body["last_change"]  # the page was read later, and may have some more
        self._copies = {seq: copy for seq, copy in self._copies.items() if not _is_withheld(copy)}
        self._withheld_at = math.inf
        self._first_seq = page.body[0]["seq"] if page.body else self.begins_after + 1
        self.held_seq, self._older, self.is_open = self._first_seq - 1, page.links.get("prev"), True
        self._take_page(page, setting)
        yield from self._complete()

    def refresh(self) -> Steps:
        """Fetch marks, messages and changes from the conversation itself, which is ahead of the list."""
        page = yield f"/api/message_groups/{self.uuid}"
        self.take_entry(page.body)
        yield from self.fill()

    def read_back(self) -> Steps:
        """Fetch the page before the present messages, unless they begin with the first."""
        if self._older:
            setting = self.last_setting
            page = yield f"/api/messages/{self.uuid}{self._older}"
            self._take_all(page.body, setting)
            self._first_seq = min([self._first_seq, *(message["seq"] for message in page.body)])
            self._older = page.links.get("prev")
            self._begin_after(self.begins_after)

    def fill(self) -> Steps:
        """Fetch the missing messages and changes of an open conversation, up to the last known numbers.

        After a block, fetch the messages again that were edited meanwhile: perhaps another has begun since.
        """
        if self.is_open and self._withheld_at < self.last_setting:
            yield from self.open()
        yield from self._complete()

    def _complete(self) -> Steps:
        while self.is_open and self.held_seq < self.last_seq:
            setting = self.last_setting
            page = yield f"/api/messages/{self.uuid}{self._newer}"
            self._take_page(page, setting)
            if not page.body:  # known but not readable yet: the next event or catch-up fetches it
                break
        query: str | None = f"{_FIRST}&after={self.last_change}"
        while self.is_open and query and self._lacks_changes:
            setting = self.last_setting
            page = yield f"/api/messages/{self.uuid}/changes{query}"
            for change in page.body:
                self._take_listed(change, setting)
            query = page.links.get("next")

    def take_entry(self, entry: Mapping[str, Any]) -> None:
        """Merge an entry of the list, of an event or of the conversation itself."""
        self.other = {name: entry[name] for name in ("user_uuid", "handle", "display_name")}
        if (entry["last_setting"], entry["last_seq"]) >= (self.last_setting, self.last_seq):
            self._take_settings(entry)
        if entry["last_seq"] >= self.last_seq:
            self.last_at = entry["created_at"]
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
        if seq > self.last_seq and "hidden" not in message:
            self._settle(message["created_at"], is_mine=self.is_mine(message))
            self.last_seq, self.last_at = seq, message["created_at"]
        if not self.is_open:
            return
        self._copies[seq] = _merged(self._copies.get(seq, message), message)
        self._go_on()

    def _go_on(self) -> None:
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
        if seq > self.read_seq:
            self.read_seq, self.marked_unread = seq, False

    def move_other_mark(self, seq: int) -> None:
        self.other_read_seq = max(self.other_read_seq or 0, seq)

    def _take_settings(self, entry: Mapping[str, Any]) -> None:
        """Take newer settings. A message after them may have moved the conversation to another folder."""
        self.folder, self.muted_until = entry["folder"], entry["muted_until"]
        self.marked_unread, self.blocked = entry["marked_unread"], entry["blocked"]
        self.last_setting, self._unseen = entry["last_setting"], entry.get("unseen", [])
        self._begin_after(entry["begins_after"])
        if entry["last_seq"] < self.last_seq:
            self._settle(self.last_at)

    def _settle(self, created_at: str, *, is_mine: bool = False) -> None:
        """Move the conversation as its next message does: out of the archive, unless muted; an answer accepts."""
        if (self.folder == _ARCHIVE and not self.is_muted(created_at)) or (self.folder == _REQUESTS and is_mine):
            self.folder = _INBOX
        self.marked_unread &= not is_mine

    def _begin_after(self, seq: int) -> None:
        """Drop the messages up to a number, for ever."""
        self.begins_after = max(self.begins_after, seq)
        if self.is_open and self._first_seq <= self.begins_after:
            self._first_seq, self._older = self.begins_after + 1, None
            self.held_seq = max(self.held_seq, self.begins_after)
            self._go_on()

    @property
    def _lacks_changes(self) -> bool:
        return self.last_change < self._known_change or len(self.hidden) < self._hidden_count

    def _shown(self, seq: int, copy: Message) -> Message:
        is_hidden = "hidden" in copy or seq in self.hidden or seq <= self.begins_after
        return {"seq": seq, "hidden": True} if is_hidden else copy

    def _take_all(self, messages: Iterable[Message], setting: int) -> None:
        """Merge messages that were requested when `last_setting` was `setting`."""
        for message in messages:
            self.take(message)
            if _is_withheld(message):
                self._withheld_at = min(self._withheld_at, setting)

    def _take_page(self, page: Page, setting: int) -> None:
        self._take_all(page.body, setting)
        self._newer = page.links.get("next") or page.links.get("monitor") or _FIRST  # none if there is no message

    def _take_listed(self, change: Event, setting: int) -> None:
        """Merge an element of the feed, which follows `last_change` and was requested as in `_take_all`."""
        if change["kind"] == "hidden":
            self.hidden.update(change["seqs"])
        else:
            if "message" in change:  # the server could read it
                self._take_all([change["message"]], setting)
            self.last_change = max(self.last_change, change["change"])


def _merged(known: Message, message: Message) -> Message:
    """The newer of two copies of a message: it has the larger `change`. It keeps the quote that either has.

    One that is hidden for ever has no `change`, and stays so.
    """
    if gone := [copy for copy in (known, message) if "hidden" in copy and not _is_withheld(copy)]:
        return gone[0]
    is_newer = message.get("change", 0) > known.get("change", 0)
    is_shown_again = message.get("change") == known.get("change") and "hidden" in known
    newer, older = (message, known) if is_newer or is_shown_again else (known, message)
    if "reply_to" in newer and len(newer["reply_to"]) < len(older.get("reply_to", ())):
        return {**newer, "reply_to": older["reply_to"]}
    return newer


def _is_withheld(copy: Message) -> bool:
    """True if the other has edited a message during a block. It is shown again afterwards."""
    return "hidden" in copy and "change" in copy


class Inbox:
    """All conversations of a person, as known to one of their devices."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self.pins: list[str] = []
        """The pinned conversations, in their order."""
        self._last_pins = 0  # the number of the last change of the pins
        self._since = {_INBOX: _FIRST}  # by folder, first the whole list; later the changes since

    @property
    def unread(self) -> dict[str, int]:
        """The expected answer of GET /api/unread, computed from this state."""
        counted = [one for one in self.folder(_INBOX) if not one.is_muted()]
        return {
            "message_groups": sum(one.is_unread for one in counted),
            "messages": sum(one.unread_count for one in counted),
            "requests": sum(one.is_unread for one in self.folder(_REQUESTS)),
        }

    def folder(self, name: str) -> list[Conversation]:
        """The conversations of "inbox", "requests" or "archive": in the inbox the pinned first, then the newest."""
        found = [one for one in self.conversations.values() if one.folder == name]
        found.sort(key=lambda one: one.last_at, reverse=True)
        if name == _INBOX:
            found.sort(key=lambda one: self.pins.index(one.uuid) if one.uuid in self.pins else len(self.pins))
        return found

    def catch_up(self) -> Steps:
        """Fetch all missed changes, while the socket's events wait; the first time, the whole inbox."""
        for name in [*self._since]:
            yield from self._follow(name)
        for conversation in [one for one in self.conversations.values() if one.is_open]:
            yield from conversation.refresh()
        yield from self._compare_totals()

    def load(self, folder: str) -> Steps:
        """Fetch "requests" or "archive", which are kept up to date from then on."""
        if folder not in self._since:
            self._since[folder] = _top(folder)
            yield from self._follow(folder)

    def _follow(self, folder: str) -> Steps:
        """Fetch a folder: the first time its whole list, later the changes since."""
        query: str | None = self._since[folder]
        monitor = None
        while query:
            page = yield f"/api/message_groups{query}"
            self._take_entries(page)
            if query == _FIRST:
                self._take_pins(page)
            elif _pins_number(page) > self._last_pins or self._lacks_pin(page):
                self._take_pins((yield f"/api/message_groups{_FIRST}"))
            monitor = page.links.get("monitor", monitor)
            query = page.links.get("next")
        self._since[folder] = monitor or self._since[folder]

    def receive(self, event: Event) -> Steps:
        """Merge an event of the socket. Events without lasting effect (`typing` and the like) are ignored."""
        match event:
            case {"type": "message_group" | "settings", "uuid": uuid}:
                self._take_entry(event)
                yield from self.conversations[uuid].fill()
            case {"type": "pins", "number": number, "message_group_uuids": uuids}:
                self._set_pins(number, uuids)
            case {"type": "message"}:
                yield from self._receive_message(event)
            case {"type": "change", "message_group_uuid": uuid}:
                conversation = yield from self.know(uuid)
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

    def _receive_message(self, event: Event) -> Steps:
        conversation = yield from self.know(event["message_group_uuid"])
        conversation.take(event)
        if conversation.is_mine(event):  # a sender has read everything
            conversation.advance_mark(event["seq"])
        else:
            conversation.take_name(event)
            if conversation.other_read_seq is not None:
                conversation.move_other_mark(event["seq"])
        yield from conversation.fill()

    def know(self, uuid: str) -> Generator[str, Page, Conversation]:
        """Fetch a conversation that is not known, or in no folder; return it."""
        known = self.conversations.get(uuid)
        if known is None or known.folder is None:  # its event was lost, or a message brings it back
            page = yield f"/api/message_groups/{uuid}"
            self._take_entry(page.body)
        return self.conversations[uuid]

    def _compare_totals(self) -> Steps:
        """Correct the counts after catching up: they are never too low; if too high, another device has read."""
        total = yield "/api/unread"
        for folder, names in ((_INBOX, ("message_groups", "messages")), (_REQUESTS, ("requests",))):
            query: str | None = _top(folder)
            while query and any(self.unread[name] != total.body[name] for name in names):
                page = yield f"/api/message_groups{query}"
                self._take_entries(page)
                if "monitor" in page.links:
                    self._since.setdefault(folder, page.links["monitor"])
                query = page.links.get("next")

    def _take_entries(self, page: Page) -> None:
        for entry in page.body:
            self._take_entry(entry)

    def _take_entry(self, entry: Mapping[str, Any]) -> None:
        self.conversations.setdefault(entry["uuid"], Conversation(entry["uuid"])).take_entry(entry)

    def _take_pins(self, page: Page) -> None:
        """Take the order of the pins from the top of the inbox."""
        self._take_entries(page)
        self._set_pins(_pins_number(page), [entry["uuid"] for entry in page.body if entry["pinned"]])

    def _lacks_pin(self, page: Page) -> bool:
        """True if a pinned conversation is in the inbox again, at a place that is not known."""
        back = (one["uuid"] for one in page.body if one["pinned"] and one["folder"] == _INBOX)
        return any(uuid not in self.pins for uuid in back)

    def _set_pins(self, number: int, uuids: list[str]) -> None:
        if number >= self._last_pins:
            self._last_pins, self.pins = number, uuids


def _top(folder: str) -> str:
    """The query of the first page of a folder."""
    return _FIRST if folder == _INBOX else f"{_FIRST}&folder={folder}"


def _pins_number(page: Page) -> int:
    """The number of the last change of the pins, 0 if the page does not tell."""
    found = re.search(r"[?&]pins=(\d+)", page.links.get("first", ""))
    return int(found[1]) if found else 0
