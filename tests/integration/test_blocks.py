"""Blocks on a real engine: heads and lists of blocked people always agree, and the blocked person notices nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Prevented, TooManyRequests
from messaging.model.membership import MOST_RANGES
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services import blocks
from messaging.services.send import send_to_handle
from messaging.storage.table import Table
from operators.verify import verify
from tests.integration.test_list_messages import links
from tests.support.checks import read_all
from tests.support.functions import Functions, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Register = Callable[[str], Person]
Items = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def items(dynamodb: "DynamoDBClient", table_name: str) -> Items:
    """Read the whole table, and check that it has a block exactly for each head with one."""

    def read() -> list[dict[str, Any]]:
        found = read_all(dynamodb, table_name)
        stored = {BlockEntry.from_item(item) for item in found if item["pk"]["S"].startswith(keys.blocks_pk(""))}
        heads = [Head.from_item(item) for item in found if item["sk"]["S"] == keys.HEAD]
        assert stored == {head.block_entry(one) for head in heads for one in head.members if head.is_blocking(one)}
        assert all(head.is_open or head.is_blocked for head in heads)
        return found

    return read


@pytest.fixture
def drain(functions: Functions, stream: Stream, dynamodb: "DynamoDBClient", table_name: str) -> Callable[[], None]:
    """Bring the inboxes up to date, and check the whole table."""

    def deliver() -> None:
        assert functions.stream_handler(stream.records()) == []
        assert verify(dynamodb, table_name) == []

    return deliver


def _send(functions: Functions, sender: Person, receiver: Person, text: str = "Hello") -> tuple[int, Any]:
    status, body, _ = functions.create_message_group(sender.user_uuid, handle=receiver.handle, message=text)
    return status, body


def _texts(functions: Functions, reader: Person, group: str) -> list[str | None]:
    """The texts of a conversation as a person sees them, None for a hidden one."""
    _, page, _ = functions.list_messages(reader.user_uuid, group)
    return [message.get("message") for message in page]


def test_a_block_is_listed_until_it_ends(functions: Functions, items: Items, bayko: Person, londo: Person) -> None:
    status, blocked, _ = functions.block_user(bayko.user_uuid, londo.user_uuid)

    assert status == 200
    assert list(blocked) == ["uuid", "handle", "display_name", "avatar", "blocked_at"]
    assert (blocked["uuid"], blocked["handle"]) == (londo.user_uuid, "londo")
    assert keys.is_time(blocked["blocked_at"])
    assert functions.list_blocks(bayko.user_uuid)[1] == [blocked]
    assert functions.list_blocks(londo.user_uuid)[1] == []
    items()

    assert functions.unblock_user(bayko.user_uuid, londo.user_uuid)[:2] == (200, {**blocked, "blocked_at": None})
    assert functions.list_blocks(bayko.user_uuid)[1] == []
    assert not [item for item in items() if item["pk"]["S"].startswith(keys.conversation_pk(""))]


@pytest.mark.parametrize("opened", [False, True], ids=["before the first message", "in a conversation"])
def test_repetitions_change_nothing(
    functions: Functions, items: Items, bayko: Person, londo: Person, opened: bool
) -> None:
    if opened:
        _send(functions, londo, bayko)
    assert functions.unblock_user(bayko.user_uuid, londo.user_uuid)[1]["blocked_at"] is None
    first = functions.block_user(bayko.user_uuid, londo.user_uuid)
    before = items()

    assert functions.block_user(bayko.user_uuid, londo.user_uuid) == first
    assert items() == before
    ended = functions.unblock_user(bayko.user_uuid, londo.user_uuid)
    before = items()
    assert functions.unblock_user(bayko.user_uuid, londo.user_uuid) == ended
    assert items() == before


def test_only_people_can_be_blocked(functions: Functions, bayko: Person, londo: Person) -> None:
    assert functions.block_user(bayko.user_uuid, bayko.user_uuid)[:2] == (422, ["user_is_self"])
    status, myself, _ = functions.unblock_user(bayko.user_uuid, bayko.user_uuid)
    assert (status, myself["uuid"], myself["blocked_at"]) == (200, bayko.user_uuid, None)
    for call in (functions.block_user, functions.unblock_user):
        status, problem, _ = call(bayko.user_uuid, str(uuid4()))
        assert (status, problem["detail"]) == (404, "There is no such person.")
        assert call(bayko.user_uuid, "londo")[0] == 400
    assert functions.block_user(str(uuid4()), londo.user_uuid)[0] == 404
    assert functions.list_blocks(str(uuid4()))[0] == 404


def test_many_blocks_come_in_pages(functions: Functions, bayko: Person, register: Register) -> None:
    others = {register(f"person{number}").user_uuid for number in range(5)}
    for one in others:
        functions.block_user(bayko.user_uuid, one)

    found, query = [], {"limit": "2"}
    while True:
        status, page, headers = functions.list_blocks(bayko.user_uuid, **query)
        assert status == 200
        found += [one["uuid"] for one in page]
        if "next" not in links(headers):
            break
        query = links(headers)["next"]

    assert found == sorted(others)
    assert functions.list_blocks(str(uuid4()), cursor=query["cursor"])[0] == 400
    assert functions.list_blocks(bayko.user_uuid, cursor="londo")[0] == 400


def test_a_blocked_person_whose_profile_is_gone_is_shown_as_deleted(
    functions: Functions, table: Table, bayko: Person, londo: Person
) -> None:
    functions.block_user(bayko.user_uuid, londo.user_uuid)
    table.db.delete(keys.of(londo.profile_item))

    (blocked,) = functions.list_blocks(bayko.user_uuid)[1]
    assert (blocked["uuid"], blocked["display_name"]) == (londo.user_uuid, "deleted user")
    assert functions.unblock_user(bayko.user_uuid, londo.user_uuid)[0] == 200
    assert functions.list_blocks(bayko.user_uuid)[1] == []


def test_messages_of_a_block_are_hidden_for_ever(
    functions: Functions, table: Table, drain: Callable[[], None], items: Items, bayko: Person, londo: Person
) -> None:
    _, sent = _send(functions, londo, bayko, "1")
    group = sent["message_group_uuid"]
    functions.block_user(bayko.user_uuid, londo.user_uuid)
    for text in ("2", "3"):
        assert _send(functions, londo, bayko, text)[1]["seq"] == int(text)
    drain()

    assert _texts(functions, bayko, group) == ["1"]
    _, (entry,), _ = functions.list_message_groups(bayko.user_uuid)
    assert (entry["last_seq"], entry["unread_count"], entry["created_at"]) == (1, 1, sent["created_at"])

    functions.unblock_user(bayko.user_uuid, londo.user_uuid)
    _send(functions, londo, bayko, "4")
    drain()

    assert _texts(functions, bayko, group) == ["1", None, None, "4"]
    assert _texts(functions, londo, group) == ["1", "2", "3", "4"]
    assert [(one.last_seq, one.count) for one in table.unread(bayko.user_uuid)] == [(4, 2)]
    items()


def test_a_mark_does_not_reach_hidden_messages(
    functions: Functions, drain: Callable[[], None], table: Table, bayko: Person, londo: Person
) -> None:
    """The other would see them as read."""
    group = _send(functions, londo, bayko)[1]["message_group_uuid"]
    _send(functions, bayko, londo)
    _send(functions, londo, bayko)
    functions.block_user(bayko.user_uuid, londo.user_uuid)
    _send(functions, londo, bayko)

    assert functions.mark_read(bayko.user_uuid, group, 4)[:2] == (422, ["seq_past_last_message"])
    assert functions.mark_read(bayko.user_uuid, group, 3)[1]["read_seq"] == 3
    functions.unblock_user(bayko.user_uuid, londo.user_uuid)
    assert functions.mark_read(bayko.user_uuid, group, 4)[0] == 422
    assert functions.mark_read(bayko.user_uuid, group, 2)[1]["read_seq"] == 3
    _send(functions, londo, bayko)
    assert functions.mark_read(bayko.user_uuid, group, 5)[1]["unread_count"] == 0
    head = table.head(group, consistent=True)
    assert head
    assert head.read_seqs[bayko.user_uuid] == 5
    drain()


@pytest.mark.parametrize("block", ["stays", "ends"])
def test_a_block_before_the_first_message_hides_it(
    functions: Functions, drain: Callable[[], None], items: Items, bayko: Person, londo: Person, block: str
) -> None:
    functions.block_user(bayko.user_uuid, londo.user_uuid)
    status, sent = _send(functions, londo, bayko, "1")
    if block == "ends":
        functions.unblock_user(bayko.user_uuid, londo.user_uuid)
    drain()

    assert (status, sent["seq"]) == (200, 1)
    assert functions.list_message_groups(bayko.user_uuid)[1] == []
    assert functions.count_unread(bayko.user_uuid)[1]["messages"] == 0
    _, (mine,), _ = functions.list_message_groups(londo.user_uuid)
    assert mine["message"] == "1"
    items()


def test_two_people_who_block_each_other_before_the_first_message(
    functions: Functions, items: Items, bayko: Person, londo: Person
) -> None:
    functions.block_user(bayko.user_uuid, londo.user_uuid)
    functions.block_user(londo.user_uuid, bayko.user_uuid)
    items()
    assert [_send(functions, *pair)[0] for pair in ((bayko, londo), (londo, bayko))] == [409, 409]

    functions.unblock_user(bayko.user_uuid, londo.user_uuid)
    items()
    assert [_send(functions, *pair)[0] for pair in ((londo, bayko), (bayko, londo))] == [409, 200]
    functions.unblock_user(londo.user_uuid, bayko.user_uuid)
    items()
    assert [_send(functions, *pair)[0] for pair in ((londo, bayko), (bayko, londo))] == [200, 200]


def test_a_blocker_writes_nothing_new_and_can_take_back(functions: Functions, bayko: Person, londo: Person) -> None:
    _, sent = _send(functions, bayko, londo, "Mine")
    group, mine = sent["message_group_uuid"], sent["uuid"]
    _, theirs = _send(functions, londo, bayko, "Theirs")
    functions.put_reaction(bayko.user_uuid, group, theirs["uuid"], "👍")
    functions.block_user(bayko.user_uuid, londo.user_uuid)

    refused = [
        functions.create_message_group(bayko.user_uuid, handle="londo", message="?"),
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="?"),
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="?", reply_to=mine),
        functions.edit_message(bayko.user_uuid, group, mine, message="Another", change=0),
        functions.put_reaction(bayko.user_uuid, group, theirs["uuid"], "🎉"),
    ]
    assert [(status, problem["detail"]) for status, problem, _ in refused] == [
        (409, "You block this person. Unblock them first.")
    ] * len(refused)
    assert functions.put_reaction(bayko.user_uuid, group, theirs["uuid"], "👍")[0] == 200  # it is there already
    assert functions.delete_reaction(bayko.user_uuid, group, theirs["uuid"], "👍")[0] == 200
    assert functions.delete_message(bayko.user_uuid, group, mine, **{"for": "everyone"})[0] == 200
    assert functions.delete_message(bayko.user_uuid, group, theirs["uuid"], **{"for": "me"})[0] == 200


def test_a_retry_of_a_message_from_before_the_block_is_answered_as_ever(
    functions: Functions, bayko: Person, londo: Person
) -> None:
    message_uuid = str(uuid4())

    def send(text: str = "Hello") -> tuple[int, Any]:
        status, body, _ = functions.create_message_group(
            bayko.user_uuid, handle="londo", message=text, message_uuid=message_uuid
        )
        return status, body

    first = send()
    functions.block_user(bayko.user_uuid, londo.user_uuid)

    assert first[0] == 200
    assert send() == first
    assert send("Another text")[1]["detail"] == "This message_uuid was used for another message."


def test_the_blocked_person_is_answered_as_if_nothing_was(
    functions: Functions, bayko: Person, londo: Person, register: Register
) -> None:
    away = register("g.kar")
    functions.block_user(bayko.user_uuid, londo.user_uuid)
    functions.unblock_user(bayko.user_uuid, londo.user_uuid)
    functions.block_user(bayko.user_uuid, londo.user_uuid)

    def all_that_londo_sees(other: Person) -> Iterator[Any]:
        yield functions.find_message_group(londo.user_uuid, f"@{other.handle}")
        _, first = _send(functions, londo, other)
        group = first["message_group_uuid"]
        yield first
        yield functions.find_message_group(londo.user_uuid, f"@{other.handle}")
        yield functions.find_message_group(londo.user_uuid, group)
        yield functions.create_message(londo.user_uuid, message_group_uuid=group, message="Hello?")
        yield functions.list_messages(londo.user_uuid, group)[:2]
        yield functions.edit_message(londo.user_uuid, group, first["uuid"], message="Hallo", change=0)
        yield functions.list_changes(londo.user_uuid, group)[:2]

    def shown(other: Person) -> Any:
        """What londo sees, without what is random: the order of keys stays."""
        names = {other.user_uuid: "other", other.handle: "handle", other.display_name: "name"}
        numbers = count()

        def fixed(value: Any, name: str = "") -> Any:
            if isinstance(value, dict):
                return [(key, fixed(part, key)) for key, part in value.items()]
            if isinstance(value, list | tuple):
                return [fixed(part) for part in value]
            if name in ("uuid", "message_group_uuid", "created_at", "edited_at") and value not in names:
                return names.setdefault(value, str(next(numbers)))
            return names.get(value, value) if isinstance(value, str) else value

        return [fixed(one) for one in all_that_londo_sees(other)]

    assert shown(bayko) == shown(away)


def test_a_block_races_with_first_messages(
    table: Table, items: Items, register: Register, functions: Functions, drain: Callable[[], None]
) -> None:
    pairs = [(register(f"one{number}"), register(f"other{number}")) for number in range(8)]

    def race(pair: tuple[Person, Person]) -> None:
        one, other = pair
        with ThreadPoolExecutor(4) as threads:
            running = [
                threads.submit(_persistently, lambda: blocks.block(table, one.user_uuid, other.user_uuid)),
                threads.submit(_persistently, lambda: send_to_handle(table, other.user_uuid, one.handle, _draft())),
                threads.submit(_persistently, lambda: send_to_handle(table, one.user_uuid, other.handle, _draft())),
                threads.submit(_persistently, lambda: blocks.block(table, other.user_uuid, one.user_uuid)),
            ]
            for future in running:
                with suppress(Prevented):
                    future.result()

    for pair in pairs:
        race(pair)

    found = [Head.from_item(item) for item in items() if item["sk"]["S"] == keys.HEAD]
    assert len(found) == len(pairs)
    assert all(head.is_blocking(one) for head in found for one in head.members)
    drain()
    for one, other in pairs:
        _, inbox, _ = functions.list_message_groups(one.user_uuid)
        head = table.head(keys.pair_uuid(one.user_uuid, other.user_uuid), consistent=True)
        assert head
        shown = head.shown_seq(one.user_uuid)
        assert [entry["last_seq"] for entry in inbox] == ([shown] if shown else [])


def test_ranges_for_which_the_head_has_no_room_stay_hidden(
    functions: Functions, table: Table, drain: Callable[[], None], items: Items, bayko: Person, londo: Person
) -> None:
    texts = []
    for number in range(1, MOST_RANGES + 4):
        group = _send(functions, londo, bayko, f"shown {number}")[1]["message_group_uuid"]
        functions.block_user(bayko.user_uuid, londo.user_uuid)
        _send(functions, londo, bayko, f"hidden {number}")
        functions.unblock_user(bayko.user_uuid, londo.user_uuid)
        texts += [f"shown {number}", None]
    _send(functions, londo, bayko, "last")
    drain()

    head = table.head(group, consistent=True)
    assert head
    assert len(head.membership(bayko.user_uuid).unseen) == MOST_RANGES
    _, page, _ = functions.list_messages(bayko.user_uuid, group, limit="100")
    assert [message.get("message") for message in page] == [*texts, "last"]
    assert None not in _texts(functions, londo, group)
    # Those older than all ranges in the head count as read.
    assert [one.count for one in table.unread(bayko.user_uuid)] == [MOST_RANGES + 1]
    items()


def test_blocks_cannot_be_ended_without_bound(
    functions: Functions, table: Table, monkeypatch: pytest.MonkeyPatch, bayko: Person, londo: Person
) -> None:
    monkeypatch.setattr("messaging.storage.table.MOST_HIDDEN", 1)
    for _ in range(MOST_RANGES + 2):
        _send(functions, londo, bayko)
        functions.block_user(bayko.user_uuid, londo.user_uuid)
        group = _send(functions, londo, bayko)[1]["message_group_uuid"]
        status, codes, _ = functions.unblock_user(bayko.user_uuid, londo.user_uuid)

    assert (status, codes) == (422, ["unblocks_exceed_max"])
    head = table.head(group, consistent=True)
    assert head
    assert head.is_blocking(bayko.user_uuid)


def test_blocks_that_come_and_go_during_messages_hide_exactly_theirs(
    table: Table, items: Items, bayko: Person, londo: Person
) -> None:
    send_to_handle(table, londo.user_uuid, "bayko", _draft())

    def toggle() -> None:
        for _ in range(12):
            _persistently(lambda: blocks.block(table, bayko.user_uuid, londo.user_uuid))
            _persistently(lambda: blocks.unblock(table, bayko.user_uuid, londo.user_uuid))

    def write() -> None:
        for _ in range(20):
            _persistently(lambda: send_to_handle(table, londo.user_uuid, "bayko", _draft()))

    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(toggle), threads.submit(write)]:
            future.result()

    items()
    head = table.head(keys.pair_uuid(bayko.user_uuid, londo.user_uuid), consistent=True)
    assert head
    assert (head.last_seq, head.is_blocked) == (21, False)
    ranges = head.membership(bayko.user_uuid).unseen
    assert all(last is not None and first <= last <= 21 for first, last in ranges)
    assert ranges == tuple(sorted(ranges))


def _draft() -> Draft:
    return Draft(str(uuid4()), "Hello")


def _persistently(action: Callable[[], object]) -> None:
    """Repeat an action as a client does that gets 503 or 429."""
    for _ in range(100):
        with suppress(Busy, TooManyRequests):
            action()
            return
    raise Busy("A hundred times.")
