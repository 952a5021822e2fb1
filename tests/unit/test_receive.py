"""Any frame of a client is answered to it alone, as asyncapi.yaml says, and never logged."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.connections import authorize, connect, create_ticket, disconnect, receive
from functions.push import push
from messaging.live.connections import RateLimit
from messaging.model import keys
from messaging.model.connection import Connection
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.message import Message
from messaging.model.person import Person
from tests.support.abuse import bodies
from tests.support.api import OTHER, STRANGER, USER, event
from tests.support.asyncapi import assert_described
from tests.support.fake_sockets import FakeConnections, FakeSockets
from tests.support.fake_table import FailingTable

GROUP = keys.pair_uuid(USER, OTHER)
TEXT = "Zathras-never-tells"
TICKET = "mGx5wQ0Zg9yJ8nqk3pVvYt7cB2sLr4eH6uAfDiXoKzE"
SAMPLE = {"type": "subscribe", "message_group_uuid": GROUP}


def _table() -> FakeConnections:
    bayko, londo = Person(USER, "bayko", "Bayko"), Person(OTHER, "londo", "Londo")
    connections = (Connection(user_uuid, user_uuid, keys.FIRST_TIME, 2**40) for user_uuid in (USER, OTHER, STRANGER))
    table = FakeConnections(*connections, people=[bayko, londo])
    first = Message(GROUP, GROUP, TEXT, bayko, "2026-01-02T03:04:05.000006+00:00", 1)
    table.heads[GROUP] = Head.of_first(first, londo)
    return table


def _frame(user_uuid: str, **body: Any) -> dict[str, Any]:
    asked = {
        "eventType": "MESSAGE",
        "requestId": "1",
        "connectionId": user_uuid,
        "authorizer": {"user_uuid": user_uuid},
    }
    return {"requestContext": asked, **body}


kinds = st.sampled_from(["ping", "typing", "subscribe", "unsubscribe", "message", "$connect"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from([USER, STRANGER]),
    kinds.flatmap(lambda kind: bodies({**SAMPLE, "type": kind}))
    | kinds.map(lambda kind: {"body": json.dumps({**SAMPLE, "type": kind}), "isBase64Encoded": False}),
)
def test_any_frame_is_answered_as_described_and_only_members_reach_the_other(
    monkeypatch: pytest.MonkeyPatch, user_uuid: str, body: dict[str, Any]
) -> None:
    table, sockets = _table(), FakeSockets()
    held = copy.copy(table.held)
    for name, value in {
        "table": table,
        "sockets": sockets,
        "typing_limit": RateLimit(3),
        "frame_limit": RateLimit(10),
    }.items():
        monkeypatch.setattr(receive, name, value)

    assert receive.lambda_handler(_frame(user_uuid, **body), None) == {"statusCode": 200}

    answers = sockets.events(user_uuid)
    assert len(answers) <= 1
    if answers:
        assert_described("Events", answers)
    to_the_other = sockets.events(OTHER)
    assert to_the_other in ([], [{"type": "typing", "message_group_uuid": GROUP, "user_uuid": USER}])
    if user_uuid == STRANGER:
        assert not to_the_other
        assert not table.watching
    assert table.held == held
    assert not sockets.closed


@pytest.mark.parametrize("frame", [{"type": "typing", "text": TEXT}, {**SAMPLE, "text": TEXT}, {"type": TEXT}, TEXT])
@pytest.mark.parametrize("error", [None, Busy("DynamoDB is throttling."), RuntimeError(TEXT)])
def test_sent_texts_are_never_logged(
    frame: object, error: Exception | None, written: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = FakeSockets()
    monkeypatch.setattr(receive, "table", FailingTable(error) if error else _table())
    monkeypatch.setattr(receive, "sockets", sockets)

    receive.lambda_handler(_frame(USER, body=json.dumps(frame)), None)

    assert TEXT not in written()
    assert TEXT not in json.dumps(sockets.events(USER))


def test_a_bug_is_answered_and_counts_as_a_failure(written: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    sockets = FakeSockets()
    monkeypatch.setattr(receive, "table", FailingTable(RuntimeError(TEXT)))
    monkeypatch.setattr(receive, "sockets", sockets)

    assert receive.lambda_handler(_frame(USER, body=json.dumps(SAMPLE)), None) == {"statusCode": 500}

    assert [event["code"] for event in sockets.events(USER)] == ["busy"]
    assert json.loads(written())["error"] == "RuntimeError"


def test_a_socket_that_closes_before_its_answer_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _table()
    monkeypatch.setattr(receive, "table", table)
    monkeypatch.setattr(receive, "sockets", FakeSockets(gone=[USER]))

    assert receive.lambda_handler(_frame(USER, body='{"type": "ping"}'), None) == {"statusCode": 200}
    assert (USER, USER) not in table.held


@pytest.mark.parametrize("function", [connect, disconnect])
def test_a_frame_that_names_a_route_of_api_gateway_closes_its_connection(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, sockets = _table(), FakeSockets()
    monkeypatch.setattr(function, "table", table)
    monkeypatch.setattr(function, "sockets", sockets)

    assert function.lambda_handler(_frame(USER, body='{"type": "$disconnect"}'), None) == {"statusCode": 400}

    assert sockets.closed == {USER}
    assert len(table.held) == 2


@pytest.mark.parametrize("found", [True, False])
def test_a_ticket_is_never_logged(found: bool, written: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Tickets(FakeConnections):
        def put_ticket(self, ticket: object) -> None:
            assert TICKET not in str(ticket)

        def consume_ticket(self, digest: str) -> Any:
            assert digest != TICKET
            return type("Ticket", (), {"user_uuid": USER}) if found else None

    monkeypatch.setattr("secrets.token_urlsafe", lambda _: TICKET)
    for function in (authorize, create_ticket):
        monkeypatch.setattr(function, "table", Tickets(people=[Person(USER, "bayko", "Bayko")]))

    answer = create_ticket.lambda_handler(event(), None)
    authorized = authorize.lambda_handler(
        {
            "methodArn": "arn",
            "queryStringParameters": {"ticket": TICKET},
            "requestContext": {"requestId": "the-request-id"},
        },
        None,
    )

    assert json.loads(answer["body"])["ticket"] == TICKET
    assert authorized["policyDocument"]["Statement"][0]["Effect"] == ("Allow" if found else "Deny")
    assert TICKET not in json.dumps(authorized)
    assert TICKET not in written()


@pytest.mark.parametrize("error", [None, RuntimeError(TEXT), Busy(TEXT)])
def test_pushed_events_are_never_logged(
    error: Exception | None, written: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messaging.live.delivery.DELIVERY_BUDGET_SECONDS", 0.05)
    table = _table()
    head = table.heads[GROUP].item
    image = {"NewImage": head, "SequenceNumber": "1", "ApproximateCreationDateTime": 1.0}
    records = [{"eventName": "INSERT", "dynamodb": image}, {"eventName": "INSERT", "dynamodb": {"NewImage": TEXT}}, {}]
    for failing in ([], [table]) if error else ([],):
        monkeypatch.setattr(push, "table", FailingTable(error) if failing and error else _table())
        monkeypatch.setattr(push, "sockets", FakeSockets(failing={USER: error, OTHER: error} if error else {}))
        push.lambda_handler({"Records": records}, None)

    log = written()
    assert TEXT not in log
    assert '"RecordsUnreadable":[2]' in log.replace(" ", "")
