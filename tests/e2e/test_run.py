"""`make run`, as a person uses it: start, paste the three commands, Ctrl-C, start again."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.conftest import free_port
from tests.e2e.conftest import eventually
from tests.support.scripts import run_script

_ROOT = Path(__file__).parents[2]


@contextmanager
def running(home: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `make run`; yield the process and its output until it was ready."""
    process = start(home, port)
    assert process.stdout
    printed = ""
    deadline = time.monotonic() + 180
    try:
        while "Ctrl-C ends it" not in printed:
            assert time.monotonic() < deadline
            line = process.stdout.readline()
            assert line, f"it ended:\n{printed}"
            printed += line
        yield process, printed
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def start(home: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.run", "--port", str(port)],
        cwd=_ROOT,
        env={**os.environ, "CRUDDUR_LOCAL": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def paste(printed: str) -> list[str]:
    """Run the three commands in a shell; return the outputs of the second and the third."""
    commands = re.findall(r"^(?:TOKEN=|curl ).*?(?=\n\n)", printed, re.MULTILINE | re.DOTALL)
    assert len(commands) == 3
    script = f"{commands[0]}\n{commands[1]}\necho\n{commands[2]}\n"
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def inboxes_are_right(home: Path) -> bool:
    return run_script("ddb/verify", "local", CRUDDUR_LOCAL=str(home)).returncode == 0


def test_it_starts_with_a_conversation_ends_cleanly_and_keeps_the_data(tmp_path: Path) -> None:
    port = free_port()
    tmp_path.chmod(0o755)
    with running(tmp_path, port) as (process, printed):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700  # other users read no messages and no signing key
        for handle in ("@bayko", "@londo"):
            assert re.search(rf"{handle} .*@example\.com .*Demo-", printed)
        address = f"http://127.0.0.1:{port + 1}/"
        assert re.search(rf"Ready\.\s+Web +{address}\n", printed)
        assert "<!doctype html>" in requests.get(address, timeout=60).text
        inbox, sent = (json.loads(line) for line in paste(printed))
        assert len(inbox) >= 5
        assert (sent["message"], sent["handle"]) == ("Hello from the terminal", "bayko")
        assert sent["seq"] > 80
        eventually(lambda: inboxes_are_right(tmp_path))  # because records in the stream are then lost
    assert process.returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0

    with running(tmp_path, port) as (_, printed):
        inbox, again = (json.loads(line) for line in paste(printed))
        assert inbox[0]["message"] == "Hello from the terminal"
        assert again["seq"] == sent["seq"] + 1
        # The stream works after a restart, too: inboxes show the last message.
        eventually(lambda: inboxes_are_right(tmp_path))
        taken = start(tmp_path, port)
        assert "running in another terminal" in taken.communicate(timeout=60)[0]
        assert taken.returncode == 1


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(tmp_path, taken.getsockname()[1])
        printed = process.communicate(timeout=60)[0]

    assert process.returncode == 1
    assert "is taken" in printed


@pytest.mark.parametrize("data", [True, False])
def test_clean_data_forgets_it(tmp_path: Path, data: bool) -> None:
    if data:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "dynamodb.json").write_text("{}")

    done = subprocess.run(
        [sys.executable, "-m", "local.run", "--clean-data"],
        cwd=_ROOT,
        env={**os.environ, "CRUDDUR_LOCAL": str(tmp_path)},
        check=False,
    )

    assert done.returncode == 0
    assert not (tmp_path / "data").exists()
