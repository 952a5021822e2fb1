"""Empty projects that install the packages as others do, from what would be published. No network is needed."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JAVASCRIPT, REACT, PYTHON = (ROOT / "packages" / name for name in ("client-js", "react", "client-python"))
_BIN = ROOT / "node_modules" / ".bin"


def node_project(folder: Path) -> Path:
    """A Node project with cruddur-messages, its hooks and React. Skips the test if npm has not installed our tools."""
    if not (_BIN / "esbuild").exists():
        pytest.skip("node_modules is not here: run npm ci")
    packed = folder / "packed"
    packed.mkdir()
    sources = [JAVASCRIPT, REACT, *(ROOT / "node_modules" / name for name in ("react", "react-dom", "scheduler"))]
    npm("pack", "--pack-destination", packed, *sources, folder=ROOT)
    (folder / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
    npm("install", "--offline", "--no-audit", "--no-fund", *packed.glob("*.tgz"), folder=folder)
    return folder


def python_project(folder: Path) -> Path:
    """A virtual environment with the wheel of cruddur-messages-client; returns its interpreter.

    The packages that it requires are those of this environment.
    """
    source = shutil.copytree(PYTHON, folder / "source", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "built", source)
    run(sys.executable, "-m", "venv", folder / "venv")
    interpreter = folder / "venv" / "bin" / "python"
    here = sysconfig.get_path("purelib")
    there = run(interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(there) / "required.pth").write_text(here)
    run(interpreter, "-m", "pip", "install", "--quiet", "--no-index", *(folder / "built").glob("*.whl"))
    return interpreter


def npm(*arguments: str | Path, folder: Path) -> str:
    return run("npm", *arguments, folder=folder)


def tool(name: str, *arguments: str | Path, folder: Path) -> str:
    """Run a tool of package.json; return its output."""
    return run(_BIN / name, *arguments, folder=folder)


def run(*command: str | Path, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def examples(package: Path, language: str) -> list[str]:
    """The examples of a package's README in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (package / "README.md").read_text(), re.MULTILINE | re.DOTALL)
