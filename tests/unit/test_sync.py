"""The reference client's rules, on an API in memory, with a socket that loses, duplicates and reorders events."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from cruddur_messages.api import Unanswered
from cruddur_messages.sync import Conversation, Event, Inbox, Page, Steps, follow
from tests.support.fake_api import FakeApi
from tests.support.sync_histories import FOLDERS, ME, OTHERS, Get, Player, Step, changed, drawn, listed, stored, told


class PythonDevice:
    """A device of the reference client."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self._open: Conversation | None = None

    def catch_up(self, get: Get) -> None:
        self._follow(self.inbox.catch_up(), get)

    def load(self, folder: str, get: Get) -> None:
        self._follow(self.inbox.load(folder), get)

    def open(self, uuid: str, get: Get) -> None:
        def steps() -> Steps:
            self._open = yield from self.inbox.know(uuid)
            if not self._open.is_open:
                yield from self._open.open()

        self._follow(steps(), get)

    def read_back(self, get: Get) -> None:
        assert self._open
        while self._open.has_older:
            self._follow(self._open.read_back(), get)

    def receive(self, event: Event, get: Get) -> None:
        self._follow(self.inbox.receive(event), get)

    def state(self) -> dict[str, Any]:
        one = self._open
        return {
            "unread": self.inbox.unread,
            "open": one
            and {
                "seqs": [message["seq"] for message in one.messages],
                "changed": changed(one.messages, one.quoted),
                "handle": one.other["handle"],
                "display_name": one.other["display_name"],
                "last_seq": one.last_seq,
                "read_seq": one.read_seq,
                "other_read_seq": one.other_read_seq,
            },
            "folders": {name: [listed(vars(one)) for one in self.inbox.folder(name)] for name in FOLDERS},
        }

    def _follow(self, steps: Steps, get: Get) -> None:
        with suppress(Unanswered):
            follow(steps, get)


@pytest.mark.parametrize("steps", stored().values(), ids=stored())
def test_a_history_ends_in_its_state(steps: list[Step]) -> None:
    Player(PythonDevice()).play(steps)


@given(drawn())
def test_every_message_is_there_once_and_every_count_is_right_when_all_is_quiet(steps: list[Step]) -> None:
    device = PythonDevice()
    player = Player(device)

    player.play(steps)

    assert device.state() == player.truth(steps)


@given(told())
def test_a_device_that_is_told_everything_need_not_catch_up(history: tuple[list[Step], list[Step]]) -> None:
    before, after = history
    device = PythonDevice()
    player = Player(device)
    player.play(before)

    player.tell(after)

    assert device.state() == player.truth(before)


@given(drawn())
def test_events_the_feed_and_pages_lead_to_the_same_state(steps: list[Step]) -> None:
    """The first device has events and all else, the second only the feed, the third only pages."""
    devices = one, feed, pages = PythonDevice(), PythonDevice(), PythonDevice()
    player = Player(one)
    player.play(steps[: len(OTHERS) + 1])
    feed.catch_up(player.get)
    for uuid in player.api.messages:
        feed.open(uuid, player.get)
        feed.read_back(player.get)

    player.play(steps[len(OTHERS) + 1 :])
    feed.catch_up(player.get)
    pages.catch_up(player.get)
    for device in (feed, pages):
        device.load("requests", player.get)
        device.load("archive", player.get)
        device.open(steps[-3]["open"], player.get)
        device.read_back(player.get)

    assert [device.state() for device in devices] == [player.truth(steps)] * 3


def test_the_second_time_only_changed_conversations_are_listed_and_no_message_is_fetched() -> None:
    api, inbox = FakeApi(), Inbox()
    for other in OTHERS:
        for _ in range(7):
            api.send(other, ME)
    follow(inbox.catch_up(), lambda path: api.get(ME, path))
    api.send("vir", ME)
    asked: list[str] = []

    def get(path: str) -> Page:
        asked.append(path)
        return api.get(ME, path)

    follow(inbox.catch_up(), get)

    assert asked == ["/api/message_groups?since=30", "/api/unread"]
    assert all(one.messages == [] for one in inbox.conversations.values())
