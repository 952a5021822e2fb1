"""The list of the people that somebody blocks."""

from collections.abc import Collection

import pytest

from messaging.model.block_entry import BlockEntry
from messaging.model.cursors import BlocksCursor
from messaging.model.errors import NotFound
from messaging.model.person import Person
from messaging.services.blocks import Blocked, list_blocks

BAYKO = Person("0", "bayko", "Andrew Bayko")
BLOCKED = [Person(str(number), f"person{number}", f"Person {number}") for number in (1, 2, 3)]
AT = "2026-01-02T03:04:05.000006+00:00"


class _Table:
    """Bayko blocks three people, of whom the last has no profile any more."""

    def __init__(self, *people: Person) -> None:
        self._people = {person.user_uuid: person for person in people}

    def blocks(self, user_uuid: str, limit: int, after: str = "") -> list[BlockEntry]:
        assert user_uuid == BAYKO.user_uuid
        entries = [BlockEntry(user_uuid, person.user_uuid, AT + person.user_uuid) for person in BLOCKED]
        return [entry for entry in entries if entry.user_uuid > after][:limit]

    def people_by_uuid(self, user_uuids: Collection[str]) -> dict[str, Person]:
        return {one: person for one, person in self._people.items() if one in user_uuids}


def test_blocks_come_in_pages_and_the_last_leads_nowhere() -> None:
    table = _Table(BAYKO, *BLOCKED[:2])

    first, cursor = list_blocks(table, BAYKO.user_uuid, 2)  # type: ignore[arg-type]
    rest, end = list_blocks(table, BAYKO.user_uuid, 2, cursor)  # type: ignore[arg-type]

    assert first == [Blocked(person, AT + person.user_uuid) for person in BLOCKED[:2]]
    assert cursor == BlocksCursor(BAYKO.user_uuid, "2")
    assert rest == [Blocked(Person("3", "", "").deleted, f"{AT}3")]
    assert end is None


def test_a_page_that_holds_all_leads_nowhere() -> None:
    assert list_blocks(_Table(BAYKO), BAYKO.user_uuid, 3).more is None  # type: ignore[arg-type]


def test_who_has_no_profile_has_no_list() -> None:
    with pytest.raises(NotFound):
        list_blocks(_Table(*BLOCKED), BAYKO.user_uuid, 2)  # type: ignore[arg-type]
