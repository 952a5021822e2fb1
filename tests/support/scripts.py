"""Runs the scripts under bin/, as a person does."""

import os
import pty
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Script = Callable[..., subprocess.CompletedProcess[str]]
BIN = Path(__file__).parents[2] / "bin"
# A locale in which Python writes ASCII only: "…" or a name in an export would be an error.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with changes."""
    return {**os.environ, **changes}


def run_script(name: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run bin/{name} without a terminal, so that it cannot ask; return its output and errors as text."""
    return subprocess.run(
        [BIN / name, *arguments],
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def run_on_dynamodb_local(endpoint: str, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run bin/ddb/{name} on the DynamoDB Local at `endpoint`, without a terminal."""
    return run_script(f"ddb/{name}", *arguments, "dynamodb-local", DYNAMODB_ENDPOINT=endpoint)


def on_a_terminal(*command: str | Path, typed: bytes = b"", **changes: str) -> tuple[int, str]:
    """Run a command on a terminal of its own, with this input; return its exit status and everything shown."""
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        command,
        env=environment(TERM="xterm", COLUMNS="200", **changes),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    shown = b""
    with os.fdopen(outside, "r+b", buffering=0) as terminal, suppress(OSError):  # a closed terminal ends so
        terminal.write(typed)
        while piece := os.read(terminal.fileno(), 4096):
            shown += piece
    return process.wait(), shown.decode()
