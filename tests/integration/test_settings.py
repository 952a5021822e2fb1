"""A member's own settings of a conversation, the folders and the pins, on a real engine."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.person import Person
from messaging.model.pins import MOST_PINS
from messaging.storage.table import Table
from tests.integration.test_list_messages import links
from tests.support.functions import Functions, Stream

Drained = Callable[[], None]
FOLDERS = ("inbox", "requests", "archive")
LATER = keys.format_time(datetime.now(UTC) + timedelta(days=1))
EARLIER = keys.format_time(datetime.now(UTC) - timedelta(days=1))


@pytest.fixture
def group(functions: Functions, bayko: Person, londo: Person) -> str:
    """A conversation with three messages from bayko to londo."""
    return [_send(functions, bayko, "londo", text) for text in ("1", "2", "3")][-1]


@pytest.fixture
def drained(functions: Functions, stream: Stream) -> Drained:
    """Bring the folders up to date."""
    seen: list[str] = []

    def drain() -> None:
        records = stream.records(seen[-1] if seen else None)
        assert functions.stream_handler(records) == []
        seen.extend(record["dynamodb"]["SequenceNumber"] for record in records)

    return drain


def _send(functions: Functions, sender: Person, handle: str, text: str = "Hello") -> str:
    status, sent, _ = functions.create_message_group(sender.user_uuid, handle=handle, message=text)
    assert status == 200, sent
    uuid: str = sent["message_group_uuid"]
    return uuid


def _set(functions: Functions, person: Person, group: str, **settings: Any) -> dict[str, Any]:
    status, entry, _ = functions.change_message_group(person.user_uuid, group, **settings)
    assert status == 200, entry
    shown: dict[str, Any] = entry
    return shown


def _folders(functions: Functions, person: Person) -> dict[str, list[str]]:
    """The conversations in each folder that has any."""
    listed = {folder: functions.list_message_groups(person.user_uuid, folder=folder)[1] for folder in FOLDERS}
    for folder, entries in listed.items():
        assert {entry["folder"] for entry in entries} <= {folder}
    return {folder: [entry["uuid"] for entry in entries] for folder, entries in listed.items() if entries}


def _since(functions: Functions, person: Person, **query: str) -> dict[str, str | None]:
    """The folders of the conversations that changed since a place."""
    _, entries, _ = functions.list_message_groups(person.user_uuid, **query)
    return {entry["uuid"]: entry["folder"] for entry in entries}


def _monitor(functions: Functions, person: Person, folder: str = "inbox") -> dict[str, str]:
    _, _, headers = functions.list_message_groups(person.user_uuid, folder=folder)
    return links(headers)["monitor"]


@pytest.fixture
def asked(functions: Functions, bayko: Person, londo: Person, drained: Drained) -> str:
    """A request of bayko to londo, of two messages."""
    assert functions.update_me(londo.user_uuid, messages_from="requests")[0] == 200
    group = [_send(functions, bayko, "londo", text) for text in ("1", "2")][-1]
    drained()
    assert _folders(functions, londo) == {"requests": [group]}
    assert _folders(functions, bayko) == {"inbox": [group]}
    return group


# Settings


def test_a_setting_changes_what_it_names_and_nothing_else(functions: Functions, londo: Person, group: str) -> None:
    _, entry, _ = functions.find_message_group(londo.user_uuid, group)
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"muted_until": "forever"}, {"muted_until": "forever"}),
        ({"archived": True}, {"folder": "archive"}),
        ({"marked_unread": True}, {"marked_unread": True}),
        ({"muted_until": LATER}, {"muted_until": LATER}),
        ({"archived": False, "muted_until": None}, {"folder": "inbox", "muted_until": None}),
        ({"marked_unread": False}, {"marked_unread": False}),
    ]

    for number, (given, shown) in enumerate(steps, 1):
        answer = _set(functions, londo, group, **given)
        entry |= {**shown, "last_setting": number}
        assert {**answer, "pinned": False} == entry
        assert functions.find_message_group(londo.user_uuid, group)[1] == entry


def test_a_time_with_another_offset_is_a_time(functions: Functions, londo: Person, group: str) -> None:
    shown = _set(functions, londo, group, muted_until="2030-01-01T02:00:00+02:00")

    assert shown["muted_until"] == "2030-01-01T00:00:00.000000+00:00"
    assert _set(functions, londo, group, muted_until="2030-01-01T00:00:00Z")["muted_until"] == shown["muted_until"]


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ({}, 400, "The body must have at least one of muted_until, archived, pinned and marked_unread."),
        ({"archived": None}, 400, "archived must be true or false."),
        ({"pinned": 1}, 400, "pinned must be true or false."),
        ({"marked_unread": "yes"}, 400, "marked_unread must be true or false."),
        ({"muted_until": 7}, 400, "muted_until must be a string."),
        ({"muted_until": "tomorrow"}, 422, ["muted_until_invalid"]),
        ({"muted_until": ""}, 422, ["muted_until_invalid"]),
        ({"muted_until": "2026-02-30T00:00:00.000000+00:00"}, 422, ["muted_until_invalid"]),
        ({"muted_until": "2030-01-01T00:00:00"}, 422, ["muted_until_invalid"]),
        ({"muted_until": "0001-01-01T00:00:00+14:00"}, 422, ["muted_until_invalid"]),
        ({"archived": True, "blocked": True}, 422, ["blocked_unknown"]),
    ],
)
def test_settings_that_cannot_be_are_refused(
    functions: Functions, londo: Person, group: str, body: dict[str, Any], status: int, answer: Any
) -> None:
    refused, problem, _ = functions.change_message_group(londo.user_uuid, group, **body)

    assert (refused, problem["detail"] if status == 400 else problem) == (status, answer)


def test_the_other_person_notices_no_setting(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    drained()
    before = functions.list_message_groups(bayko.user_uuid)

    for settings in ({"muted_until": "forever", "pinned": True}, {"archived": True}, {"marked_unread": True}):
        _set(functions, londo, group, **settings)
    functions.leave_message_group(londo.user_uuid, group)
    drained()

    assert functions.list_message_groups(bayko.user_uuid) == before
    assert functions.find_message_group(bayko.user_uuid, group)[1] == before[1][0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda functions, *who: functions.change_message_group(*who, archived=True),
        lambda functions, *who: functions.change_message_group(*who, pinned=True),
        lambda functions, *who: functions.change_message_group(*who, pinned=False, muted_until=None),
        lambda functions, *who: functions.leave_message_group(*who),
        lambda functions, *who: functions.accept_request(*who),
        lambda functions, *who: functions.decline_request(*who),
    ],
)
def test_strangers_change_nothing_and_learn_nothing(
    functions: Functions, table: Table, register: Callable[[str], Person], group: str, ask: Callable[..., Any]
) -> None:
    stranger, before = register("eve").user_uuid, table.head(group)

    assert ask(functions, stranger, group) == ask(functions, stranger, str(uuid4()))
    assert ask(functions, stranger, group)[0] == 404
    assert table.head(group) == before


# The archive


def test_the_next_message_brings_an_archived_conversation_back(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    _set(functions, londo, group, archived=True)
    drained()
    assert _folders(functions, londo) == {"archive": [group]}

    _send(functions, bayko, "londo")
    drained()
    assert _folders(functions, londo) == {"inbox": [group]}


def test_a_muted_conversation_stays_in_the_archive(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    _set(functions, londo, group, archived=True, muted_until=LATER)
    _send(functions, bayko, "londo")
    drained()
    assert _folders(functions, londo) == {"archive": [group]}

    for until in ("forever", EARLIER, LATER, None):
        assert _set(functions, londo, group, muted_until=until)["folder"] == "archive"
    drained()
    assert _folders(functions, londo) == {"archive": [group]}

    _send(functions, bayko, "londo")
    drained()
    assert _folders(functions, londo) == {"inbox": [group]}


def test_a_mute_does_not_archive_a_conversation_that_came_back(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    _set(functions, londo, group, archived=True)
    _send(functions, bayko, "londo")

    assert _set(functions, londo, group, muted_until="forever")["folder"] == "inbox"
    _send(functions, bayko, "londo")
    drained()
    assert _folders(functions, londo) == {"inbox": [group]}


# Leaving


def test_who_leaves_sees_the_conversation_again_from_its_next_message(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    _set(functions, londo, group, archived=True, marked_unread=True)
    assert functions.leave_message_group(londo.user_uuid, group)[:2] == (200, {"message_group_uuid": group})
    drained()
    assert (_folders(functions, londo), _folders(functions, bayko)) == ({}, {"inbox": [group]})
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 0, "messages": 0, "requests": 0}
    shown = functions.find_message_group(londo.user_uuid, group)[1]
    assert (shown["folder"], shown["begins_after"], shown["unread_count"]) == (None, 3, 0)

    _send(functions, bayko, "londo", "4")
    drained()
    ((entry,), _) = functions.list_message_groups(londo.user_uuid)[1:]
    assert (entry["message"], entry["unread_count"], entry["begins_after"]) == ("4", 1, 3)
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 1, "messages": 1, "requests": 0}


# Requests


def test_an_accepted_request_is_in_the_inbox(functions: Functions, londo: Person, asked: str, drained: Drained) -> None:
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 0, "messages": 0, "requests": 1}
    _set(functions, londo, asked, archived=True)

    status, entry, _ = functions.accept_request(londo.user_uuid, asked)
    assert (status, entry["folder"], entry["unread_count"]) == (200, "inbox", 2)
    drained()
    assert _folders(functions, londo) == {"inbox": [asked]}
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 1, "messages": 2, "requests": 0}

    assert functions.accept_request(londo.user_uuid, asked)[:2] == (200, entry)
    status, problem, _ = functions.decline_request(londo.user_uuid, asked)
    assert (status, problem["detail"]) == (409, "There is no request to decline.")


def test_a_declined_request_is_gone_with_its_messages(
    functions: Functions, bayko: Person, londo: Person, asked: str, drained: Drained
) -> None:
    before = functions.find_message_group(bayko.user_uuid, asked)

    assert functions.decline_request(londo.user_uuid, asked)[:2] == (200, {"message_group_uuid": asked})
    drained()
    assert (_folders(functions, londo), _folders(functions, bayko)) == ({}, {"inbox": [asked]})
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 0, "messages": 0, "requests": 0}
    assert functions.find_message_group(bayko.user_uuid, asked) == before

    _send(functions, bayko, "londo", "3")
    drained()
    assert _folders(functions, londo) == {}
    assert functions.decline_request(londo.user_uuid, asked)[0] == 200
    status, entry, _ = functions.accept_request(londo.user_uuid, asked)
    assert (status, entry["folder"], entry["begins_after"]) == (200, None, 3)


def test_accepting_a_second_request_does_not_bring_the_first_one_back(
    functions: Functions, table: Table, bayko: Person, londo: Person, asked: str, drained: Drained
) -> None:
    functions.decline_request(londo.user_uuid, asked)
    _send(functions, bayko, "londo", "3")
    names = {"#me": londo.user_uuid, "#request": "request", "#at": "at"}
    long_ago = {":at": {"S": keys.FIRST_TIME}}
    table.update_head(asked, "SET members.#me.#request.#at = :at", "attribute_exists(pk)", long_ago, names)
    _send(functions, bayko, "londo", "4")
    drained()
    assert _folders(functions, londo) == {"requests": [asked]}

    status, entry, _ = functions.accept_request(londo.user_uuid, asked)

    assert (status, entry["folder"], entry["message"]) == (200, "inbox", "4")
    assert (entry["begins_after"], entry["unread_count"]) == (3, 1)


def test_who_leaves_a_request_does_not_accept_it(
    functions: Functions, bayko: Person, londo: Person, asked: str, drained: Drained
) -> None:
    functions.leave_message_group(londo.user_uuid, asked)
    drained()
    assert _folders(functions, londo) == {}

    _send(functions, bayko, "londo")
    drained()
    assert _folders(functions, londo) == {"requests": [asked]}


# Unread


def test_a_conversation_marked_as_unread_counts_until_it_is_read(
    functions: Functions, londo: Person, group: str, drained: Drained
) -> None:
    functions.mark_read(londo.user_uuid, group, 3)
    _set(functions, londo, group, marked_unread=True)
    drained()
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 1, "messages": 0, "requests": 0}

    for seq in (3, 1):
        assert _set(functions, londo, group, marked_unread=True)["read_seq"] == 3
        status, mark, _ = functions.mark_read(londo.user_uuid, group, seq)
        assert (status, mark["read_seq"]) == (200, 3)
        assert not functions.find_message_group(londo.user_uuid, group)[1]["marked_unread"]
    drained()
    assert functions.count_unread(londo.user_uuid)[1] == {"message_groups": 0, "messages": 0, "requests": 0}


def test_a_mark_that_moves_ends_marked_unread_too(functions: Functions, londo: Person, group: str) -> None:
    _set(functions, londo, group, marked_unread=True)

    assert functions.mark_read(londo.user_uuid, group, 4)[:2] == (422, ["seq_past_last_message"])
    assert functions.mark_read(londo.user_uuid, group, 2)[1]["read_seq"] == 2
    shown = functions.find_message_group(londo.user_uuid, group)[1]
    assert (shown["marked_unread"], shown["read_seq"], shown["last_setting"]) == (False, 2, 2)


def test_muted_and_archived_conversations_do_not_count(
    functions: Functions, londo: Person, group: str, drained: Drained
) -> None:
    def total(**settings: Any) -> int:
        _set(functions, londo, group, **settings)
        drained()
        messages: int = functions.count_unread(londo.user_uuid)[1]["messages"]
        return messages

    assert [total(muted_until=until) for until in ("forever", LATER, EARLIER, None)] == [0, 0, 3, 3]
    assert [total(archived=archived) for archived in (True, False)] == [0, 3]


# Folders


def test_a_folder_is_read_in_pages_of_its_own(
    functions: Functions, register: Callable[[str], Person], londo: Person, drained: Drained
) -> None:
    groups = [_send(functions, register(f"person{number}"), "londo") for number in range(7)]
    for number, group in enumerate(groups):
        _set(functions, londo, group, archived=number < 5)
    drained()

    down: list[list[str]] = []
    query: dict[str, str] | None = {"limit": "2", "folder": "archive"}
    while query:
        _, page, headers = functions.list_message_groups(londo.user_uuid, **query)
        down.append([entry["uuid"] for entry in page])
        query = links(headers).get("next")
    _, up, headers = functions.list_message_groups(londo.user_uuid, **links(headers)["prev"])

    assert down == [groups[4:2:-1], groups[2:0:-1], groups[:1]]
    assert [entry["uuid"] for entry in up] == down[1]
    assert _folders(functions, londo)["inbox"] == groups[:4:-1]
    cursor = links(headers)["next"]["cursor"]
    for elsewhere in ({"cursor": cursor}, {"cursor": cursor, "folder": "requests"}, {"folder": "spam"}):
        assert functions.list_message_groups(londo.user_uuid, **elsewhere)[0] == 400


def test_a_client_that_was_away_learns_of_each_setting(
    functions: Functions, register: Callable[[str], Person], bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    other = _send(functions, register("eve"), "londo")
    now = {"since": keys.format_time(datetime.now(UTC))}  # later than all messages
    assert _since(functions, londo, **now) == {}
    _set(functions, londo, other, archived=True)
    drained()
    assert _since(functions, londo, **now) == {other: "archive"}
    place, archive = _monitor(functions, londo), _monitor(functions, londo, "archive")

    functions.leave_message_group(londo.user_uuid, group)
    _set(functions, londo, other, muted_until="forever")
    drained()
    assert _since(functions, londo, **now) == {group: None, other: "archive"}
    assert _since(functions, londo, **place) == {group: None, other: "archive"}

    _send(functions, bayko, "londo")
    drained()
    assert _since(functions, londo, **place) == {group: "inbox", other: "archive"}
    assert _since(functions, londo, **archive) == {other: "archive", group: "inbox"}
    assert {*_since(functions, bayko, **now)} == {group}  # the message


# Pins


def test_the_pinned_conversations_come_first_wherever_they_are(
    functions: Functions, register: Callable[[str], Person], londo: Person, drained: Drained
) -> None:
    groups = [_send(functions, register(f"person{number}"), "londo") for number in range(9)][::-1]
    drained()
    for group in (groups[1], groups[8], groups[5]):
        assert _set(functions, londo, group, pinned=True)["pinned"]
    first = [groups[5], groups[8], groups[1]]

    pages: list[list[tuple[str, bool]]] = []
    query: dict[str, str] | None = {"limit": "3"}
    while query:
        _, page, headers = functions.list_message_groups(londo.user_uuid, **query)
        pages.append([(entry["uuid"], entry["pinned"]) for entry in page])
        query = links(headers).get("next")
    assert pages[0] == [(one, True) for one in first] + [(groups[0], False), (groups[2], False)]
    assert pages[1:] == [[(groups[3], False), (groups[4], False)], [(groups[6], False), (groups[7], False)]]
    _, up, headers = functions.list_message_groups(londo.user_uuid, **links(headers)["prev"])
    assert [entry["uuid"] for entry in up] == [one for one, _ in pages[1]]
    _, up, headers = functions.list_message_groups(londo.user_uuid, **links(headers)["prev"])
    assert [entry["uuid"] for entry in up] == [one for one, _ in pages[0]]
    assert links(headers)["first"] == {"limit": "3", "pins": "3"}

    _set(functions, londo, groups[1], pinned=True)
    _set(functions, londo, groups[5], pinned=False)
    _, page, headers = functions.list_message_groups(londo.user_uuid)
    assert [entry["uuid"] for entry in page if entry["pinned"]] == [groups[1], groups[8]]
    assert [entry["uuid"] for entry in page] == [groups[1], groups[8], groups[0], *groups[2:8]]
    assert links(headers)["first"] == {"pins": "5"}
    _set(functions, londo, groups[1], pinned=True)
    _set(functions, londo, groups[5], pinned=False)
    assert links(functions.list_message_groups(londo.user_uuid)[2])["first"] == {"pins": "5"}


def test_a_pin_shows_in_the_inbox_only(
    functions: Functions, bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    def pinned() -> list[bool]:
        drained()
        found = functions.find_message_group(londo.user_uuid, group)[1]
        listed = [
            entry
            for folder in FOLDERS
            for since in ({}, {"since": EARLIER})
            for entry in functions.list_message_groups(londo.user_uuid, folder=folder, **since)[1]
        ]
        assert {entry["uuid"] for entry in listed} == {group}
        return sorted({found["pinned"], *(entry["pinned"] for entry in listed)})

    answer = _set(functions, londo, group, pinned=True, muted_until="forever")
    assert (answer["pinned"], answer["muted_until"]) == (True, "forever")
    assert pinned() == [True]
    _set(functions, londo, group, archived=True)
    assert pinned() == [False]
    _set(functions, londo, group, archived=False)
    assert pinned() == [True]
    assert functions.list_message_groups(bayko.user_uuid)[1][0]["pinned"] is False


def test_at_most_ten_conversations_of_the_inbox_are_pinned(
    functions: Functions, register: Callable[[str], Person], londo: Person, drained: Drained
) -> None:
    groups = [_send(functions, register(f"person{number}"), "londo") for number in range(MOST_PINS + 2)]
    for group in groups[:MOST_PINS]:
        _set(functions, londo, group, pinned=True)

    one_more = {"pinned": True, "muted_until": "forever"}
    refused = functions.change_message_group(londo.user_uuid, groups[-1], **one_more)
    assert refused[:2] == (422, ["pins_exceed_max"])
    assert functions.find_message_group(londo.user_uuid, groups[-1])[1]["muted_until"] is None
    _set(functions, londo, groups[0], pinned=True)

    _set(functions, londo, groups[4], archived=True)
    _set(functions, londo, groups[-1], pinned=True)
    drained()
    _, page, _ = functions.list_message_groups(londo.user_uuid)
    assert [entry["uuid"] for entry in page if entry["pinned"]] == [
        groups[-1],
        groups[0],
        *(group for group in groups[9:0:-1] if group != groups[4]),
    ]
    assert functions.change_message_group(londo.user_uuid, groups[-2], pinned=True)[0] == 422


def test_pins_that_race_are_all_kept(
    functions: Functions, register: Callable[[str], Person], londo: Person, drained: Drained
) -> None:
    groups = [_send(functions, register(f"person{number}"), "londo") for number in range(8)]
    drained()

    with ThreadPoolExecutor(8) as threads:
        [*threads.map(lambda group: _set(functions, londo, group, pinned=True), groups)]

    _, page, headers = functions.list_message_groups(londo.user_uuid)
    assert all(entry["pinned"] for entry in page)
    assert (len(page), links(headers)["first"]) == (8, {"pins": "8"})


def test_a_new_order_of_pins_is_a_new_page(
    functions: Functions, register: Callable[[str], Person], londo: Person, group: str, drained: Drained
) -> None:
    _send(functions, register("eve"), "londo")
    drained()

    def listed(etag: str) -> tuple[int, str]:
        request = {"headers": {"if-none-match": etag}}
        status, _, headers = functions.call("message_groups.list_message_groups", londo.user_uuid, **request)
        return status, headers["etag"]

    _, first = listed("")
    assert listed(first) == (304, first)
    _set(functions, londo, group, pinned=True)
    status, second = listed(first)
    assert (status, first == second) == (200, False)
    assert listed(second) == (304, second)


# Races


def test_settings_that_race_with_messages_and_marks_end_as_the_head_says(
    functions: Functions, table: Table, bayko: Person, londo: Person, group: str, drained: Drained
) -> None:
    def act(number: int) -> int:
        match number % 5:
            case 0:
                status = 429  # senders that lose against their own messages must wait
                while status == 429:
                    status, _, _ = functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Hi")
                return status
            case 1:
                return functions.change_message_group(londo.user_uuid, group, archived=number % 2 == 0)[0]
            case 2:
                until = "forever" if number % 2 else None
                return functions.change_message_group(londo.user_uuid, group, muted_until=until)[0]
            case 3:
                return functions.change_message_group(londo.user_uuid, group, marked_unread=True)[0]
        return functions.mark_read(londo.user_uuid, group, 1 + number % 3)[0]

    with ThreadPoolExecutor(8) as threads:
        assert {*threads.map(act, range(60))} == {200}
    drained()

    head = table.head(group, consistent=True)
    assert head
    assert head.last_seq == 15
    (entry,) = [*table.conversations(londo.user_uuid)]
    assert entry == head.inbox_entry(londo.user_uuid)
    assert [*table.unread(londo.user_uuid)] == [one for one in head.unread if one.owner_uuid == londo.user_uuid]
