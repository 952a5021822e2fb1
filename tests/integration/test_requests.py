"""Requests on a real engine: first messages to people who want to be asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Forbidden
from messaging.model.membership import Ask
from messaging.model.message import Draft, Message
from messaging.model.person import Person, ProfileChange
from messaging.model.reach import NOBODY, OPEN, REQUESTS
from messaging.services.profile import change_profile
from messaging.services.send import Sent, send_to_conversation, send_to_handle
from messaging.storage.table import Table
from tests.support.functions import Functions, Stream

START = datetime(2026, 1, 1, tzinfo=UTC)
Register = Callable[[str], Person]
Choose = Callable[[Person, str], None]


@pytest.fixture
def choose(table: Table) -> Choose:
    """Let a person choose those who may open a conversation with them."""

    def change(person: Person, messages_from: str) -> None:
        change_profile(table, person.user_uuid, ProfileChange(messages_from=messages_from))

    return change


@pytest.fixture
def londo(londo: Person, choose: Choose) -> Person:
    """A person who takes requests."""
    choose(londo, REQUESTS)
    return londo


def _ask(table: Table, sender: Person, receiver: Person, at: datetime = START) -> Sent:
    return send_to_handle(table, sender.user_uuid, receiver.handle, Draft(str(uuid4()), "May I?"), lambda: at)


def _head(table: Table, one: Person, other: Person) -> Head:
    head = table.head(keys.pair_uuid(one.user_uuid, other.user_uuid), consistent=True)
    assert head
    return head


def test_a_first_message_waits_as_a_request(table: Table, bayko: Person, londo: Person) -> None:
    sent = _ask(table, bayko, londo)

    head = _head(table, bayko, londo)
    assert head.membership(londo.user_uuid).ask == Ask(0, sent.message.created_at)
    assert (head.folder(londo.user_uuid), head.folder(bayko.user_uuid)) == ("requests", "inbox")
    assert [item["last_seq"] for item in table.db.query_all(keys.folder_pk("requests", londo.user_uuid))] == [
        {"N": "1"}
    ]
    assert list(table.db.query_all(keys.inbox_pk(londo.user_uuid))) == []


def test_a_request_has_three_messages(functions: Functions, table: Table, bayko: Person, londo: Person) -> None:
    now = datetime.now(UTC)
    for _ in range(3):
        group = _ask(table, bayko, londo, now).message.message_group_uuid

    answers = [
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Hello?"),
        functions.create_message_group(bayko.user_uuid, handle="londo", message="Hello?"),
    ]

    for status, problem, headers in answers:
        assert (status, problem["detail"]) == (403, "This person has not accepted your request yet.")
        assert "retry-after" not in headers
    assert _head(table, bayko, londo).last_seq == 3


def test_a_retry_of_the_last_message_of_a_request_is_answered_as_ever(
    table: Table, bayko: Person, londo: Person
) -> None:
    for _ in range(2):
        _ask(table, bayko, londo)
    draft = Draft(str(uuid4()), "May I?")

    first, again = (send_to_handle(table, bayko.user_uuid, "londo", draft, lambda: START) for _ in range(2))

    assert (again.message, again.repeated) == (first.message, True)


def test_an_answer_accepts_a_request(table: Table, bayko: Person, londo: Person) -> None:
    for _ in range(3):
        _ask(table, bayko, londo)

    _ask(table, londo, bayko)

    head = _head(table, bayko, londo)
    assert (head.membership(londo.user_uuid).ask, head.folder(londo.user_uuid)) == (None, "inbox")
    assert [_ask(table, bayko, londo).message.seq for _ in range(4)] == [5, 6, 7, 8]


def test_first_messages_that_cross_accept_each_other(
    table: Table, choose: Choose, bayko: Person, londo: Person
) -> None:
    choose(bayko, REQUESTS)

    with ThreadPoolExecutor(2) as threads:
        sent = list(threads.map(lambda pair: _ask(table, *pair), [(bayko, londo), (londo, bayko)]))

    assert sorted(one.message.seq for one in sent) == [1, 2]
    head = _head(table, bayko, londo)
    assert [head.folder(one) for one in head.members] == ["inbox", "inbox"]
    assert head.is_mutual


def test_somebody_who_wants_no_messages_gets_none(
    functions: Functions, table: Table, choose: Choose, bayko: Person, register: Register
) -> None:
    vir = register("vir")
    choose(vir, NOBODY)

    status, problem, _ = functions.create_message_group(bayko.user_uuid, handle="vir", message="Hello")
    assert status == 403
    assert problem["detail"] == "This person takes no messages from people they have not written to."
    assert table.head(keys.pair_uuid(bayko.user_uuid, vir.user_uuid)) is None

    _ask(table, vir, bayko)
    assert functions.create_message_group(bayko.user_uuid, handle="vir", message="Hello")[1]["seq"] == 2


@pytest.mark.parametrize("declined", [False, True])
def test_after_a_pause_the_next_message_asks_anew(table: Table, bayko: Person, londo: Person, declined: bool) -> None:
    for _ in range(3):
        group = _ask(table, bayko, londo).message.message_group_uuid
    if declined:
        table.update_head(
            group,
            "SET members.#me.declined = :none, members.#me.begins_after = :three",
            "attribute_exists(pk)",
            {":none": {"N": "0"}, ":three": {"N": "3"}},
            {"#me": londo.user_uuid},
        )
    almost, rested = START + OPEN.pause - timedelta(seconds=1), START + OPEN.pause + timedelta(seconds=1)
    with pytest.raises(Forbidden):
        _ask(table, bayko, londo, almost)

    again = _ask(table, bayko, londo, rested).message

    head = _head(table, bayko, londo)
    assert head.membership(londo.user_uuid).ask == Ask(3, again.created_at)
    assert head.folder(londo.user_uuid) == "requests"
    assert head.membership(londo.user_uuid).hides(3) == declined
    assert [_ask(table, bayko, londo, rested).message.seq for _ in range(2)] == [5, 6]
    with pytest.raises(Forbidden):
        _ask(table, bayko, londo, rested)
    _ask(table, londo, bayko, rested)
    assert _head(table, bayko, londo).membership(londo.user_uuid).begins_after == (3 if declined else 0)


def test_an_answer_during_a_new_request_accepts_it(table: Table, bayko: Person, londo: Person) -> None:
    group = _ask(table, bayko, londo).message.message_group_uuid
    rested = START + OPEN.pause + timedelta(seconds=1)

    class Answered(Table):
        """A table on which the receiver answers just before the sender's message."""

        def append(self, head: Head, message: Message, ask: Ask | None = None, sent: str = "") -> None:
            if head.last_seq == 1:
                _ask(table, londo, bayko, rested)
            super().append(head, message, ask, sent)

    draft = Draft(str(uuid4()), "May I still?")
    racing = Answered(table.db.client, table.db.table_name)
    sent = send_to_conversation(racing, bayko.user_uuid, group, draft, lambda: rested)

    assert sent.message.seq == 3
    assert _head(table, bayko, londo).membership(londo.user_uuid).ask is None


def test_a_request_shows_nothing_of_its_reading(
    functions: Functions, stream: Stream, table: Table, bayko: Person, londo: Person
) -> None:
    sent = _ask(table, bayko, londo).message
    functions.mark_read(londo.user_uuid, sent.message_group_uuid, 1)

    status, problem, _ = functions.put_reaction(londo.user_uuid, sent.message_group_uuid, sent.message_uuid, "👍")
    assert (status, problem["detail"]) == (409, "Accept the request first.")
    assert functions.stream_handler(stream.records()) == []
    (mine,) = functions.list_message_groups(bayko.user_uuid)[1]
    assert mine["other_read_seq"] is None


def test_a_search_says_whether_the_next_message_is_a_request(
    functions: Functions, table: Table, bayko: Person, londo: Person
) -> None:
    def can_write(one: Person, other: Person) -> str:
        status, found, _ = functions.find_message_group(one.user_uuid, f"@{other.handle}")
        assert status == 200
        answer: str = found["can_write"]
        return answer

    assert (can_write(bayko, londo), can_write(londo, bayko)) == ("request", "yes")
    for _ in range(3):
        assert can_write(bayko, londo) == "request"
        _ask(table, bayko, londo, datetime.now(UTC))
    assert (can_write(bayko, londo), can_write(londo, bayko)) == ("no", "yes")
    _ask(table, londo, bayko)
    assert (can_write(bayko, londo), can_write(londo, bayko)) == ("yes", "yes")
    functions.block_user(bayko.user_uuid, londo.user_uuid)
    assert (can_write(bayko, londo), can_write(londo, bayko)) == ("no", "yes")


def test_messages_from_is_a_setting_that_conversations_do_not_show(
    functions: Functions, stream: Stream, table: Table, bayko: Person, register: Register
) -> None:
    vir = register("vir")
    _ask(table, bayko, vir)
    before = _head(table, bayko, vir)
    assert functions.show_me(vir.user_uuid)[1]["messages_from"] == "everyone"

    status, me, _ = functions.update_me(vir.user_uuid, messages_from="nobody")

    assert (status, me["messages_from"]) == (200, "nobody")
    assert functions.show_me(vir.user_uuid)[1] == me
    assert _head(table, bayko, vir) == before
    register("lennier")
    send_to_handle(table, vir.user_uuid, "lennier", Draft(str(uuid4()), "Hello"))
    assert not [record for record in stream.records() if "messages_from" in str(record)]


@pytest.mark.parametrize("value", ["friends", "", None, True, ["nobody"], {}])
def test_messages_from_is_one_of_three_words(functions: Functions, bayko: Person, value: Any) -> None:
    status, problem, _ = functions.update_me(bayko.user_uuid, messages_from=value)

    assert (status, problem["detail"]) == (400, "messages_from must be one of everyone, requests, nobody.")
