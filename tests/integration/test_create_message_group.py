"""Pattern C on a real engine: one conversation for a pair of people, in any race."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from messaging.model.errors import Busy, TooManyRequests
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.send import send_to_handle
from messaging.storage.table import Table
from tests.support.checks import assert_conversations_are_whole, assert_inboxes_stand_at_the_heads, read_all
from tests.support.functions import Functions, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_the_first_message_opens_the_conversation_in_both_inboxes(
    functions: Functions, bayko: Person, londo: Person
) -> None:
    status, sent, _ = functions.create_message_group(bayko.user_uuid, handle="londo", message="Hello")

    assert status == 200
    assert list(sent) == [
        "message_group_uuid",
        "uuid",
        "display_name",
        "handle",
        "message",
        "created_at",
        "user_uuid",
        "seq",
        "change",
    ]
    assert (sent["handle"], sent["message"], sent["seq"]) == ("bayko", "Hello", 1)
    for person, other, read_seq in ((bayko, londo, 1), (londo, bayko, 0)):
        _, (group,), _ = functions.list_message_groups(person.user_uuid)
        assert group == {
            "uuid": sent["message_group_uuid"],
            "message_group_uuid": sent["message_group_uuid"],
            "display_name": other.display_name,
            "handle": other.handle,
            "avatar": None,
            "message": "Hello",
            "created_at": sent["created_at"],
            "user_uuid": other.user_uuid,
            "last_seq": 1,
            "read_seq": read_seq,
            "unread_count": 1 - read_seq,
            "other_read_seq": None,
            "last_change": 0,
            "folder": "inbox",
            "muted_until": None,
            "pinned": False,
            "marked_unread": False,
            "blocked": False,
            "begins_after": 0,
            "last_setting": 0,
        }


def test_either_person_starting_leads_to_the_same_conversation(
    functions: Functions, bayko: Person, londo: Person
) -> None:
    _, first, _ = functions.create_message_group(bayko.user_uuid, handle="londo", message="Hello")
    _, second, _ = functions.create_message_group(londo.user_uuid, handle="BAYKO", message="Hello yourself")

    assert second["message_group_uuid"] == first["message_group_uuid"]
    assert second["seq"] == 2


def test_fifty_first_messages_at_once_leave_one_conversation(
    functions: Functions,
    stream: Stream,
    dynamodb: "DynamoDBClient",
    table: Table,
    table_name: str,
    bayko: Person,
    londo: Person,
) -> None:
    pairs = [(bayko, londo), (londo, bayko)] * 25

    def send(pair: tuple[Person, Person]) -> str:
        sender, receiver = pair
        message_uuid = str(uuid4())
        for _ in range(100):
            try:
                sent = send_to_handle(table, sender.user_uuid, receiver.handle, Draft(message_uuid, "First!"))
            except (Busy, TooManyRequests):  # a client gets 503 or 429, and retries
                continue
            return sent.message.message_group_uuid
        raise Busy("A hundred times.")

    with ThreadPoolExecutor(len(pairs)) as threads:
        conversations = list(threads.map(send, pairs))

    assert len(set(conversations)) == 1
    (head,) = assert_conversations_are_whole(read_all(dynamodb, table_name))
    assert head.last_seq == 50
    assert functions.stream_handler(stream.records()) == []
    assert_inboxes_stand_at_the_heads(read_all(dynamodb, table_name))


def test_nobody_converses_with_themself(functions: Functions, bayko: Person) -> None:
    status, codes, _ = functions.create_message_group(bayko.user_uuid, handle="Bayko", message="Hello me")

    assert (status, codes) == (422, ["user_receiver_is_self"])


def test_a_handle_nobody_has_is_not_found(functions: Functions, bayko: Person) -> None:
    status, problem, headers = functions.create_message_group(bayko.user_uuid, handle="nobody", message="Hello?")

    assert (status, problem["detail"]) == (404, "Nobody has this handle.")
    assert headers["content-type"] == "application/problem+json"


def test_a_sender_without_a_profile_gets_a_clear_error(functions: Functions, londo: Person) -> None:
    status, problem, _ = functions.create_message_group(str(uuid4()), handle="londo", message="Hello")

    assert (status, problem["detail"]) == (404, "You have no profile yet.")


def test_two_conversations_opened_at_the_same_microsecond_are_both_in_the_inbox(
    functions: Functions, table: Table, bayko: Person, londo: Person, register: Callable[[str], Person]
) -> None:
    register("kenji")
    now = datetime(2026, 1, 1, tzinfo=UTC)

    first = send_to_handle(table, bayko.user_uuid, "londo", Draft(str(uuid4()), "To Londo"), lambda: now)
    second = send_to_handle(table, bayko.user_uuid, "kenji", Draft(str(uuid4()), "To Kenji"), lambda: now)

    assert first.message.created_at < second.message.created_at
    _, inbox, _ = functions.list_message_groups(bayko.user_uuid)
    assert [group["message"] for group in inbox] == ["To Kenji", "To Londo"]
