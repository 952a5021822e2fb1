"""Tickets, connections, subscriptions and clients' frames, on a real engine, with fake sockets."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.live.connections import (
    FRAME_WINDOW_SECONDS,
    MAX_FRAMES,
    MAX_SUBSCRIPTIONS,
    REFUSED_FRAME_COST,
    RateLimit,
)
from messaging.live.tickets import LIFETIME, consume_ticket, create_ticket
from messaging.model import keys
from messaging.model.connection import Connection, Subscription
from messaging.model.limits import tickets_per_hour
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.refusals import MIN_REFUSAL_SECONDS
from messaging.services.send import send_to_handle
from messaging.storage.table import Table
from operators.erasure import erase_from_table
from operators.people_table import PeopleTable
from tests.support.checks import read_all
from tests.support.functions import Functions, Stream, sample_event
from tests.support.socket_functions import SocketFunctions
from tests.support.world import Requests, Run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def client(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> SocketFunctions:
    return SocketFunctions(functions, monkeypatch)


@pytest.fixture
def group(table: Table, bayko: Person, londo: Person) -> str:
    """A conversation where both have written."""
    send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "Hello"))
    return send_to_handle(table, londo.user_uuid, bayko.handle, Draft(str(uuid4()), "Hello")).message.message_group_uuid


@pytest.fixture
def people(dynamodb: "DynamoDBClient", table_name: str) -> PeopleTable:
    return PeopleTable(dynamodb, table_name)


# Tickets


def test_of_many_handshakes_with_one_ticket_one_succeeds(table: Table, bayko: Person) -> None:
    ticket, _ = create_ticket(table, bayko.user_uuid, tickets_per_hour(0))

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: consume_ticket(table, ticket), range(20)))

    assert sorted(answers, key=lambda answer: answer is None) == [bayko.user_uuid] + [None] * 19


@pytest.mark.parametrize(("age", "taken"), [(LIFETIME - 1, True), (LIFETIME, False), (LIFETIME + 1, False)])
def test_a_ticket_lives_for_a_minute_however_late_dynamodb_deletes_it(
    dynamodb: "DynamoDBClient", table: Table, table_name: str, bayko: Person, age: int, taken: bool
) -> None:
    made = 1_800_000_000
    ticket, _ = create_ticket(table, bayko.user_uuid, tickets_per_hour(0), lambda: made)
    later = Table(dynamodb, table_name, lambda: made + age)

    assert consume_ticket(later, ticket) == (bayko.user_uuid if taken else None)


def test_a_ticket_is_no_longer_there_when_used_and_never_was_in_clear(
    dynamodb: "DynamoDBClient", table_name: str, functions: Functions, bayko: Person
) -> None:
    before = list(read_all(dynamodb, table_name))
    _, body, _ = functions.call("connections.create_ticket", bayko.user_uuid)
    assert body["ticket"] not in json.dumps(list(read_all(dynamodb, table_name)))

    event = sample_event("authorize")
    event["queryStringParameters"]["ticket"] = body["ticket"]
    authorize = functions.handler("connections.authorize").lambda_handler
    allowed, refused = authorize(event, None), authorize(event, None)

    assert body["expires_in"] == LIFETIME
    assert allowed["context"] == {"user_uuid": bayko.user_uuid}
    assert [answer["policyDocument"]["Statement"][0]["Effect"] for answer in (allowed, refused)] == ["Allow", "Deny"]
    assert refused["context"] == {}
    assert list(read_all(dynamodb, table_name)) == before


# Connections


def test_a_person_has_at_most_ten_connections_and_the_oldest_go(
    client: SocketFunctions, table: Table, bayko: Person
) -> None:
    ids = [client.connect(bayko.user_uuid) for _ in range(13)]

    assert {one.connection_id for one in table.connections(bayko.user_uuid)} == set(ids[3:])
    assert client.sockets.closed == set(ids[:3])
    told = {one: [event.get("code") for event in client.sockets.events(one)] for one in ids}
    assert told == {one: ["too_many_connections"] if one in ids[:3] else [] for one in ids}


def test_an_expired_connection_does_not_count(
    client: SocketFunctions, table: Table, bayko: Person, londo: Person, group: str
) -> None:
    connection_id = client.connect(bayko.user_uuid)
    table.put_connection(Connection(londo.user_uuid, "late", keys.FIRST_TIME, int(time.time()) - 1))

    (answer,) = client.send(bayko.user_uuid, connection_id, type="subscribe", message_group_uuid=group)
    assert answer["online"] is False
    client.send(bayko.user_uuid, connection_id, type="typing", message_group_uuid=group)
    assert client.sockets.frames.keys() == {connection_id}


def test_a_disconnect_deletes_that_connection_and_its_subscriptions_only(
    client: SocketFunctions, table: Table, bayko: Person, londo: Person, group: str
) -> None:
    first, second = client.connect(bayko.user_uuid), client.connect(bayko.user_uuid)
    for connection_id in (first, second):
        client.send(bayko.user_uuid, connection_id, type="subscribe", message_group_uuid=group)

    client.disconnect(bayko.user_uuid, first)
    client.disconnect(bayko.user_uuid, first)

    assert [one.connection_id for one in table.connections(bayko.user_uuid)] == [second]
    assert [one.connection_id for one in table.subscriptions(londo.user_uuid)] == [second]


def test_a_socket_that_its_client_cannot_name_cannot_be_closed_by_it(
    client: SocketFunctions, table: Table, bayko: Person, londo: Person
) -> None:
    connection_id = client.connect(bayko.user_uuid)

    client.disconnect(londo.user_uuid, connection_id)

    assert len(table.connections(bayko.user_uuid)) == 1


# Erased people


def test_an_erasure_closes_the_sockets_and_tells_subscribers_that_nobody_is_online(
    client: SocketFunctions, people: PeopleTable, bayko: Person, londo: Person, group: str
) -> None:
    mine = client.connect(bayko.user_uuid)
    theirs = [client.connect(londo.user_uuid), client.connect(londo.user_uuid)]
    for user_uuid, connection_id in ((bayko.user_uuid, mine), (londo.user_uuid, theirs[0])):
        client.send(user_uuid, connection_id, type="subscribe", message_group_uuid=group)

    erase_from_table(people, client.sockets, londo.user_uuid, {londo.handle})

    assert client.sockets.closed == set(theirs)
    assert [event["online"] for event in client.sockets.events(mine)] == [True, False]
    assert people.connections(londo.user_uuid) == []
    assert people.subscriptions(londo.user_uuid) == people.subscriptions(bayko.user_uuid) == []


def test_an_erased_person_gets_no_ticket_or_socket_and_is_never_online(
    client: SocketFunctions, functions: Functions, people: PeopleTable, bayko: Person, londo: Person, group: str
) -> None:
    mine = client.connect(bayko.user_uuid)
    client.send(bayko.user_uuid, mine, type="subscribe", message_group_uuid=group)
    report = client.sockets.events(mine)
    # The profile is deleted first: from then on nothing may open, although the heads still show a member.
    people.remove_person(londo.user_uuid, {londo.handle})

    assert functions.call("connections.create_ticket", londo.user_uuid)[0] == 404
    client.connect(londo.user_uuid, expected_status=403)

    assert people.connections(londo.user_uuid) == []
    assert client.sockets.events(mine) == report


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_socket_that_opens_while_its_person_is_erased_is_refused_or_closed(
    client: SocketFunctions,
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    functions_dynamodb: Any,
    people: PeopleTable,
    table_name: str,
    bayko: Person,
    at: int,
) -> None:
    requests = Requests(functions_dynamodb)
    monkeypatch.setattr(functions, "_table", Table(requests, table_name))  # type: ignore[arg-type]

    def erase(number: int, run: Run, _: dict[str, Any]) -> Any:
        if number == at:
            erase_from_table(people, client.sockets, bayko.user_uuid, {bayko.handle})
        return run()

    requests.hook = erase
    client.connect(bayko.user_uuid, expected_status=403 if at < 3 else 200)

    assert at < 3 or client.sockets.closed
    assert people.connections(bayko.user_uuid) == []


# Presence


def test_presence_is_pushed_on_the_first_connection_and_on_the_last(
    client: SocketFunctions, bayko: Person, londo: Person, group: str
) -> None:
    mine = client.connect(bayko.user_uuid)
    answers = client.send(bayko.user_uuid, mine, type="subscribe", message_group_uuid=group)
    theirs = [client.connect(londo.user_uuid), client.connect(londo.user_uuid)]
    for connection_id in theirs:
        client.disconnect(londo.user_uuid, connection_id)

    assert [event["online"] for event in answers] == [False]
    assert [event["online"] for event in client.sockets.events(mine)] == [False, True, False]
    assert {event["user_uuid"] for event in client.sockets.events(mine)} == {londo.user_uuid}


def test_after_unsubscribe_nothing_is_pushed(
    client: SocketFunctions, table: Table, bayko: Person, londo: Person, group: str
) -> None:
    mine = client.connect(bayko.user_uuid)
    client.send(bayko.user_uuid, mine, type="subscribe", message_group_uuid=group)
    assert client.send(bayko.user_uuid, mine, type="unsubscribe", message_group_uuid=group) == []

    client.connect(londo.user_uuid)

    assert len(client.sockets.events(mine)) == 1
    assert table.connections(bayko.user_uuid)[0].subscriptions == frozenset()
    assert table.subscriptions(londo.user_uuid) == []


def test_a_connection_watches_a_hundred_people_and_no_more(
    client: SocketFunctions, table: Table, bayko: Person, group: str, register: Callable[[str], Person]
) -> None:
    mine = client.connect(bayko.user_uuid)
    for number in range(MAX_SUBSCRIPTIONS - 1):
        assert table.subscribe(bayko.user_uuid, mine, f"person-{number}", MAX_SUBSCRIPTIONS)
    other = register("another")
    send_to_handle(table, bayko.user_uuid, other.handle, Draft(str(uuid4()), "Hello"))
    another = send_to_handle(table, other.user_uuid, bayko.handle, Draft(str(uuid4()), "Hello")).message

    def subscribe(message_group_uuid: str) -> list[dict[str, Any]]:
        return client.send(bayko.user_uuid, mine, type="subscribe", message_group_uuid=message_group_uuid)

    assert [event["type"] for event in subscribe(group) + subscribe(group)] == ["presence", "presence"]
    (refused,) = subscribe(another.message_group_uuid)
    assert (refused["type"], refused["code"]) == ("error", "too_large")


def test_subscribing_through_a_connection_that_has_ended_leaves_nothing(
    client: SocketFunctions, table: Table, bayko: Person, londo: Person, group: str
) -> None:
    (answer,) = client.send(bayko.user_uuid, "ended", type="subscribe", message_group_uuid=group)

    assert answer["code"] == "not_found"
    assert table.connections(bayko.user_uuid) == []
    assert table.subscriptions(londo.user_uuid) == []


# Other people's conversations


@pytest.mark.parametrize("kind", ["typing", "subscribe", "unsubscribe"])
def test_a_stranger_and_a_conversation_that_does_not_exist_are_answered_alike(
    client: SocketFunctions, table: Table, group: str, londo: Person, register: Callable[[str], Person], kind: str
) -> None:
    client.connect(londo.user_uuid)
    eve = register("eve")
    mine = client.connect(eve.user_uuid)

    answers = [client.send(eve.user_uuid, mine, type=kind, message_group_uuid=one) for one in (group, str(uuid4()))]

    assert answers[0] == answers[1]
    assert [event["code"] for event in answers[0]] == ["not_found"]
    assert client.sockets.frames.keys() == {mine}
    assert table.subscriptions(londo.user_uuid) == []


def test_one_unanswered_message_buys_nothing_and_an_answer_both(
    client: SocketFunctions, functions: Functions, stream: Stream, bayko: Person, londo: Person
) -> None:
    """Bayko writes to londo; londo reads, types and goes offline, and then answers."""
    mine, theirs = client.connect(bayko.user_uuid), client.connect(londo.user_uuid)
    _, sent, _ = functions.create_message_group(bayko.user_uuid, handle="londo", message="Hello")
    uuid = sent["message_group_uuid"]

    def report(connection_id: str) -> list[str]:
        kinds = [event["type"] for event in client.sockets.events(connection_id)]
        client.sockets.frames.clear()
        return kinds

    def happen() -> list[str]:
        """Cause every event of londo that bayko could receive."""
        client.send(bayko.user_uuid, mine, type="subscribe", message_group_uuid=uuid)
        client.send(londo.user_uuid, theirs, type="typing", message_group_uuid=uuid)
        last_seq = functions.find_message_group(londo.user_uuid, uuid)[1]["last_seq"]
        functions.mark_read(londo.user_uuid, uuid, last_seq)
        client.push(stream.records()[-1:])
        client.disconnect(londo.user_uuid, theirs)
        client.connect(londo.user_uuid)
        return report(mine)

    client.push(stream.records())
    assert report(mine) == ["message_group", "message"]
    assert happen() == []
    assert functions.find_message_group(bayko.user_uuid, uuid)[1]["other_read_seq"] is None

    theirs = client.connect(londo.user_uuid)
    functions.create_message(londo.user_uuid, message_group_uuid=uuid, message="Well, hello")
    client.push(stream.records()[-1:])
    assert report(mine) == ["message", "message_group"]
    assert functions.find_message_group(bayko.user_uuid, uuid)[1]["other_read_seq"] == 2
    functions.create_message(bayko.user_uuid, message_group_uuid=uuid, message="How are you?")
    assert happen()[:3] == ["presence", "typing", "read"]


def test_typing_is_relayed_once_in_three_seconds(
    client: SocketFunctions,
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    bayko: Person,
    londo: Person,
    group: str,
) -> None:
    mine, theirs = client.connect(bayko.user_uuid), client.connect(londo.user_uuid)
    pace = RateLimit(3, iter([0.0, 1.0, 3.0]).__next__)
    monkeypatch.setattr(functions.handler("connections.receive"), "typing_limit", pace)

    for _ in range(3):
        assert client.send(bayko.user_uuid, mine, type="typing", message_group_uuid=group) == []

    assert len(client.sockets.events(theirs)) == 2


def test_typing_of_a_person_with_hidden_receipts_is_not_relayed(
    client: SocketFunctions, functions: Functions, bayko: Person, londo: Person, group: str
) -> None:
    mine, theirs = client.connect(bayko.user_uuid), client.connect(londo.user_uuid)
    assert functions.update_me(bayko.user_uuid, receipts=False)[0] == 200

    for user_uuid, connection_id in ((bayko.user_uuid, mine), (londo.user_uuid, theirs)):
        assert client.send(user_uuid, connection_id, type="typing", message_group_uuid=group) == []

    assert client.sockets.events(theirs) == []
    assert [event["user_uuid"] for event in client.sockets.events(mine)] == [londo.user_uuid]


def test_a_connection_that_sends_too_many_frames_is_closed_and_the_others_are_not(
    client: SocketFunctions, functions: Functions, table: Table, monkeypatch: pytest.MonkeyPatch, bayko: Person
) -> None:
    fast, other = client.connect(bayko.user_uuid), client.connect(bayko.user_uuid)
    receive = functions.handler("connections.receive")
    monkeypatch.setattr(receive, "frame_limit", RateLimit(FRAME_WINDOW_SECONDS, lambda: 0.0))

    for _ in range(MAX_FRAMES):
        assert client.send(bayko.user_uuid, fast, type="ping") == [{"type": "pong"}]
    assert client.sockets.closed == set()
    for _ in range(3):
        assert client.send(bayko.user_uuid, fast, type="ping", expected_status=429) == []

    assert client.sockets.closed == {fast}
    assert [one.connection_id for one in table.connections(bayko.user_uuid)] == [other]
    assert client.send(bayko.user_uuid, other, type="ping") == [{"type": "pong"}]


def test_a_connection_that_is_refused_again_and_again_is_closed(
    client: SocketFunctions, functions: Functions, monkeypatch: pytest.MonkeyPatch, bayko: Person
) -> None:
    """A refusal takes a tenth of a second, so no process sees MAX_FRAMES refused frames in the period."""
    fast, other = client.connect(bayko.user_uuid), client.connect(bayko.user_uuid)
    monkeypatch.setattr(
        functions.handler("connections.receive"), "frame_limit", RateLimit(FRAME_WINDOW_SECONDS, lambda: 0.0)
    )
    monkeypatch.setattr("messaging.services.refusals.MIN_REFUSAL_SECONDS", 0.0)
    asked: dict[str, Any] = {"type": "subscribe", "message_group_uuid": str(uuid4())}

    for _ in range(MAX_FRAMES // REFUSED_FRAME_COST):
        assert [event["code"] for event in client.send(bayko.user_uuid, fast, **asked)] == ["not_found"]
    assert client.sockets.closed == set()
    assert client.send(bayko.user_uuid, fast, **asked, expected_status=429) == []

    assert client.sockets.closed == {fast}
    assert client.send(bayko.user_uuid, other, **asked) != []
    assert MIN_REFUSAL_SECONDS * MAX_FRAMES / REFUSED_FRAME_COST < FRAME_WINDOW_SECONDS / 2


# The stream


def test_events_of_the_stream_reach_both_and_unreadable_records_are_skipped(
    client: SocketFunctions, functions: Functions, stream: Stream, bayko: Person, londo: Person, group: str
) -> None:
    mine, theirs = client.connect(bayko.user_uuid), client.connect(londo.user_uuid)
    functions.create_message(londo.user_uuid, message_group_uuid=group, message="Well, hello")
    functions.call(
        "message_groups.mark_read", bayko.user_uuid, body={"seq": 3}, parameters={"message_group_uuid": group}
    )
    opened, answered, sent, read = stream.records()

    client.push([opened, {"dynamodb": {}}, {}, answered, sent, read])

    for connection_id in (mine, theirs):
        kinds = [event["type"] for event in client.sockets.events(connection_id)]
        assert kinds == ["message_group", "message", "message", "message_group", "message", "read"]


def test_a_subscription_ends_with_its_connection(
    client: SocketFunctions, table: Table, bayko: Person, londo: Person, group: str
) -> None:
    mine = client.connect(bayko.user_uuid)
    client.send(bayko.user_uuid, mine, type="subscribe", message_group_uuid=group)

    (connection,), (subscription,) = table.connections(bayko.user_uuid), table.subscriptions(londo.user_uuid)

    assert connection.subscriptions == frozenset({londo.user_uuid})
    assert subscription == Subscription(londo.user_uuid, mine, bayko.user_uuid, group, connection.expires)
