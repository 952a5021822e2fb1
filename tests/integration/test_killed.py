"""Nothing is lost when processes die; tests/soak does this for long."""

from pathlib import Path

from tests.integration.killed import kill_while_sending


def test_nothing_is_lost_or_doubled_when_processes_are_killed(dynamodb_endpoint: str, tmp_path: Path) -> None:
    outcome = kill_while_sending(
        dynamodb_endpoint, tmp_path, people=2, messages_each=100, longest_life=40, seed=1, seconds=300
    )

    assert (outcome.lost, outcome.doubled, outcome.breaks) == ([], [], [])
    assert outcome.messages == 200
    assert outcome.kills >= 4  # two of each sender at least
