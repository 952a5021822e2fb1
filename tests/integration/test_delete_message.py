"""Taking a message back on a real engine: its text is nowhere afterwards."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.clock import utc_now
from messaging.model import keys
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord, request_digest
from messaging.services.changes import Window, edit, unsend
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.verify import verify
from tests.support.checks import read_all
from tests.support.functions import Functions, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ALWAYS = Window(None)
SECRET = "No"  # as short as what people guess


@pytest.fixture
def sent(table: Table, bayko: Person, londo: Person) -> list[Message]:
    """Three messages between the two people; those of bayko, the first and the last, are secret."""
    first = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), SECRET)).message
    more = [
        send_to_conversation(table, sender.user_uuid, first.message_group_uuid, Draft(str(uuid4()), text)).message
        for sender, text in ((londo, "two"), (bayko, SECRET))
    ]
    return [first, *more]


@pytest.fixture
def knows(dynamodb: "DynamoDBClient", table_name: str) -> Callable[[], bool]:
    """True if the table holds the secret in clear, or a digest of it that anybody with the table can compute."""

    def check() -> bool:
        items = read_all(dynamodb, table_name)
        messages = [Message.from_item(item) for item in items if "seq" in item and item["pk"]["S"].startswith("MSG#")]
        guesses = {
            request_digest(replace(one, message=SECRET, salt=salt)) for one in messages for salt in _salts(items)
        }
        return any(guess in repr(item) for item in items for guess in guesses | {f"'{SECRET}'"})

    return check


def _salts(items: list[dict[str, Any]]) -> set[str]:
    return {"", *(item["salt"]["S"] for item in items if "salt" in item)}


@pytest.fixture
def is_clean(dynamodb: "DynamoDBClient", table_name: str) -> Callable[[], None]:
    def check() -> None:
        assert verify(dynamodb, table_name) == []

    return check


@pytest.mark.parametrize("salted", [True, False], ids=["with salts", "from before salts"])
def test_nothing_remains_of_an_unsent_text(
    functions: Functions,
    table: Table,
    stream: Stream,
    bayko: Person,
    londo: Person,
    sent: list[Message],
    knows: Callable[[], bool],
    is_clean: Callable[[], None],
    salted: bool,
) -> None:
    group = sent[0].message_group_uuid
    if not salted:
        for message in sent:
            table.db.put(replace(message, salt="").item)
            table.db.put(SentRecord.of(replace(message, salt="")).item)
    assert functions.stream_handler(stream.records()) == []
    assert knows()

    for message in (sent[0], sent[2]):
        status, tombstone, _ = functions.delete_message(
            bayko.user_uuid, group, message.message_uuid, **{"for": "everyone"}
        )
        assert (status, tombstone["message"], keys.is_time(tombstone["unsent_at"])) == (200, "", True)
        assert tombstone["seq"] == message.seq
        assert tombstone["created_at"] == message.created_at
    assert functions.stream_handler(stream.records()[-2:]) == []

    assert not knows()
    for person in (bayko, londo):
        _, page, _ = functions.list_messages(person.user_uuid, group)
        assert [one["message"] for one in page] == ["", "two", ""]
        _, (entry,), _ = functions.list_message_groups(person.user_uuid)
        assert (entry["message"], entry["unsent"], entry["last_change"]) == ("", True, 2)
        assert entry["created_at"] == sent[2].created_at
    assert functions.find_message_group(londo.user_uuid, group)[1]["unread_count"] == 1
    is_clean()


def test_again_is_the_same_answer(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, bayko: Person, sent: list[Message]
) -> None:
    address = bayko.user_uuid, sent[0].message_group_uuid, sent[0].message_uuid
    first = functions.delete_message(*address, **{"for": "everyone"})
    stored = read_all(dynamodb, table_name)

    assert functions.delete_message(*address, **{"for": "everyone"})[:2] == first[:2]
    assert read_all(dynamodb, table_name) == stored


def test_only_the_sender_unsends_and_only_in_time(
    functions: Functions,
    table: Table,
    bayko: Person,
    londo: Person,
    register: Callable[[str], Person],
    sent: list[Message],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group, uuid, eve = sent[0].message_group_uuid, sent[0].message_uuid, register("eve")
    everyone = {"for": "everyone"}

    assert functions.delete_message(londo.user_uuid, group, uuid, **everyone)[0] == 403
    assert functions.delete_message(eve.user_uuid, group, uuid, **everyone)[0] == 404
    assert functions.delete_message(bayko.user_uuid, group, uuid)[0] == 400
    assert functions.delete_message(bayko.user_uuid, group, uuid, **{"for": "nobody"})[0] == 400
    module = functions.handler("messages.delete_message")
    monkeypatch.setattr(module, "settings", module.settings._replace(unsend_hours=48))
    old = replace(sent[0], created_at=keys.format_time(utc_now() - timedelta(hours=48)))
    table.db.put(old.item)
    table.db.put(SentRecord.of(old).item)
    assert functions.delete_message(bayko.user_uuid, group, uuid, **everyone)[0] == 410


def test_an_unsent_message_is_not_edited(functions: Functions, bayko: Person, sent: list[Message]) -> None:
    group, uuid = sent[0].message_group_uuid, sent[0].message_uuid
    functions.delete_message(bayko.user_uuid, group, uuid, **{"for": "everyone"})

    for change in (0, 1):
        status, problem, _ = functions.edit_message(bayko.user_uuid, group, uuid, message="new", change=change)
        assert (status, problem["detail"]) == (410, "The message was unsent.")


def test_a_late_repetition_of_the_send_gets_what_remains(
    functions: Functions, bayko: Person, londo: Person, sent: list[Message]
) -> None:
    """Whoever could tell the text that was sent from another one could guess it."""
    group, uuid = sent[0].message_group_uuid, sent[0].message_uuid
    functions.delete_message(bayko.user_uuid, group, uuid, **{"for": "everyone"})

    for text in (SECRET, "Yes"):
        again = functions.create_message(bayko.user_uuid, message_group_uuid=group, message=text, message_uuid=uuid)
        assert (again[0], again[1]["message"], again[1]["change"]) == (200, "", 1)
    by_other = functions.create_message(londo.user_uuid, message_group_uuid=group, message=SECRET, message_uuid=uuid)
    assert by_other[0] == 409


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_a_send_and_its_unsend_in_one_batch_put_the_text_into_no_inbox(
    functions: Functions,
    table: Table,
    stream: Stream,
    bayko: Person,
    sent: list[Message],
    knows: Callable[[], bool],
    is_clean: Callable[[], None],
    order: tuple[int, ...],
) -> None:
    group = sent[0].message_group_uuid
    unsend(table, bayko.user_uuid, group, sent[0].message_uuid, ALWAYS)
    unsend(table, bayko.user_uuid, group, sent[2].message_uuid, ALWAYS)
    assert functions.stream_handler(stream.records()) == []
    message = send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), SECRET)).message
    edit(table, bayko.user_uuid, group, message.message_uuid, f"{SECRET}!", 0, ALWAYS)
    unsend(table, bayko.user_uuid, group, message.message_uuid, ALWAYS)
    records = stream.records()[-3:]
    texts: list[str] = []
    execute = table.db.execute
    table.db.execute = lambda statements: (texts.append(str(statements)), execute(statements))[1]  # type: ignore[method-assign, func-returns-value]

    assert functions.stream_handler([records[index] for index in order]) == []
    assert not any(f"'{SECRET}" in text for text in texts)
    assert functions.stream_handler(records[:1]) == []  # late, and alone

    assert not knows()
    is_clean()
