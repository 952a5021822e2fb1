"""Frames of clients: what each does for the caller, for the other member, and for nobody else."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from messaging.live.connections import RateLimit, answer
from messaging.live.tickets import LIFETIME, consume_ticket, create_ticket
from messaging.model import keys
from messaging.model.connection import Connection, Subscription, Ticket
from messaging.model.conversation import Head
from messaging.model.errors import NotFound
from messaging.model.limits import tickets_per_hour
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from tests.support.api import OTHER, USER, request
from tests.support.fake_sockets import FakeConnections, FakeSockets

BAYKO, LONDO = Person(USER, "bayko", "Bayko"), Person(OTHER, "londo", "Londo")
GROUP = keys.pair_uuid(USER, OTHER)
STRANGER = "9d6e2f0c-33c5-4d19-a8b6-b0b8fd5f7099"
FIRST = Head.of_first(Message(GROUP, STRANGER, "Hello", BAYKO, "2026-01-01T00:00:00.000000+00:00", 1), LONDO)
MUTUAL = FIRST.after(FIRST.next_message(OTHER, Draft(OTHER, "Hello yourself"), datetime(2026, 1, 2, tzinfo=UTC)))


class Table(FakeConnections):
    """Both members are connected, Londo twice; `head` is their conversation."""

    def __init__(self, head: Head = MUTUAL, *, londo_online: bool = True) -> None:
        mine = [Connection(USER, "mine", keys.FIRST_TIME, 1_800_000_000)]
        theirs = [Connection(OTHER, name, keys.FIRST_TIME, 1_800_000_000) for name in ("theirs", "theirs too")]
        super().__init__(*mine, *(theirs if londo_online else []), people=[BAYKO, LONDO])
        self.heads[GROUP] = head
        self.unsubscribed: list[tuple[str, str, str]] = []

    def unsubscribe(self, user_uuid: str, connection_id: str, subject_uuid: str) -> None:
        self.unsubscribed.append((user_uuid, connection_id, subject_uuid))


def _showing(head: Head, person: Person) -> Head:
    return replace(head, members={**head.members, person.user_uuid: person})


def _ask(table: Table, sockets: FakeSockets, frame: object, *, who: str = USER, limit: RateLimit | None = None) -> Any:
    return answer(table, sockets, limit or RateLimit(3, lambda: 0.0), who, "mine", request(frame))


def _of(kind: str, group: object = GROUP) -> dict[str, object]:
    return {"type": kind, "message_group_uuid": group}


def test_a_ping_is_answered() -> None:
    assert _ask(Table(), FakeSockets(), {"type": "ping"}) == {"type": "pong"}


def test_typing_reaches_each_connection_of_the_other_member() -> None:
    sockets = FakeSockets()

    assert _ask(Table(), sockets, _of("typing")) is None
    event = {"type": "typing", "message_group_uuid": GROUP, "user_uuid": USER}
    assert {name: sockets.events(name) for name in ("mine", "theirs", "theirs too")} == {
        "mine": [],
        "theirs": [event],
        "theirs too": [event],
    }


def test_typing_is_relayed_once_within_the_limit() -> None:
    sockets, limit = FakeSockets(), RateLimit(3, lambda: 0.0)

    for _ in range(3):
        assert _ask(Table(), sockets, _of("typing"), limit=limit) is None
    assert len(sockets.events("theirs")) == 1


@pytest.mark.parametrize("head", [FIRST, _showing(MUTUAL, replace(BAYKO, read_receipts=False))])
def test_typing_is_not_relayed_before_an_answer_or_by_a_person_who_hides(head: Head) -> None:
    sockets = FakeSockets()

    assert _ask(Table(head), sockets, _of("typing")) is None
    assert not sockets.frames


@pytest.mark.parametrize("online", [True, False])
def test_a_subscription_is_stored_and_answered_by_the_present_presence(online: bool) -> None:
    table = Table(londo_online=online)

    assert _ask(table, FakeSockets(), _of("subscribe")) == {
        "type": "presence",
        "message_group_uuid": GROUP,
        "user_uuid": OTHER,
        "online": online,
    }
    assert table.subscriptions(OTHER) == [Subscription(OTHER, "mine", USER, GROUP, 1_800_000_000)]


def test_a_subscription_to_a_person_who_hides_is_stored_and_shows_nothing() -> None:
    table = Table(_showing(MUTUAL, replace(LONDO, read_receipts=False)))

    assert _ask(table, FakeSockets(), _of("subscribe")) is None
    assert len(table.subscriptions(OTHER)) == 1


@pytest.mark.parametrize("head", [FIRST, _showing(MUTUAL, LONDO.deleted), _showing(MUTUAL, LONDO.leaving)])
def test_a_subscription_has_no_effect_before_an_answer_or_to_a_person_who_is_gone(head: Head) -> None:
    table = Table(head)

    assert _ask(table, FakeSockets(), _of("subscribe")) is None
    assert table.subscriptions(OTHER) == []


def test_a_closed_connection_cannot_subscribe() -> None:
    table = Table()
    del table.held[USER, "mine"]

    assert _ask(table, FakeSockets(), _of("subscribe")) == {
        "type": "error",
        "code": "not_found",
        "detail": "This connection is closed.",
    }


def test_a_subscription_ends() -> None:
    table = Table()
    _ask(table, FakeSockets(), _of("subscribe"))

    assert _ask(table, FakeSockets(), _of("unsubscribe")) is None
    assert table.subscriptions(OTHER) == []
    assert table.unsubscribed == [(USER, "mine", OTHER)]


@pytest.mark.parametrize(
    ("frame", "code", "detail"),
    [
        ("{", "unreadable", "The body is not valid JSON."),
        ({"type": "dance"}, "unreadable", "type must be ping, typing, subscribe or unsubscribe."),
        ({}, "unreadable", "type must be ping, typing, subscribe or unsubscribe."),
        (_of("subscribe", 7), "unreadable", "message_group_uuid must be a uuid."),
        (_of("subscribe", "7"), "unreadable", "message_group_uuid must be a uuid."),
        (_of("typing", STRANGER), "not_found", "There is no such conversation."),
        ({"type": "ping", "more": "x" * 4096}, "too_large", None),
    ],
)
def test_a_frame_that_cannot_be_handled_is_answered_by_an_error(frame: object, code: str, detail: str | None) -> None:
    event = _ask(Table(), FakeSockets(), frame)

    assert (event["type"], event["code"]) == ("error", code)
    assert detail is None or event["detail"] == detail


@pytest.mark.parametrize("kind", ["typing", "subscribe", "unsubscribe"])
def test_a_stranger_reaches_nobody(kind: str) -> None:
    table, sockets = Table(), FakeSockets()

    assert _ask(table, sockets, _of(kind), who=STRANGER)["code"] == "not_found"
    assert not sockets.frames
    assert not table.watching


# Tickets


class Tickets(FakeConnections):
    """Stores tickets."""

    def __init__(self, *people: Person) -> None:
        super().__init__(people=people)
        self.stored: dict[str, Ticket] = {}
        self.consistent: list[bool] = []

    def person(self, user_uuid: str, *, consistent: bool = False) -> Person | None:
        self.consistent.append(consistent)
        return super().person(user_uuid)

    def put_ticket(self, ticket: Ticket) -> None:
        self.stored[ticket.digest] = ticket

    def consume_ticket(self, digest: str) -> Ticket | None:
        return self.stored.pop(digest, None)


def test_a_ticket_is_stored_as_a_digest_for_a_minute_and_is_valid_once() -> None:
    table = Tickets(BAYKO)
    ticket, _ = create_ticket(table, USER, tickets_per_hour(0), lambda: 1000.9)

    (stored,) = table.stored.values()
    assert (stored.user_uuid, stored.expires) == (USER, 1000 + LIFETIME)
    assert len(ticket) == 43  # 32 bytes
    assert ticket not in stored.digest
    assert [consume_ticket(table, ticket), consume_ticket(table, ticket)] == [USER, None]
    assert table.consistent == [True]


def test_an_erased_person_gets_no_ticket() -> None:
    table = Tickets(LONDO)

    with pytest.raises(NotFound):
        create_ticket(table, USER, tickets_per_hour(0))
    assert table.stored == {}
