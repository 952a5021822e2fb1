"""Sixteen times the random histories of tests/integration/test_histories.py."""

from collections.abc import Callable

from tests.histories.history import Stage
from tests.histories.memory import MemoryTable

HISTORIES = 2_000


def test_inboxes_are_right_after_any_history(record_property: Callable[[str, object], None]) -> None:
    stage = Stage()
    deliveries = sum(stage.tell(seed, MemoryTable).deliveries for seed in range(HISTORIES))

    record_property(
        "reliability",
        [
            "requests cut, records redelivered, processes new and old",
            f"{HISTORIES:,} random histories, {deliveries:,} batches of the stream",
            "inboxes always right",
        ],
    )
