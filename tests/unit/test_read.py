"""What reading decides without a table; tests/integration reads real conversations and inboxes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.items import Message, Person
from messaging.read import _joins, _newest_of_each
from tests.unit.strategies import message_groups

SENDER = Person("0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01", "bayko", "Andrew Bayko")
# Numbers close together, so that gaps and joins are both common.
small = st.integers(1, 8)
edges = st.none() | st.integers(0, 9)


def _messages(*numbers: int) -> list[Message]:
    return [Message("", "", "", SENDER, f"2026-01-01T00:00:0{number}.000000+00:00", number) for number in numbers]


@given(st.sets(small, min_size=1), edges, edges)
def test_a_page_joins_if_it_has_no_gap_and_the_edges_it_must_have(
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
    drawn = data.draw(
        st.lists(message_groups, min_size=1, max_size=5, unique_by=lambda group: group.message_group_uuid)
    )
    older = [replace(group, message="older") for group in data.draw(st.permutations(drawn))]

    assert _newest_of_each([*drawn, *older]) == drawn
