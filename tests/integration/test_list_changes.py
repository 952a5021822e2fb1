"""The feed of changes, reactions, replies and hidden messages on a real engine."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.errors import Changed
from messaging.model.hidden import MOST_HIDDEN, Hidden
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.services.changes import Window, edit, react, take_back_reaction, unsend
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.verify import verify
from tests.integration.test_list_messages import links
from tests.support.budgets import Meter
from tests.support.checks import read_all
from tests.support.functions import Functions, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ALWAYS = Window(None)
EVERYONE, ME = {"for": "everyone"}, {"for": "me"}


@pytest.fixture
def sent(table: Table, bayko: Person, londo: Person) -> list[Message]:
    """Thirty messages, by the two in turn."""
    first = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "1")).message
    more = [
        send_to_conversation(
            table, (londo, bayko)[number % 2].user_uuid, first.message_group_uuid, Draft(str(uuid4()), str(number))
        ).message
        for number in range(2, 31)
    ]
    return [first, *more]


@pytest.fixture
def group(sent: list[Message]) -> str:
    return sent[0].message_group_uuid


@pytest.fixture
def is_clean(
    dynamodb: "DynamoDBClient", table_name: str, functions: Functions, stream: Stream
) -> Iterator[Callable[[], None]]:
    def check() -> None:
        assert functions.stream_handler(stream.records()) == []
        assert verify(dynamodb, table_name) == []

    yield check
    check()


# The feed


def test_the_feed_has_every_change_once_in_order_with_messages_as_they_are_now(
    functions: Functions,
    table: Table,
    bayko: Person,
    londo: Person,
    sent: list[Message],
    group: str,
    is_clean: Callable[[], None],
) -> None:
    edit(table, bayko.user_uuid, group, sent[0].message_uuid, "one", 0, ALWAYS)
    react(table, londo.user_uuid, group, sent[0].message_uuid, "👍")
    edit(table, londo.user_uuid, group, sent[29].message_uuid, "thirty", 0, ALWAYS)
    unsend(table, bayko.user_uuid, group, sent[2].message_uuid, ALWAYS)

    _, feed, headers = functions.list_changes(bayko.user_uuid, group)

    assert [(one["change"], one["kind"]) for one in feed] == [
        (1, "edit"),
        (2, "reaction"),
        (3, "edit"),
        (4, "unsend"),
    ]
    assert links((0, feed, headers)[2])["monitor"] == {"after": "4"}
    _, page, _ = functions.list_messages(bayko.user_uuid, group, limit="100")
    by_uuid = {one["uuid"]: one for one in page}
    assert all(one["message"] == by_uuid[one["message"]["uuid"]] for one in feed)
    assert [one["message"]["change"] for one in feed] == [2, 2, 3, 4]
    after: dict[str, str] = {}
    walked: list[Any] = []
    while True:
        _, part, headers = functions.list_changes(londo.user_uuid, group, limit="1", **after)
        walked += part
        if "next" not in links(headers):
            break
        after = {"after": links(headers)["next"]["after"]}
    assert walked == feed
    assert functions.list_changes(bayko.user_uuid, group, after="4")[1] == []
    assert functions.list_changes(bayko.user_uuid, group, after="999")[1] == []


def test_the_feed_is_for_members_and_numbers_only(
    functions: Functions, bayko: Person, register: Callable[[str], Person], group: str
) -> None:
    eve = register("eve")
    assert functions.list_changes(eve.user_uuid, group)[0] == 404
    assert functions.list_changes(bayko.user_uuid, str(uuid4()))[0] == 404
    for after in ("", "-1", "1.5", "01", "9" * 13, "x"):
        assert functions.list_changes(bayko.user_uuid, group, after=after)[0] == 400


def test_a_feed_of_many_different_messages_takes_two_requests(
    functions_dynamodb: Any,
    table: Table,
    table_name: str,
    bayko: Person,
    londo: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "1")).message
    group = first.message_group_uuid
    messages = [first]
    for number in range(2, 103):
        messages.append(send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), str(number))).message)
    for message in messages:
        react(table, londo.user_uuid, group, message.message_uuid, "👍")
    meter = Meter(functions_dynamodb)
    functions = Functions(Table(meter, table_name), monkeypatch)  # type: ignore[arg-type]

    _, feed, headers = functions.list_changes(bayko.user_uuid, group, limit="100")

    assert meter.requests == 2
    assert [one["change"] for one in feed] == list(range(1, 99))
    assert links(headers)["next"] == {"after": "98", "limit": "100"}
    _, rest, headers = functions.list_changes(bayko.user_uuid, group, limit="100", after="98")
    assert [one["change"] for one in rest] == [99, 100, 101, 102]
    assert "monitor" in links(headers)


def test_a_stale_replica_hides_no_change(
    table: Table, functions: Functions, bayko: Person, sent: list[Message], group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(table, bayko.user_uuid, group, sent[0].message_uuid, "one", 0, ALWAYS)
    edit(table, bayko.user_uuid, group, sent[0].message_uuid, "two", 1, ALWAYS)
    _, whole, _ = functions.list_changes(bayko.user_uuid, group)
    changes, messages = Table.changes, Table.head_hidden_and_messages

    def one_change(self: Table, *args: Any, consistent: bool = False) -> Any:
        return changes(self, *args, consistent=True)[: None if consistent else 1]

    def old_messages(self: Table, *args: Any, consistent: bool) -> Any:
        head, hidden, found = messages(self, *args, consistent=True)
        return head, hidden, found if consistent else {sent[0].created_at: sent[0]}

    for name, stale in (("changes", one_change), ("head_hidden_and_messages", old_messages)):
        with monkeypatch.context() as patch:
            patch.setattr(Table, name, stale)
            assert functions.list_changes(bayko.user_uuid, group)[1] == whole


def test_an_etag_changes_with_a_change(
    table: Table, functions: Functions, bayko: Person, sent: list[Message], group: str
) -> None:
    def tags() -> list[str]:
        pages = (functions.list_messages(bayko.user_uuid, group), functions.list_changes(bayko.user_uuid, group))
        return [headers["etag"] for _, _, headers in pages]

    before = tags()
    react(table, bayko.user_uuid, group, sent[-1].message_uuid, "👍")
    after = tags()

    assert all(old != new for old, new in zip(before, after, strict=True))
    answer = functions.call(
        "messages.list_changes",
        bayko.user_uuid,
        parameters={"message_group_uuid": group},
        headers={"if-none-match": after[1]},
    )
    assert answer[0] == 304


# Since a time


def test_since_a_time_leads_to_conversations_that_were_only_changed(
    functions: Functions,
    table: Table,
    stream: Stream,
    register: Callable[[str], Person],
    bayko: Person,
    is_clean: Callable[[], None],
) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    messages = [
        send_to_handle(
            table, bayko.user_uuid, register(f"p{n}").handle, Draft(str(uuid4()), "x"), lambda: long_ago
        ).message
        for n in range(4)
    ]
    assert functions.stream_handler(stream.records()) == []
    done = len(stream.records())
    now = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
    for message, later in ((messages[2], 0), (messages[0], 1), (messages[2], 2)):
        at = now + timedelta(hours=later)
        address = bayko.user_uuid, message.message_group_uuid, message.message_uuid
        react(table, *address, "👍👎👏"[later], lambda: at)  # noqa: B023
    assert functions.stream_handler(stream.records()[done:]) == []

    since = keys.format_time(datetime(2026, 5, 1, tzinfo=UTC))
    _, found, headers = functions.list_message_groups(bayko.user_uuid, since=since)

    assert [(one["uuid"], one["last_change"]) for one in found] == [
        (messages[0].message_group_uuid, 1),
        (messages[2].message_group_uuid, 2),
    ]
    walked: list[str] = []
    query: dict[str, str] = {"since": since}
    while True:
        _, part, headers = functions.list_message_groups(bayko.user_uuid, limit="1", **query)
        walked += [one["uuid"] for one in part]
        if "next" not in links(headers):
            break
        query = {"since": links(headers)["next"]["since"]}
    assert walked == [one["uuid"] for one in found]
    # An hour back from the last change: both again, and later nothing new is missed.
    _, again, _ = functions.list_message_groups(bayko.user_uuid, since=links(headers)["monitor"]["since"])
    assert messages[2].message_group_uuid in {one["uuid"] for one in again}
    _, inbox, _ = functions.list_message_groups(bayko.user_uuid)
    assert len(inbox) == 4
    assert {one["created_at"] for one in inbox} == {one.created_at for one in messages}


def test_changes_within_an_hour_write_the_inboxes_only(
    functions_dynamodb: Any,
    table: Table,
    table_name: str,
    stream: Stream,
    bayko: Person,
    sent: list[Message],
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter(functions_dynamodb)
    functions = Functions(Table(meter, table_name), monkeypatch)  # type: ignore[arg-type]
    functions.stream_handler(stream.records())
    now = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    for minutes, cost in ((0, (1, 4)), (59, (1, 2)), (60, (2, 6)), (61, (1, 2))):
        done = len(stream.records())
        at = now + timedelta(minutes=minutes)
        react(table, bayko.user_uuid, group, sent[minutes % 29].message_uuid, "👍", lambda: at)  # noqa: B023
        used = meter.measure(lambda: functions.stream_handler(stream.records()[done:]))  # noqa: B023
        assert (used.requests, used.write) == cost


# Around a message


@pytest.mark.parametrize("seq", [1, 2, 15, 29, 30])
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_a_page_around_a_message_has_it_and_leads_both_ways(
    functions: Functions, bayko: Person, sent: list[Message], group: str, seq: int, limit: int
) -> None:
    uuid = sent[seq - 1].message_uuid

    _, page, headers = functions.list_messages(bayko.user_uuid, group, around=uuid.upper(), limit=str(limit))

    seqs = [one["seq"] for one in page]
    assert seq in seqs
    assert len(seqs) <= limit
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    relations = links(headers)
    assert ("prev" in relations) == (seqs[0] > 1)
    assert ("monitor" in relations) == (seqs[-1] == 30)
    if "next" in relations:
        assert functions.list_messages(bayko.user_uuid, group, **relations["next"])[1][0]["seq"] == seqs[-1] + 1
    if "prev" in relations:
        assert functions.list_messages(bayko.user_uuid, group, **relations["prev"])[1][-1]["seq"] == seqs[0] - 1


def test_around_no_message_is_not_found(
    functions: Functions, bayko: Person, register: Callable[[str], Person], sent: list[Message], group: str
) -> None:
    eve = register("eve")
    uuid = sent[3].message_uuid
    assert functions.list_messages(bayko.user_uuid, group, around=str(uuid4()))[0] == 404
    assert functions.list_messages(eve.user_uuid, group, around=uuid)[0] == 404
    assert functions.list_messages(bayko.user_uuid, group, around="x")[0] == 400
    assert functions.list_messages(bayko.user_uuid, group, around=uuid, after="x")[0] == 400


# Reactions


def test_reactions_are_idempotent_and_at_most_five_of_one_person(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    stream: Stream,
    bayko: Person,
    londo: Person,
    sent: list[Message],
    group: str,
    is_clean: Callable[[], None],
) -> None:
    uuid = sent[4].message_uuid
    for emoji in ("👍", "❤", "👍🏽", "🇺🇦", "1⃣"):
        assert functions.put_reaction(bayko.user_uuid, group, uuid, emoji)[0] == 200
    stored = read_all(dynamodb, table_name)
    for form in ("❤️", "❤\ufe0e", quote("❤️")):
        assert functions.put_reaction(bayko.user_uuid, group, uuid, form)[0] == 200
    status, codes, _ = functions.put_reaction(bayko.user_uuid, group, uuid, "🎉")
    assert (status, codes) == (422, ["reactions_exceed_max"])
    assert read_all(dynamodb, table_name) == stored
    functions.put_reaction(londo.user_uuid, group, uuid, "❤️")
    _, shown, _ = functions.show_message(londo.user_uuid, group, uuid)
    both = sorted([bayko.user_uuid, londo.user_uuid])
    assert {one["emoji"]: sorted(one["user_uuids"]) for one in shown["reactions"]} == {
        "👍": [bayko.user_uuid],
        "❤️": both,
        "👍🏽": [bayko.user_uuid],
        "🇺🇦": [bayko.user_uuid],
        "1️⃣": [bayko.user_uuid],
    }
    for _ in range(2):
        status, shown, _ = functions.delete_reaction(bayko.user_uuid, group, uuid, "❤")
        assert status == 200
        assert next(one for one in shown["reactions"] if one["emoji"] == "❤️")["user_uuids"] == [londo.user_uuid]
    assert functions.find_message_group(bayko.user_uuid, group)[1]["last_change"] == 7


def test_a_stale_replica_does_not_make_a_change_look_done(
    table: Table, bayko: Person, sent: list[Message], group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, message = sent[4], table.message
    edit(table, first.sender.user_uuid, group, first.message_uuid, "B", 0, ALWAYS)
    react(table, bayko.user_uuid, group, first.message_uuid, "👍")
    monkeypatch.setattr(
        table, "message", lambda *key, consistent=True: message(*key, consistent=True) if consistent else first
    )

    shown = take_back_reaction(table, bayko.user_uuid, group, first.message_uuid, "👍")
    assert (shown.reactions, shown.change) == ({}, 3)
    with pytest.raises(Changed):
        edit(table, first.sender.user_uuid, group, first.message_uuid, first.message, 0, ALWAYS)


@pytest.mark.parametrize("emoji", ["a", "👍👍", "", "%", "%F0%9F", "👍\u0000", "x" * 10_000, "..", "\ud83d"])
def test_what_is_no_emoji_is_no_reaction(
    functions: Functions, bayko: Person, sent: list[Message], group: str, emoji: str
) -> None:
    for call in (functions.put_reaction, functions.delete_reaction):
        assert call(bayko.user_uuid, group, sent[0].message_uuid, emoji)[0] == 400


def test_an_unsent_message_has_no_reactions(
    functions: Functions, bayko: Person, londo: Person, sent: list[Message], group: str
) -> None:
    uuid = sent[0].message_uuid
    functions.put_reaction(londo.user_uuid, group, uuid, "👍")
    _, tombstone, _ = functions.delete_message(bayko.user_uuid, group, uuid, **EVERYONE)

    assert "reactions" not in tombstone
    assert functions.put_reaction(londo.user_uuid, group, uuid, "👍")[0] == 410
    assert functions.delete_reaction(londo.user_uuid, group, uuid, "👍")[0] == 410


def test_two_who_react_at_once_both_do(
    table: Table, bayko: Person, londo: Person, sent: list[Message], group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid, change_message = sent[0].message_uuid, Table.change_message

    def other_first(self: Table, *args: Any) -> None:
        monkeypatch.setattr(Table, "change_message", change_message)
        react(table, londo.user_uuid, group, uuid, "👎")
        change_message(self, *args)

    monkeypatch.setattr(Table, "change_message", other_first)
    message = react(table, bayko.user_uuid, group, uuid, "👍")

    assert message.reactions == {bayko.user_uuid: ("👍",), londo.user_uuid: ("👎",)}
    assert message.change == 2


# Replies


def test_a_reply_shows_the_quoted_message_as_it_is_now(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    bayko: Person,
    londo: Person,
    sent: list[Message],
    group: str,
    is_clean: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quoted = sent[0]
    status, reply, _ = functions.create_message(
        londo.user_uuid, message_group_uuid=group, message="Yes", reply_to=quoted.message_uuid.upper()
    )
    assert (status, reply["reply_to"]) == (200, {"uuid": quoted.message_uuid, "seq": 1})
    address = {"uuid": quoted.message_uuid, "seq": 1}

    def shown() -> list[Any]:
        by_route = [
            functions.list_messages(bayko.user_uuid, group, limit="2")[1][-1],
            functions.list_messages(bayko.user_uuid, group, limit="100")[1][-1],
            functions.list_messages(bayko.user_uuid, group, around=reply["uuid"], limit="2")[1][-1],
            functions.show_message(bayko.user_uuid, group, reply["uuid"])[1],
        ]
        return [one["reply_to"] for one in by_route]

    of_bayko = {**address, "user_uuid": bayko.user_uuid}
    assert shown() == [{**of_bayko, "message": "1"}] * 4
    functions.edit_message(bayko.user_uuid, group, quoted.message_uuid, message="one", change=0)
    assert shown() == [{**of_bayko, "message": "one"}] * 4
    functions.put_reaction(bayko.user_uuid, group, reply["uuid"], "👍")
    _, feed, _ = functions.list_changes(bayko.user_uuid, group)
    assert feed[-1]["message"]["reply_to"] == {**of_bayko, "message": "one"}
    functions.delete_message(bayko.user_uuid, group, quoted.message_uuid, **EVERYONE)
    assert shown() == [{**of_bayko, "unsent": True}] * 4
    functions.delete_message(bayko.user_uuid, group, quoted.message_uuid, **ME)
    assert shown() == [{**address, "hidden": True}] * 4
    assert functions.show_message(londo.user_uuid, group, reply["uuid"])[1]["reply_to"] == {**of_bayko, "unsent": True}
    again = functions.create_message(
        londo.user_uuid, message_group_uuid=group, message="Yes", message_uuid=reply["uuid"], reply_to=address["uuid"]
    )
    assert again[0] == 200
    for other in ({}, {"reply_to": sent[1].message_uuid}):
        status, _, _ = functions.create_message(
            londo.user_uuid, message_group_uuid=group, message="Yes", message_uuid=reply["uuid"], **other
        )
        assert status == 409


def test_a_reply_to_no_message_of_the_conversation_is_refused(
    functions: Functions, table: Table, register: Callable[[str], Person], bayko: Person, londo: Person, group: str
) -> None:
    elsewhere = send_to_handle(table, bayko.user_uuid, register("eve").handle, Draft(str(uuid4()), "x")).message
    for uuid in (str(uuid4()), elsewhere.message_uuid):
        status, codes, _ = functions.create_message(
            bayko.user_uuid, message_group_uuid=group, message="Yes", reply_to=uuid
        )
        assert (status, codes) == (422, ["reply_to_not_found"])
    for body in ({"message_group_uuid": group, "reply_to": "x"}, {"handle": "londo", "reply_to": str(uuid4())}):
        assert functions.create_message(bayko.user_uuid, message="Yes", **body)[0] == 400


# Hiding


def test_a_hidden_message_is_hidden_from_its_reader_and_nothing_changes_for_the_other(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    stream: Stream,
    bayko: Person,
    londo: Person,
    sent: list[Message],
    group: str,
    is_clean: Callable[[], None],
) -> None:
    functions.put_reaction(bayko.user_uuid, group, sent[29].message_uuid, "👍")
    assert functions.stream_handler(stream.records()) == []

    def seen_by_londo() -> str:
        answers = [
            functions.list_messages(londo.user_uuid, group),
            functions.list_messages(londo.user_uuid, group, limit="100"),
            functions.list_messages(londo.user_uuid, group, around=sent[9].message_uuid),
            functions.list_changes(londo.user_uuid, group),
            functions.find_message_group(londo.user_uuid, group),
            functions.list_message_groups(londo.user_uuid),
            functions.list_message_groups(londo.user_uuid, since=keys.FIRST_TIME),
            functions.count_unread(londo.user_uuid),
            *(functions.show_message(londo.user_uuid, group, one.message_uuid) for one in sent[:10]),
        ]
        return json.dumps(answers)

    before, records = seen_by_londo(), stream.records()

    for seq in (1, 10, 30, 10):
        status, hidden, _ = functions.delete_message(bayko.user_uuid, group, sent[seq - 1].message_uuid, **ME)
        assert (status, hidden) == (200, {"seq": seq, "hidden": True})

    assert seen_by_londo() == before
    assert stream.records() == records  # the head is as it was
    _, page, _ = functions.list_messages(bayko.user_uuid, group, limit="100")
    assert [one for one in page if "hidden" in one] == [{"seq": seq, "hidden": True} for seq in (1, 10, 30)]
    assert len(functions.list_messages(bayko.user_uuid, group)[1]) == 20
    assert functions.show_message(bayko.user_uuid, group, sent[9].message_uuid)[1] == {"seq": 10, "hidden": True}
    _, feed, _ = functions.list_changes(bayko.user_uuid, group)
    assert feed == [
        {"change": 1, "kind": "reaction", "message": {"seq": 30, "hidden": True}},
        {"kind": "hidden", "seqs": [1, 10, 30]},
    ]
    assert functions.find_message_group(bayko.user_uuid, group)[1]["hidden"] == 3


def test_what_cannot_be_hidden(
    functions: Functions,
    table: Table,
    bayko: Person,
    register: Callable[[str], Person],
    sent: list[Message],
    group: str,
) -> None:
    eve = register("eve")
    assert functions.delete_message(eve.user_uuid, group, sent[0].message_uuid, **ME)[0] == 404
    assert functions.delete_message(bayko.user_uuid, group, str(uuid4()), **ME)[0] == 404
    assert functions.delete_message(bayko.user_uuid, str(uuid4()), sent[0].message_uuid, **ME)[0] == 404
    table.db.put(Hidden(group, {bayko.user_uuid: frozenset(range(1001, 1000 + MOST_HIDDEN))}).item)
    assert functions.delete_message(bayko.user_uuid, group, sent[0].message_uuid, **ME)[0] == 200
    status, codes, _ = functions.delete_message(bayko.user_uuid, group, sent[1].message_uuid, **ME)
    assert (status, codes) == (422, ["hidden_exceed_max"])


def test_a_sent_record_from_before_changes_leads_to_its_number(
    functions: Functions, table: Table, bayko: Person, sent: list[Message], group: str
) -> None:
    table.db.put(SentRecord.of(sent[6])._replace(seq=None).item)

    assert functions.delete_message(bayko.user_uuid, group, sent[6].message_uuid, **ME)[1] == {"seq": 7, "hidden": True}
    _, reply, _ = functions.create_message(
        bayko.user_uuid, message_group_uuid=group, message="Yes", reply_to=sent[6].message_uuid
    )
    assert reply["reply_to"]["seq"] == 7
    table.db.put(SentRecord.of(sent[6]).item)
