"""Use everything of a deployed system once, and write a report to attach to an issue.

With `dev` or `prod`, deploy to the AWS account at hand first, switch PrivateNetwork on and off, and delete all of it at
the end. The stack must not exist before: nothing that others use is touched. With `local`, check the local system that
`make run` started, and deploy and delete nothing but the people it makes.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import requests
from botocore.exceptions import BotoCoreError, ClientError
from websockets.sync.client import ClientConnection, connect

from cruddur_messages.session import Session
from local import stack
from operators import deployment
from operators.environments import LOCAL_HOME, Environment, OperatorError, environment
from operators.erasure import erase
from operators.people import create_user, find

ROOT = Path(__file__).parents[1]
REPORT = ROOT / ".local" / "smoke.md"
_ANSWER_SECONDS = 30  # API Gateway's own limit
_SETTLE_SECONDS = 120  # for the stream, a push, CloudFront


@dataclass
class Report:
    """The steps of a run, in order."""

    title: str
    lines: list[str] = field(default_factory=list)
    failed: int = 0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note how a step went. An exception fails the step and goes no further."""
        print(f"{name} …", end=" ", flush=True)
        began, outcome = time.monotonic(), "ok"
        try:
            yield
        except Exception as error:
            self.failed += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome = f"**failed**: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        print(outcome, flush=True)
        self.lines.append(f"| {name} | {time.monotonic() - began:.1f} | {outcome.replace('|', '¦')} |")

    def __str__(self) -> str:
        head = f"# {self.title}\n\n{len(self.lines) - self.failed} steps passed, {self.failed} failed.\n\n"
        return head + "\n".join(["| Step | Seconds | Outcome |", "|---|---:|---|", *self.lines]) + "\n"


@dataclass
class _Person:
    """A signed-in person, created for this run."""

    handle: str
    session: Session
    api: str

    def call(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """The JSON of an answer, which must have this status."""
        headers = {"Authorization": f"Bearer {self.session.token()}"}
        answer = requests.request(method, self.api + path, headers=headers, json=body, timeout=_ANSWER_SECONDS)
        _require(answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()

    @property
    def inbox(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.call("GET", "/api/message_groups")
        return entries


class Contract:
    """What people and operators can do with a system, as a number of steps. `home` is the local system's folder."""

    def __init__(self, place: Environment, report: Report, home: Path = LOCAL_HOME) -> None:
        self._place = place
        self._report = report
        self._home = home
        outputs = place.outputs
        self._api = stack.api_url(place) if place.endpoint else outputs["ApiEndpoint"]
        self._socket = stack.socket_url(place) if place.endpoint else outputs["SocketEndpoint"]
        self._people: list[_Person] = []
        self._group = ""

    def check(self) -> None:
        """Run every step. A step fails if the steps it builds on have failed."""
        steps: dict[str, Callable[[], None]] = {
            "two people are made and sign in by SRP": self._make_people,
            "nobody gets in without a token": self._refuse_strangers,
            "a first message opens the conversation, once": self._open,
            "both inboxes show it": self._show_inboxes,
            "messages page both ways": self._page,
            "reading counts": self._read,
            "a stranger sees nothing": self._hide,
            "an open socket hears a message, typing and presence": self._push,
            "the page and its configuration are served": self._serve,
            "the scripts of operators work": self._operate,
        }
        for name, step in steps.items():
            with self._report.step(name):
                step()
        with self._report.step("the people are erased"):
            found = [find(self._place, person.session.user_uuid) for person in self._people]
            erase(self._place, found, lambda _: None)

    def _make_people(self) -> None:
        for name in ("one", "other", "stranger"):
            handle, password = f"smoke_{name}_{secrets.token_hex(4)}", f"Smoke-{secrets.token_hex(8)}-1"
            email = f"{handle}@example.com"
            create_user(self._place, handle, f"Smoke {name}", email, password)
            ids = self._place.outputs["UserPoolId"], self._place.outputs["UserPoolClientId"]
            session = Session(self._place.client("cognito-idp"), *ids, email, password)
            self._people.append(_Person(handle, session, self._api))

    def _refuse_strangers(self) -> None:
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            answer = requests.get(f"{self._api}/api/message_groups", headers=headers, timeout=_ANSWER_SECONDS)
            _require(answer.status_code == 401, f"without a token: {answer.status_code}")

    def _open(self) -> None:
        one, other, _ = self._people
        body = {"handle": other.handle, "message": "Hello", "message_uuid": str(uuid4())}
        first, again = (one.call("POST", "/api/messages", body) for _ in range(2))
        _require(first == again, "a retry was sent a second time")
        one.call("POST", "/api/messages", {**body, "message": "Something else"}, status=409)
        self._group = first["message_group_uuid"]
        for number in range(5):
            body = {"message_group_uuid": self._group, "message": f"Answer {number} 👋"}
            sent = other.call("POST", "/api/messages", body)
            _require(sent["seq"] == number + 2, f"message {number + 2} has the number {sent['seq']}")

    def _show_inboxes(self) -> None:
        for person in self._people[:2]:
            _eventually(
                lambda person=person: [entry["message"] for entry in person.inbox] == ["Answer 4 👋"],  # type: ignore[misc]
                "the inbox does not show the last message",
            )

    def _page(self) -> None:
        seen: list[int] = []
        url = f"{self._api}/api/messages/{self._group}?limit=2"
        headers = {"Authorization": f"Bearer {self._people[0].session.token()}"}
        while url:
            answer = requests.get(url, headers=headers, timeout=_ANSWER_SECONDS)
            _require(answer.status_code == 200, f"{url}: {answer.status_code}")
            seen += sorted((message["seq"] for message in answer.json()), reverse=True)
            older = answer.links.get("prev")
            url = urljoin(answer.url, older["url"]) if older else ""
        _require(seen == [6, 5, 4, 3, 2, 1], f"the pages have {seen}")

    def _read(self) -> None:
        one = self._people[0]
        _eventually(lambda: one.call("GET", "/api/unread")["messages"] == 5, "5 messages are not unread")
        one.call("PUT", f"/api/message_groups/{self._group}/read", {"seq": 6})
        _eventually(lambda: one.call("GET", "/api/unread")["messages"] == 0, "the mark does not reach the totals")

    def _hide(self) -> None:
        stranger = self._people[2]
        stranger.call("GET", f"/api/messages/{self._group}", status=404)
        body = {"message_group_uuid": self._group, "message": "Let me in"}
        stranger.call("POST", "/api/messages", body, status=404)
        _require(stranger.inbox == [], "a stranger has an inbox")

    def _push(self) -> None:
        one, other, _ = self._people
        with self._opened(one) as mine:
            _send(mine, type="subscribe", message_group_uuid=self._group)
            with self._opened(other) as theirs:
                _hear(mine, type="presence", online=True)
                _send(theirs, type="typing", message_group_uuid=self._group)
                _hear(mine, type="typing")
                other.call("POST", "/api/messages", {"message_group_uuid": self._group, "message": "Live"})
                _hear(mine, type="message", message="Live", seq=7)
            _hear(mine, type="presence", online=False)

    def _opened(self, person: _Person) -> ClientConnection:
        ticket = person.call("POST", "/api/connections/ticket")["ticket"]
        return connect(f"{self._socket}?ticket={ticket}", open_timeout=_ANSWER_SECONDS)

    def _serve(self) -> None:
        address = self._place.outputs.get("WebAddress")
        if address is None or self._place.endpoint:  # `make run` serves the page of the local system itself
            configured = json.loads(self._place.outputs["WebConfig"])
            _require(bool(configured), "there is no configuration of the page")
            return
        _eventually(lambda: requests.get(address, timeout=_ANSWER_SECONDS).status_code == 200, "no page")
        page = requests.get(address, timeout=_ANSWER_SECONDS)
        _require("content-security-policy" in page.headers, "the page has no policy")
        config = requests.get(f"{address}/config.json", timeout=_ANSWER_SECONDS).json()
        _require(config == json.loads(self._place.outputs["WebConfig"]), "config.json is another stack's")

    def _operate(self) -> None:
        handles = [person.handle for person in self._people]
        listed = self._script("cognito/list-users")
        _require(all(handle in listed for handle in handles), "list-users does not name everybody")
        exported = self._script("cognito/export-user", handles[0])
        _require(exported.count('"kind": "message"') == 7, "export-user does not have all messages")
        verified = self._script("ddb/verify", is_right=(0, 1))  # others' data may be wrong
        mine = [self._group, *(person.session.user_uuid for person in self._people)]
        _require(not any(one in verified for one in mine), f"verify finds: {verified[-300:]}")

    def _script(self, name: str, *arguments: str, is_right: Sequence[int] = (0,)) -> str:
        """The output of a script, which must end with one of these statuses."""
        where = ("local" if self._place.endpoint else "prod", "--stack", self._place.stack)
        done = subprocess.run(
            [sys.executable, ROOT / "bin" / name, *arguments[:1], *where, *arguments[1:]],
            env={**os.environ, "CRUDDUR_LOCAL": str(self._home)},
            capture_output=True,
            text=True,
            check=False,
        )
        told = (done.stderr or done.stdout)[-300:]
        _require(done.returncode in is_right, f"{name}: status {done.returncode}: {told}")
        return done.stdout


def _require(is_right: bool, otherwise: str) -> None:
    if not is_right:
        raise AssertionError(otherwise)


def _eventually(is_true: Callable[[], bool], otherwise: str) -> None:
    """Wait for an effect of the stream or of CloudFront."""
    end = time.monotonic() + _SETTLE_SECONDS
    while not is_true():
        _require(time.monotonic() < end, f"{otherwise}, after {_SETTLE_SECONDS} s")
        time.sleep(0.5)


def _send(connection: ClientConnection, **frame: str) -> None:
    connection.send(json.dumps(frame))


def _hear(connection: ClientConnection, **wanted: object) -> None:
    """Wait for an event with these fields."""
    end = time.monotonic() + _SETTLE_SECONDS
    while True:
        for event in json.loads(connection.recv(timeout=max(0.1, end - time.monotonic()))):
            if wanted.items() <= event.items():
                return


def deploy_check_delete(name: str, report: Report) -> None:
    """Deploy a stack that does not exist yet, check it with and without a private network, and delete it."""
    place = Environment(deployment.settings(name, "deploy")["stack_name"])
    if _exists(place):
        raise OperatorError(f"{place.stack} exists. This would delete it: choose an account or region without it.")
    try:
        for parameters in ((), ("PrivateNetwork=true",), ("PrivateNetwork=false",)):
            with report.step(f"make deploy {' '.join(parameters)}".strip()):
                _make("deploy", name, *parameters, *(["--built"] if parameters else []))
            Contract(Environment(place.stack), report).check()
    finally:
        with report.step("make delete"):
            if name == "prod":
                _make("deploy", name, "DeletionProtection=false", "--built")
            _make("delete", name)


def _exists(place: Environment) -> bool:
    try:
        place.client("cloudformation").describe_stacks(StackName=place.stack)
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return True


def _make(command: str, name: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "operators.deployment", command, name, *arguments, "--yes"], check=False
    )
    _require(done.returncode == 0, f"make {command} ended with {done.returncode}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="smoke", description=__doc__)
    parser.add_argument("environment", choices=("local", *deployment.ENVIRONMENTS))
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write it; default: %(default)s")
    given = parser.parse_args()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    report = Report(f"Smoke test of {given.environment}, {now}, commit {commit.stdout.strip() or 'unknown'}")
    try:
        if given.environment == "local":
            Contract(environment("local"), report).check()
        else:
            deploy_check_delete(given.environment, report)
    except (BotoCoreError, OperatorError) as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 2
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(str(report))
    print(f"The report is {given.report}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
