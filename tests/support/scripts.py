"""Runs the scripts under bin/, as a person does."""

import os
import subprocess
from pathlib import Path

BIN = Path(__file__).parents[2] / "bin"
# A locale in which Python writes ASCII only: "…" or a name in an export would be an error.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


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
