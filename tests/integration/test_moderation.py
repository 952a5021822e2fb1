"""bin/moderation on DynamoDB Local, and people that it has suspended."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from messaging.model import keys
from messaging.model.limits import Limit
from messaging.model.person import Person
from messaging.storage.table import Table
from operators.verify import verify
from tests.support.functions import Functions, Stream
from tests.support.scripts import Script

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.processes


def test_a_suspended_person_writes_nothing_and_reads_all(
    dynamodb: "DynamoDBClient",
    functions: Functions,
    stream: Stream,
    script: Script,
    table: Table,
    bayko: Person,
    londo: Person,
) -> None:
    _, sent, _ = functions.create_message(bayko.user_uuid, handle="londo", message="Buy this")
    group, uuid = sent["message_group_uuid"], sent["uuid"]
    functions.put_reaction(bayko.user_uuid, group, uuid, "👍")
    _, theirs, _ = functions.create_message(londo.user_uuid, message_group_uuid=group, message="No")

    done = script("suspend-user", "@bayko", "--reason", "advertisements")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"@bayko (no Cognito user, {bayko.user_uuid}) is suspended: advertisements\n"
    refused: list[tuple[int, Any, dict[str, str]]] = [
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Really"),
        functions.create_message(bayko.user_uuid, handle="londo", message="Really"),
        functions.create_message_group(bayko.user_uuid, handle="londo", message="Really"),
        functions.edit_message(bayko.user_uuid, group, uuid, message="Buy that", change=1),
        functions.put_reaction(bayko.user_uuid, group, theirs["uuid"], "👎"),
    ]
    assert {status for status, _, _ in refused} == {403}
    assert {problem["detail"] for _, problem, _ in refused} == {"You are suspended: advertisements"}
    allowed = [
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Buy this", message_uuid=uuid),
        functions.list_messages(bayko.user_uuid, group),
        functions.list_message_groups(bayko.user_uuid),
        functions.mark_read(bayko.user_uuid, group, 2),
        functions.delete_reaction(bayko.user_uuid, group, uuid, "👍"),
        functions.delete_message(bayko.user_uuid, group, uuid, **{"for": "everyone"}),
        functions.delete_message(bayko.user_uuid, group, theirs["uuid"], **{"for": "me"}),
        functions.update_me(bayko.user_uuid, display_name="Andrew"),
        functions.create_message(londo.user_uuid, message_group_uuid=group, message="Bye"),
    ]
    assert {status for status, _, _ in allowed} == {200}

    assert script("resume-user", "bayko").returncode == 0
    assert functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Sorry")[0] == 200
    assert "suspended" not in str(table.db.get(keys.key(keys.profile_pk(bayko.user_uuid), keys.PROFILE)))
    assert functions.stream_handler(stream.records()) == []
    assert verify(dynamodb, table.db.table_name) == []


def test_a_suspended_person_opens_nothing_and_learns_the_newest_reason(
    functions: Functions, script: Script, table: Table, bayko: Person, londo: Person
) -> None:
    for reason in ("spam", "more spam"):
        assert script("suspend-user", bayko.user_uuid, "--reason", reason).returncode == 0
        for path in ("messages.create_message", "message_groups.create_message_group"):
            status, problem, _ = functions.call(path, bayko.user_uuid, body={"handle": "londo", "message": "Hello"})
            assert (status, problem["detail"]) == (403, f"You are suspended: {reason}")
    assert functions.create_message(londo.user_uuid, handle="bayko", message="Hello")[0] == 200
    before = table.profile(bayko.user_uuid)

    assert script("suspend-user", bayko.user_uuid, "--reason", "more spam").returncode == 0

    assert table.profile(bayko.user_uuid) == before  # it is done


@pytest.mark.parametrize("reason", ["", " ", "\u200b", "x" * 201])
def test_a_suspension_has_a_reason_to_show(script: Script, table: Table, bayko: Person, reason: str) -> None:
    done = script("suspend-user", "bayko", "--reason", reason)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "suspend-user: The reason must have 1 to 200 characters.\n"
    assert table.person(bayko.user_uuid) == bayko


def test_nobody_without_a_profile_is_suspended(script: Script) -> None:
    done = script("suspend-user", "nobody", "--reason", "spam")

    assert done.returncode == 2
    assert "There is nobody with the handle, email or user_uuid nobody." in done.stderr


def test_an_interrupted_suspension_is_finished_by_the_next(
    functions: Functions, script: Script, table: Table, bayko: Person, londo: Person
) -> None:
    _, sent, _ = functions.create_message(londo.user_uuid, handle="bayko", message="Hello")
    table.write_profile(bayko, replace(bayko, suspended=True), {"suspended_for": {"S": "spam"}})
    head = table.head(sent["message_group_uuid"])
    assert head
    assert not head.members[bayko.user_uuid].suspended

    assert script("suspend-user", "bayko", "--reason", "spam").returncode == 0

    head = table.head(sent["message_group_uuid"])
    assert head
    assert head.members[bayko.user_uuid].suspended


def test_a_change_of_names_keeps_suspension_and_lifted_limits(
    functions: Functions, script: Script, table: Table, bayko: Person
) -> None:
    script("suspend-user", "bayko", "--reason", "spam")
    script("lift-limit", "bayko", "messages")

    assert functions.update_me(bayko.user_uuid, handle="andrew", receipts=False)[0] == 200

    for person in (table.person(bayko.user_uuid), table.person_by_handle("andrew")):
        assert person
        assert (person.handle, person.suspended, person.lifted) == ("andrew", True, frozenset({"messages"}))
    profile = table.profile(bayko.user_uuid)
    assert profile
    assert profile.suspended_for == "spam"


def test_a_lifted_limit_holds_for_everybody_else(
    functions: Functions, script: Script, monkeypatch: pytest.MonkeyPatch, bayko: Person, londo: Person
) -> None:
    module = functions.handler("users.show_user")
    monkeypatch.setattr(module, "settings", module.settings._replace(lookups=Limit("lookups", 1, 3_600)))

    def look_up(person: Person, times: int) -> list[int]:
        parameters = {"handle": "@londo"}
        return [functions.call("users.show_user", person.user_uuid, parameters=parameters)[0] for _ in range(times)]

    for limit in ("lookups", "tickets"):
        done = script("lift-limit", "bayko", limit)
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The limit of tickets is lifted for @bayko (no Cognito user, {bayko.user_uuid}).\n"
    assert look_up(bayko, 3) == [200, 200, 200]
    assert look_up(londo, 2) == [200, 429]

    assert script("lift-limit", "bayko", "lookups", "--restore").returncode == 0
    assert look_up(bayko, 2) == [200, 429]
    assert script("lift-limit", "bayko", "looks").returncode == 2
