"""The command lines of the scripts in bin/: help, usage errors and output on a terminal. Nothing here asks a server."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from messaging.model.text import printable
from operators.environments import Environment, publish_local
from tests.conftest import free_port
from tests.support.scripts import ASCII, BIN, on_a_terminal, run_script
from tests.unit.test_text import HARMFUL

NOT_RUNNING = "The local system is not running: start it with `make run`."
SCRIPTS = sorted(str(path.relative_to(BIN)) for path in BIN.rglob("*") if path.is_file())


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_explains_itself_in_any_locale(script: str) -> None:
    done = run_script(script, "--help", **ASCII)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {Path(script).name} [OPTIONS]")
    # It means the local system by default, and the last argument otherwise.
    assert re.search(r"\[ENVIRONMENT\]$", done.stdout.split("\n\n")[0])
    assert "or prod; default: local" in " ".join(done.stdout.split())


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_usage_error_is_one_line(script: str) -> None:
    done = run_script(script, "--qqqqqq", "one", "two", "three")

    name = Path(script).name
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{name}: No such option: --qqqqqq (see {name} --help)\n"


@pytest.mark.parametrize(
    ("script", "arguments", "error"),
    [
        ("ddb/verify", ["nowhere"], "'nowhere' is not one of 'dynamodb-local', 'local', 'prod'"),
        ("cognito/list-users", ["dynamodb-local"], "'dynamodb-local' is not one of 'local', 'prod'"),
        ("chat", ["londo", "dynamodb-local"], "'dynamodb-local' is not one of 'local', 'prod'"),
        ("ddb/drop", [], "Missing argument 'TABLE'"),
        ("ddb/drop", ["one", "local", "two"], "Got unexpected extra argument (two)"),
        ("cognito/create-user", ["bayko"], "Missing option '--name'"),
        ("ddb/scan", ["--limit", "0"], "Invalid value for '--limit': 0 is not in the range x>=1"),
        ("ddb/scan", ["--kind", "nothing\nelse"], "'nothing\\nelse' is not one of 'message'"),
        ("ddb/seed", ["--people", "many"], "'many' is not a valid integer"),
        ("cognito/sync-profiles", ["--erase-after", "-1"], "-1 is not in the range 0<=x<=3650"),
        ("cognito/sync-profiles", ["--erase-after", "1000000"], "1000000 is not in the range 0<=x<=3650"),
        ("cognito/sync-profiles", ["--erase-after", "1.5"], "'1.5' is not a valid integer"),
    ],
)
def test_a_wrong_argument_is_named(script: str, arguments: list[str], error: str) -> None:
    done = run_script(script, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{Path(script).name}: ")
    assert error in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_single_argument_of_chat_may_be_an_environment(tmp_path: Path) -> None:
    nowhere = {
        "CRUDDUR_LOCAL": str(tmp_path),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }

    for on_aws in (["prod"], ["londo", "prod"], ["@local", "prod"]):
        assert "Could not connect" in run_script("chat", *on_aws, **nowhere).stderr
    for here in ([], ["local"], ["@prod"], ["londo"], ["prod", "local"]):
        assert run_script("chat", *here, **nowhere).stderr == f"chat: {NOT_RUNNING}\n"


@pytest.fixture
def up() -> Iterator[str]:
    """The address of a server that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_without_the_local_system_the_error_names_a_dynamodb_local_that_is_running(up: str, tmp_path: Path) -> None:
    done = run_script("ddb/verify", CRUDDUR_LOCAL=str(tmp_path), DYNAMODB_ENDPOINT=up)

    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [f"verify: {NOT_RUNNING}", "dynamodb-local is running. To use it, end the command with: dynamodb-local"],
    )


def test_a_script_that_cannot_use_dynamodb_local_does_not_offer_it(up: str, tmp_path: Path) -> None:
    done = run_script("cognito/list-users", CRUDDUR_LOCAL=str(tmp_path), DYNAMODB_ENDPOINT=up)

    assert done.stderr == f"list-users: {NOT_RUNNING}\n"


def test_without_dynamodb_local_the_error_names_the_local_system_that_is_running(up: str, tmp_path: Path) -> None:
    publish_local(Environment(endpoint=up), tmp_path / "system.json")
    nobody = f"http://127.0.0.1:{free_port()}"

    done = run_script("ddb/verify", "dynamodb-local", CRUDDUR_LOCAL=str(tmp_path), DYNAMODB_ENDPOINT=nobody)

    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [
            f"verify: No DynamoDB Local answers at {nobody}: start one with `docker compose up -d`.",
            "local is running. To use it, end the command with: local",
        ],
    )


def _cells(output: str) -> list[list[str]]:
    """The cells of each row of the tables in an output."""
    rows = (line.strip("\r") for line in output.split("\n"))
    return [[cell.strip() for cell in row.split("│")[1:-1]] for row in rows if row.startswith("│")]


def test_rows_are_tables_on_a_terminal_and_lines_elsewhere() -> None:
    program = "from operators.cli import show; show({'one': 4, 'two': 0}, [('a', 'b')] * 150, header=True)"
    shown = on_a_terminal(sys.executable, "-c", program)[1]
    piped = subprocess.check_output([sys.executable, "-c", program], text=True)

    assert _cells(shown) == [["a", "b"]] * 150
    assert shown.count("one") == 2
    assert piped == "one   two\n" + "a     b\n" * 150


def test_a_table_shows_the_escapes_of_others_and_obeys_none() -> None:
    texts = [f"@{text}[red]londo:smile:" for text in HARMFUL.values()]
    program = f"from operators.cli import show; show({{'one': 0}}, [(text,) for text in {texts!r}])"
    _, shown = on_a_terminal(sys.executable, "-c", program)

    assert _cells(shown) == [[printable(text)] for text in texts]


@pytest.mark.parametrize(("total", "end"), [("100", r"100% 0:00:00 100 items"), ("None", r"\d:\d\d:\d\d 100 items")])
def test_progress_is_shown_on_a_terminal_only(total: str, end: str) -> None:
    program = f"""
from operators.cli import Progress, say
with Progress("items", {total}) as progress:
    for _ in range(4):
        progress.add(25)
say(progress.count)
"""
    _, shown = on_a_terminal(sys.executable, "-c", program)
    piped = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert re.search(f"{end}\\s+100\r\n$", re.sub(r"\x1b\[[?\d;]*\w", "", shown)), shown
    assert (piped.stdout, piped.stderr) == ("100\n", "")
