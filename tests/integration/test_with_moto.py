"""The use cases against moto in one process: a quick test without DynamoDB Local."""

from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from messaging.model.cursors import InboxCursor
from messaging.model.errors import HandleTaken, MessageUuidTaken, NotFound
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.read import list_message_groups, messages_before, newest_messages
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.schema import create_table_request

BAYKO = Person(str(uuid4()), "bayko", "Andrew Bayko")
LONDO = Person(str(uuid4()), "londo", "Londo Mollari")


@pytest.fixture
def table() -> Iterator[Table]:
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(**create_table_request("messages"))
        table = Table(client, "messages")
        for person in (BAYKO, LONDO):
            table.register(person)
        yield table


def test_messages_come_back_numbered_and_in_pages(table: Table) -> None:
    group = send_to_handle(table, BAYKO.user_uuid, "londo", Draft(str(uuid4()), "1")).message.message_group_uuid
    for number in range(2, 11):
        send_to_conversation(table, LONDO.user_uuid, group, Draft(str(uuid4()), str(number)))

    newest = newest_messages(table, BAYKO.user_uuid, group, 4)
    assert newest.older
    older = messages_before(table, BAYKO.user_uuid, newest.older, 100)

    assert [message.seq for message in older.messages + newest.messages] == list(range(1, 11))


def test_a_repeated_send_happens_once(table: Table) -> None:
    message_uuid = str(uuid4())
    first = send_to_handle(table, BAYKO.user_uuid, "londo", Draft(message_uuid, "Once"))
    again = send_to_handle(table, BAYKO.user_uuid, "londo", Draft(message_uuid, "Once"))

    assert (again.message, again.repeated) == (first.message, True)
    with pytest.raises(MessageUuidTaken):
        send_to_handle(table, BAYKO.user_uuid, "londo", Draft(message_uuid, "Twice"))


def test_a_stranger_finds_nothing(table: Table) -> None:
    group = send_to_handle(table, BAYKO.user_uuid, "londo", Draft(str(uuid4()), "Secret")).message.message_group_uuid

    with pytest.raises(NotFound):
        newest_messages(table, str(uuid4()), group, 20)
    with pytest.raises(NotFound):
        send_to_conversation(table, str(uuid4()), group, Draft(str(uuid4()), "Let me in"))


def test_an_inbox_pages_from_the_newest_conversation_on(table: Table) -> None:
    for number in range(3):
        table.register(Person(str(uuid4()), f"person{number}", "Somebody"))
        send_to_handle(table, BAYKO.user_uuid, f"person{number}", Draft(str(uuid4()), str(number)))

    first = list_message_groups(table, BAYKO.user_uuid, 2)
    assert isinstance(first.older, InboxCursor)
    rest = list_message_groups(table, BAYKO.user_uuid, 2, first.older)

    assert [group.message for group in first.entries + rest.entries] == ["2", "1", "0"]


def test_a_handle_is_given_once(table: Table) -> None:
    table.register(BAYKO)

    with pytest.raises(HandleTaken, match="The handle is taken"):
        table.register(Person(str(uuid4()), "Londo", "An impostor"))
    with pytest.raises(HandleTaken, match="already has another handle"):
        table.register(Person(BAYKO.user_uuid, "drew", "Andrew Bayko"))
