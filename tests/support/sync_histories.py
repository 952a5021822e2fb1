"""Histories of a device of bayko's, as data, and their player.

sync_histories.json has them by name. A step is one of these:

- `send`: [sender, receiver], `times`, `reply_to` a number, `asks_again`
- `edit`, `unsend`, `react`, `hide_message` (from bayko): [conversation, seq]; numbers beyond the last begin anew
- `read`: [reader, conversation, seq]
- `hide`: a person whose marks the other does not see from now on
- `rename`: [person, their new names]
- `takes_requests`: bayko does so from now on
- `set` [conversation, settings], `accept`, `decline`, `leave`, `block`, `unblock` a conversation: bayko, elsewhere
- `catch_up`, `load` a folder, `open` a conversation instead of the one before, `read_back` to its first message: the
  device does it
- `receive`: the socket brings these events, by their numbers among all of bayko's; -1 is the newest
- `expect`: parts of the device's state

`meanwhile` has a list of steps for each request of a step: they happen while that request is on its way, or
after the step if it makes fewer. `late` has the same for each answer on its way back. `fails_after` is the number of
requests after which the network fails, until the step has ended.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from hypothesis import strategies as st

from cruddur_messages.api import Unanswered
from cruddur_messages.sync import Event, Message, Page
from tests.support.fake_api import FakeApi

ME, OTHERS = "bayko", ("londo", "kenji", "vir", "gkar", "lennier")
FOLDERS = ("inbox", "requests", "archive")
Step = dict[str, Any]
Get = Callable[[str], Page]


def stored() -> dict[str, list[Step]]:
    """The stored histories by name."""
    histories: dict[str, list[Step]] = json.loads(Path(__file__).with_suffix(".json").read_text())
    return histories


_others = st.sampled_from(("londo", "londo", "londo", *OTHERS))
_changes = st.builds(
    lambda name, other, seq: {name: [_with(other), seq]},
    st.sampled_from(("edit", "edit", "unsend", "react", "hide_message")),
    _others,
    st.integers(1, 9),
)
_settings = st.fixed_dictionaries(
    {},
    optional={
        "muted_until": st.sampled_from(("forever", None)),
        "archived": st.booleans(),
        "pinned": st.booleans(),
        "marked_unread": st.booleans(),
    },
).filter(bool)
_reach = st.one_of(
    st.builds(lambda other, settings: {"set": [_with(other), settings]}, _others, _settings),
    st.builds(
        lambda name, other: {name: _with(other)},
        st.sampled_from(("accept", "decline", "leave", "block", "block", "unblock", "unblock")),
        _others,
    ),
    st.builds(lambda other: {"send": [other, ME], "asks_again": True}, _others),
)
_happenings = st.one_of(
    st.builds(lambda other: {"send": [other, ME]}, _others),
    st.builds(lambda other: {"send": [ME, other]}, _others),
    st.builds(lambda other, seq: {"send": [other, ME], "reply_to": seq}, _others, st.integers(1, 9)),
    _changes,
    _changes,
    _reach,
    _reach,
    st.builds(
        lambda other, is_me, seq: {"read": [ME if is_me else other, _with(other), seq]},
        _others,
        st.booleans(),
        st.integers(1, 9),
    ),
    st.builds(lambda numbers: {"receive": numbers}, st.lists(st.integers(-6, -1), min_size=1, max_size=4)),
)
_on_the_way = st.lists(st.lists(_happenings, max_size=2), max_size=6)
_requested = st.one_of(
    st.just({"catch_up": True}),
    st.builds(lambda other: {"open": _with(other)}, _others),
    st.builds(lambda folder: {"load": folder}, st.sampled_from(("requests", "archive"))),
)
_steps = st.lists(
    _happenings
    | st.builds(
        lambda step, meanwhile, late: {**step, "meanwhile": meanwhile, "late": late},
        _requested,
        _on_the_way,
        _on_the_way,
    )
    | st.builds(lambda step, count: {**step, "fails_after": count}, _requested, st.integers(0, 4)),
    min_size=15,
    max_size=40,
)


def _with(other: str) -> str:
    """The uuid of bayko's conversation with a person."""
    return "-".join(sorted((ME, other)))


def _first_messages() -> list[Step]:
    """All write to bayko. The last two people ask before they write."""
    first: list[Step] = [{"send": [other, ME], "times": 4} for other in OTHERS]
    first.insert(-2, {"takes_requests": True})
    return first


@st.composite
def drawn(draw: st.DrawFn) -> list[Step]:
    """Draw a history that ends with all folders, and a conversation open from its first message, and all quiet."""
    first = _first_messages()
    last: list[Step] = [{"open": _with(draw(_others))}, {"read_back": True}, {"catch_up": True}]
    folders: list[Step] = [{"load": "requests"}, {"load": "archive"}]
    return [*first, {"catch_up": True}, {"open": _with("londo")}, *draw(_steps), *folders, {"catch_up": True}, *last]


@st.composite
def told(draw: st.DrawFn) -> tuple[list[Step], list[Step]]:
    """Draw how a device loads everything, and what happens then."""
    folders: list[Step] = [{"catch_up": True}, {"load": "requests"}, {"load": "archive"}]
    last: list[Step] = [{"open": _with("londo")}, {"read_back": True}]
    happenings = draw(st.lists(_happenings.filter(lambda step: "receive" not in step), max_size=40))
    # During a block a device is told nothing: it shows the texts that it had.
    return [*_first_messages(), *folders, *last], [*happenings, *({"unblock": _with(other)} for other in OTHERS)]


class Device(Protocol):
    """A device; `get` raises Unanswered when the network fails, which ends what the device does."""

    def catch_up(self, get: Get) -> None: ...

    def load(self, folder: str, get: Get) -> None: ...

    def open(self, uuid: str, get: Get) -> None: ...

    def read_back(self, get: Get) -> None: ...

    def receive(self, event: Event, get: Get) -> None: ...

    def state(self) -> dict[str, Any]:
        """The totals of unread messages; the open conversation: `seqs`, `changed`, names and marks; and `folders`.

        Each folder has its conversations in their order, as `listed`.
        """


def changed(messages: Iterable[Message], quoted: Callable[[Message], Message | None]) -> dict[str, Any]:
    """The messages that are not as they were sent, or reply to another, by seq."""
    shown = {str(message["seq"]): _shown(message, quoted(message)) for message in messages}
    return {seq: one for seq, one in shown.items() if one}


def _shown(message: Message, quote: Message | None) -> Any:
    """A message in a word, or by its parts; empty for one as it was sent."""
    if word := _in_a_word(message):
        return word
    parts = {"edited": message["message"]} if "edited_at" in message else {}
    if message.get("reactions"):
        parts["reactions"] = "".join(reaction["emoji"] for reaction in message["reactions"])
    if quote:
        parts["reply_to"] = _in_a_word(quote) or quote["message"]
    return parts


def _in_a_word(message: Message) -> str:
    if "hidden" in message:
        return "hidden"
    return "unsent" if "unsent_at" in message or "unsent" in message else ""


def listed(conversation: Mapping[str, Any]) -> list[str]:
    """A conversation of a folder: its uuid, and its settings that are on."""
    settings = ("muted_until", "marked_unread", "blocked")
    return [conversation["uuid"], *(name for name in settings if conversation[name])]


class Player:
    """Plays histories on a device, with an API in memory."""

    def __init__(self, device: Device) -> None:
        self.api = FakeApi()
        self._device = device
        self._meanwhile: Iterator[list[Step]] = iter(())
        self._late: Iterator[list[Step]] = iter(())
        self._requests_left: int | None = None

    def play(self, steps: list[Step]) -> None:
        for step in steps:
            self._meanwhile = iter(step.get("meanwhile", ()))
            self._late = iter(step.get("late", ()))
            self._requests_left = step.get("fails_after")
            self._take(step)
            for steps_left in (*self._meanwhile, *self._late):
                self._take_all(steps_left)

    def tell(self, steps: list[Step]) -> None:
        """Play steps, and bring the device each event as soon as there is one."""
        told = len(self.api.pushed[ME])
        for step in steps:
            self._take(step)
            events = self.api.pushed[ME][told:]
            told += len(events)
            for event in events:
                self._device.receive(event, self.get)

    def truth(self, steps: list[Step]) -> dict[str, Any]:
        """The state of a device that has everything, at the end of a history."""
        uuid = [step["open"] for step in steps if "open" in step][-1]
        entry = self.api.get(ME, f"/api/message_groups/{uuid}").body
        names = ("handle", "display_name", "last_seq", "read_seq", "other_read_seq")
        seqs = list(range(entry["begins_after"] + 1, entry["last_seq"] + 1))
        messages = [self.api.shown(ME, uuid, seq) for seq in seqs]
        state = {"seqs": seqs, "changed": changed(messages, lambda message: message.get("reply_to"))}
        return {
            "unread": self.api.unread(ME),
            "open": {**state, **{name: entry[name] for name in names}},
            "folders": {name: self._folder(name) for name in FOLDERS},
        }

    def _folder(self, name: str) -> list[list[str]]:
        return [listed(self.api.entry(ME, uuid)) for uuid in self.api.in_order(ME, name)]

    def previews(self) -> dict[str, str]:
        """The last message of each conversation in a folder."""
        entries = [self.api.entry(ME, uuid) for uuid in self.api.conversations(ME)]
        return {entry["uuid"]: entry["message"] for entry in entries if entry["folder"]}

    def get(self, path: str) -> Page:
        """Answer a request of the device. Raises Unanswered."""
        if self._requests_left is not None:
            if not self._requests_left:
                raise Unanswered
            self._requests_left -= 1
        self._take_all(next(self._meanwhile, []))
        answer = self.api.get(ME, path)
        self._take_all(next(self._late, []))
        return answer

    def _take_all(self, steps: list[Step]) -> None:
        for step in steps:
            self._take(step)

    def _take(self, step: Step) -> None:
        match step:
            case {"send": [sender, receiver]}:
                self._send(sender, receiver, step)
            case {"edit": address} | {"unsend": address} | {"react": address} | {"hide_message": address}:
                self._change(next(iter(step)), *address)
            case {"read": [reader, uuid, seq]}:
                self.api.mark_read(reader, uuid, seq)
            case {"hide": person}:
                self.api.hidden.add(person)
            case {"rename": [person, names]}:
                self.api.names[person] = names
            case {"expect": state}:
                self._expect(state)
            case _ if not self._set(step):
                self._act(step)

    def _send(self, sender: str, receiver: str, step: Step) -> None:
        if sender == ME and self.api.is_blocked(ME, _with(receiver)):
            return  # bayko has to unblock them first
        for _ in range(step.get("times", 1)):
            self.api.send(sender, receiver, step.get("reply_to", 0), asks_again=step.get("asks_again", False))

    def _set(self, step: Step) -> bool:
        """Take a step of bayko on another device. Return False if it is none."""
        match step:
            case {"takes_requests": _}:
                self.api.takes_requests.add(ME)
            case {"set": [uuid, settings]}:
                self.api.change_settings(ME, uuid, settings)
            case {"accept": uuid} | {"decline": uuid} | {"leave": uuid} | {"block": uuid} | {"unblock": uuid}:
                getattr(self.api, next(iter(step)))(ME, uuid)
            case _:
                return False
        return True

    def _expect(self, state: dict[str, Any]) -> None:
        if state.get("open"):
            state = {**state, "open": {"changed": {}, **state["open"]}}
        if "unread" in state:
            state = {**state, "unread": {"requests": 0, **state["unread"]}}
        present = self._device.state()
        assert {name: present[name] for name in state} == state

    def _change(self, name: str, uuid: str, seq: int) -> None:
        existing = (seq - 1) % len(self.api.messages[uuid]) + 1
        is_mine = self.api.messages[uuid][existing - 1]["user_uuid"] == ME
        if name in ("edit", "react") and is_mine and self.api.is_blocked(ME, uuid):
            return  # bayko has to unblock them first
        match name:
            case "edit":
                self.api.edit(uuid, existing, f"Edit {len(self.api.changes[uuid])}")
            case "unsend":
                self.api.unsend(uuid, existing)
            case "react":
                self.api.react(uuid, existing, "👍")
            case "hide_message":
                self.api.hide(ME, uuid, existing)

    def _act(self, step: Step) -> None:
        """A step of the device itself."""
        match step:
            case {"catch_up": _}:
                self._device.catch_up(self.get)
            case {"load": folder}:
                self._device.load(folder, self.get)
            case {"open": uuid}:
                self._device.open(uuid, self.get)
            case {"read_back": _}:
                self._device.read_back(self.get)
            case {"receive": numbers}:
                for number in numbers:
                    self._device.receive(self.api.pushed[ME][number], self.get)
            case _:
                raise AssertionError(step)
