"""The Makefile's .venv and the first line of the scripts, in a copy of the project that needs no packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PROJECT = """
[project]
name = "nothing"
version = "1"
requires-python = ">={needed}"

[project.optional-dependencies]
run = []

[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["nothing"]
"""
_OTHER_TARGETS = """
include Makefile
shown:
	@env
	@echo "main: print(1)" >/dev/null
"""
_ELSEWHERE = {"PIP_USER": "yes", "PIP_TARGET": "/nowhere", "PIP_PREFIX": "/nowhere"}  # hosted IDEs set the first


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("bin", "tools", "requirements"):
        shutil.copytree(_ROOT / name, folder / name)
    shutil.copy(_ROOT / "Makefile", folder)
    (folder / "nothing").mkdir()
    (folder / "nothing" / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(_PROJECT.format(needed="3.11"))
    (folder / "other.mk").write_text(_OTHER_TARGETS)
    (folder / ".local").mkdir()
    (folder / ".local" / "data").touch()
    return folder


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Without what the `make test` around it tells a make within. With LOCKED it would install all packages of ours.
    told = ("MAKE", "MFLAGS", "LOCKED")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**inherited, "PYTHON": sys.executable, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def works(folder: Path) -> bool:
    scripts = folder / ".venv" / "bin"
    command = f"'{scripts}/pip' --version && '{scripts}/python' -c 'import nothing'"
    return subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 0


def test_a_python_that_is_too_old_is_refused_by_one_sentence_and_leaves_nothing(project: Path) -> None:
    (project / "pyproject.toml").write_text(_PROJECT.format(needed="3.99"))

    done = make(project, ".venv/run")

    assert done.returncode
    assert done.stdout.startswith("Python 3.99 or newer is needed, and ")
    assert len(done.stdout.splitlines()) == 2  # the other is make's
    assert not (project / ".venv").exists()


def test_a_python_that_is_not_there_is_refused_by_a_sentence_that_names_the_version_needed(project: Path) -> None:
    done = make(project, ".venv/run", PYTHON="python-that-is-nowhere")

    assert done.returncode
    assert "There is no python-that-is-nowhere here. Install Python 3.11 or newer, or name one" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_venv_is_made_once_without_the_users_pip_settings_and_made_anew_when_it_no_longer_works(project: Path) -> None:
    elsewhere = "target = /nowhere\nprefix = /nowhere\nroot = /nowhere\n"
    conf = project.parent / "pip" / "pip.conf"
    conf.parent.mkdir()
    conf.write_text(f"[global]\n{elsewhere}[install]\n{elsewhere}")
    user = {"XDG_CONFIG_HOME": str(project.parent), "HOME": str(project.parent)}
    done = make(project, ".venv/run", **user, **_ELSEWHERE)
    assert done.returncode == 0, done.stdout
    assert works(project)
    for other in ("python3", "python-that-is-nowhere"):
        again = make(project, ".venv/run", PYTHON=other)
        assert (again.returncode, again.stdout) == (0, "")

    an_installation_needs_no_network(project)

    moved = project.rename(project.with_name("moved"))
    assert not works(moved)
    assert make(moved, ".venv/run", PYTHON="python-that-is-nowhere").returncode == 0
    assert works(moved)

    python = moved / ".venv/bin/python"
    python.unlink()
    python.symlink_to("python-that-was-upgraded-away")
    assert make(moved, ".venv/run").returncode == 0
    assert works(moved)
    assert (moved / ".local" / "data").exists()


def an_installation_needs_no_network(project: Path) -> None:
    """Change the definition of an installed project, first where that decides nothing about the installation."""
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    definition = project / "pyproject.toml"

    definition.write_text(definition.read_text() + "[tool.other]\n")
    again = make(project, ".venv/run", **offline)
    assert (again.returncode, again.stdout) == (0, "")

    definition.write_text(definition.read_text().replace('version = "1"', 'version = "2"'))
    again = make(project, ".venv/run", **offline)
    assert again.returncode == 0, again.stdout
    assert again.stdout.startswith("Installing ")


def test_the_make_of_sam_build_does_not_get_this_python(project: Path) -> None:
    for arguments in (["PYTHON=python-without-pip"], []):
        shown = make(project, "-f", "other.mk", "shown", *arguments, PYTHON="python-without-pip").stdout
        assert "python-without-pip" not in shown


def test_a_script_runs_through_a_symlink_and_explains_a_missing_installation(project: Path) -> None:
    link = project.parent / "talk"
    link.symlink_to(_ROOT / "bin/chat")
    assert subprocess.run([link, "--help"], check=False, capture_output=True).returncode == 0

    for script in ("chat", "ddb/patterns/get-conversation"):
        done = subprocess.run([project / "bin" / script], check=False, capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{Path(script).name}: run `make run` first.")
