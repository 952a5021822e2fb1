"""The local system under Locust: fifty people for five minutes."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from local import stack
from operators.verify import Violation, verify
from tests.e2e.conftest import System
from tests.support.checks import read_all, stored_messages

_PEOPLE = 50
_SECONDS = 300
_GRACE = 120  # seconds for Locust to start, and for everybody to finish their last task
_DRAIN = 120  # seconds for the stream handler to process the last messages


def test_fifty_people_lose_nothing(
    system: System, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    people = [system.person(f"p{number}") for number in range(_PEOPLE)]
    everybody = [{"handle": person.handle, "access_token": person.access_token} for person in people]
    (tmp_path / "people.json").write_text(json.dumps(everybody))

    _run_locust(system, tmp_path)

    total = _total(tmp_path / "load_stats.csv")
    assert total["Failure Count"] == "0", (tmp_path / "load_failures.csv").read_text()
    assert not (exceptions := _rows(tmp_path / "load_exceptions.csv")), exceptions
    sent = {line["uuid"]: line for line in map(json.loads, (tmp_path / "sent").read_text().splitlines())}
    assert sent
    assert _violations_once_drained(system) == []
    stored = stored_messages(read_all(system.client("dynamodb"), system.environment.table_name))
    assert len(stored) == len(sent)
    for message in stored:
        answered = sent[message.message_uuid]
        assert (message.message_group_uuid, message.message, message.created_at, message.seq) == (
            answered["message_group_uuid"],
            answered["message"],
            answered["created_at"],
            answered["seq"],
        )
    told = set((tmp_path / "told").read_text().splitlines())
    assert told <= set(sent)
    assert len(told) > 0.9 * len(sent)  # a sender may have left before the last messages came back
    assert (tmp_path / "limited").read_text()
    record_property("reliability", _row(total, len(sent), len(told)))


def _run_locust(system: System, folder: Path) -> None:
    """Run Locust in a process of its own, since it patches all sockets of its process."""
    options = {
        "--locustfile": str(Path(__file__).with_name("locustfile.py")),
        "--host": system.api,
        "--users": str(_PEOPLE),
        "--spawn-rate": "1",
        "--run-time": f"{_SECONDS}s",
        "--stop-timeout": "60",
        "--csv": str(folder / "load"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "locust", "--headless", "--only-summary"]
        + [part for option in options.items() for part in option],
        env={
            **os.environ,
            "SOAK_PEOPLE": str(folder / "people.json"),
            "SOAK_SENT": str(folder / "sent"),
            "SOAK_TOLD": str(folder / "told"),
            "SOAK_LIMITED": str(folder / "limited"),
            "SOAK_SOCKETS": stack.socket_url(system.environment),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS + _GRACE,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _violations_once_drained(system: System) -> list[Violation]:
    """List what `verify` finds, once no inbox lags behind."""
    deadline = time.monotonic() + _DRAIN
    while True:
        violations = verify(system.client("dynamodb"), system.environment.table_name)
        if time.monotonic() > deadline or not any(one.of_inbox for one in violations):
            return violations


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _total(path: Path) -> dict[str, str]:
    (total,) = (row for row in _rows(path) if row["Name"] == "Aggregated")
    return total


def _row(total: dict[str, str], messages: int, told: int) -> list[str]:
    percentiles = ", ".join(f"p{share} {total[f'{share}%']} ms" for share in (50, 95, 99))
    return [
        f"the local system under load, with limits: {_PEOPLE} people send, read, mute, archive, pin and block "
        f"for {_SECONDS} s",
        f"{messages:,} messages, {told:,} of them delivered to their sender's own socket, "
        f"in {int(total['Request Count']):,} requests, {float(total['Requests/s']):.1f} a second; {percentiles}",
        "lost 0, duplicated 0, errors 0; a flood stopped by a limit; `verify` finds nothing",
    ]
