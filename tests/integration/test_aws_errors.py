"""The errors of both clients, the functions' own and boto3's, become the same errors of the domain."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config

from messaging.model.errors import Busy, Conflict
from messaging.storage.aws_client import ConnectionsClient, DynamoDBClient, Limits
from messaging.storage.dynamodb import ConditionFailed, DynamoDB
from messaging.storage.sockets import Gone, NoAnswer, Sockets
from tests.support.raw_server import Answer, Close, RawServer, Silence, refusal, response

ITEM = {"pk": {"S": "a"}, "sk": {"S": "b"}}
LIMITS = Limits(connect_seconds=1, read_seconds=1, attempts=1)
CONFIG = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
OURS: dict[str, Callable[[], Any]] = {
    "dynamodb": lambda: DynamoDBClient(LIMITS),
    "apigatewaymanagementapi": lambda: ConnectionsClient(LIMITS),
}


@contextmanager
def client_of(service: str, answer: Answer, is_ours: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with RawServer(itertools.repeat(answer)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = OURS[service]() if is_ours else boto3.client(service, config=CONFIG)  # type: ignore[call-overload]
        yield client
        client.close()


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "boto3"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal("ProvisionedThroughputExceededException"), Busy),
        (refusal("InternalServerError", "500 Internal Server Error"), Busy),
        (response(raw=b"<html>", status="502 Bad Gateway"), Busy),
        (response(raw=b"", status="503 Service Unavailable"), Busy),
        (Close(), Busy),
        (Close(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), Busy),
        (Silence(), Busy),
        (refusal("TransactionConflictException"), Conflict),
        (refusal("ConditionalCheckFailedException"), ConditionFailed),
        (refusal("ConditionalCheckFailedException", Item=ITEM), ConditionFailed),
    ],
    ids=repr,
)
def test_errors_of_a_write(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, expected: type[Exception], is_ours: bool
) -> None:
    with client_of("dynamodb", answer, is_ours, monkeypatch) as client, pytest.raises(expected) as raised:
        DynamoDB(client, "table").put(ITEM)

    assert type(raised.value) is expected
    if isinstance(raised.value, ConditionFailed):
        assert raised.value.item == (ITEM if isinstance(answer, bytes) and b'"Item"' in answer else None)


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "boto3"])
@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([{"Code": "ConditionalCheckFailed", "Item": ITEM}, {"Code": "None"}], {0: ITEM}),
        ([{"Code": "None"}, {"Code": "ConditionalCheckFailed"}], {1: {}}),
        ([{"Code": "None"}, {"Code": "TransactionConflict"}], Conflict),
        ([{"Code": "ThrottlingError"}, {"Code": "None"}], Busy),
    ],
)
def test_errors_of_a_transaction(
    monkeypatch: pytest.MonkeyPatch, reasons: list[Any], expected: dict[int, Any] | type[Busy], is_ours: bool
) -> None:
    answer = refusal("TransactionCanceledException", CancellationReasons=reasons)
    with client_of("dynamodb", answer, is_ours, monkeypatch) as client:
        db = DynamoDB(client, "table")
        if isinstance(expected, dict):
            assert db.transact(db.put_action(ITEM)) == expected
        else:
            with pytest.raises(expected):
                db.transact(db.put_action(ITEM))


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "boto3"])
def test_other_errors_propagate(monkeypatch: pytest.MonkeyPatch, is_ours: bool) -> None:
    answer = refusal("ValidationException")
    with (
        client_of("dynamodb", answer, is_ours, monkeypatch) as client,
        pytest.raises(Exception, match="ValidationException"),
    ):
        DynamoDB(client, "table").put(ITEM)


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "boto3"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response({}, "410 Gone", headers={"x-amzn-ErrorType": "GoneException"}), Gone),
        (response(raw=b"", status="410 Gone"), Gone),
        (response({}, "429 Too Many Requests", headers={"x-amzn-ErrorType": "LimitExceededException"}), Busy),
        (response(raw=b"", status="429 Too Many Requests"), Busy),
        (Close(), NoAnswer),
        (Silence(), NoAnswer),
    ],
    ids=repr,
)
def test_errors_of_a_socket(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, expected: type[Exception], is_ours: bool
) -> None:
    with client_of("apigatewaymanagementapi", answer, is_ours, monkeypatch) as client:
        with pytest.raises(expected):
            Sockets(client).post("connection", "[]")
        Sockets(client).close("connection")
