"""Installed packages of layers, tools and workflows: pinned by hash, never installed next to credentials."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tools import venv
from tools.audit import LOCKS, verdict

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXTRAS = {"run": ["run"], "test": ["run", "test"]}


def locked(path: str) -> dict[str, Requirement]:
    """The pinned requirements of a lock, by their names."""
    text = re.sub(r"\\\n", " ", (ROOT / path).read_text())
    lines = (line.partition(" --hash")[0] for line in text.splitlines() if line and not line.startswith("#"))
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def version(requirement: Requirement) -> str:
    (pin,) = requirement.specifier
    assert pin.operator == "=="
    return pin.version


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("path", [*LOCKS, "requirements/build.txt", "requirements/run.txt"])
def test_every_package_of_a_lock_is_pinned_by_hashes(path: str) -> None:
    text = re.sub(r"\\\n", " ", (ROOT / path).read_text())
    for line in text.splitlines():
        if not line.startswith("#"):
            assert re.match(r"[a-z0-9.-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize(("name", "extras"), EXTRAS.items(), ids=EXTRAS)
def test_a_lock_has_the_requirements_of_the_project(name: str, extras: list[str]) -> None:
    pins = locked(f"requirements/{name}.txt")
    asked = [*PROJECT["dependencies"], *(one for extra in extras for one in PROJECT["optional-dependencies"][extra])]
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(version(pins[canonical(requirement.name)])), requirement


def test_all_locks_agree() -> None:
    build, run, test = (locked(f"requirements/{name}.txt") for name in ("build", "run", "test"))
    assert build.keys() <= run.keys() <= test.keys()
    for lock in (build, run):
        assert {name: version(test[name]) for name in lock} == {name: version(lock[name]) for name in lock}


def test_with_locked_only_hashed_files_are_installed() -> None:
    assert venv.LOCKED == ("--require-hashes", "--no-deps", "-r")
    assert venv.EDITABLE == ("--no-deps", "--no-build-isolation", "--editable", ".")
    assert "$(if $(LOCKED),--locked)" in (ROOT / "Makefile").read_text()
    assert "export LOCKED=1" in (ROOT / ".ci/run").read_text()


# Workflows


def steps(workflow: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [job["steps"] for job in workflow["jobs"].values() if "steps" in job]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_installs_by_hash_and_before_it_has_credentials(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    for job in steps(workflow):
        uses = [step.get("uses", "") for step in job]
        runs = [step.get("run", "") for step in job]
        assert not any("pip install" in run for run in runs), "what make installs is locked"
        credentials = [index for index, name in enumerate(uses) if name.startswith("aws-actions/")]
        if credentials:
            installing = [index for index, run in enumerate(runs) if re.search(r"make (build|\.venv)", run)]
            assert installing
            assert max(installing) < min(credentials)
            assert workflow["env"]["LOCKED"] == 1
            for run in runs[credentials[0] :]:
                assert "make deploy" not in run or "BUILT=1" in run


# The audit


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


SAFE = {"name": "six", "version": "1.17.0", "vulns": []}
UNKNOWN = {"name": "boto3", "skip_reason": "Dependency not found on PyPI and could not be audited: boto3 (1.43.102)"}
UNSAFE = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-2024-60", "fix_versions": ["3.7"]}]}


def test_a_known_vulnerability_fails() -> None:
    lines, passed = verdict(report(SAFE, UNSAFE), "Found 1 known vulnerability")
    assert not passed
    assert lines == ["idna 3.6: PYSEC-2024-60, fixed in 3.7", "1 known vulnerabilities in 2 locked packages"]


def test_no_known_vulnerability_passes_and_unknown_packages_are_listed() -> None:
    assert verdict(report(SAFE, UNKNOWN), "") == (
        ["PyPI has no advisories for boto3", "0 known vulnerabilities in 2 locked packages"],
        True,
    )


@pytest.mark.parametrize(
    ("said", "errors"), [("", "requests.exceptions.ConnectionError: …"), (report(UNKNOWN, UNKNOWN), "")]
)
def test_without_advisories_the_audit_reports_that_it_was_not_done(said: str, errors: str) -> None:
    assert verdict(said, errors) == (["NOT DONE: PyPI's advisories cannot be reached from here"], True)


def test_any_other_error_fails() -> None:
    lines, passed = verdict("", "ERROR:pip_audit._cli:requirements/test.txt: no hash for six")
    assert not passed
    assert "no hash for six" in lines[-1]
