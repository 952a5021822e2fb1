"""packages/client-js: its own tests, and the histories of the reference client, with the same states."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from cruddur_messages.api import Unanswered
from cruddur_messages.sync import Event
from tests.support.sync_histories import ME, Get, Player, Step, changed, drawn, listed, stored, told

SCRIPT = Path(__file__).parents[1] / "support" / "device.js"
PACKAGE = Path(__file__).parents[2] / "packages" / "client-js"


class NodeDevice:
    """A device of the JavaScript client, in a process of Node."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self._input, self._output = process.stdin, process.stdout
        self._running = 0
        self._run("start", None, {"uuid": ME, "handle": ME, "display_name": "Bayko"})

    def catch_up(self, get: Get) -> None:
        self._run("catch_up", get)

    def load(self, folder: str, get: Get) -> None:
        self._run("load", get, folder)

    def open(self, uuid: str, get: Get) -> None:
        self._run("open", get, uuid)

    def read_back(self, get: Get) -> None:
        self._run("read_back", get)

    def receive(self, event: Event, get: Get) -> None:
        self._run("receive", get, event)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._run("state", None)
        if state["open"]:
            messages = state["open"].pop("messages")
            state["open"]["seqs"] = [message["seq"] for message in messages]
            state["open"]["changed"] = changed(messages, lambda message: message.get("reply_to"))
        folders = {name: [listed(one) for one in ones] for name, ones in state["folders"].items()}
        return {**state, "folders": folders}

    def previews(self) -> dict[str, str]:
        previews: dict[str, str] = self._run("previews", None)
        return previews

    def _run(self, command: str, get: Get | None, *values: object) -> Any:
        """Run a command until it ends. One that is given during another ends with it."""
        self._tell({"command": command, "values": values})
        self._running += 1
        if self._running > 1:
            return None
        while self._running:
            line = json.loads(self._output.readline())
            if "request" in line:
                assert get
                self._answer(line, get)
            else:
                self._running -= 1
        return line["result"]

    def _answer(self, line: dict[str, Any], get: Get) -> None:
        try:
            page = get(line["path"])
        except Unanswered:
            self._tell({"request": line["request"]})
        else:
            self._tell({"request": line["request"], "body": page.body, "links": page.links})

    def _tell(self, line: dict[str, Any]) -> None:
        self._input.write(f"{json.dumps(line)}\n")
        self._input.flush()


pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="Node is not here")


@pytest.fixture(scope="module")
def node() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(["node", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("steps", stored().values(), ids=stored())
def test_a_history_ends_in_its_state(node: "subprocess.Popen[str]", steps: list[Step]) -> None:
    Player(NodeDevice(node)).play(steps)


@given(steps=drawn())
def test_every_message_is_there_once_and_every_count_is_right_when_all_is_quiet(
    node: "subprocess.Popen[str]", steps: list[Step]
) -> None:
    device = NodeDevice(node)
    player = Player(device)

    player.play(steps)

    assert device.state() == player.truth(steps)
    assert device.previews() == player.previews()


@given(history=told())
def test_a_device_that_is_told_everything_need_not_catch_up(
    node: "subprocess.Popen[str]", history: tuple[list[Step], list[Step]]
) -> None:
    before, after = history
    device = NodeDevice(node)
    player = Player(device)
    player.play(before)

    player.tell(after)

    assert device.state() == player.truth(before)


def test_its_own_tests_pass() -> None:
    done = subprocess.run(["node", "--test"], cwd=PACKAGE, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
