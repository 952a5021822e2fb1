"""Random histories through the functions' handlers: inboxes are right after any history (rules 4 and 5)."""

from collections.abc import Callable

import pytest

from tests.conftest import examples
from tests.histories.history import Stage
from tests.histories.memory import MemoryTable

# On mutated modules, which are much larger, a history takes seconds.
_SEEDS = examples(quick=120, mutation=4)


@pytest.mark.parametrize("first", range(0, _SEEDS, 10))
def test_inboxes_are_right_after_any_history(first: int) -> None:
    stage = Stage()
    for seed in range(first, min(first + 10, _SEEDS)):
        stage.tell(seed, MemoryTable)


def test_a_seed_replays_the_same_history() -> None:
    tables: list[MemoryTable] = []

    def make(wrote: Callable[[str], None]) -> MemoryTable:
        tables.append(MemoryTable(wrote))
        return tables[-1]

    stage, other = Stage(), Stage()
    other.tell(8, MemoryTable)

    assert stage.tell(7, make).story == other.tell(7, make).story
    assert tables[0].records == tables[1].records
