"""bin/cognito/create-user, through its command line."""

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.conftest import PASSWORD, System
from tests.support.scripts import run_script


def create_user(
    home: Path, handle: str, *, email: str = "", password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    options = {"--name": "Vir Cotto", "--email": email or f"{handle}@example.com", "--password": password}
    arguments = [part for option in options.items() for part in option]
    return run_script("cognito/create-user", handle, *arguments, CRUDDUR_LOCAL=str(home))


def emails(system: System) -> set[str]:
    users = system.client("cognito-idp").list_users(UserPoolId=system.environment.outputs["UserPoolId"])["Users"]
    return {attribute["Value"] for user in users for attribute in user["Attributes"] if attribute["Name"] == "email"}


def test_a_new_person_can_sign_in_and_be_written_to(system: System, home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"

    done = create_user(home, handle)

    assert (done.returncode, done.stderr) == (0, "")
    assert system.sign_in(f"{handle}@example.com")["AccessToken"]
    shown = system.person("bayko").get(f"/api/users/@{handle}/short").json()
    assert (shown["handle"], shown["display_name"]) == (handle, "Vir Cotto")
    assert shown["uuid"] in done.stdout


def test_the_same_command_again_changes_nothing(home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"

    assert create_user(home, handle).stdout == create_user(home, handle).stdout


def test_a_taken_handle_is_a_clear_error_and_leaves_nobody_behind(system: System, home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"
    create_user(home, handle)

    done = create_user(home, handle.upper(), email="another@example.com")

    assert (done.returncode, done.stderr) == (2, "create-user: The handle is taken.\n")
    assert "another@example.com" not in emails(system)


def test_a_taken_email_is_a_clear_error(home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"
    create_user(home, handle)

    done = create_user(home, f"{handle}_2", email=f"{handle}@example.com")

    assert (done.returncode, done.stderr) == (2, f"create-user: {handle}@example.com already belongs to @{handle}.\n")


@pytest.mark.parametrize("handle", ["", "two words", "@vir", "x" * 31, "ünïcode"])
def test_a_handle_that_cannot_be_is_a_clear_error(home: Path, handle: str) -> None:
    done = create_user(home, handle, email="nobody@example.com")

    assert done.returncode == 2
    assert done.stderr.startswith("create-user: HANDLE must be 1 to 30")


def test_a_weak_password_is_a_clear_error_and_leaves_nobody_behind(system: System, home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"

    done = create_user(home, handle, password="short")

    assert done.returncode == 2
    assert done.stderr.startswith("create-user: ")
    assert f"{handle}@example.com" not in emails(system)


def test_without_a_local_system_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = create_user(tmp_path, "vir")

    assert done.returncode == 2
    assert done.stderr == "create-user: The local system is not running: start it with `make run`.\n"
