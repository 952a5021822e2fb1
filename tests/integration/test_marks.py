"""Read marks, unread counts, receipts and conversations since a time, on a real engine."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import CHANGE_INTERVAL_SECONDS, Table
from tests.integration.test_list_messages import links
from tests.support.functions import Functions, Stream


@pytest.fixture
def group(functions: Functions, bayko: Person, londo: Person) -> str:
    """A conversation with three messages from bayko to londo."""
    for text in ("1", "2", "3"):
        _, sent, _ = functions.create_message_group(bayko.user_uuid, handle="londo", message=text)
    uuid: str = sent["message_group_uuid"]
    return uuid


@pytest.fixture
def drained(functions: Functions, stream: Stream) -> Callable[[], None]:
    """Bring the inboxes up to date."""
    return lambda: _drain(functions, stream)


def _drain(functions: Functions, stream: Stream) -> None:
    assert functions.stream_handler(stream.records()) == []


def _marks(functions: Functions, person: Person) -> list[tuple[Any, ...]]:
    _, inbox, _ = functions.list_message_groups(person.user_uuid)
    names = ("last_seq", "read_seq", "unread_count", "other_read_seq")
    return [tuple(entry[name] for name in names) for entry in inbox]


def test_a_mark_moves_forward_and_never_back(functions: Functions, londo: Person, group: str) -> None:
    def mark(seq: int) -> tuple[int, int]:
        status, body, _ = functions.mark_read(londo.user_uuid, group, seq)
        assert status == 200
        return body["read_seq"], body["unread_count"]

    assert [mark(seq) for seq in (2, 1, 2, 3, 1)] == [(2, 1), (2, 1), (2, 1), (3, 0), (3, 0)]


@pytest.mark.parametrize("seq", [4, 10**18 - 1])
def test_a_missing_message_cannot_be_marked_as_read(functions: Functions, londo: Person, group: str, seq: int) -> None:
    assert functions.mark_read(londo.user_uuid, group, seq)[:2] == (422, ["seq_past_last_message"])


@pytest.mark.parametrize("seq", [0, -1, 1.0, 1.5, True, "1", None, [1], 10**18])
def test_a_mark_is_a_number_of_a_message(functions: Functions, londo: Person, group: str, seq: Any) -> None:
    status, body, _ = functions.mark_read(londo.user_uuid, group, seq)

    assert (status, body["detail"]) == (400, "seq must be a positive integer.")


def test_strangers_and_the_erased_move_no_mark(
    functions: Functions, table: Table, register: Callable[[str], Person], londo: Person, group: str
) -> None:
    stranger = register("eve")
    assert functions.mark_read(stranger.user_uuid, group, 1)[0] == 404
    assert functions.mark_read(londo.user_uuid, str(uuid4()), 1)[0] == 404
    head = table.head(group)
    assert head
    assert stranger.user_uuid not in head.read_seqs


def test_a_sender_has_read_everything(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Callable[[], None]
) -> None:
    drained()
    assert (_marks(functions, bayko), _marks(functions, londo)) == ([(3, 3, 0, None)], [(3, 0, 3, None)])

    functions.create_message(londo.user_uuid, message_group_uuid=group, message="4")
    drained()
    assert (_marks(functions, bayko), _marks(functions, londo)) == ([(4, 3, 1, 4)], [(4, 4, 0, 3)])


def test_marks_that_race_with_messages_end_where_they_belong(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Callable[[], None]
) -> None:
    def send(number: int) -> int:
        status = 429  # senders that lose against their own messages must wait
        while status == 429:
            status, _, _ = functions.create_message(bayko.user_uuid, message_group_uuid=group, message=str(number))
        return status

    def mark(seq: int) -> int:
        return functions.mark_read(londo.user_uuid, group, seq)[0]

    with ThreadPoolExecutor(8) as threads:
        sent = threads.map(send, range(20))
        marked = threads.map(mark, [3, 1, 2, 3, 3, 1, 2] * 3)
        assert {*sent, *marked} == {200}
    drained()

    assert _marks(functions, londo) == [(23, 3, 20, None)]
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 1, "messages": 20, "requests": 0}
    assert functions.count_unread(bayko.user_uuid)[1] == {"message_groups": 0, "messages": 0, "requests": 0}


def test_the_totals_are_those_of_the_unread_conversations(
    functions: Functions, register: Callable[[str], Person], londo: Person, group: str, drained: Callable[[], None]
) -> None:
    for number in range(60):
        other = register(f"person{number}")
        functions.create_message_group(other.user_uuid, handle="londo", message="Hello")
    drained()
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 61, "messages": 63, "requests": 0}

    assert functions.mark_read(londo.user_uuid, group, 1)[0] == 200
    drained()
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 61, "messages": 62, "requests": 0}

    assert functions.mark_read(londo.user_uuid, group, 3)[0] == 200
    drained()
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 60, "messages": 60, "requests": 0}


def test_one_conversation_is_shown_before_the_inbox_follows(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Callable[[], None]
) -> None:
    status, shown, _ = functions.find_message_group(londo.user_uuid, group.upper())
    assert (status, shown["message"], shown["unread_count"], shown["handle"]) == (200, "3", 3, "bayko")

    drained()
    assert functions.list_message_groups(londo.user_uuid)[1] == [shown]
    assert functions.find_message_group(londo.user_uuid, str(uuid4()))[0] == 404


# Receipts


def test_a_person_with_hidden_receipts_is_nowhere_seen_to_have_read(
    monkeypatch: pytest.MonkeyPatch,
    functions: Functions,
    table: Table,
    register: Callable[[str], Person],
    bayko: Person,
    londo: Person,
    group: str,
    drained: Callable[[], None],
) -> None:
    functions.mark_read(londo.user_uuid, group, 2)
    status, me, _ = functions.update_me(londo.user_uuid, receipts=False)
    assert (status, me["handle"], me["receipts"]) == (200, "londo", False)
    assert functions.show_me(londo.user_uuid)[1]["receipts"] is False
    functions.create_message(londo.user_uuid, message_group_uuid=group, message="4")
    kenji = register("kenji")
    functions.create_message_group(londo.user_uuid, handle="kenji", message="to you")
    vir = register("vir")
    functions.create_message_group(vir.user_uuid, handle="londo", message="to me")
    drained()

    assert _marks(functions, bayko) == [(4, 3, 1, None)]
    assert _marks(functions, kenji) == [(1, 0, 1, None)]
    assert _marks(functions, vir) == [(1, 1, 0, None)]
    assert functions.find_message_group(bayko.user_uuid, group)[1]["other_read_seq"] is None
    assert _marks(functions, londo) == [(1, 0, 1, None), (1, 1, 0, None), (4, 4, 0, 3)]

    monkeypatch.setattr(table, "_now", lambda: time.time() + CHANGE_INTERVAL_SECONDS)
    assert functions.update_me(londo.user_uuid, receipts=True)[1]["receipts"] is True
    drained()
    assert (_marks(functions, bayko), _marks(functions, vir)) == ([(4, 3, 1, 4)], [(1, 1, 0, None)])


@pytest.mark.parametrize("receipts", ["false", 0, None, {}])
def test_a_setting_is_true_or_false(functions: Functions, londo: Person, receipts: Any) -> None:
    status, body, _ = functions.update_me(londo.user_uuid, receipts=receipts)

    assert (status, body["detail"]) == (400, "receipts must be true or false.")


def test_signing_up_once_more_leaves_the_settings(functions: Functions, table: Table, londo: Person) -> None:
    functions.update_me(londo.user_uuid, receipts=False)
    table.register(londo)

    assert functions.show_me(londo.user_uuid)[1]["receipts"] is False


def test_a_person_without_a_profile_has_no_settings(functions: Functions) -> None:
    nobody = str(uuid4())
    assert functions.show_me(nobody)[0] == 404
    assert functions.update_me(nobody, receipts=False)[0] == 404


# Since a time


def _since(functions: Functions, person: Person, query: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Changed conversations, over all pages, and the query for next time."""
    uuids: list[str] = []
    while True:
        status, page, headers = functions.list_message_groups(person.user_uuid, **query)
        assert status == 200
        uuids += [entry["uuid"] for entry in page]
        found = links(headers)
        if "next" not in found:
            return uuids, found["monitor"]
        query = found["next"]


def test_since_a_time_lists_changed_conversations_oldest_change_first(
    functions: Functions,
    table: Table,
    register: Callable[[str], Person],
    bayko: Person,
    drained: Callable[[], None],
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    groups = []
    for number in range(25):
        other, at = register(f"person{number}"), start + timedelta(hours=2 * number)
        sent = send_to_handle(table, other.user_uuid, "bayko", Draft(str(uuid4()), "Hello"), lambda at=at: at)  # type: ignore[misc]
        groups.append(sent.message.message_group_uuid)
    drained()

    tenth = keys.format_time(start + timedelta(hours=20))
    changed, monitor = _since(functions, bayko, {"since": tenth, "limit": "3"})
    assert changed == groups[11:]
    assert _since(functions, bayko, monitor)[0] == groups[24:]  # it reaches an hour back

    at = start + timedelta(days=9)
    send_to_conversation(table, bayko.user_uuid, groups[0], Draft(str(uuid4()), "Again"), lambda: at)
    drained()
    changed, later = _since(functions, bayko, monitor)
    assert changed == [groups[24], groups[0]]
    assert _since(functions, bayko, later)[0] == [groups[0]]


def test_the_list_says_where_to_begin_and_nothing_late_is_missed(
    functions: Functions,
    table: Table,
    stream: Stream,
    register: Callable[[str], Person],
    bayko: Person,
    drained: Callable[[], None],
) -> None:
    """Kenji's message reaches the inbox after vir's, which is newer."""
    assert _since(functions, bayko, links(functions.list_message_groups(bayko.user_uuid)[2])["monitor"])[0] == []
    kenji, vir = register("kenji"), register("vir")
    for other in (kenji, vir):
        send_to_handle(table, other.user_uuid, "bayko", Draft(str(uuid4()), "Hello"))
    drained()
    of_kenji, of_vir = (keys.pair_uuid(bayko.user_uuid, other.user_uuid) for other in (kenji, vir))
    at = datetime.now(UTC)
    for group, minute in ((of_kenji, 1), (of_vir, 30)):
        when = at + timedelta(minutes=minute)
        text = str(minute)
        send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), text), lambda when=when: when)  # type: ignore[misc]
    (late, soon) = [record for record in stream.records() if record["eventName"] == "MODIFY"]
    functions.stream_handler([soon])
    _, inbox, headers = functions.list_message_groups(bayko.user_uuid)
    assert inbox[0]["uuid"] == of_vir

    functions.stream_handler([late])
    changed, _ = _since(functions, bayko, links(headers)["monitor"])
    assert of_kenji in changed


@pytest.mark.parametrize(
    "since", ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00.000000+00:00"]
)
def test_a_time_is_written_as_the_api_writes_it(functions: Functions, bayko: Person, since: str) -> None:
    assert functions.list_message_groups(bayko.user_uuid, since=since)[0] == 400


def test_a_page_is_at_a_cursor_or_since_a_time(functions: Functions, bayko: Person) -> None:
    assert functions.list_message_groups(bayko.user_uuid, since=keys.FIRST_TIME, cursor="x")[0] == 400
