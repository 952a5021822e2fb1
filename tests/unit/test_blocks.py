"""The list of the people that somebody blocks."""

import pytest

from messaging.model.conversation import Head
from messaging.model.cursors import BlocksCursor
from messaging.model.errors import NotFound
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services.blocks import Blocked, list_blocks
from tests.support.fake_table import FakeTable

BAYKO = Person("0", "bayko", "Andrew Bayko")
BLOCKED = [Person(str(number), f"person{number}", f"Person {number}") for number in (1, 2, 3)]
AT = "2026-01-02T03:04:05.000006+00:00"


def _table(*people: Person) -> FakeTable:
    """Bayko blocks three people."""
    table = FakeTable(*people)
    for person in BLOCKED:
        head = Head.of_first(Message(f"with {person.handle}", "0", "Hello", person, AT, 1), BAYKO)
        table.heads[head.message_group_uuid] = head.blocked_by(BAYKO.user_uuid, AT + person.user_uuid)
    return table


def test_blocks_come_in_pages_and_the_last_leads_nowhere() -> None:
    table = _table(BAYKO, *BLOCKED[:2])

    first, cursor = list_blocks(table, BAYKO.user_uuid, 2)
    rest, end = list_blocks(table, BAYKO.user_uuid, 2, cursor)

    assert first == [Blocked(person, AT + person.user_uuid) for person in BLOCKED[:2]]
    assert cursor == BlocksCursor(BAYKO.user_uuid, "2")
    assert rest == [Blocked(Person("3", "", "").deleted, f"{AT}3")]
    assert end is None


def test_a_page_that_holds_all_leads_nowhere() -> None:
    assert list_blocks(_table(BAYKO), BAYKO.user_uuid, 3).more is None


def test_who_has_no_profile_has_no_list() -> None:
    with pytest.raises(NotFound):
        list_blocks(_table(*BLOCKED), BAYKO.user_uuid, 2)
