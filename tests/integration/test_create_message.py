"""Pattern D on a real engine: every message once, numbered without a gap, under races and repetitions."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import HeadChanged, Table
from tests.support.checks import assert_conversations_are_whole, assert_inboxes_stand_at_the_heads, read_all
from tests.support.functions import Functions, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def conversation(table: Table, bayko: Person, londo: Person) -> str:
    """The message_group_uuid of a conversation with one message."""
    return send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "Hello")).message.message_group_uuid


def test_two_people_sending_500_each_at_once_lose_nothing(
    functions: Functions,
    stream: Stream,
    dynamodb: "DynamoDBClient",
    table: Table,
    table_name: str,
    bayko: Person,
    londo: Person,
    conversation: str,
) -> None:
    def send(sender: Person) -> list[str]:
        texts = [f"{sender.handle} {number}" for number in range(500)]
        for text in texts:
            send_to_conversation(table, sender.user_uuid, conversation, Draft(str(uuid4()), text))
        return texts

    with ThreadPoolExecutor(2) as threads:
        sent = list(threads.map(send, (bayko, londo)))

    items = read_all(dynamodb, table_name)
    (head,) = assert_conversations_are_whole(items)
    assert head.last_seq == 1001
    stored = [item for item in items if "seq" in item and "user_uuid" in item]
    for person, texts in zip((bayko, londo), sent, strict=True):
        mine = sorted(
            (int(item["seq"]["N"]), item["message"]["S"])
            for item in stored
            if item["user_uuid"]["S"] == person.user_uuid
        )
        assert [text for _, text in mine if text != "Hello"] == texts

    records = stream.records()
    for start in range(0, len(records), 100):
        assert functions.stream_handler(records[start : start + 100]) == []
    assert_inboxes_stand_at_the_heads(read_all(dynamodb, table_name))


def test_a_repeated_send_answers_with_the_first_body(functions: Functions, bayko: Person, conversation: str) -> None:
    message_uuid = str(uuid4())
    body = {"message_group_uuid": conversation, "message": "Once", "message_uuid": message_uuid}

    first = functions.create_message(bayko.user_uuid, **body)
    functions.create_message(bayko.user_uuid, message_group_uuid=conversation, message="Something else")
    again = functions.create_message(bayko.user_uuid, **body)
    to_handle = functions.create_message(bayko.user_uuid, handle="londo", message="Once", message_uuid=message_uuid)

    assert first[0] == 200
    assert first[1]["uuid"] == message_uuid
    assert again[:2] == to_handle[:2] == first[:2]
    assert len(functions.list_messages(bayko.user_uuid, conversation)[1]) == 3


def test_a_send_repeated_by_twenty_at_once_happens_once(
    functions: Functions, table: Table, bayko: Person, conversation: str
) -> None:
    message_uuid = str(uuid4())

    with ThreadPoolExecutor(20) as threads:
        sent = list(
            threads.map(
                lambda _: (
                    send_to_conversation(table, bayko.user_uuid, conversation, Draft(message_uuid, "Once")).message
                ),
                range(20),
            )
        )

    assert len(set(sent)) == 1
    assert len(functions.list_messages(bayko.user_uuid, conversation)[1]) == 2


def test_a_first_message_repeated_by_twenty_at_once_happens_once(
    dynamodb: "DynamoDBClient", table: Table, table_name: str, bayko: Person, londo: Person
) -> None:
    message_uuid = str(uuid4())

    with ThreadPoolExecutor(20) as threads:
        sent = list(
            threads.map(
                lambda _: send_to_handle(table, bayko.user_uuid, londo.handle, Draft(message_uuid, "Once")).message,
                range(20),
            )
        )

    assert len(set(sent)) == 1
    (head,) = assert_conversations_are_whole(read_all(dynamodb, table_name))
    assert head.last_seq == 1


def test_a_message_uuid_used_for_another_message_is_a_conflict(
    functions: Functions, bayko: Person, londo: Person, register: Callable[[str], Person], conversation: str
) -> None:
    register("kenji")
    message_uuid = str(uuid4())
    functions.create_message(
        bayko.user_uuid, message_group_uuid=conversation, message="Mine", message_uuid=message_uuid
    )

    another_text = functions.create_message(
        bayko.user_uuid, message_group_uuid=conversation, message="Not the same", message_uuid=message_uuid
    )
    another_sender = functions.create_message(
        londo.user_uuid, message_group_uuid=conversation, message="Mine", message_uuid=message_uuid
    )
    another_conversation = functions.create_message(
        bayko.user_uuid, handle="kenji", message="Mine", message_uuid=message_uuid
    )

    assert [answer[0] for answer in (another_text, another_sender, another_conversation)] == [409, 409, 409]
    assert len(functions.list_messages(bayko.user_uuid, conversation)[1]) == 2
    assert functions.list_message_groups(bayko.user_uuid)[1][0]["message"] == "Hello"


def test_a_stranger_gets_the_same_answer_as_for_no_conversation(
    functions: Functions, register: Callable[[str], Person], conversation: str
) -> None:
    eve = register("eve")

    foreign = functions.create_message(eve.user_uuid, message_group_uuid=conversation, message="Let me in")
    missing = functions.create_message(eve.user_uuid, message_group_uuid=str(uuid4()), message="Let me in")

    assert foreign[0] == 404
    assert foreign[:2] == missing[:2]


def test_nothing_is_sent_by_or_to_a_deleted_person_and_the_other_still_reads(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table: Table,
    table_name: str,
    bayko: Person,
    londo: Person,
    conversation: str,
) -> None:
    head = table.head(conversation)
    assert head
    dynamodb.put_item(
        TableName=table_name,
        Item=replace(head, members={bayko.user_uuid: bayko, londo.user_uuid: londo.deleted}).item,
    )

    for sender in (bayko, londo):
        assert functions.create_message(sender.user_uuid, message_group_uuid=conversation, message="x")[0] == 404
    assert functions.list_messages(londo.user_uuid, conversation)[0] == 404
    _, messages, _ = functions.list_messages(bayko.user_uuid, conversation)
    assert [message["message"] for message in messages] == ["Hello"]


def test_a_message_never_carries_a_handle_that_its_sender_has_given_up(
    dynamodb: "DynamoDBClient", table: Table, table_name: str, bayko: Person, conversation: str
) -> None:
    read = table.head(conversation)
    assert read
    andrew = replace(bayko, handle="andrew")
    renamed = replace(read, members={**read.members, bayko.user_uuid: andrew}, last=read.last.sent_by(andrew))
    dynamodb.put_item(TableName=table_name, Item=renamed.item)

    with pytest.raises(HeadChanged) as moved:
        table.append(read, read.next_message(bayko.user_uuid, Draft(str(uuid4()), "x"), datetime.now(UTC)))

    assert moved.value.head == renamed


def test_time_rises_with_seq_even_if_the_clock_stands_still_or_goes_back(
    functions: Functions, table: Table, bayko: Person, londo: Person
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock: Iterator[datetime] = iter(
        [start, start, start, start - timedelta(hours=1), start + timedelta(microseconds=1)]
    )
    sent = [send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "1"), clock.__next__)]
    group = sent[0].message.message_group_uuid

    sent += [
        send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), str(number)), clock.__next__)
        for number in (2, 3, 4)
    ]

    assert [one.message.created_at for one in sent] == [
        "2026-01-01T00:00:00.000000+00:00",
        "2026-01-01T00:00:00.000001+00:00",
        "2026-01-01T00:00:00.000002+00:00",
        "2026-01-01T00:00:00.000003+00:00",
    ]


def test_a_sent_record_never_expires(
    dynamodb: "DynamoDBClient", table_name: str, table: Table, bayko: Person, londo: Person
) -> None:
    message_uuid = str(uuid4())

    send_to_handle(table, bayko.user_uuid, londo.handle, Draft(message_uuid, "Hello"))

    sent_record = dynamodb.get_item(TableName=table_name, Key={"pk": {"S": f"MID#{message_uuid}"}, "sk": {"S": "MID"}})
    assert set(sent_record["Item"]) == {"pk", "sk", "message_group_uuid", "created_at", "digest", "seq"}


def test_a_retry_answers_with_the_message_as_it_is_now_and_another_request_is_refused(
    dynamodb: "DynamoDBClient", table_name: str, functions: Functions, table: Table, bayko: Person, londo: Person
) -> None:
    message_uuid = str(uuid4())
    send = {"message_uuid": message_uuid, "handle": londo.handle, "message": "Hello"}
    sent = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(message_uuid, "Hello")).message
    changed = replace(sent, message="Hello, edited since").item
    dynamodb.put_item(TableName=table_name, Item=changed)

    status, body, _ = functions.create_message(bayko.user_uuid, **send)
    assert (status, body["message"]) == (200, "Hello, edited since")
    status, _, _ = functions.create_message(bayko.user_uuid, **send | {"message": "Hello, edited since"})
    assert status == 409


def test_a_message_is_stored_and_shown_as_it_was_written(
    functions: Functions, bayko: Person, conversation: str
) -> None:
    texts = [
        "  spaces  ",
        "line\nbreak",
        "nothing: \x00",
        "\u202eright to left",
        "👩‍👩‍👧‍👦" * 140,
        "<b>&amp;",
        "e\u0301",
        '"\\/',
    ]

    for text in texts:
        assert functions.create_message(bayko.user_uuid, message_group_uuid=conversation, message=text)[0] == 200

    messages = functions.list_messages(bayko.user_uuid, conversation)[1]
    assert [message["message"] for message in messages[1:]] == texts


def test_while_dynamodb_throttles_the_answer_is_503_and_nothing_is_sent(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, table: Table, bayko: Person, conversation: str
) -> None:
    def throttled(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "TransactWriteItems")

    monkeypatch.setattr(table.db.client, "transact_write_items", throttled)
    monkeypatch.setattr("messaging.services.send.attempts", lambda *_, **__: repeat(0, 3))
    status, problem, headers = functions.create_message(
        bayko.user_uuid, message_group_uuid=conversation, message="Hello"
    )
    monkeypatch.undo()

    assert (status, problem["title"], headers["retry-after"]) == (503, "Service Unavailable", "1")
    assert len(functions.list_messages(bayko.user_uuid, conversation)[1]) == 1


def test_a_lost_answer_is_recovered(
    monkeypatch: pytest.MonkeyPatch, functions: Functions, table: Table, bayko: Person, conversation: str
) -> None:
    """The transaction took effect, but its answer was lost: the retry finds the sent record."""
    write = table.db.client.transact_write_items
    answers = iter([ReadTimeoutError(endpoint_url="http://dynamodb")])

    def lossy(**request: object) -> object:
        answer = write(**request)  # type: ignore[arg-type]
        for error in answers:
            raise error
        return answer

    monkeypatch.setattr(table.db.client, "transact_write_items", lossy)
    status, sent, _ = functions.create_message(bayko.user_uuid, message_group_uuid=conversation, message="Once")

    assert (status, sent["seq"]) == (200, 2)
    assert len(functions.list_messages(bayko.user_uuid, conversation)[1]) == 2


@pytest.mark.parametrize("error", [ConnectTimeoutError, EndpointConnectionError])
def test_without_a_connection_a_send_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    functions: Functions,
    table: Table,
    bayko: Person,
    conversation: str,
    error: type[ConnectTimeoutError] | type[EndpointConnectionError],
) -> None:
    """botocore's connection errors are not among its HTTP errors; unhandled, they would cause a 500."""
    write = table.db.client.transact_write_items
    answers = iter([error(endpoint_url="http://dynamodb")])

    def unreachable(**request: object) -> object:
        for error in answers:
            raise error
        return write(**request)  # type: ignore[arg-type]

    monkeypatch.setattr(table.db.client, "transact_write_items", unreachable)
    status, sent, _ = functions.create_message(bayko.user_uuid, message_group_uuid=conversation, message="Once")

    assert (status, sent["seq"]) == (200, 2)
