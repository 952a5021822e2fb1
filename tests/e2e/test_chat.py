"""`bin/chat`, as two people use it, each on a terminal of their own."""

import os
import pty
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from local import stack
from operators.environments import publish_local
from tests.e2e.conftest import PASSWORD, Client, System, eventually
from tests.support.network import network
from tests.support.scripts import BIN, environment, run_script
from tests.support.sockets import opened

_SHOWS_WITHIN = 120  # seconds; functions may have to start, on a busy machine
_END_WITHIN = 60


class Chat:
    """A running chat and its output so far."""

    def __init__(self, process: subprocess.Popen[bytes], keyboard: IO[bytes], screen: IO[bytes]) -> None:
        self.process = process
        self._keyboard = keyboard
        self._shown = b""
        threading.Thread(target=self._read, args=(screen,), daemon=True).start()

    def type(self, text: str) -> None:
        self._keyboard.write(text.encode())
        self._keyboard.flush()

    @property
    def shown(self) -> str:
        return self._shown.decode(errors="replace")

    def shows(self, *texts: str) -> None:
        """Wait until it has shown all of these texts, in this order."""
        pattern = re.compile(".*".join(map(re.escape, texts)), re.DOTALL)
        try:
            eventually(lambda: pattern.search(self.shown), _SHOWS_WITHIN)
        except AssertionError:
            raise AssertionError(f"{texts} is not in:\n{self.shown}") from None

    def type_until(self, seen: Callable[[], bool]) -> str:
        """Keep typing until `seen`, as typing events may get lost. Returns the typed text."""
        typed = ""
        while not seen():
            assert len(typed) < 40
            typed += "."
            self.type(".")
            with suppress(AssertionError):
                eventually(seen, within=4)
        return typed

    def _read(self, screen: IO[bytes]) -> None:
        try:
            while piece := os.read(screen.fileno(), 4096):
                self._shown += piece
        except OSError:  # the end of a terminal
            return


@pytest.fixture
def homes(system: System, tmp_path: Path) -> Callable[[str], Path]:
    """Make a folder with the local system's addresses and password, as `make run` does."""

    def make(name: str) -> Path:
        (tmp_path / name / "data").mkdir(parents=True)
        publish_local(system.environment, tmp_path / name / "system.json")
        (tmp_path / name / "data" / "demo-password").write_text(PASSWORD)
        return tmp_path / name

    return make


@contextmanager
def piped(home: Path, me: Client, other: Client, **changes: str) -> Iterator[Chat]:
    process = subprocess.Popen(
        [BIN / "chat", other.handle, "--as", me.handle],
        env=environment(CRUDDUR_LOCAL=str(home), **changes),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin
    assert process.stdout
    with process, _ended(process):
        yield Chat(process, process.stdin, process.stdout)


@contextmanager
def on_a_terminal(home: Path, me: Client, other: Client) -> Iterator[Chat]:
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        [BIN / "chat", other.handle, "--as", me.handle],
        env=environment(CRUDDUR_LOCAL=str(home), TERM="xterm"),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    with os.fdopen(outside, "r+b", buffering=0) as terminal, process, _ended(process):
        yield Chat(process, terminal, terminal)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        process.kill()
        raise
    try:
        assert process.wait(_END_WITHIN) == 0
    finally:
        process.kill()


def test_two_people_talk_while_the_network_of_one_is_cut_and_put_back(
    system: System, homes: Callable[[str], Path], bayko: Client, londo: Client
) -> None:
    with (
        network(stack.port(system.environment)) as shaky,
        piped(homes("bayko"), bayko, londo, **shaky.environment) as baykos,
        piped(homes("londo"), londo, bayko) as londos,
    ):
        baykos.type("Hello\n")
        londos.shows("Bayko: Hello")
        londos.type("Hello yourself\n")
        baykos.shows("you: Hello ✓", "Londo: Hello yourself")
        londos.shows("you: Hello yourself ✓", "Bayko has read it ✓✓")
        # Over the socket: what was shown so far may have come without one.
        londos.shows("Bayko is online")
        londos.type("Are you there?\n")
        baykos.shows("Londo: Are you there?")

        shaky.cut()
        baykos.shows("connection lost")
        for number in range(1, 4):
            baykos.type(f"From bayko {number}\n")
            londos.type(f"From londo {number}\n")
        londos.shows("you: From londo 3 ✓")
        shaky.fix()

        baykos.shows("reconnected")
        for number in range(1, 4):
            baykos.shows(f"Londo: From londo {number}")
            londos.shows(f"Bayko: From bayko {number}")
        londos.shows("From bayko 1", "From bayko 2", "From bayko 3")
        baykos.shows("From londo 1", "From londo 2", "From londo 3")
        baykos.type("/quit\n")
        londos.type("/quit\n")

    for chat in (baykos, londos):
        assert chat.shown.count("From londo") == 3
        assert chat.shown.count("From bayko") == 3


def test_lines_edit_unsend_answer_and_react(
    system: System, homes: Callable[[str], Path], bayko: Client, londo: Client
) -> None:
    with (
        piped(homes("bayko"), bayko, londo) as baykos,
        piped(homes("londo"), londo, bayko) as londos,
    ):
        baykos.type("Helo\n/edit Hello\n")
        londos.shows("Bayko: Hello (edited)")
        londos.type("/react 👍\n/reply Hello yourself\n")
        baykos.shows("Hello (edited) [👍]", "#2", "Londo: Hello yourself [reply to #1: Hello]")
        londos.shows("#2", "you: Hello yourself")
        londos.type("/react #1 👍\n/unsend\n/edit\n/react #9 👍\n")
        baykos.shows("#2", "Londo: — unsent —")
        londos.shows("write /edit TEXT", "no such message")
        londos.type("/unsned\n/block Bayko\n/help\n//unsned\n/etc/hosts\n")
        londos.shows("no such command", "no such command", "/unsend: ", "you: /unsned", "you: /etc/hosts")
        baykos.shows("Londo: /unsned", "Londo: /etc/hosts")
        londos.type("x" * 1025 + "\n")
        londos.shows("not sent: The text is too long.")
        bayko.send(handle=londo.handle, message="One\n#9 Two")
        londos.shows("Bayko: One", "│ #9 Two")
        londos.type("/quit\n")
        baykos.type("/quit\n")

    assert "[👍]" not in baykos.shown.split("Hello yourself")[-1]
    with piped(homes("londo-later"), londo, bayko) as later:
        later.shows("#1", "Bayko: Hello (edited)", "#2", "you: — unsent —")
        assert "/block" not in later.shown
        later.type("/quit\n")


def test_a_stranger_asks_and_is_accepted_muted_archived_reported_blocked_and_left(
    system: System, homes: Callable[[str], Path], bayko: Client, londo: Client
) -> None:
    assert londo.request("PATCH", "/api/users/me", json={"messages_from": "requests"}).status_code == 200
    with piped(homes("bayko"), bayko, londo) as baykos:
        baykos.shows("your message will be a request")
        baykos.type("One\nTwo\nThree\nFour\n")
        baykos.shows("you: Three ✓")
        baykos.shows("not sent: ", "Four")
        listed = run_script("chat", "--as", londo.handle, CRUDDUR_LOCAL=str(homes("londo-first")))
        assert "request, 3 unread" in listed.stdout

        with piped(homes("londo"), londo, bayko) as londos:
            londos.shows("Bayko: Three", "this is a request")
            londos.type("/accept\n")
            londos.shows("accepted")
            baykos.type("Five\n")
            londos.shows("Bayko: Five")
            londos.type("/mute\n/archive\n/pin\n/unread\n/report\n/report #1 rude\n/report #1 spam Again\n")
            londos.shows("muted", "archived", "pinned", "marked as unread")
            londos.shows("write /report REASON COMMENT", "a reason is one of spam", "reported")
            londos.type("/block\nNo\n")
            londos.shows("— blocked —", "not sent: ", "No")
            baykos.type("Not seen\n")
            baykos.shows("you: Not seen ✓")
            londos.type("/block\n")
            londos.shows("— not blocked —")
            baykos.type("Seen\n")
            londos.shows("Bayko: Seen")
            assert "Not seen" not in londos.shown
            londos.type("/leave\n")
            londos.shows("left")
            londos.type("/quit\n")
        baykos.type("/quit\n")

    with piped(homes("londo-later"), londo, bayko) as later:
        londo.send(handle=bayko.handle, message="Anew")
        later.shows("you: Anew")
        assert "Seen" not in later.shown
        later.type("/quit\n")


def test_the_oldest_of_too_many_devices_connects_again_at_enter(
    system: System, homes: Callable[[str], Path], bayko: Client, londo: Client
) -> None:
    londo.send(handle=bayko.handle, message="First")
    with piped(homes("bayko"), bayko, londo) as baykos, ExitStack() as stack:
        baykos.shows("Londo: First")
        devices = [stack.enter_context(opened(system, bayko)) for _ in range(10)]
        baykos.shows("press Enter")
        baykos.type("\n")
        baykos.shows("reconnected")
        assert devices[0].is_closed()
        baykos.type("/quit\n")


def test_the_line_being_typed_stays_when_another_comes(
    system: System, homes: Callable[[str], Path], bayko: Client, londo: Client
) -> None:
    bayko.send(handle=londo.handle, message="Before")
    londo.send(handle=bayko.handle, message="First")
    with (
        on_a_terminal(homes("bayko"), bayko, londo) as baykos,
        piped(homes("londo"), londo, bayko) as londos,
    ):
        baykos.shows("Londo: First")
        londos.shows("you: First")
        baykos.type("Half a li")
        line = "Half a li" + baykos.type_until(lambda: "Bayko is typing …" in londos.shown)
        londos.type("Meanwhile\n")
        baykos.shows("Londo: Meanwhile", f"> {line}")
        baykos.type("ne\n")
        londos.shows(f"Bayko: {line}ne")
        baykos.shows(f"you: {line}ne ✓")
        baykos.type("/quit\n")
        londos.type("/quit\n")


def test_conversations_are_listed_with_their_unread_counts(
    system: System, homes: Callable[[str], Path], bayko: Client, londo: Client
) -> None:
    for number in range(3):
        londo.send(handle=bayko.handle, message=f"Message {number}")
    home = homes("bayko")

    def listed(me: Client) -> str:
        done = run_script("chat", "--as", me.handle, CRUDDUR_LOCAL=str(home))
        assert done.returncode == 0, done.stderr
        return done.stdout

    eventually(lambda: re.search(rf"@{londo.handle} +Londo +3 unread", listed(bayko)))
    assert "unread" not in listed(londo)


def test_lines_before_the_end_of_the_input_are_sent(
    system: System, homes: Callable[[str], Path], bayko: Client, londo: Client
) -> None:
    with piped(homes("bayko"), bayko, londo) as chat:
        chat.type("To the point\n")
        assert chat.process.stdin
        chat.process.stdin.close()

    (entry,) = londo.inbox()
    assert entry["message"] == "To the point"


def test_nobody_to_talk_to_is_a_clear_error(system: System, homes: Callable[[str], Path], bayko: Client) -> None:
    home = homes("bayko")

    done = run_script("chat", "nobody-at-all", "--as", bayko.handle, CRUDDUR_LOCAL=str(home))

    assert done.returncode == 2
    assert "Nobody has this handle." in done.stderr


def test_nobody_talks_to_themselves(system: System, homes: Callable[[str], Path], bayko: Client) -> None:
    done = run_script("chat", bayko.handle, "--as", bayko.handle, CRUDDUR_LOCAL=str(homes("bayko")))

    assert (done.returncode, done.stdout) == (2, "")
    assert f"You are @{bayko.handle} yourself." in done.stderr
