"""`make run`, as a person uses it: start, paste the commands, Ctrl-C, start again."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from cruddur_messages.api import Api
from cruddur_messages.session import Session
from local import stack
from local.lock import Held, hold
from operators.environments import Environment
from tests.conftest import free_port
from tests.e2e.conftest import eventually
from tests.support.issuer import Issuer
from tests.support.scripts import ASCII, environment, run_script

_ROOT = Path(__file__).parents[2]


@contextmanager
def running(home: Path, port: int, *arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `make run`; yield the process and its output until it was ready."""
    process = start(home, port, *arguments, **environment)
    assert process.stdout
    printed = ""
    deadline = time.monotonic() + 180
    try:
        while "Ctrl-C ends it" not in printed:
            assert time.monotonic() < deadline
            line = process.stdout.readline()
            assert line, f"it ended:\n{printed}"
            printed += line
        yield process, printed
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=240)


def start(home: Path, port: int | str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.run", f"--port={port}", *arguments],
        cwd=_ROOT,
        env={**os.environ, "CRUDDUR_LOCAL": str(home), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # `nohup make test` has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def paste(printed: str, **environment: str) -> list[str]:
    """Run the commands in a shell; return the outputs of the two requests."""
    commands = re.findall(r"^(?:API=|TOKEN=|curl ).*?(?=\n\n)", printed, re.MULTILINE | re.DOTALL)
    assert len(commands) == 4
    script = "\n".join([*commands[:3], "echo", commands[3]])
    done = subprocess.run(
        ["bash", "-euc", script], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def allowed(printed: str, origin: str) -> bool:
    """True if pages of this origin may use the API, by the answers to a preflight and a request."""
    (api,) = re.findall(r"^API='(.*)'$", printed, re.MULTILINE)
    address, source = f"{api}/api/unread", {"Origin": origin}
    preflight = requests.options(address, headers={**source, "Access-Control-Request-Method": "GET"}, timeout=60)
    answer = requests.get(address, headers=source, timeout=60)
    return [one.headers.get("access-control-allow-origin") for one in (preflight, answer)] == [origin, origin]


def is_saved(home: Path, text: str) -> bool:
    """True if the state on disk has this text, which a crash then leaves there."""
    database = sqlite3.connect(f"file:{home / 'data' / 'state.db'}?mode=ro", uri=True)
    with contextlib.closing(database):
        return bool(database.execute("SELECT 1 FROM state WHERE instr(content, ?)", (text,)).fetchone())


def deployed_at(home: Path) -> Any:
    """The time of the stack's last deployment."""
    here = Environment(**json.loads((home / "system.json").read_text()))
    (stack,) = here.client("cloudformation").describe_stacks(StackName=here.stack)["Stacks"]
    return stack["LastUpdatedTime"]


@contextmanager
def open_socket(home: Path) -> Iterator[ClientConnection]:
    """A socket of @bayko."""
    here = Environment(**json.loads((home / "system.json").read_text()))
    ids = here.outputs["UserPoolId"], here.outputs["UserPoolClientId"]
    password = (home / "data" / "demo-password").read_text()
    session = Session(here.client("cognito-idp"), *ids, "bayko@example.com", password)
    ticket = Api(stack.api_url(here), session.token).ticket()
    with connect(f"{stack.socket_url(here)}?ticket={ticket}") as opened:
        yield opened


def ministack(home: Path) -> int:
    """The id of its process."""
    return int((home / "data.lock").read_text())


def is_locked(file: Path) -> bool:
    try:
        hold(file).close()
    except Held:
        return True
    return False


def clean_data(home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.run", "--clean-data"],
        cwd=_ROOT,
        env={**os.environ, "CRUDDUR_LOCAL": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def inboxes_are_right(home: Path) -> bool:
    return run_script("ddb/verify", "local", CRUDDUR_LOCAL=str(home)).returncode == 0


def test_it_starts_with_a_conversation_and_keeps_the_data_however_it_ends(tmp_path: Path) -> None:
    port = free_port()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with running(tmp_path, port, TMPDIR=str(temporary)) as (process, printed):
        sent = it_is_ready(tmp_path, port, printed)
        process.send_signal(signal.SIGHUP)  # the terminal is closed
        ended = process.communicate(timeout=240)[0]
    assert process.returncode == 0, ended
    assert list(temporary.iterdir()) == []
    assert ended.endswith("The data stays for the next `make run`.\n")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0

    assert not (tmp_path / "tmp").exists()
    with running(tmp_path, port, "--origins=http://localhost:5173 http://localhost:3000") as (runner, printed):
        assert all(allowed(printed, origin) for origin in ("http://localhost:5173", "http://localhost:3000"))
        assert not allowed(printed, "http://localhost:5174")
        inbox, again = (json.loads(line) for line in paste(printed))
        assert inbox[0]["message"] == "Hello from the terminal"
        assert again["seq"] == sent["seq"] + 1
        # The stream works after a restart, too: inboxes show the last message.
        eventually(lambda: inboxes_are_right(tmp_path))
        a_crash_leaves_no_second_writer(tmp_path, runner, again)

    with running(tmp_path, port) as (runner, printed):
        third = json.loads(paste(printed)[1])
        assert third["seq"] == again["seq"] + 1
        found = run_script("ddb/scan", "local", "--json", CRUDDUR_LOCAL=str(tmp_path)).stdout
        assert "MSG#" in found
        assert "CON#" not in found  # nobody stays online by a socket from before
        assert "SUB#" not in found
        last = deployed_at(tmp_path)
        eventually(lambda: is_saved(tmp_path, third["uuid"]))
        os.kill(ministack(tmp_path), signal.SIGKILL)
        assert "ministack has ended by itself" in runner.communicate(timeout=240)[0]
    assert runner.returncode == 1

    with running(tmp_path, port) as (process, printed):
        fourth = json.loads(paste(printed)[1])
        assert fourth["seq"] == third["seq"] + 1
        assert deployed_at(tmp_path) == last  # as it was, so that the start is fast
        eventually(lambda: inboxes_are_right(tmp_path))  # records that were in the stream then were not lost
        a_failed_save_is_reported_at_once(tmp_path, process, printed, fourth)

    with running(tmp_path, port) as (_, printed):
        assert json.loads(paste(printed)[1])["seq"] == fourth["seq"] + 3


def it_is_ready(home: Path, port: int, printed: str) -> dict[str, Any]:
    """Check what the first run prints and serves; return the message that its commands send."""
    assert stat.S_IMODE(home.stat().st_mode) == 0o700  # other users read no messages and no signing key
    for handle in ("@bayko", "@londo"):
        assert re.search(rf"{handle} .*@example\.com .*Demo-", printed)
    address = f"http://127.0.0.1:{port + 1}/"
    assert printed.startswith(f"  ports {port} (API, sockets, sign-ins) and {port + 1} (web client) of 127.0.0.1\n")
    assert re.search(rf"Ready\.\s+Web +{address}\n", printed)
    assert (allowed(printed, "http://localhost:5173"), allowed(printed, address.rstrip("/"))) == (False, True)
    assert f"ssh -N -L {port}:127.0.0.1:{port} -L {port + 1}:127.0.0.1:{port + 1} HOST\n" in printed
    forwarded = requests.get(address, headers={"Host": f"name-{port + 1}.app.example"}, timeout=60)
    assert forwarded.status_code == 403
    assert "forward both ports" in forwarded.text
    page = requests.get(address, timeout=60)
    assert "<!doctype html>" in page.text
    head = requests.head(address, timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(page.content))
    inbox, sent = (json.loads(line) for line in paste(printed))
    assert len(inbox) >= 5
    assert sent["message_group_uuid"] == re.findall(r"^UUID='(.*)'$", printed, re.MULTILINE)[0]
    assert (sent["message"], sent["handle"]) == ("Hello from the terminal", "bayko")
    assert sent["seq"] > 80
    return cast("dict[str, Any]", sent)


def a_crash_leaves_no_second_writer(home: Path, runner: subprocess.Popen[str], sent: dict[str, Any]) -> None:
    """Kill the runner while ministack is stopped, with `sent` and a socket saved: nothing starts until that ends."""
    with open_socket(home) as live:
        live.send(json.dumps({"type": "subscribe", "message_group_uuid": sent["message_group_uuid"]}))
        eventually(lambda: is_saved(home, "SUB#"))
        eventually(lambda: is_saved(home, sent["uuid"]))
        for other in (start(home, free_port()).communicate(timeout=240)[0], clean_data(home).stdout):
            assert f"running as process {runner.pid}" in other
            assert f"kill {runner.pid}" in other
        orphan = ministack(home)
        os.kill(orphan, signal.SIGSTOP)
        runner.kill()
        runner.wait()
        advised = f"kill {orphan}; kill -CONT {orphan}"
        for refused in (start(home, free_port()).communicate(timeout=240)[0], clean_data(home).stdout):
            assert advised in refused
        subprocess.run(["sh", "-c", advised], check=True)
        eventually(lambda: not is_locked(home / "data.lock"))


def a_failed_save_is_reported_at_once(
    home: Path, process: subprocess.Popen[str], printed: str, sent: dict[str, Any]
) -> None:
    """Let saves fail twice, then the last one too: three messages follow `sent`, and the last two are not saved."""
    eventually(lambda: is_saved(home, sent["uuid"]))
    in_the_way = home / "data" / "state.db-journal"  # the file that a save begins with
    assert process.stdout
    assert process.stdout.readline() == "\n"  # the end of the welcome
    for _ in range(2):
        in_the_way.mkdir()
        paste(printed)
        assert "NOT saved" in process.stdout.readline()
        in_the_way.rmdir()
        assert "saved again" in process.stdout.readline()
    in_the_way.mkdir()
    paste(printed)
    process.send_signal(signal.SIGINT)
    ended = process.communicate(timeout=240)[0]
    assert process.returncode == 1
    assert "NOT saved" in ended
    assert "stays" not in ended
    in_the_way.rmdir()


def test_proxies_and_aws_settings_of_the_user_change_nothing_with_an_issuer_and_later_with_the_demo_people(
    tmp_path: Path,
) -> None:
    stack.build()  # may need the real proxy
    environment = misleading(tmp_path)
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    with Issuer(free_port()).serving() as issuer:
        arguments = (f"--issuer={issuer.url}", "--audience=cruddur")
        with running(home, port, *arguments, **environment) as (_, printed):
            page = requests.get(f"http://127.0.0.1:{port + 1}/config.json", timeout=60)
            told = {name: page.json()[name] for name in ("issuer", "client_id", "audience")}
            commands = re.findall(r"^(?:API=|curl ).*?(?=\n\n)", printed, re.MULTILINE | re.DOTALL)
            token = issuer.token("auth0|andrew", "cruddur")
            done = subprocess.run(
                ["bash", "-euc", "\n".join(commands).replace("TOKEN='…'", f"TOKEN='{token}'")],
                env={**os.environ, **environment},
                capture_output=True,
                check=True,
            )

        assert told == {"issuer": issuer.url, "client_id": "cruddur", "audience": "cruddur"}
        assert page.json().keys().isdisjoint({"cognito", "user_pool_id", "demo"})
        assert issuer.url in page.headers["content-security-policy"]
        assert json.loads(done.stdout)["handle"] == "andrew"
    with running(home, port, **environment) as (_, printed):
        _, sent = paste(printed, **environment)
        assert json.loads(sent)["seq"] > 80
        eventually(lambda: inboxes_are_right(home))
        for script in (["ddb/verify", "local"], ["cognito/list-users"], ["chat"], ["chat", "londo"]):
            script_done = run_script(*script, CRUDDUR_LOCAL=str(home), **environment)
            assert script_done.returncode == 0, script_done.stderr


def misleading(home: Path) -> dict[str, str]:
    """The environment of a user with settings for a proxy and for AWS, which are also in files of this folder."""
    nowhere = "http://127.0.0.1:9"
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(
        f"[default]\nregion = eu-west-1\nignore_configured_endpoint_urls = true\nendpoint_url = {nowhere}\n"
    )
    (home / ".netrc").write_text("default login somebody password else\n")
    return {
        "HOME": str(home),
        "HTTP_PROXY": nowhere,
        "http_proxy": nowhere,
        "AWS_PROFILE": "nope",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required",
        **{f"AWS_ENDPOINT_URL_{service}": nowhere for service in ("CLOUDFORMATION", "COGNITO_IDENTITY_PROVIDER", "S3")},
        "SERVICES": "s3",  # ministack's
        "USE_SSL": "1",
        "SAM_CLI_POLL_DELAY": "60",
    }


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    port = free_port()
    for number in (port, port + 1):  # the second is for the web client
        with socket.create_server(("127.0.0.1", number)):
            process = start(tmp_path, port)
            printed = process.communicate(timeout=240)[0]
        assert process.returncode == 1
        assert printed.endswith(f"Port {number} is taken. Stop its program, or choose another: make run PORT=4599\n")
        assert "sam" not in printed


def test_make_run_speaks_in_every_locale(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = subprocess.run(
            ["make", "run", f"PORT={port}"],
            cwd=_ROOT,
            env=environment(CRUDDUR_LOCAL=str(tmp_path), **ASCII),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    assert "starting ministack, the local AWS …" in done.stdout.decode()
    assert f"Port {port} is taken" in done.stdout.decode()


@pytest.mark.parametrize("port", ["0", "65535", "70000", "-1", "web", ""])
def test_a_number_that_is_no_port_is_a_clear_error(tmp_path: Path, port: str) -> None:
    process = start(tmp_path, port)
    printed = process.communicate(timeout=240)[0]

    assert process.returncode == 2
    assert "a port is a number from 1 to 65534" in printed


def test_an_origin_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    printed = start(tmp_path, free_port(), "--origins=localhost:5173").communicate(timeout=240)[0]

    assert "localhost:5173 is no origin; this is one: http://localhost:5173" in printed


@pytest.mark.parametrize("data", [True, False])
def test_clean_data_forgets_it(tmp_path: Path, data: bool) -> None:
    if data:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "dynamodb.json").write_text("{}")

    done = clean_data(tmp_path)

    assert done.returncode == 0
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("arguments", [["--issuer=http://127.0.0.1:9000"], ["--audience=cruddur"]])
def test_an_issuer_without_its_audience_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    process = start(tmp_path, free_port(), *arguments)

    printed, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "make run ISSUER=http://127.0.0.1:9000 AUDIENCE=cruddur" in printed
