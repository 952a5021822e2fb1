"""Make .venv if it is missing or broken, and install an extra of pyproject.toml: `python tools/venv.py run`.

The syntax is that of Python 3.6, so that an old Python can say which one is needed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "pyproject.toml"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
EXTRAS = ("run", "test", "bench")  # each includes those before it
# With --locked, as CI has it: the very files that requirements/ names by their hashes, all of them, so nothing is
# resolved. Otherwise what pyproject.toml allows.
LOCKED = ("--require-hashes", "--no-deps", "-r")
EDITABLE = ("--no-deps", "--no-build-isolation", "--editable", ".")
BUILD = ROOT / "requirements" / "build.in"
OFFLINE = ("--no-index", "--no-build-isolation")
# The tables of pyproject.toml that decide about the installation.
TABLES = re.compile(r"^\[(?:project|build-system|tool\.setuptools)\b.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
# Settings of the user that lead pip out of .venv.
MISLEADING = ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PYTHONHOME", "PYTHONPATH")
# The same in the user's pip.conf: an empty value in the pip.conf of .venv replaces one there.
PIP_CONF = "".join(f"[{section}]\ntarget =\nprefix =\nroot =\n" for section in ("global", "install"))


def main() -> int:
    extra, locked = sys.argv[1], "--locked" in sys.argv
    if not is_sound():
        make()
    stamp = VENV / extra
    current = fingerprint(extra, locked)
    if stamp.exists() and stamp.read_text() == current:
        return 0
    extras = EXTRAS[: EXTRAS.index(extra) + 1]
    print("Installing into .venv the packages for {}, about a minute ".format(" and ".join(extras)), end="", flush=True)
    start = time.monotonic()
    (VENV / "pip.conf").write_text(PIP_CONF)
    project = ("--editable", ".[" + ",".join(extras) + "]")
    if locked:
        pip(*LOCKED, str(locked_requirements("build")))
        pip(*LOCKED, str(locked_requirements(extra)))
        pip(*EDITABLE)
    elif not is_installed_offline(*project):
        pip("--upgrade", "-r", str(BUILD))
        pip(*project)
    print(f" {time.monotonic() - start:.0f} s", flush=True)
    for name in extras:
        (VENV / name).write_text(fingerprint(name, locked))
    return 0


def fingerprint(extra: str, locked: bool) -> str:
    """A hash of all that decides about the installation."""
    tables = "".join(TABLES.findall(PROJECT.read_text(encoding="utf-8"))).encode()
    return hashlib.sha256(tables + (locked_requirements(extra).read_bytes() if locked else b"")).hexdigest()


def locked_requirements(extra: str) -> Path:
    return ROOT / "requirements" / (extra + ".txt")


def needed() -> "tuple[int, int]":
    """The oldest version of Python that pyproject.toml allows."""
    project = PROJECT.read_text(encoding="utf-8")
    major, minor = re.findall(r'^requires-python = ">=(\d+)\.(\d+)"$', project, re.MULTILINE)[0]
    return int(major), int(minor)


def is_sound() -> bool:
    """False if .venv is missing, for another folder or Python, or without an interpreter or pip."""
    test = f"import sys, pip; sys.exit(sys.version_info[:2] < {needed()})"
    try:
        pip_script = (VENV / "bin" / "pip").read_text(encoding="utf-8")
        is_right = subprocess.call([str(PYTHON), "-c", test], env=environment(), stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False
    return is_right and str(VENV) in pip_script  # which begins with the path of its interpreter


def make() -> None:
    if sys.version_info[:2] < needed():
        sys.exit(
            "Python {}.{} or newer is needed, and {} is {}.{}. Name another: make run PYTHON=python3.12".format(
                *needed(), sys.executable, *sys.version_info[:2]
            )
        )
    # This may be the Python of .venv, which is about to be deleted.
    python = sys.executable if sys.prefix == sys.base_prefix else os.path.realpath(sys.executable)
    shutil.rmtree(str(VENV), ignore_errors=True)
    if subprocess.call([python, "-m", "venv", str(VENV)], env=environment()):
        shutil.rmtree(str(VENV), ignore_errors=True)
        sys.exit(python + " cannot make .venv.")


def pip(*arguments: str) -> None:
    """Install, with a dot for each package that pip has found."""
    command = [one for one in install(*arguments) if one != "--quiet"]
    with subprocess.Popen(command, cwd=str(ROOT), env=environment(), stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.startswith(b"Collecting "):
                print(".", end="", flush=True)
            elif line.startswith(b"Installing collected packages"):
                print(" downloaded …", end="", flush=True)
    if process.returncode:
        sys.exit("\npip could not install it.")


def is_installed_offline(*project: str) -> bool:
    """Install the project if the packages that it needs are there."""
    command = install(*OFFLINE, *project)
    output = subprocess.DEVNULL
    return subprocess.call(command, cwd=str(ROOT), env=environment(), stdout=output, stderr=output) == 0


def install(*arguments: str) -> "list[str]":
    # Most modules are never imported, and the others are compiled when they are.
    return [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", *arguments]


def environment() -> "dict[str, str]":
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    kept["PIP_USER"] = "0"
    kept["PYTHONWARNINGS"] = "ignore"  # setuptools warns at every editable installation
    return kept


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
