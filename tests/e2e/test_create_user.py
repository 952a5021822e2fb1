"""bin/cognito/create-user, through its command line."""

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.conftest import PASSWORD, System
from tests.support.scripts import BIN, on_a_terminal, run_script


def create_user(
    home: Path, handle: str, *flags: str, email: str = "", password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    return run_script("cognito/create-user", *_arguments(handle, email, password), *flags, CRUDDUR_LOCAL=str(home))


def _arguments(handle: str, email: str, password: str) -> list[str]:
    options = {"--name": "Vir Cotto", "--email": email or f"{handle}@example.com", "--password": password}
    return [handle, *(part for option in options.items() for part in option)]


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


OTHER_PASSWORD = f"{PASSWORD}-2"


def test_the_password_of_an_existing_person_is_kept_unless_it_is_to_be_replaced(system: System, home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"
    email = f"{handle}@example.com"
    first = create_user(home, handle)

    again = create_user(home, handle, password=OTHER_PASSWORD)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == (
        f"create-user: @{handle} exists already and keeps the password. Add --reset-password to replace it.\n"
    )
    assert system.sign_in(email)

    reset = create_user(home, handle, "--reset-password", password=OTHER_PASSWORD)
    assert (reset.returncode, reset.stdout) == (0, first.stdout)
    assert system.sign_in(email, password=OTHER_PASSWORD)


@pytest.mark.parametrize(("answer", "password"), [(b"n\n", PASSWORD), (b"y\n", OTHER_PASSWORD)])
def test_on_a_terminal_it_asks_before_it_replaces_a_password(
    system: System, home: Path, answer: bytes, password: str
) -> None:
    handle = f"vir_{uuid4().hex[:8]}"
    create_user(home, handle)

    script = BIN / "cognito" / "create-user"
    arguments = _arguments(handle, "", OTHER_PASSWORD)
    _, shown = on_a_terminal(script, *arguments, typed=answer, CRUDDUR_LOCAL=str(home))

    assert f"@{handle} exists already. Replace the password? [y/N]" in shown
    assert system.sign_in(f"{handle}@example.com", password=password)


def test_an_interrupted_run_is_finished_by_the_same_command(system: System, home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"
    email = f"{handle}@example.com"
    names = {"email": email, "email_verified": "true", "preferred_username": handle, "name": "Vir Cotto"}
    system.client("cognito-idp").admin_create_user(
        UserPoolId=system.environment.outputs["UserPoolId"],
        Username=email,
        UserAttributes=[{"Name": name, "Value": value} for name, value in names.items()],
        MessageAction="SUPPRESS",
    )

    assert create_user(home, handle).returncode == 0
    assert system.sign_in(email)


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
