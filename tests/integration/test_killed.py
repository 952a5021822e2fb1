"""Nothing is lost when processes die. tests/soak runs this longer."""

from pathlib import Path

import pytest

from tests.support.killed import kill_while_sending

pytestmark = pytest.mark.processes


def test_nothing_is_lost_or_duplicated_when_processes_are_killed(dynamodb_endpoint: str, tmp_path: Path) -> None:
    outcome = kill_while_sending(
        dynamodb_endpoint, tmp_path, people=3, messages_each=18, longest_life=18, seed=1, seconds=1_200
    )

    assert (outcome.differ, outcome.doubled, outcome.left, outcome.violations) == ([], [], [], [])
    assert outcome.messages == 54
    assert outcome.changes >= 60
    assert outcome.kills >= 6  # two of each sender at least
