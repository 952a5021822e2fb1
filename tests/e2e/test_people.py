"""Operators and the people of the user pool: attributes people write are claims, and nobody stays half deleted."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.person import Person
from messaging.storage.table import Table
from operators import erasure, profiles
from operators.environments import OperatorError
from operators.people import find
from operators.people_table import PeopleTable, Profile
from operators.profiles import erase_gone, gone, note_gone
from tests.e2e.conftest import PASSWORD, Client, System
from tests.support.scripts import ASCII, run_script


def script(home: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script(f"cognito/{name}", *arguments, CRUDDUR_LOCAL=str(home))


def listed(home: Path, user_uuid: str) -> dict[str, Any]:
    """The lines of list-users for a person."""
    rows = map(json.loads, script(home, "list-users", "--json").stdout.splitlines())
    (row,) = (row for row in rows if row["user_uuid"] == user_uuid)
    found: dict[str, Any] = row
    return found


def claim(system: System, client: Client, **attributes: str) -> None:
    """Write claims as people can, with their own token, through Cognito's API."""
    system.client("cognito-idp").update_user_attributes(
        AccessToken=client.access_token,
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
    )


def profile_of(system: System, user_uuid: str) -> Profile | None:
    table = PeopleTable(system.client("dynamodb"), system.environment.table_name)
    return table.profiles([user_uuid]).get(user_uuid)


def uuids_gone(system: System) -> set[str]:
    return {profile.person.user_uuid for profile in gone(system.environment)}


# The scripts for everybody


def test_the_scripts_for_everybody_work_for_cognitos_people(system: System, home: Path, eve: Client) -> None:
    def people(name: str, *arguments: str) -> str:
        done = run_script(f"people/{name}", *arguments, CRUDDUR_LOCAL=str(home))
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    handle = f"vir_{uuid4().hex[:8]}"
    email = f"{handle}@example.com"
    made = people("put", handle, "--name", "Vir Cotto", "--email", email, "--password", PASSWORD)
    user_uuid = made.split()[-1]
    assert made == f"@{handle} is {user_uuid}\n"
    assert system.sign_in(email)
    assert people("list", "--json") == script(home, "list-users", "--json").stdout
    exported = [json.loads(line) for line in people("export", email).splitlines()]
    assert [one["kind"] for one in exported] == ["user", "profile"]
    people("delete", handle, "--yes")
    assert profile_of(system, user_uuid) is None
    refused = run_script("people/put", handle, "--name", "Vir", "--id", "auth0|1", CRUDDUR_LOCAL=str(home))
    assert (refused.returncode, "use --email and --password" in refused.stderr) == (2, True)


def test_a_name_that_a_person_has_changed_is_right_whatever_the_pool_says(
    system: System, home: Path, eve: Client
) -> None:
    changed = eve.request("PATCH", "/api/users/me", json={"display_name": "Evelyn"})
    assert (changed.status_code, changed.json()["display_name"]) == (200, "Evelyn")

    assert script(home, "sync-profiles").returncode == 0

    assert eve.get("/api/users/me").json()["display_name"] == "Evelyn"
    assert listed(home, eve.user_uuid)["asks_for"] == ""


# Claims


def test_users_are_listed_with_their_handle_and_their_requested_handle(
    system: System, home: Path, bayko: Client, eve: Client
) -> None:
    claim(system, eve, preferred_username=bayko.handle, name="Bayko")

    row = listed(home, eve.user_uuid)
    assert (row["handle"], row["name"], row["asks_for"]) == (eve.handle, "Eve", bayko.handle)
    row = listed(home, bayko.user_uuid)
    assert (row["handle"], row["asks_for"]) == (bayko.handle, "")
    (line,) = (line for line in script(home, "list-users").stdout.splitlines() if eve.user_uuid in line)
    assert line.startswith(eve.handle)
    assert line.endswith(bayko.handle)


def test_claims_that_clash_do_not_fail_the_run(system: System, home: Path, bayko: Client) -> None:
    claimants = [system.person(f"eve{number}") for number in range(5)]
    for number, claimant in enumerate(claimants):
        claim(system, claimant, preferred_username=bayko.handle if number else "not a handle")

    done = script(home, "sync-profiles")

    assert done.returncode == 0
    for claimant in claimants:
        assert f"{claimant.user_uuid} asks for @" in done.stdout
        profile = profile_of(system, claimant.user_uuid)
        assert profile
        assert profile.person.handle == claimant.handle


@pytest.mark.parametrize("name", ["export-user", "delete-user"])
def test_nobody_is_found_by_a_handle_they_only_ask_for(system: System, home: Path, eve: Client, name: str) -> None:
    wanted = f"ceo_{uuid4().hex[:8]}"
    claim(system, eve, preferred_username=wanted)

    done = script(home, name, wanted)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"Nobody has @{wanted}. Users who ask for it (use the user_uuid): {eve.user_uuid}" in done.stderr
    claim(system, eve, preferred_username=eve.handle)


def test_a_question_distinguishes_a_claim_from_a_handle(system: System, eve: Client, bayko: Client) -> None:
    claim(system, eve, preferred_username=bayko.handle)

    found = str(find(system.environment, eve.user_uuid))

    assert found == f"@{eve.handle} (asks for @{bayko.handle}, {eve.email}, {eve.user_uuid})"


# Exports


def test_an_export_is_utf_8_in_every_locale(home: Path, bayko: Client, londo: Client) -> None:
    bayko.send(handle=londo.handle, message="Grüße, Ինես 👋")

    done = run_script("cognito/export-user", bayko.handle, CRUDDUR_LOCAL=str(home), **ASCII)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1])["message"] == "Grüße, Ինես 👋"


# Addresses


def test_nobody_is_found_by_an_address_they_have_not_verified(system: System, home: Path, eve: Client) -> None:
    address = f"{uuid4()}@example.com"
    claim(system, eve, email=address, email_verified="false")

    done = script(home, "export-user", address)

    assert (done.returncode, done.stdout) == (2, "")
    assert listed(home, eve.user_uuid)["email_verified"] is False
    assert f"{address}, not verified" in script(home, "list-users").stdout


def test_an_account_of_an_address_that_is_not_verified_is_not_given_a_password(system: System, home: Path) -> None:
    handle = f"vir_{uuid4().hex[:8]}"
    email = f"{handle}@example.com"
    cognito = system.client("cognito-idp")
    cognito.sign_up(
        ClientId=system.environment.outputs["UserPoolClientId"],
        Username=email,
        Password=PASSWORD,
        UserAttributes=[{"Name": "preferred_username", "Value": handle}, {"Name": "name", "Value": "Vir"}],
    )

    done = script(home, "create-user", handle, "--name", "Vir", "--email", email, "--password", PASSWORD)

    assert done.returncode == 2
    assert f"Somebody has signed up with {email} and not verified it" in done.stderr
    user = cognito.admin_get_user(UserPoolId=system.environment.outputs["UserPoolId"], Username=email)
    assert user["UserStatus"] == "UNCONFIRMED"


# Deleted in Cognito


def test_a_person_deleted_in_cognito_is_listed_and_erased_after_some_days(
    system: System, home: Path, bayko: Client, eve: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_FUNCTION_TIMEOUT_SECONDS", 0)
    group = eve.send(handle=bayko.handle, message="Hello")["message_group_uuid"]
    assert eve.user_uuid not in uuids_gone(system)
    system.client("cognito-idp").admin_delete_user(
        UserPoolId=system.environment.outputs["UserPoolId"], Username=eve.user_uuid
    )

    verified = run_script("ddb/verify", "local", CRUDDUR_LOCAL=str(home))
    assert f"account    {eve.user_uuid}  has no Cognito user any more" in verified.stdout
    assert verified.returncode == 1

    first = datetime.now(UTC)
    (found,) = (one for one in note_gone(system.environment, first) if one.person.user_uuid == eve.user_uuid)
    assert found.account_gone_at == keys.format_time(first)
    assert found in note_gone(system.environment, first + timedelta(days=1))
    kept = script(home, "sync-profiles", "--erase-after", "1", "--yes")
    assert f"{eve.user_uuid} @{eve.handle}: the Cognito user is gone, listed since" in kept.stdout
    assert kept.stdout.endswith("\n0 erased.\n")

    erase_gone(system.environment, [found], 1, lambda _: None)

    assert profile_of(system, eve.user_uuid) is None
    assert bayko.get(f"/api/users/@{eve.handle}/short").status_code == 404
    (message,) = bayko.get(f"/api/messages/{group}").json()
    assert message["display_name"] == "deleted user"
    assert eve.user_uuid not in uuids_gone(system)


def test_a_person_who_never_had_a_cognito_user_is_not_gone(system: System) -> None:
    imported = Person(str(uuid4()), f"vir_{uuid4().hex[:8]}", "Vir")
    Table(system.client("dynamodb"), system.environment.table_name).register(imported)

    assert imported.user_uuid not in uuids_gone(system)


def test_an_older_profile_gets_the_note_with_the_next_run(system: System, home: Path, eve: Client) -> None:
    key = keys.key(keys.profile_pk(eve.user_uuid), keys.PROFILE)
    system.client("dynamodb").update_item(
        TableName=system.environment.table_name, Key=key, UpdateExpression="REMOVE has_account"
    )

    assert script(home, "sync-profiles").returncode == 0

    profile = profile_of(system, eve.user_uuid)
    assert profile
    assert profile.has_account


def test_a_person_missing_from_a_wrong_pool_is_found_again(system: System, home: Path, eve: Client) -> None:
    table = PeopleTable(system.client("dynamodb"), system.environment.table_name)
    table.note_account_gone(eve.user_uuid, keys.FIRST_TIME)

    assert script(home, "sync-profiles").returncode == 0

    profile = profile_of(system, eve.user_uuid)
    assert profile
    assert profile.account_gone_at == ""


def test_a_wrong_user_pool_erases_nobody(system: System, bayko: Client) -> None:
    profile = profile_of(system, bayko.user_uuid)
    assert profile

    with pytest.raises(OperatorError, match="Is it the right pool"):
        erase_gone(system.environment, [profile] * (profiles._FEW + 1), 50, lambda _: None)

    assert profile_of(system, bayko.user_uuid) == profile
