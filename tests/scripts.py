"""Running the scripts under bin/, as a person does."""

import os
import subprocess
from pathlib import Path

_BIN = Path(__file__).parents[1] / "bin"


def run_script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What bin/{name} answers, its output and errors as text. Nobody is there to be asked."""
    return subprocess.run(
        [_BIN / name, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
