"""Editing a message on a real engine: who may, until when, and what a repetition finds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.clock import utc_now
from messaging.model import keys
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.services.changes import Window, edit, unsend
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.verify import verify
from tests.support.checks import read_all
from tests.support.functions import Functions, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ALWAYS = Window(None)


@pytest.fixture
def sent(table: Table, bayko: Person, londo: Person) -> list[Message]:
    """Three messages between the two people, the first and the last of them by bayko."""
    first = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "one")).message
    more = [
        send_to_conversation(table, sender.user_uuid, first.message_group_uuid, Draft(str(uuid4()), text)).message
        for sender, text in ((londo, "two"), (bayko, "three"))
    ]
    return [first, *more]


@pytest.fixture
def is_clean(dynamodb: "DynamoDBClient", table_name: str, functions: Functions, stream: Stream) -> Callable[[], None]:
    """Check that the inboxes follow and nothing violates the design."""

    def check() -> None:
        assert functions.stream_handler(stream.records()) == []
        assert verify(dynamodb, table_name) == []

    return check


@pytest.mark.parametrize("which", [0, 2])
def test_an_edited_message_is_shown_everywhere_in_its_place(
    functions: Functions,
    stream: Stream,
    bayko: Person,
    londo: Person,
    sent: list[Message],
    which: int,
    is_clean: Callable[[], None],
) -> None:
    message, group = sent[which], sent[0].message_group_uuid
    assert functions.stream_handler(stream.records()) == []
    _, before, _ = functions.list_messages(londo.user_uuid, group)
    _, (entry,), _ = functions.list_message_groups(londo.user_uuid)

    status, edited, _ = functions.edit_message(bayko.user_uuid, group, message.message_uuid, message="new", change=0)

    assert status == 200
    assert edited == {**before[which], "message": "new", "change": 1, "edited_at": edited["edited_at"]}
    assert keys.is_time(edited["edited_at"])
    _, after, _ = functions.list_messages(londo.user_uuid, group)
    assert after == [*before[:which], edited, *before[which + 1 :]]
    assert functions.show_message(londo.user_uuid, group, message.message_uuid)[1] == edited
    assert functions.stream_handler(stream.records()[-1:]) == []
    _, (moved,), _ = functions.list_message_groups(londo.user_uuid)
    assert moved == {**entry, "message": "new" if which == 2 else "three", "last_change": 1}
    is_clean()


def test_the_same_text_again_writes_nothing(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, bayko: Person, sent: list[Message]
) -> None:
    group, uuid = sent[0].message_group_uuid, sent[0].message_uuid
    _, edited, _ = functions.edit_message(bayko.user_uuid, group, uuid, message="new", change=0)
    stored = read_all(dynamodb, table_name)

    for change in (0, 1, 7):
        assert functions.edit_message(bayko.user_uuid, group, uuid, message="new", change=change)[:2] == (200, edited)
    assert read_all(dynamodb, table_name) == stored


def test_a_late_repetition_does_not_undo_a_later_edit(
    functions: Functions, bayko: Person, sent: list[Message], is_clean: Callable[[], None]
) -> None:
    group, uuid = sent[0].message_group_uuid, sent[0].message_uuid
    for change, text in enumerate(("B", "C", "one")):
        assert functions.edit_message(bayko.user_uuid, group, uuid, message=text, change=change)[0] == 200

    for change, text in enumerate(("B", "C")):
        status, problem, _ = functions.edit_message(bayko.user_uuid, group, uuid, message=text, change=change)
        assert (status, problem["detail"]) == (412, "The message has been changed since you saw it.")
    assert functions.show_message(bayko.user_uuid, group, uuid)[1]["message"] == "one"
    is_clean()


def test_only_the_sender_edits_and_a_stranger_sees_nothing(
    functions: Functions, londo: Person, register: Callable[[str], Person], sent: list[Message]
) -> None:
    group, uuid, eve = sent[0].message_group_uuid, sent[0].message_uuid, register("eve")

    assert functions.edit_message(londo.user_uuid, group, uuid, message="new", change=0)[0] == 403
    assert functions.edit_message(eve.user_uuid, group, uuid, message="new", change=0)[0] == 404
    assert functions.edit_message(londo.user_uuid, group, str(uuid4()), message="new", change=0)[0] == 404
    assert functions.edit_message(londo.user_uuid, str(uuid4()), uuid, message="new", change=0)[0] == 404


@pytest.mark.parametrize(
    ("hours", "later", "status"), [(24, 23.9, 200), (24, 24, 410), (0, 0, 410), (None, 24 * 366, 200)]
)
def test_the_time_to_edit_ends(
    table: Table,
    functions: Functions,
    bayko: Person,
    sent: list[Message],
    monkeypatch: pytest.MonkeyPatch,
    hours: int | None,
    later: float,
    status: int,
) -> None:
    module = functions.handler("messages.edit_message")
    monkeypatch.setattr(module, "settings", module.settings._replace(edit_hours=hours))
    message = replace(sent[0], created_at=keys.format_time(utc_now() - timedelta(hours=later)))
    group = _sent_at(table, message)

    assert functions.edit_message(bayko.user_uuid, group, message.message_uuid, message="new", change=0)[0] == status
    # What is so already is no edit.
    again = functions.edit_message(bayko.user_uuid, group, message.message_uuid, message=message.message, change=0)
    assert again[0] == (412 if status == 200 else 200)


def _sent_at(table: Table, message: Message) -> str:
    """Move a conversation's first message to another time; return its message_group_uuid."""
    table.db.put(message.item)
    table.db.put(SentRecord.of(message).item)
    return message.message_group_uuid


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": "new"}, 400),
        ({"message": "new", "change": "0"}, 400),
        ({"message": "new", "change": -1}, 400),
        ({"message": "new", "change": True}, 400),
        ({"message": "new", "change": 1.5}, 400),
        ({"message": "new", "change": 10**30}, 400),
        ({"message": 7, "change": 0}, 400),
        ({"message": " ", "change": 0}, 422),
        ({"change": 0}, 422),
        ({"message": "x" * 1025, "change": 0}, 422),
        ({"message": "x" * 100_000, "change": 0}, 413),
    ],
)
def test_an_unusable_body_is_refused(
    functions: Functions, bayko: Person, sent: list[Message], body: dict[str, Any], status: int
) -> None:
    answer = functions.edit_message(bayko.user_uuid, sent[0].message_group_uuid, sent[0].message_uuid, **body)

    assert answer[0] == status


def test_a_late_repetition_of_the_send_gets_the_message_as_it_is_now(
    functions: Functions, bayko: Person, sent: list[Message]
) -> None:
    group, uuid = sent[0].message_group_uuid, sent[0].message_uuid
    functions.edit_message(bayko.user_uuid, group, uuid, message="new", change=0)

    again = functions.create_message(bayko.user_uuid, message_group_uuid=group, message="one", message_uuid=uuid)
    other = functions.create_message(bayko.user_uuid, message_group_uuid=group, message="new", message_uuid=uuid)

    assert (again[0], again[1]["message"], again[1]["change"]) == (200, "new", 1)
    assert other[0] == 409


def test_an_edit_during_a_send_changes_the_right_preview(
    table: Table, bayko: Person, sent: list[Message], monkeypatch: pytest.MonkeyPatch, is_clean: Callable[[], None]
) -> None:
    """The head was read before a later message came, or does not show the message yet."""
    group, last = sent[0].message_group_uuid, sent[-1]
    change_message = Table.change_message

    def send_first(self: Table, *args: Any) -> None:
        monkeypatch.setattr(Table, "change_message", change_message)
        send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), "four"))
        change_message(self, *args)

    monkeypatch.setattr(Table, "change_message", send_first)
    edit(table, bayko.user_uuid, group, last.message_uuid, "new", 0, ALWAYS)

    head = table.head(group, consistent=True)
    assert head
    assert (head.last.message, head.last.edited_at, head.last_change) == ("four", "", 1)
    is_clean()


def test_a_head_that_does_not_show_the_edited_message_yet_shows_the_edit(
    table: Table, bayko: Person, sent: list[Message], is_clean: Callable[[], None]
) -> None:
    group, last = sent[0].message_group_uuid, sent[-1]
    head = table.head(group, consistent=True)
    assert head
    stale = replace(head, last=replace(head.last, seq=2, created_at=sent[1].created_at, message="two"))
    table_head = table.head_and_sent_record

    def once(*args: Any, **kwargs: Any) -> Any:
        table.head_and_sent_record = table_head  # type: ignore[method-assign]
        return stale, table_head(*args, **kwargs)[1]

    table.head_and_sent_record = once  # type: ignore[method-assign]
    edit(table, bayko.user_uuid, group, last.message_uuid, "new", 0, ALWAYS)

    head = table.head(group, consistent=True)
    assert head
    assert head.last.message == "new"
    is_clean()


def test_a_head_that_does_not_show_the_last_change_yet_is_read_again(
    table: Table, bayko: Person, sent: list[Message], is_clean: Callable[[], None]
) -> None:
    group, first = sent[0].message_group_uuid, sent[0]
    stale = table.head(group, consistent=True)
    edit(table, bayko.user_uuid, group, first.message_uuid, "new", 0, ALWAYS)
    table_head = table.head_and_sent_record

    def once(*args: Any, **kwargs: Any) -> Any:
        table.head_and_sent_record = table_head  # type: ignore[method-assign]
        return stale, table_head(*args, **kwargs)[1]

    table.head_and_sent_record = once  # type: ignore[method-assign]

    assert unsend(table, bayko.user_uuid, group, first.message_uuid, ALWAYS).change == 2
    is_clean()


def test_a_message_that_follows_an_edited_one_is_not_edited(
    table: Table, bayko: Person, sent: list[Message], is_clean: Callable[[], None]
) -> None:
    """A head that was read before an edit does not know that the last message has `edited_at`."""
    group, last = sent[0].message_group_uuid, sent[-1]
    head = table.head(group, consistent=True)
    assert head
    unsend(table, bayko.user_uuid, group, last.message_uuid, ALWAYS)

    table.append(head, head.next_message(bayko.user_uuid, Draft(str(uuid4()), "four"), utc_now()))

    now = table.head(group, consistent=True)
    assert now
    assert (now.last.message, now.last.unsent_at, now.last_change) == ("four", "", 1)
    is_clean()


def test_earlier_versions_are_kept_for_both_if_asked_for_and_gone_after_an_unsend(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    bayko: Person,
    londo: Person,
    sent: list[Message],
    monkeypatch: pytest.MonkeyPatch,
    is_clean: Callable[[], None],
) -> None:
    module = functions.handler("messages.edit_message")
    monkeypatch.setattr(module, "settings", module.settings._replace(keep_versions=2))
    group, uuid = sent[0].message_group_uuid, sent[0].message_uuid
    for change, text in enumerate(("B", "C", "D")):
        assert functions.edit_message(bayko.user_uuid, group, uuid, message=text, change=change)[0] == 200

    for person in (bayko, londo):
        _, shown, _ = functions.show_message(person.user_uuid, group, uuid)
        assert [one["message"] for one in shown["versions"]] == ["B", "C"]
        assert shown["versions"][0]["created_at"] < shown["versions"][1]["created_at"] < shown["edited_at"]
    is_clean()
    unsend(functions._table, bayko.user_uuid, group, uuid, ALWAYS)
    assert "versions" not in functions.show_message(londo.user_uuid, group, uuid)[1]
    assert not [item for item in read_all(dynamodb, table_name) if item["pk"]["S"] == keys.versions_pk(uuid)]
    is_clean()
