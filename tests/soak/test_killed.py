"""Thousands of messages and changes of them, while senders and stream handler are killed again and again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import dynamodb_local
from tests.support.killed import kill_while_sending


def test_nothing_is_lost_or_duplicated_when_processes_are_killed(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if not dynamodb_local.is_here():
        pytest.skip("DynamoDB Local is not here: see tests/support/prepare.py")
    with dynamodb_local.running(tmp_path) as endpoint:
        outcome = kill_while_sending(
            endpoint, tmp_path, people=4, messages_each=350, longest_life=120, seed=1, seconds=1_800
        )

    record_property("reliability", outcome.reliability)
    assert (outcome.differ, outcome.doubled, outcome.left, outcome.violations) == ([], [], [], [])
    assert outcome.messages == 1400
    assert outcome.changes >= 1400
    assert outcome.kills >= 32  # eight of each sender at least
