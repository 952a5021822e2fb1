"""Sockets of the deployed stack: opening, events from the server, and frames from the client."""

import time
from contextlib import ExitStack
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from messaging.live.connections import MAX_FRAMES, REFUSED_FRAME_COST
from messaging.live.tickets import LIFETIME
from messaging.model import keys
from messaging.model.connection import Connection, Subscription
from tests.e2e.conftest import Client, System, eventually
from tests.support.sockets import handshake, opened, ticket


def _refused(system: System, query: str) -> int:
    with pytest.raises(InvalidStatus) as refused:
        handshake(system, query)
    return refused.value.response.status_code


def _connections(system: System, person: Client) -> list[Connection]:
    answer = system.client("dynamodb").query(
        TableName=system.environment.outputs["TableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": keys.connections_pk(person.user_uuid)}},
        ConsistentRead=True,
    )
    return [Connection.from_item(item) for item in answer["Items"]]


def _subscriptions(system: System, subscriptions: Client) -> list[Subscription]:
    answer = system.client("dynamodb").query(
        TableName=system.environment.outputs["TableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": keys.subscriptions_pk(subscriptions.user_uuid)}},
        ConsistentRead=True,
    )
    return [Subscription.from_item(item) for item in answer["Items"]]


def acquainted(one: Client, other: Client) -> str:
    """Open a conversation where both have written: otherwise neither gets the other's events."""
    one.send(handle=other.handle, message="Hello")
    return str(other.send(handle=one.handle, message="Hello")["message_group_uuid"])


# Tickets


@pytest.mark.parametrize(("query", "status"), [("", 401), ("?ticket=", 401), ("?ticket=of-nobody", 403)])
def test_without_a_ticket_no_socket_opens(system: System, query: str, status: int) -> None:
    assert _refused(system, query) == status


def test_a_ticket_needs_a_token(bayko: Client) -> None:
    assert bayko.http.post(f"{bayko.api}/api/connections/ticket", timeout=60).status_code == 401


def test_a_ticket_is_valid_once(system: System, bayko: Client) -> None:
    query = f"?ticket={ticket(bayko)}"

    with handshake(system, query):
        assert _refused(system, query) == 403
    assert _refused(system, query) == 403


def test_an_expired_ticket_is_refused_though_it_is_still_stored(system: System, bayko: Client) -> None:
    query = f"?ticket={ticket(bayko)}"
    dynamodb, table = system.client("dynamodb"), system.environment.outputs["TableName"]
    (item,) = (
        one
        for one in dynamodb.scan(TableName=table)["Items"]
        if one["sk"] == {"S": keys.TICKET} and one["user_uuid"] == {"S": bayko.user_uuid}
    )
    assert 0 < int(item["ttl"]["N"]) - time.time() <= LIFETIME
    dynamodb.put_item(TableName=table, Item={**item, "ttl": {"N": str(int(time.time()) - 1)}})

    assert _refused(system, query) == 403


def test_a_socket_belongs_to_the_person_who_requested_the_ticket(system: System, bayko: Client, londo: Client) -> None:
    with handshake(system, f"?ticket={ticket(bayko)}&user_uuid={londo.user_uuid}"):
        assert len(_connections(system, bayko)) == 1
        assert _connections(system, londo) == []


# Events


def test_a_message_reaches_every_device_of_both(system: System, bayko: Client, londo: Client) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(opened(system, person)) for person in (bayko, bayko, londo, londo)]
        first = bayko.send(handle=londo.handle, message="Hello")
        second = londo.send(message_group_uuid=first["message_group_uuid"], message="Well, hello 👋")

        for person, socket in zip((bayko, bayko, londo, londo), sockets, strict=True):
            other = londo if person is bayko else bayko
            group = socket.wait_for(type="message_group", uuid=first["message_group_uuid"])
            assert (group["user_uuid"], group["last_seq"]) == (other.user_uuid, 1)
            for sent, sender in ((first, bayko), (second, londo)):
                message = socket.wait_for(type="message", seq=sent["seq"])
                assert {**sent, "type": "message", "user_uuid": sender.user_uuid, "after": message["after"]} == message
                after = person.get(f"/api/messages/{sent['message_group_uuid']}", params={"after": message["after"]})
                assert [one["seq"] for one in after.json()] == list(range(sent["seq"] + 1, 3))
            socket.wait_for(
                type="message_group", uuid=first["message_group_uuid"], other_read_seq=1 if other is bayko else 2
            )
            socket.quiet()


def test_marks_go_to_both_unless_the_reader_hides_them(system: System, bayko: Client, londo: Client) -> None:
    group = acquainted(bayko, londo)
    bayko.send(message_group_uuid=group, message="Read me")
    with opened(system, bayko) as of_bayko, opened(system, londo) as of_londo:
        read = {"type": "read", "message_group_uuid": group, "user_uuid": londo.user_uuid, "read_seq": 3}
        londo.request("PUT", f"/api/message_groups/{group}/read", json={"seq": 3})
        assert of_bayko.wait_for(type="read") == of_londo.wait_for(type="read") == read

        assert londo.request("PATCH", "/api/users/me", json={"receipts": False}).status_code == 200
        bayko.send(message_group_uuid=group, message="And me")
        assert londo.request("PUT", f"/api/message_groups/{group}/read", json={"seq": 4}).status_code == 200
        assert of_londo.wait_for(type="read")["read_seq"] == 4
        of_bayko.wait_for(type="message", seq=4)
        of_bayko.quiet()


def test_typing_goes_to_the_other_of_that_conversation_only(
    system: System, bayko: Client, londo: Client, eve: Client
) -> None:
    group = acquainted(bayko, londo)
    with opened(system, bayko) as of_bayko, opened(system, londo) as of_londo, opened(system, eve) as of_eve:
        of_bayko.send({"type": "typing", "message_group_uuid": group})
        typing = {"type": "typing", "message_group_uuid": group, "user_uuid": bayko.user_uuid}
        assert of_londo.wait_for(type="typing") == typing
        of_eve.send({"type": "typing", "message_group_uuid": group})
        assert of_eve.wait_for(type="error")["code"] == "not_found"
        for socket in (of_bayko, of_londo, of_eve):
            socket.quiet()


def test_presence_goes_to_subscribers_until_their_socket_closes(system: System, bayko: Client, londo: Client) -> None:
    group = acquainted(bayko, londo)
    with opened(system, bayko) as of_bayko:
        of_bayko.send({"type": "subscribe", "message_group_uuid": group})
        presence = {"type": "presence", "message_group_uuid": group, "user_uuid": londo.user_uuid}
        assert of_bayko.wait_for(type="presence") == {**presence, "online": False}
        with opened(system, londo):
            assert of_bayko.wait_for(type="presence") == {**presence, "online": True}
            with opened(system, londo):  # a second device changes nothing
                of_bayko.quiet()
            of_bayko.quiet()
        assert of_bayko.wait_for(type="presence") == {**presence, "online": False}
        assert len(_subscriptions(system, londo)) == 1

        of_bayko.send({"type": "unsubscribe", "message_group_uuid": group})
        of_bayko.quiet()
        with opened(system, londo):
            of_bayko.quiet()
        of_bayko.send({"type": "subscribe", "message_group_uuid": group})
        of_bayko.wait_for(type="presence")
    eventually(lambda: not _subscriptions(system, londo))


def test_a_person_with_hidden_receipts_shows_no_presence(system: System, bayko: Client, londo: Client) -> None:
    group = acquainted(bayko, londo)
    assert londo.request("PATCH", "/api/users/me", json={"receipts": False}).status_code == 200
    with opened(system, bayko) as of_bayko:
        of_bayko.send({"type": "subscribe", "message_group_uuid": group})
        of_bayko.quiet()
        with opened(system, londo):
            of_bayko.quiet()
        eventually(lambda: not _connections(system, londo))
        of_bayko.quiet()


# Frames from clients


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("", "unreadable"),
        ("not JSON", "unreadable"),
        ("[]", "unreadable"),
        ('[{"type": "ping"}]', "unreadable"),
        ("{}", "unreadable"),
        ('{"type": ["ping"]}', "unreadable"),
        ('{"type": "message", "message": "Hello"}', "unreadable"),
        ('{"type": "typing"}', "unreadable"),
        ('{"type": "subscribe", "message_group_uuid": "1"}', "unreadable"),
        ('{"type": "subscribe", "message_group_uuid": 1}', "unreadable"),
        ('{"type": "subscribe", "message_group_uuid": "1c5b51a2-3545-5550-b2d5-a824b0729bbf"}', "not_found"),
        (f'{{"type": "ping", "padding": "{"x" * 4096}"}}', "too_large"),
        ('{"type": "ping", "padding": ' + "[" * 2000 + "]" * 2000 + "}", "unreadable"),
    ],
)
def test_an_unreadable_frame_is_answered_and_the_socket_stays_open(
    system: System, bayko: Client, frame: str, code: str
) -> None:
    with opened(system, bayko) as socket:
        before = _connections(system, bayko)
        socket.send(frame)
        assert socket.wait_for(type="error")["code"] == code
        socket.quiet()
        assert _connections(system, bayko) == before


@pytest.mark.parametrize("kind", ["$connect", "$disconnect"])
def test_a_frame_that_names_a_route_of_api_gateway_closes_its_socket(system: System, bayko: Client, kind: str) -> None:
    """`Receive` counts frames, but does not get this one."""
    with opened(system, bayko) as socket:
        socket.send({"type": kind})

        assert socket.is_closed()
        eventually(lambda: not _connections(system, bayko))


def test_a_flood_of_frames_closes_its_socket_and_nobody_elses(system: System, bayko: Client, londo: Client) -> None:
    """Of refused frames, since fewer are too many: so a busy machine is fast enough."""
    with opened(system, bayko) as flooding, opened(system, bayko) as other, opened(system, londo) as of_londo:
        for _ in range(2 * MAX_FRAMES // REFUSED_FRAME_COST):
            flooding.send({"type": "subscribe", "message_group_uuid": str(uuid4())})

        assert flooding.is_closed()
        for socket in (other, of_londo):
            socket.quiet()
        eventually(lambda: len(_connections(system, bayko)) == 1)


# Limits and expiry


def test_the_eleventh_socket_closes_the_oldest(system: System, bayko: Client) -> None:
    with ExitStack() as stack:
        oldest, *others = [stack.enter_context(opened(system, bayko)) for _ in range(11)]

        assert oldest.wait_for(type="error")["code"] == "too_many_connections"
        assert oldest.is_closed()
        assert len(_connections(system, bayko)) == 10
        for socket in others:
            socket.quiet()


def test_a_closed_socket_is_removed_and_no_other(system: System, bayko: Client) -> None:
    with opened(system, bayko) as staying:
        with opened(system, bayko):
            assert len(_connections(system, bayko)) == 2
        with opened(system, bayko) as broken:
            broken.break_off()
            eventually(lambda: len(_connections(system, bayko)) == 1)
        staying.quiet()


def test_a_push_removes_a_dead_connection_and_no_other(system: System, bayko: Client, londo: Client) -> None:
    dead = Connection(londo.user_uuid, "no-such-socket", keys.FIRST_TIME, int(time.time()) + 3600)
    system.client("dynamodb").put_item(TableName=system.environment.outputs["TableName"], Item=dead.item)
    with opened(system, londo) as socket, opened(system, bayko) as of_bayko:
        bayko.send(handle=londo.handle, message="Are you there?")

        assert socket.wait_for(type="message")["message"] == "Are you there?"
        of_bayko.wait_for(type="message")
        eventually(
            lambda: (
                [one.connection_id for one in _connections(system, londo)] != []
                and dead.connection_id not in {one.connection_id for one in _connections(system, londo)}
            )
        )
        assert len(_connections(system, londo)) == len(_connections(system, bayko)) == 1
