"""A member's own settings of a conversation, their pins, and requests that they accept or decline."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Invalid, NotFound, Prevented
from messaging.model.limits import Limit
from messaging.model.membership import ARCHIVE, FOREVER, INBOX, OUT_OF_SIGHT, Ask
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.pins import MOST_PINS, Pins
from messaging.model.settings_change import SettingsChange
from messaging.services.settings import accept_request, change_settings, decline_request, leave
from messaging.storage.table import PinsChanged
from tests.support.fake_table import FakeTable

BAYKO = Person("0", "bayko", "Andrew Bayko")
AT = "2026-01-02T03:04:05.000006+00:00"
NOW = datetime.fromisoformat("2026-01-03T10:20:30+00:00")
LIMIT = Limit("requests", 5, 86_400)
COUNTER = keys.counter_sk(LIMIT.name, LIMIT.window(NOW.timestamp()))


class Busied(FakeTable):
    """A table that is busy, or whose pins change, for some calls."""

    def __init__(self) -> None:
        super().__init__(BAYKO)
        self.refusals: list[Exception] = []

    def change_pins(self, old: Pins, new: Pins) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        super().change_pins(old, new)

    def change_settings(self, *arguments: object, **named: object) -> Head:
        if self.refusals:
            raise self.refusals.pop(0)
        return super().change_settings(*arguments, **named)  # type: ignore[arg-type]


@pytest.fixture
def table() -> Busied:
    """Bayko has more conversations than pins, each with one message to them."""
    table = Busied()
    for number in range(1, MOST_PINS + 3):
        other = Person(str(number), f"person{number}", f"Person {number}")
        head = Head.of_first(Message(f"group{number}", str(number), "Hello", other, AT, 1), BAYKO)
        table.heads[head.message_group_uuid] = head
    return table


def change(table: FakeTable, group: str, **settings: object) -> None:
    entry = change_settings(table, BAYKO.user_uuid, group, SettingsChange(**settings), lambda: NOW)  # type: ignore[arg-type]
    assert entry == table.heads[group].inbox_entry(BAYKO.user_uuid)


def pins(table: FakeTable) -> tuple[str, ...]:
    return table.pins(BAYKO.user_uuid).message_group_uuids


def pin_all(table: FakeTable) -> None:
    for number in range(1, MOST_PINS + 1):
        change(table, f"group{number}", pinned=True)


def test_all_pins_can_be_used_and_no_more(table: Busied) -> None:
    pin_all(table)
    full = table.pins(BAYKO.user_uuid)

    with pytest.raises(Invalid) as refused:
        change(table, f"group{MOST_PINS + 1}", pinned=True)

    assert refused.value.args == ("pins_exceed_max",)
    assert len(pins(table)) == MOST_PINS
    assert table.pins(BAYKO.user_uuid) == full


def archive(table: FakeTable, group: str) -> None:
    change(table, group, archived=True)


@pytest.mark.parametrize("go", [archive, lambda table, group: leave(table, BAYKO.user_uuid, group)])
def test_a_pin_that_shows_nothing_gives_way(table: Busied, go: Callable[[FakeTable, str], None]) -> None:
    pin_all(table)
    go(table, "group3")
    assert "group3" in pins(table)

    change(table, f"group{MOST_PINS + 1}", pinned=True)

    assert pins(table) == (f"group{MOST_PINS + 1}", *(f"group{n}" for n in range(MOST_PINS, 0, -1) if n != 3))


def test_a_pin_ends_and_ends_once(table: Busied) -> None:
    change(table, "group1", pinned=True)
    change(table, "group2", pinned=True)
    for _ in range(2):
        change(table, "group1", pinned=False)
        assert table.pins(BAYKO.user_uuid) == Pins(BAYKO.user_uuid, ("group2",), 3)


def test_pins_that_change_meanwhile_are_kept(table: Busied) -> None:
    other_device = Pins(BAYKO.user_uuid, ("group2",), 1)
    table.refusals = [PinsChanged(other_device), Busy("busy")]

    change(table, "group1", pinned=True)

    assert table.pins(BAYKO.user_uuid) == Pins(BAYKO.user_uuid, ("group1", "group2"), 2)


@pytest.mark.parametrize("setting", [{"pinned": True}, {"muted_until": FOREVER}])
def test_a_table_that_stays_busy_is_told(table: Busied, setting: dict[str, object]) -> None:
    table.refusals = [Busy("busy")] * 1000
    with pytest.raises(Busy, match=r"keeps? changing"):
        change(table, "group1", **setting)


def test_a_busy_moment_passes(table: Busied) -> None:
    table.refusals = [Busy("busy")]
    change(table, "group1", muted_until=FOREVER)
    assert table.heads["group1"].membership(BAYKO.user_uuid).muted_until == FOREVER


@pytest.mark.parametrize("setting", [{"pinned": True}, {"archived": True}])
def test_a_stranger_sets_nothing(table: Busied, setting: dict[str, object]) -> None:
    for group in ("group1", "nowhere"):
        with pytest.raises(NotFound):
            change_settings(table, "stranger", group, SettingsChange(**setting))  # type: ignore[arg-type]


@pytest.mark.parametrize(("archived", "folder"), [(True, ARCHIVE), (False, INBOX)])
def test_a_mute_leaves_a_conversation_in_its_folder(table: Busied, archived: bool, folder: str) -> None:
    change(table, "group1", archived=archived)
    before = table.heads["group1"]

    change(table, "group1", muted_until=FOREVER)

    mine = table.heads["group1"].membership(BAYKO.user_uuid)
    assert (table.heads["group1"].folder(BAYKO.user_uuid), mine.muted_until) == (folder, FOREVER)
    assert (mine.archived is not None) == archived
    assert (mine.set_at, mine.settings) == ("2026-01-03T10", before.membership(BAYKO.user_uuid).settings + 1)


def test_a_left_conversation_is_out_of_sight(table: Busied) -> None:
    leave(table, BAYKO.user_uuid, "group1", lambda: NOW)

    assert table.heads["group1"].folder(BAYKO.user_uuid) == OUT_OF_SIGHT
    assert table.heads["group1"].membership(BAYKO.user_uuid).set_at == "2026-01-03T10"
    for user_uuid, group in ((BAYKO.user_uuid, "nowhere"), ("stranger", "group1")):
        with pytest.raises(NotFound):
            leave(table, user_uuid, group)


# Requests


@pytest.fixture
def asked(table: Busied) -> Busied:
    """The message of group1 is a request; its sender has spent two of the day's."""
    head = table.heads["group1"]
    mine = replace(head.membership(BAYKO.user_uuid), ask=Ask(0, AT))
    table.heads["group1"] = head.with_membership(BAYKO.user_uuid, mine)
    table.counters["1", COUNTER] = 2
    return table


def test_an_accepted_request_is_in_the_inbox_and_its_sender_may_ask_another(asked: Busied) -> None:
    for _ in range(2):  # the second changes nothing
        entry = accept_request(asked, BAYKO.user_uuid, "group1", LIMIT, lambda: NOW)

        assert entry == asked.heads["group1"].inbox_entry(BAYKO.user_uuid)
        assert entry.folder == INBOX
        assert asked.counters == {("1", COUNTER): 1}
    assert asked.heads["group1"].membership(BAYKO.user_uuid).set_at == "2026-01-03T10"


def test_a_declined_request_is_gone_and_counts(asked: Busied) -> None:
    decline_request(asked, BAYKO.user_uuid, "group1", lambda: NOW)

    assert asked.heads["group1"].folder(BAYKO.user_uuid) == OUT_OF_SIGHT
    assert asked.heads["group1"].membership(BAYKO.user_uuid).set_at == "2026-01-03T10"
    assert asked.counters == {("1", COUNTER): 2}


def test_without_a_request_none_is_declined(table: Busied) -> None:
    with pytest.raises(Prevented, match=r"^There is no request to decline.$"):
        decline_request(table, BAYKO.user_uuid, "group1")


def test_a_stranger_answers_no_request(asked: Busied) -> None:
    for user_uuid, group in (("stranger", "group1"), (BAYKO.user_uuid, "nowhere")):
        with pytest.raises(NotFound):
            accept_request(asked, user_uuid, group, LIMIT)
        with pytest.raises(NotFound):
            decline_request(asked, user_uuid, group)
    assert asked.counters == {("1", COUNTER): 2}
