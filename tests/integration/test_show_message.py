"""A message by its message_uuid on a real engine: found at once, and refused the same way for any reason."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.services.read import show_message
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from tests.integration.test_list_messages import StaleReplica
from tests.support.budgets import Meter
from tests.support.functions import Functions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def sent(table: Table, bayko: Person, londo: Person) -> list[Message]:
    """Three messages between the two people."""
    first = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "1")).message
    more = [
        send_to_conversation(table, sender.user_uuid, first.message_group_uuid, Draft(str(uuid4()), text)).message
        for sender, text in ((londo, "2"), (bayko, "3"))
    ]
    return [first, *more]


def test_each_of_the_two_is_shown_each_message_as_the_list_shows_it(
    functions: Functions, bayko: Person, londo: Person, sent: list[Message]
) -> None:
    group = sent[0].message_group_uuid
    _, listed, _ = functions.list_messages(bayko.user_uuid, group)
    for reader in (bayko, londo):
        for uuid_of in (str.lower, str.upper):
            shown = [
                functions.show_message(reader.user_uuid, uuid_of(group), uuid_of(message.message_uuid))[:2]
                for message in sent
            ]
            assert shown == [(200, message) for message in listed]


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(lambda item: item["pk"]["S"].startswith("MID#"), id="the sent record"),
        pytest.param(lambda item: item["sk"]["S"] == "HEAD", id="the head"),
        pytest.param(lambda item: "seq" in item, id="the message"),
        pytest.param(lambda _: True, id="the conversation"),
    ],
)
def test_a_stale_replica_hides_no_message(
    functions_dynamodb: Any,
    table_name: str,
    londo: Person,
    sent: list[Message],
    unknown: Callable[[dict[str, Any]], bool],
) -> None:
    stale = Table(StaleReplica(functions_dynamodb, unknown), table_name)  # type: ignore[arg-type]

    for message in sent:
        shown = show_message(stale, londo.user_uuid, message.message_group_uuid, message.message_uuid)
        assert shown.messages == [message]


def test_every_refusal_is_the_same_answer_after_the_same_requests(
    functions_dynamodb: Any,
    table: Table,
    table_name: str,
    monkeypatch: pytest.MonkeyPatch,
    register: Callable[[str], Person],
    bayko: Person,
    londo: Person,
    sent: list[Message],
) -> None:
    eve = register("eve")
    elsewhere = send_to_handle(table, eve.user_uuid, londo.handle, Draft(str(uuid4()), "Psst")).message
    meter = Meter(functions_dynamodb)
    functions = Functions(Table(meter, table_name), monkeypatch)  # type: ignore[arg-type]
    group, uuid, nothing = sent[0].message_group_uuid, sent[0].message_uuid, str(uuid4())
    reasons = {
        "a stranger": (eve, group, uuid),
        "a stranger, no message": (eve, group, nothing),
        "a stranger, a message of one's own": (eve, group, elsewhere.message_uuid),
        "no conversation": (eve, nothing, uuid),
        "nothing at all": (eve, nothing, nothing),
        "no message": (bayko, group, nothing),
        "a message of another conversation": (londo, group, elsewhere.message_uuid),
        "a message of others": (bayko, group, elsewhere.message_uuid),
    }

    for reason, (who, *address) in reasons.items():
        answers: list[Any] = []
        meter.measure(lambda: answers.append(functions.show_message(who.user_uuid, *address)))  # noqa: B023
        ((status, problem, _),) = answers
        assert (status, problem["detail"]) == (404, "There is no such message."), reason
        assert meter.requests == 2, reason


def test_a_sent_record_that_leads_to_another_message_or_to_none_shows_nothing(
    dynamodb: "DynamoDBClient", table_name: str, functions: Functions, bayko: Person, sent: list[Message]
) -> None:
    """Items were changed by hand, or a stale read met `bin/ddb/import-bootcamp`, which renumbers messages."""
    first, second, _ = sent
    for created_at in (second.created_at, "2020-01-01T00:00:00.000000+00:00"):
        sent_record = SentRecord.of(first)._replace(created_at=created_at)
        dynamodb.put_item(TableName=table_name, Item=sent_record.item)

        status, _, _ = functions.show_message(bayko.user_uuid, first.message_group_uuid, first.message_uuid)

        assert status == 404


@pytest.mark.parametrize("name", ["message_group_uuid", "message_uuid"])
@pytest.mark.parametrize("text", ["1", "", "HEAD", "g" * 36, "{0}"])
def test_an_invalid_uuid_is_unreadable(functions: Functions, bayko: Person, name: str, text: str) -> None:
    address = {"message_group_uuid": str(uuid4()), "message_uuid": str(uuid4()), name: text.format(uuid4().hex)}

    status, problem, _ = functions.show_message(bayko.user_uuid, **address)

    assert (status, problem["detail"]) == (400, f"{name} must be a uuid.")
