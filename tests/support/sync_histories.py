"""Histories of a device of bayko's, as data, and their player.

sync_histories.json has them by name. A step is one of these:

- `send`: [sender, receiver], `times`
- `read`: [reader, conversation, seq]
- `hide`: a person whose marks the other does not see from now on
- `rename`: [person, their new names]
- `catch_up`, `open` a conversation instead of the one before, `read_back` to its first message: the device does it
- `receive`: the socket brings these events, by their numbers among all of bayko's; -1 is the newest
- `expect`: a state of the device

`meanwhile` has a list of steps for each request of a step: they happen while that request is on its way, or
after the step if it makes fewer. `fails_after` is the number of requests after which the network fails, until the step
has ended.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from hypothesis import strategies as st

from cruddur_messages.api import Unanswered
from cruddur_messages.sync import Event, Page
from tests.support.fake_api import FakeApi

ME, OTHERS = "bayko", ("londo", "kenji", "vir", "gkar", "lennier")
Step = dict[str, Any]
Get = Callable[[str], Page]


def stored() -> dict[str, list[Step]]:
    """The stored histories by name."""
    histories: dict[str, list[Step]] = json.loads(Path(__file__).with_suffix(".json").read_text())
    return histories


_others = st.sampled_from(OTHERS)
_happenings = st.one_of(
    st.builds(lambda other: {"send": [other, ME]}, _others),
    st.builds(lambda other: {"send": [ME, other]}, _others),
    st.builds(
        lambda other, is_me, seq: {"read": [ME if is_me else other, _with(other), seq]},
        _others,
        st.booleans(),
        st.integers(1, 9),
    ),
    st.builds(lambda numbers: {"receive": numbers}, st.lists(st.integers(-6, -1), min_size=1, max_size=4)),
)
_on_the_way = st.lists(st.lists(_happenings, max_size=2), max_size=6)
_requested = st.one_of(st.just({"catch_up": True}), st.builds(lambda other: {"open": _with(other)}, _others))
_steps = st.lists(
    _happenings
    | st.builds(lambda step, meanwhile: {**step, "meanwhile": meanwhile}, _requested, _on_the_way)
    | st.builds(lambda step, count: {**step, "fails_after": count}, _requested, st.integers(0, 4)),
    max_size=40,
)


def _with(other: str) -> str:
    """The uuid of bayko's conversation with a person."""
    return "-".join(sorted((ME, other)))


@st.composite
def drawn(draw: st.DrawFn) -> list[Step]:
    """Draw a history that ends with a conversation open from its first message, and all quiet."""
    first: list[Step] = [{"send": [other, ME]} for other in OTHERS]
    last: list[Step] = [{"open": _with(draw(_others))}, {"read_back": True}, {"catch_up": True}]
    return [*first, {"catch_up": True}, *draw(_steps), {"catch_up": True}, *last]


class Device(Protocol):
    """A device; `get` raises Unanswered when the network fails, which ends what the device does."""

    def catch_up(self, get: Get) -> None: ...

    def open(self, uuid: str, get: Get) -> None: ...

    def read_back(self, get: Get) -> None: ...

    def receive(self, event: Event, get: Get) -> None: ...

    def state(self) -> dict[str, Any]:
        """The totals of unread messages, and the open conversation: `seqs`, names and marks."""


class Player:
    """Plays histories on a device, with an API in memory."""

    def __init__(self, device: Device) -> None:
        self.api = FakeApi()
        self._device = device
        self._meanwhile: Iterator[list[Step]] = iter(())
        self._requests_left: int | None = None

    def play(self, steps: list[Step]) -> None:
        for step in steps:
            self._meanwhile = iter(step.get("meanwhile", ()))
            self._requests_left = step.get("fails_after")
            self._take(step)
            for late in self._meanwhile:
                self._take_all(late)

    def truth(self, steps: list[Step]) -> dict[str, Any]:
        """The state of a device that has everything, at the end of a drawn history."""
        uuid = steps[-3]["open"]
        entry = self.api.get(ME, f"/api/message_groups/{uuid}").body
        names = ("handle", "display_name", "last_seq", "read_seq", "other_read_seq")
        seqs = list(range(1, entry["last_seq"] + 1))
        return {"unread": self.api.unread(ME), "open": {"seqs": seqs, **{name: entry[name] for name in names}}}

    def get(self, path: str) -> Page:
        """Answer a request of the device. Raises Unanswered."""
        if self._requests_left is not None:
            if not self._requests_left:
                raise Unanswered
            self._requests_left -= 1
        self._take_all(next(self._meanwhile, []))
        return self.api.get(ME, path)

    def _take_all(self, steps: list[Step]) -> None:
        for step in steps:
            self._take(step)

    def _take(self, step: Step) -> None:
        match step:
            case {"send": [sender, receiver]}:
                for _ in range(step.get("times", 1)):
                    self.api.send(sender, receiver)
            case {"read": [reader, uuid, seq]}:
                self.api.mark_read(reader, uuid, seq)
            case {"hide": person}:
                self.api.hidden.add(person)
            case {"rename": [person, names]}:
                self.api.names[person] = names
            case {"expect": state}:
                assert self._device.state() == state
            case _:
                self._act(step)

    def _act(self, step: Step) -> None:
        """A step of the device itself."""
        match step:
            case {"catch_up": _}:
                self._device.catch_up(self.get)
            case {"open": uuid}:
                self._device.open(uuid, self.get)
            case {"read_back": _}:
                self._device.read_back(self.get)
            case {"receive": numbers}:
                for number in numbers:
                    self._device.receive(self.api.pushed[ME][number], self.get)
            case _:
                raise AssertionError(step)
