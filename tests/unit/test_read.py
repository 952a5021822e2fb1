"""Rules of reading that need no table; tests/integration reads real conversations and inboxes."""

from dataclasses import replace
from datetime import UTC, datetime
from unittest import mock
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.change import EDIT, MessageChange
from messaging.model.conversation import Head
from messaging.model.cursors import NEWER, OLDER, WALK, InboxCursor, MessageCursor
from messaging.model.errors import NotFound
from messaging.model.hidden import Hidden
from messaging.model.membership import INBOX
from messaging.model.message import Message, Quote
from messaging.model.person import Person
from messaging.model.pins import Pins
from messaging.model.reach import YES
from messaging.model.sent_record import SentRecord
from messaging.services.read import (
    Changes,
    Conversation,
    Found,
    Inbox,
    _is_whole,
    _joins,
    _newest_of_each,
    _of_few_messages,
    changed_since,
    count_unread,
    find_head_and_address,
    find_head_and_pins,
    find_message_group,
    list_message_groups,
    messages_after,
    messages_before,
    newest_messages,
    show_message,
    show_message_group,
    show_user,
)
from messaging.storage.table import MOST_AT_ONCE
from tests.support.api import OTHER, STRANGER, USER
from tests.support.fake_table import FakeTable
from tests.support.strategies import inbox_entries

SENDER = Person(USER, "bayko", "Andrew Bayko")
LONDO = Person(OTHER, "londo", "Londo Mollari")
GROUP = keys.pair_uuid(USER, OTHER)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Numbers close together, so that gaps and joins are both common.
small = st.integers(1, 8)
edges = st.none() | st.integers(0, 9)


def _messages(*numbers: int) -> list[Message]:
    return [
        Message(GROUP, f"{number}", "", SENDER, f"2026-01-01T00:00:0{number}.000000+00:00", number)
        for number in numbers
    ]


def _cursor(seq: int) -> MessageCursor:
    (message,) = _messages(seq)
    return MessageCursor(GROUP, message.created_at, seq)


class Replica(FakeTable):
    """A conversation of eight messages; eventually consistent reads see only some of them."""

    def __init__(self, *seen: int, sees_head: bool = True) -> None:
        super().__init__(SENDER, LONDO)
        self.messages = _messages(*range(1, 9))
        self.heads[GROUP] = Head.of_first(self.messages[-1], LONDO)
        self._replica = FakeTable()
        self._replica.messages = _messages(*seen)
        self._replica.heads = self.heads if sees_head else {}
        self.consistent: list[bool] = []

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        return super().head(message_group_uuid) if consistent else self._replica.head(message_group_uuid)

    def head_and_sent_record(
        self, message_group_uuid: str, message_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, SentRecord | None]:
        return (
            super().head_and_sent_record(message_group_uuid, message_uuid, consistent=True)
            if self._asked(consistent)
            else self._replica.head_and_sent_record(message_group_uuid, message_uuid, consistent=False)
        )

    def newest(
        self, message_group_uuid: str, limit: int, *, consistent: bool
    ) -> tuple[Head | None, Hidden, list[Message]]:
        return (
            super().newest(message_group_uuid, limit, consistent=True)
            if self._asked(consistent)
            else (self._replica.newest(message_group_uuid, limit, consistent=False))
        )

    def before(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        return (
            super().before(message_group_uuid, created_at, limit, consistent=True)
            if self._asked(consistent)
            else (self._replica.before(message_group_uuid, created_at, limit, consistent=False))
        )

    def after(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        return (
            super().after(message_group_uuid, created_at, limit, consistent=True)
            if self._asked(consistent)
            else (self._replica.after(message_group_uuid, created_at, limit, consistent=False))
        )

    def _asked(self, consistent: bool) -> bool:
        self.consistent.append(consistent)
        return consistent


@given(st.sets(small, min_size=1), edges, edges)
def test_a_page_joins_if_it_has_no_gap_and_the_right_edges(
    numbers: set[int], first: int | None, last: int | None
) -> None:
    page = sorted(numbers)
    whole = page == list(range(page[0], page[-1] + 1))

    joins = _joins(_messages(*page), first=first, last=last)

    assert joins == (whole and first in (None, page[0]) and last in (None, page[-1]))


@pytest.mark.parametrize(("last", "joins"), [(0, True), (None, True), (1, False), (7, False)])
def test_an_empty_page_joins_where_the_conversation_begins(last: int | None, joins: bool) -> None:
    assert _joins([], last=last) is joins


@given(st.data())
def test_an_inbox_shows_each_conversation_once_and_the_newest_of_it(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(inbox_entries, min_size=1, max_size=5, unique_by=lambda group: group.message_group_uuid))
    older = [replace(group, message="older") for group in data.draw(st.permutations(drawn))]

    assert _newest_of_each([*drawn, *older]) == drawn


@pytest.mark.parametrize(
    ("seen", "consistent"),
    [
        (range(1, 9), [False]),
        ((6, 7, 8), [False]),
        (range(1, 8), [False, True]),
        ((1, 2, 3, 4, 5, 7, 8), [False, True]),
        ((), [False, True]),
    ],
    ids=["all of it", "the page", "not the last", "not one of the page", "nothing"],
)
def test_the_newest_page_is_read_again_if_it_is_stale(seen: tuple[int, ...], consistent: list[bool]) -> None:
    table = Replica(*seen)

    page = newest_messages(table, USER, GROUP, 3)

    assert page == Conversation(_messages(6, 7, 8), _cursor(6), _cursor(8), ended=True)
    assert table.consistent == consistent


def test_a_conversation_opened_a_moment_ago_is_found() -> None:
    opened = Replica(sees_head=False)

    assert newest_messages(opened, USER, GROUP, 3).messages == _messages(6, 7, 8)
    assert messages_before(opened, USER, _cursor(8), 2).messages == _messages(6, 7)
    assert messages_after(opened, USER, _cursor(1), 2).messages == _messages(2, 3)
    assert find_message_group(opened, USER, "londo") == Found(LONDO, GROUP, YES, ())


@pytest.mark.parametrize(
    ("seen", "consistent"),
    [
        (range(1, 9), [False]),
        (range(3, 5), [False]),
        ((1, 2, 3, 5, 6, 7, 8), [False, True]),
        ((2, 4), [False, True]),
        ((), [False, True]),
    ],
    ids=["all of it", "the page", "not the next", "a gap", "nothing"],
)
def test_a_page_before_a_cursor_is_read_again_if_it_is_stale(seen: tuple[int, ...], consistent: list[bool]) -> None:
    table = Replica(*seen)

    page = messages_before(table, USER, _cursor(5), 2)

    assert page == Conversation(_messages(3, 4), _cursor(3), _cursor(4), ended=False)
    assert table.consistent == consistent


@pytest.mark.parametrize(
    ("seen", "sees_head", "consistent"),
    [((5,), True, [False]), ((), True, [False, True]), ((5,), False, [False, True])],
    ids=["all of it", "not the message", "not the head"],
)
def test_a_message_sent_a_moment_ago_is_found(seen: tuple[int, ...], sees_head: bool, consistent: list[bool]) -> None:
    table = Replica(*seen, sees_head=sees_head)

    assert show_message(table, USER, GROUP, "5").messages == _messages(5)
    assert table.consistent == consistent


@pytest.mark.parametrize(
    ("user_uuid", "message_group_uuid", "message_uuid"),
    [
        (STRANGER, GROUP, "5"),
        (STRANGER, GROUP, "none"),
        (STRANGER, "no conversation", "5"),
        (LONDO.user_uuid, GROUP, "none"),
        (LONDO.user_uuid, "another", "5"),
        (USER, GROUP, "5"),
    ],
    ids=["a stranger", "a stranger, no message", "no conversation", "no message", "another's message", "deleted"],
)
def test_every_refusal_of_a_message_asks_the_same(user_uuid: str, message_group_uuid: str, message_uuid: str) -> None:
    table = Replica(*range(1, 9))
    table.heads["another"] = replace(table.heads[GROUP], message_group_uuid="another")
    table.heads[GROUP].members[USER] = SENDER.deleted
    asked = Mock(wraps=table)

    with pytest.raises(NotFound, match=r"^There is no such message\.$"):
        show_message(asked, user_uuid, message_group_uuid, message_uuid)

    assert asked.method_calls == [
        mock.call.head_hidden_and_sent_record(message_group_uuid, message_uuid, consistent=consistent)
        for consistent in (False, True)
    ]


def test_a_page_that_begins_at_the_second_message_leads_to_the_first() -> None:
    assert newest_messages(Replica(*range(1, 9)), USER, GROUP, 7).older == _cursor(2)


def test_before_the_first_message_there_is_nothing() -> None:
    table = Replica(*range(1, 9))

    first = messages_before(table, USER, _cursor(3), 2)

    assert (first.messages, first.older) == (_messages(1, 2), None)
    assert messages_before(table, USER, _cursor(2), 2).older is None
    assert messages_before(table, USER, _cursor(1), 2) == Conversation([], None, None, ended=True)
    assert table.consistent == [False, False, False]


@pytest.mark.parametrize(
    ("seen", "consistent"),
    [
        (range(1, 9), [False]),
        ((5, 6), [False]),
        ((1, 2, 3, 4, 6, 7, 8), [False, True]),
        ((5, 7), [False, True]),
        ((), [False, True]),
    ],
    ids=["all of it", "the page", "not the next", "a gap", "nothing"],
)
def test_a_page_after_a_cursor_is_read_again_if_it_is_stale(seen: tuple[int, ...], consistent: list[bool]) -> None:
    table = Replica(*seen)

    page = messages_after(table, USER, _cursor(4), 2)

    assert page == Conversation(_messages(5, 6), _cursor(5), _cursor(6), ended=False)
    assert table.consistent == consistent


def test_the_page_after_a_cursor_that_has_the_last_message_is_the_end() -> None:
    assert messages_after(Replica(*range(1, 9)), USER, _cursor(6), 2) == Conversation(
        _messages(7, 8), _cursor(7), _cursor(8), ended=True
    )


def test_after_the_last_message_there_is_nothing_and_the_same_cursor_goes_on() -> None:
    table = Replica(*range(1, 9))

    assert messages_after(table, USER, _cursor(8), 2) == Conversation([], None, _cursor(8), ended=True)
    assert table.consistent == [False]


@pytest.mark.parametrize("who", ["a stranger", "somebody deleted"])
def test_a_stranger_reads_nothing_of_a_conversation(who: str) -> None:
    table = Replica(*range(1, 9))
    user_uuid = STRANGER if who == "a stranger" else USER
    table.heads[GROUP].members[USER] = SENDER.deleted

    with pytest.raises(NotFound, match=r"^There is no such conversation\.$"):
        newest_messages(table, user_uuid, GROUP, 3)
    for read in (messages_before, messages_after):
        with pytest.raises(NotFound):
            read(table, user_uuid, _cursor(5), 3)


def _inbox(count: int) -> FakeTable:
    """One person's inbox of this many conversations, newest first."""
    table = FakeTable(SENDER)
    for number in range(count):
        (message,) = _messages(9 - number)
        head = Head.of_first(replace(message, message_group_uuid=str(number)), LONDO)
        table.heads[head.message_group_uuid] = head
    return table


def test_an_inbox_is_paged_down_to_its_end_and_up_again() -> None:
    table = _inbox(5)

    def listed(cursor: InboxCursor | None) -> tuple[str, InboxCursor | None, InboxCursor | None]:
        page = list_message_groups(table, USER, 2, cursor)
        return "".join(group.message_group_uuid for group in page.entries), page.older, page.newer

    def down(number: int) -> InboxCursor:
        return InboxCursor(USER, OLDER, table.heads[str(number)].created_at)

    def up(number: int) -> InboxCursor:
        return InboxCursor(USER, NEWER, table.heads[str(number)].created_at)

    assert listed(None) == ("01", down(1), None)
    assert listed(down(1)) == ("23", down(3), up(2))
    assert listed(down(3)) == ("4", None, up(4))
    assert listed(down(4)) == ("", None, up(4))
    assert listed(up(4)) == ("23", down(3), up(2))
    assert listed(up(2)) == ("01", down(1), None)
    assert listed(up(1)) == ("0", down(0), None)
    assert listed(up(0)) == ("", None, None)


def test_an_inbox_that_fills_its_page_has_no_more() -> None:
    page = list_message_groups(_inbox(2), USER, 2)

    assert (len(page.entries), page.older, page.newer) == (2, None, None)


def test_an_empty_inbox_has_an_empty_page() -> None:
    assert list_message_groups(FakeTable(SENDER), USER, 2) == Inbox(
        [], None, None, InboxCursor(USER, NEWER, keys.FIRST_TIME), 0, Pins(USER)
    )


def test_an_erased_person_has_no_inbox_and_counts_and_looks_up_nothing() -> None:
    table = FakeTable(LONDO)

    for ask in (
        lambda: list_message_groups(table, USER, 2),
        lambda: changed_since(table, USER, InboxCursor(USER, NEWER, keys.FIRST_TIME), 2),
        lambda: count_unread(table, USER, NOW),
        lambda: show_user(table, USER, "londo"),
        lambda: find_message_group(table, USER, "londo"),
    ):
        with pytest.raises(NotFound, match=r"^You have no profile yet\.$"):
            ask()


@pytest.mark.parametrize("direction", [None, OLDER, NEWER])
def test_a_page_of_an_inbox_costs_one_item_more_than_it_shows(direction: str | None) -> None:
    table = Mock(wraps=_inbox(5))
    cursor = InboxCursor(USER, direction, _cursor(7).created_at) if direction else None

    list_message_groups(table, USER, 2, cursor)

    read, *rest = table.method_calls
    assert read.args[1] == 3
    assert rest == ([mock.call.pins(USER)] if direction == OLDER else [])


def test_a_person_without_a_conversation_is_found() -> None:
    assert find_message_group(FakeTable(SENDER, LONDO), USER, "londo") == Found(LONDO, None, YES, ())


def test_a_handle_nobody_has_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"^Nobody has this handle\.$"):
        show_user(FakeTable(SENDER), USER, "delenn")
    with pytest.raises(NotFound):
        find_message_group(FakeTable(SENDER), USER, "delenn")


HOURS = [keys.format_time(datetime(2026, 1, 1, hour, tzinfo=UTC)) for hour in range(10)]


def _hourly(count: int) -> FakeTable:
    """One person's inbox of this many conversations; the n-th has its last message at HOURS[n]."""
    table = FakeTable(SENDER)
    (message,) = _messages(1)
    for number in range(count):
        last = replace(message, message_group_uuid=str(number), created_at=HOURS[number])
        table.heads[str(number)] = Head.of_first(last, LONDO)
    return table


def _since(sk: str, changed: str = "") -> InboxCursor:
    """`changed` is the place among the changed conversations, if it is not that of the time."""
    return InboxCursor(USER, NEWER, sk, changed[: keys.HOUR_LENGTH])


def test_changes_come_oldest_first_in_pages_without_gap() -> None:
    table = _hourly(6)
    first = changed_since(table, USER, _since(HOURS[0]), 2)
    second = changed_since(table, USER, first.cursor, 2)
    third = changed_since(table, USER, second.cursor, 2)

    pages = [[entry.message_group_uuid for entry in page.entries] for page in (first, second, third)]
    assert pages == [["1", "2"], ["3", "4"], ["5"]]
    between = [_since(HOURS[2], HOURS[0]), _since(HOURS[4], HOURS[0])]
    assert [page.cursor for page in (first, second)] == [replace(one, direction=WALK) for one in between]
    assert [page.ended for page in (first, second, third)] == [False, False, True]


def test_the_next_changes_are_looked_for_an_hour_before_the_last_one() -> None:
    """The stream may bring older ones later."""
    ended = changed_since(_hourly(6), USER, _since(HOURS[2]), 3)

    assert (ended.ended, ended.cursor) == (True, _since(HOURS[4], HOURS[2]))


@pytest.mark.parametrize("limit", [1, 2, 3, 6])
def test_a_walk_in_pages_ends_an_hour_before_the_last_change(limit: int) -> None:
    """As a walk in one page does: the stream may bring older ones later, also between its pages."""
    table = FakeTable(SENDER)
    (message,) = _messages(1)
    for number in range(6):
        at = keys.format_time(datetime(2026, 1, 1, 9, number, tzinfo=UTC))
        last = replace(message, message_group_uuid=str(number), created_at=at)
        table.heads[str(number)] = Head.of_first(last, LONDO)
    found = changed_since(table, USER, _since(HOURS[0]), limit)
    while not found.ended:
        found = changed_since(table, USER, InboxCursor.since(str(found.cursor), USER), limit)

    assert found.cursor == _since(keys.format_time(datetime(2026, 1, 1, 8, 5, tzinfo=UTC)), HOURS[0])


def test_changes_are_never_looked_for_before_the_place_already_reached() -> None:
    since = _since(keys.format_time(datetime(2026, 1, 1, 4, 30, tzinfo=UTC)))

    assert changed_since(_hourly(6), USER, since, 3).cursor == _since(since.sk, since.sk)


def test_without_changes_the_place_stays() -> None:
    since = _since(HOURS[9])

    assert changed_since(_hourly(6), USER, since, 3) == Changes([], _since(since.sk, since.sk), True, Pins(USER))


def test_a_page_of_changes_costs_one_item_more_than_it_shows() -> None:
    table = Mock(wraps=_hourly(6))

    changed_since(table, USER, _since(HOURS[0]), 2)

    assert table.method_calls == [mock.call.inbox_above(USER, 3, HOURS[0], INBOX), mock.call.pins(USER)]


def test_one_conversation_is_shown_to_its_members() -> None:
    table = _hourly(1)

    assert show_message_group(table, USER, "0") == (table.heads["0"].inbox_entry(USER), 0, Pins(USER))
    with pytest.raises(NotFound):
        show_message_group(table, LONDO.user_uuid[:-1] + "0", "0")


# The feed of changes


@given(st.lists(st.integers(1, 7), max_size=6), st.integers(0, 3), st.integers(0, 8), st.data())
def test_a_feed_is_whole_if_nothing_is_missing(numbers: list[int], after: int, last: int, data: st.DataObject) -> None:
    shown = {f"time {n}": data.draw(st.integers(0, 8), f"change of {n}") for n in numbers if data.draw(st.booleans())}
    changes = [MessageChange(number, EDIT, at="", created_at=f"time {number}") for number in numbers]
    messages = {time: replace(_messages(1)[0], change=change) for time, change in shown.items()}

    follows = all(number == after + place for place, number in enumerate(numbers, 1))
    reaches = after + len(numbers) >= last
    are_shown = all(shown.get(f"time {number}", -1) >= number for number in numbers)

    assert _is_whole(changes, messages, after, last) == (follows and reaches and are_shown)


@pytest.mark.parametrize(("messages", "count"), [(MOST_AT_ONCE, MOST_AT_ONCE), (MOST_AT_ONCE + 1, MOST_AT_ONCE)])
def test_a_feed_has_as_many_messages_as_one_request_reads(messages: int, count: int) -> None:
    twice = [MessageChange(2 * n + again, EDIT, at="", created_at=str(n)) for n in range(messages) for again in (0, 1)]
    assert _of_few_messages(twice) == twice[: 2 * count]


# Where a conversation and its messages are


def _stale_first(*answers: object) -> Mock:
    """A read that answers a stale replica's answer, and then the others."""
    return Mock(side_effect=answers)


def test_a_conversation_opened_a_moment_ago_is_found_with_its_pins() -> None:
    head, pins = Head.of_first(_messages(1)[0], LONDO), Pins(USER, (GROUP,), 1)
    table = Mock(head_and_pins=_stale_first((None, Pins(USER)), (head, pins)))

    assert find_head_and_pins(table, GROUP, USER) == (head, pins)
    assert table.head_and_pins.mock_calls == [mock.call(GROUP, USER), mock.call(GROUP, USER, consistent=True)]


def test_a_known_conversation_is_read_once_with_its_pins() -> None:
    head = Head.of_first(_messages(1)[0], LONDO)
    table = Mock(head_and_pins=_stale_first((head, Pins(USER))))

    assert find_head_and_pins(table, GROUP, USER) == (head, Pins(USER))


def test_a_message_sent_a_moment_ago_has_a_place() -> None:
    (message,) = _messages(1)
    head, record = Head.of_first(message, LONDO), SentRecord.of(message)
    table = Mock(head_and_sent_record=_stale_first((head, None), (head, record)))

    assert find_head_and_address(table, USER, GROUP, "1") == (head, Quote("1", message.created_at, 1))
    assert table.method_calls == [
        mock.call.head_and_sent_record(GROUP, "1", consistent=False),
        mock.call.head_and_sent_record(GROUP, "1", consistent=True),
    ]


def test_a_message_without_a_number_in_its_record_is_read() -> None:
    (message,) = _messages(3)
    head, record = Head.of_first(replace(message, seq=1), LONDO), SentRecord.of(message)._replace(seq=None)
    table = Mock(head_and_sent_record=_stale_first((head, record)), message=Mock(return_value=message))

    assert find_head_and_address(table, USER, GROUP, "3")[1] == Quote("3", message.created_at, 3)
    table.message.assert_called_once_with(GROUP, message.created_at)


def test_a_message_that_is_not_there_or_not_seen_has_no_place() -> None:
    (message,) = _messages(1)
    head, record = Head.of_first(message, LONDO), SentRecord.of(message)
    left = head.with_membership(USER, replace(head.membership(USER), begins_after=1))

    for found, stored in ((head, None), (left, record), (head, record._replace(message_group_uuid=STRANGER))):
        table = Mock(head_and_sent_record=Mock(return_value=(found, stored)))
        assert find_head_and_address(table, USER, GROUP, "1") == (found, None)
    with pytest.raises(NotFound):
        find_head_and_address(Mock(head_and_sent_record=Mock(return_value=(head, record))), STRANGER, GROUP, "1")
