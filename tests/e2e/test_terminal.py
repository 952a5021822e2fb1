"""Every script of bin/ on hostile data: people, names and messages that try to take over the terminal."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.model.text import hidden
from messaging.services.send import send_to_handle
from messaging.storage.table import Table
from operators.environments import publish_local
from tests.e2e.conftest import PASSWORD, Client, System
from tests.e2e.test_chat import piped
from tests.support.scripts import BIN, on_a_terminal, run_script

# Erases the row, names somebody else, reverses the rest, and begins a row of its own.
EVIL = "Erase @spammer\r\x1b[2K\x9b2KLondo \u202e\u2066odnoL\u200b\nFORGED row"
SCRIPTS = sorted(str(path.relative_to(BIN)) for path in BIN.rglob("*") if path.is_file())


@dataclass
class Scene:
    """A person with EVIL in every attribute except the Cognito e-mail, who talks with bayko."""

    home: Path
    bayko: Client
    user_uuid: str
    handle: str
    report_uuid: str

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_script(name, *arguments, CRUDDUR_LOCAL=str(self.home))


@pytest.fixture(scope="module")
def scene(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("home")
    publish_local(system.environment, home / "system.json")
    (home / "data").mkdir()
    (home / "data" / "demo-password").write_text(PASSWORD)
    bayko = system.person("bayko")
    cognito, pool = system.client("cognito-idp"), {"UserPoolId": system.environment.outputs["UserPoolId"]}
    user = cognito.admin_create_user(
        **pool,
        Username=f"{uuid4()}@example.com",
        UserAttributes=[
            {"Name": "preferred_username", "Value": EVIL},
            {"Name": "name", "Value": EVIL},
            {"Name": "email_verified", "Value": "true"},
        ],
        MessageAction="SUPPRESS",
    )["User"]
    cognito.admin_set_user_password(**pool, Username=user["Username"], Password=PASSWORD, Permanent=True)
    user_uuid = next(one["Value"] for one in user["Attributes"] if one["Name"] == "sub")
    evil = Person(user_uuid, f"{uuid4().hex[:8]}{EVIL}", EVIL)
    table = Table(system.client("dynamodb"), system.environment.table_name)
    table.register(evil)
    sent = send_to_handle(table, user_uuid, bayko.handle, Draft(str(uuid4()), EVIL)).message
    report = {
        "message_group_uuid": sent.message_group_uuid,
        "message_uuids": [sent.message_uuid],
        "reason": "spam",
        "comment": EVIL,
    }
    reported = bayko.request("POST", "/api/reports", json=report)
    reported.raise_for_status()
    yield Scene(home, bayko, user_uuid, evil.handle, reported.json()["report_uuid"])
    cognito.admin_delete_user(**pool, Username=user_uuid)


def _assert_harmless(output: str) -> None:
    for line in output.replace("\r\n", "\n").split("\n"):  # a terminal's line ends
        assert hidden(line) == [], repr(line)
        assert not line.startswith("FORGED")


def _arguments(script: str, scene: Scene) -> list[str]:
    """Arguments that make a script show most of the scene, without changing anything."""
    bayko = scene.bayko.handle
    return {
        "chat": ["--as", bayko],
        "people/put": [EVIL, "--name", EVIL, "--email", EVIL, "--password", EVIL],
        "people/delete": [scene.user_uuid],
        "people/export": [scene.user_uuid],
        "people/list": [],
        "moderation/close-report": [EVIL, "--note", EVIL],
        "moderation/lift-limit": [EVIL, "lookups"],
        "moderation/list-reports": [],
        "moderation/resume-user": [EVIL],
        "moderation/show-report": [scene.report_uuid],
        "moderation/suspend-user": [EVIL, "--reason", EVIL],
        "cognito/create-user": [EVIL, "--name", EVIL, "--email", EVIL, "--password", EVIL],
        "cognito/delete-user": [scene.user_uuid],
        "cognito/export-user": [scene.user_uuid],
        "cognito/list-users": [],
        "cognito/sync-profiles": [],
        "ddb/drop": [EVIL, "local"],
        "ddb/import-bootcamp": [EVIL, "local"],
        "ddb/list-tables": ["local"],
        "ddb/patterns/get-conversation": [f"{bayko},{scene.handle}", "local"],
        "ddb/patterns/list-conversations": [bayko, "local"],
        "ddb/redrive": ["local"],
        "ddb/repair": ["local"],
        "ddb/scan": ["local"],
        "ddb/schema-load": ["local"],
        "ddb/seed": ["local", "--people", "1"],
        "ddb/verify": ["local"],
    }[script]


SHOWN = {  # where others' text appears
    "chat",
    "people/export",
    "people/list",
    "cognito/export-user",
    "cognito/list-users",
    "cognito/sync-profiles",
    *(script for script in SCRIPTS if script.startswith("moderation/")),
    "ddb/drop",
    "ddb/import-bootcamp",
    "ddb/patterns/get-conversation",
    "ddb/patterns/list-conversations",
    "ddb/scan",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_shows_the_escapes_of_others_and_obeys_none(scene: Scene, script: str) -> None:
    done = scene.run(script, *_arguments(script, scene))

    assert "Traceback" not in done.stderr
    _assert_harmless(done.stdout)
    _assert_harmless(done.stderr)
    assert ("FORGED" in done.stdout + done.stderr) == (script in SHOWN)


@pytest.mark.parametrize("script", ["cognito/list-users", "ddb/scan"])
def test_escaped_lines_of_json_have_the_same_content(scene: Scene, script: str) -> None:
    done = scene.run(script, *_arguments(script, scene), "--json")

    _assert_harmless(done.stdout)
    assert "\\u202e" in done.stdout


@pytest.mark.parametrize(("typed", "status"), [(b"n\n", 2), (b"what\nn\n", 2), (b"\x04", 130)])
def test_a_question_names_the_person_it_is_about(scene: Scene, typed: bytes, status: int) -> None:
    home = str(scene.home)
    ended, shown = on_a_terminal(BIN / "cognito/delete-user", scene.user_uuid, typed=typed, CRUDDUR_LOCAL=home)

    assert ended == status
    assert "FORGED row" in shown
    _assert_harmless(shown)


def test_a_chat_shows_a_line_a_message(scene: Scene, system: System) -> None:
    """Chat with a person with a normal handle, but a hostile name and message."""
    londo = system.person("londo")
    londo.send(handle=scene.bayko.handle, message=EVIL)

    with piped(scene.home, scene.bayko, londo) as chat:
        chat.shows("Londo: Erase @spammer\\u000d\\u001b[2K")
        chat.type("/quit\n")

    _assert_harmless(chat.shown)
