"""Every cell of docs/reach.md, on the deployed system: a rule is acted out, then both people look and try."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from messaging.model import keys
from operators import moderation
from operators.people import find
from tests.e2e.conftest import Client, System, eventually
from tests.support.reach import SIDES, Cells, rules
from tests.support.sockets import Event, Socket, opened

AVATAR = "https://example.com/picture.png"
FOLDERS = ("inbox", "requests", "archive")
NOTHING, NO_MESSAGE = "none", "-"
LIKE = quote("👍")
_bells = itertools.count(1)


@dataclass
class Side:
    """One of the two people, with a device. `bell` is their conversation with a bystander; `rung` its last message."""

    client: Client
    socket: Socket
    bystander: Client
    bell: str
    rung: str = ""
    other: "Side" = field(init=False)
    uuids: list[str] = field(default_factory=list)

    @property
    def group(self) -> str:
        return keys.pair_uuid(self.client.user_uuid, self.other.client.user_uuid)

    @property
    def address(self) -> str:
        return f"/api/message_groups/{self.group}"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """A request that must succeed; returns the body of the answer."""
        response = self.client.request(method, path, json=body)
        assert response.status_code == 200, (method, path, response.text)
        return response.json()

    def try_to(self, method: str, path: str, body: object = None) -> str:
        """The status of a request."""
        return str(self.client.request(method, path, json=body).status_code)

    def write(self, text: str) -> str:
        """Send a message to the other; return the status."""
        response = self.client.post("/api/messages", {"handle": self.other.client.handle, "message": text})
        if response.status_code == 200:
            self.uuids.append(response.json()["uuid"])
        return str(response.status_code)

    def edit(self) -> str:
        """Edit one's first message; return the status."""
        if not self.uuids:
            return NO_MESSAGE
        path = f"/api/messages/{self.group}/{self.uuids[0]}"
        shown = self.client.get(path)
        change = shown.json()["change"] if shown.status_code == 200 else 0
        return self.try_to("PATCH", path, {"message": "Edited", "change": change})

    def react(self) -> str:
        """React to the other's first message; return the status."""
        if not self.other.uuids:
            return NO_MESSAGE
        return self.try_to("PUT", f"/api/messages/{self.group}/{self.other.uuids[0]}/reactions/{LIKE}")

    def mark(self) -> str:
        """Mark as read all that is shown; return the status."""
        entry = self.client.get(self.address)
        last_seq = entry.json()["last_seq"] if entry.status_code == 200 else 0
        return self.try_to("PUT", f"{self.address}/read", {"seq": last_seq}) if last_seq else NO_MESSAGE

    def ping(self) -> list[Event]:
        """The events up to the answer to a ping, in which all earlier frames are handled."""
        self.socket.send({"type": "ping"})
        return self.socket.until(type="pong")

    def hear(self) -> list[Event]:
        """The events of all that has happened so far: those before a message of the bystander."""
        self.rung = f"Bell {next(_bells)}"
        self.bystander.send(message_group_uuid=self.bell, message=self.rung)
        events = self.socket.until(type="message", message_group_uuid=self.bell, message=self.rung)
        return [event for event in events if event.get("message_group_uuid") != self.bell]

    def events(self) -> str:
        """The kinds of events of all that has happened so far."""
        kinds = (
            f"{event['type']} {'online' if event['online'] else 'offline'}" if "online" in event else event["type"]
            for event in self.hear()
        )
        return ", ".join(sorted(set(kinds))) or NOTHING

    def settle(self) -> None:
        """Wait until the lists show all that was heard of: entries follow in the order of the events."""
        eventually(lambda: any(entry["message"] == self.rung for entry in self.client.inbox()))


# The rules


@dataclass(frozen=True)
class Stage:
    system: System
    bayko: Side
    londo: Side


Step = Callable[[Stage], object]


@dataclass(frozen=True)
class Rule:
    """The messages before, numbered 1, 2, 3 …, then the steps after which both look."""

    before: str
    steps: Sequence[Step]
    londo_takes: str = "everyone"


def writes(text: str) -> Step:
    """A message of Bayko's."""
    return lambda stage: stage.bayko.write(text)


def asks(method: str, path: str = "", **body: object) -> Step:
    """A request of Londo's about the conversation."""
    return lambda stage: stage.londo.ask(method, stage.londo.address + path, body or None)


def blocks(stage: Stage) -> None:
    stage.londo.ask("PUT", f"/api/blocks/{stage.bayko.client.user_uuid}")


def unblocks(stage: Stage) -> None:
    stage.londo.ask("DELETE", f"/api/blocks/{stage.bayko.client.user_uuid}")


def time_passes(stage: Stage) -> None:
    """Put the request into the past."""
    stage.system.client("dynamodb").update_item(
        TableName=stage.system.environment.table_name,
        Key=keys.key(keys.conversation_pk(stage.londo.group), keys.HEAD),
        UpdateExpression="SET members.#londo.#request.#at = :long_ago",
        ExpressionAttributeNames={"#londo": stage.londo.client.user_uuid, "#request": "request", "#at": "at"},
        ExpressionAttributeValues={":long_ago": {"S": keys.FIRST_TIME}},
    )


def reports(stage: Stage) -> None:
    body = {
        "message_group_uuid": stage.londo.group,
        "message_uuids": stage.bayko.uuids,
        "reason": "spam",
        "comment": "",
    }
    stage.londo.ask("POST", "/api/reports", body)


def suspends(stage: Stage) -> None:
    environment = stage.system.environment
    moderation.suspend(environment, find(environment, stage.bayko.client.user_uuid), "spam")


# "b" is a message of Bayko's before the rule, "l" one of Londo's.
RULES = {
    "Both have written": Rule("bl", [writes("3")]),
    "A request waits": Rule("", [writes("1"), writes("2")], "requests"),
    "A request is accepted": Rule("bb", [asks("POST", "/accept")], "requests"),
    "A request is declined": Rule("bb", [asks("POST", "/decline")], "requests"),
    "A request is made again": Rule("bb", [asks("POST", "/decline"), time_passes, writes("3")], "requests"),
    "Nobody may write": Rule("", [writes("1")], "nobody"),
    "Blocked": Rule("blb", [blocks, writes("4")]),
    "Blocked before the first message": Rule("", [blocks, writes("1")]),
    "Unblocked": Rule("blb", [blocks, writes("4"), unblocks]),
    "Unblocked, and written to again": Rule("blb", [blocks, writes("4"), unblocks, writes("5")]),
    "Muted": Rule("blb", [asks("PATCH", muted_until="forever"), writes("4")]),
    "Archived": Rule("blb", [asks("PATCH", archived=True)]),
    "Archived and muted": Rule("blb", [asks("PATCH", archived=True, muted_until="forever"), writes("4")]),
    "Marked unread": Rule("blbl", [asks("PATCH", marked_unread=True)]),
    "Pinned": Rule("blb", [asks("PATCH", pinned=True)]),
    "Left": Rule("blb", [asks("DELETE")]),
    "Left, and written to again": Rule("blb", [asks("DELETE"), writes("4")]),
    "Reported": Rule("blb", [reports]),
    "Suspended": Rule("blb", [suspends]),
}


@contextmanager
def _sides(system: System, bystander: Client) -> Iterator[tuple[Side, Side]]:
    """Two new people with pictures, each with an open socket."""
    with ExitStack() as stack:
        sides = []
        for name in SIDES:
            client = system.person(name.lower())
            bell = client.send(handle=bystander.handle, message="Hello")["message_group_uuid"]
            side = Side(client, stack.enter_context(opened(system, client)), bystander, bell)
            side.ask("PATCH", f"/api/message_groups/{bell}", {"muted_until": "forever"})
            sides.append(side)
        bayko, londo = sides
        bayko.other, londo.other = londo, bayko
        yield bayko, londo


# Looking: nothing here changes anything


def _look(side: Side) -> Cells:
    entry = side.client.get(side.address)
    page = side.client.get(f"/api/messages/{side.group}", params={"limit": 100})
    unread = side.ask("GET", "/api/unread")
    found = side.ask("GET", f"/api/message_groups/@{side.other.client.handle}")
    cells = dict.fromkeys(("folder", "messages", "last message", "last_seq", "unread_count"), NOTHING)
    if entry.status_code == 404:
        assert page.status_code == 404
        group = {"folder": None}
    else:
        group = entry.json()
        cells |= {
            "messages": _texts(page.json()),
            "last message": group["message"] or NOTHING,
            "last_seq": str(group["last_seq"]),
            "unread_count": str(group["unread_count"]),
        }
    settings = (name for name in ("muted_until", "pinned", "marked_unread", "blocked") if group.get(name))
    return cells | {
        "folder": _folder(side, group["folder"]),
        "mark of the other": str(group.get("other_read_seq") or NOTHING),
        "picture of the other": "shown" if group.get("avatar") else NOTHING,
        "settings": ", ".join(settings) or NOTHING,
        "unread": f"{unread['message_groups']} / {unread['messages']} / {unread['requests']}",
        "can_write": found["can_write"],
    }


def _texts(page: list[dict[str, Any]]) -> str:
    return " ".join(f"({one['seq']})" if "hidden" in one else one["message"] for one in page) or NOTHING


def _folder(side: Side, expected: str | None) -> str:
    """The one folder that lists the conversation, which must be `expected`."""
    listing = [
        folder
        for folder in FOLDERS
        for group in side.ask("GET", f"/api/message_groups?folder={folder}")
        if group["uuid"] == side.group and group["folder"] == folder
    ]
    assert listing == [folder for folder in (expected,) if folder], "the lists differ from the conversation"
    return expected or NOTHING


# Trying: what each may still do, and how the other notices it


def _try(bayko: Side, londo: Side) -> tuple[Cells, Cells]:
    cells: tuple[Cells, Cells] = ({}, {})
    both = tuple(zip((bayko, londo), cells, strict=True))
    for side, mine in both:
        mine["presence of the other"] = _presence(side)
    heard_before = []
    for side, _ in both:
        side.socket.send({"type": "typing", "message_group_uuid": side.group})
        heard_before.append(side.ping())
    for (side, mine), before in zip(both, heard_before, strict=True):
        mine["typing of the other"] = _told([*before, *side.ping()], "typing", side.other)
    for side, mine in both:
        mine["reacts"] = side.react()
    for side, mine in both:
        mine["edits"] = side.edit()
    for side, mine in both:
        mine["edit of the other"] = _edit(side) if side.other.uuids else NO_MESSAGE
    for number, (side, mine) in enumerate(both):
        other, theirs = both[1 - number]
        mine["sends"] = side.write("Next")
        heard = [event for event in other.hear() if event["type"] == "message"]
        theirs["message of the other"] = "told" if heard else NOTHING
        theirs["marks"] = other.mark()
        mine["mark of the other then"] = _told(side.hear(), "read", other)
    for side, mine in both:
        side.settle()
        mine["folder then"] = _look(side)["folder"]
    return cells


def _presence(side: Side) -> str:
    side.socket.send({"type": "subscribe", "message_group_uuid": side.group})
    online = [event["online"] for event in side.ping() if event["type"] == "presence"]
    return ("online" if online[-1] else "offline") if online else NOTHING


def _told(events: Sequence[Event], kind: str, other: Side) -> str:
    """Whether an event of this kind came from the other."""
    is_there = any((event["type"], event.get("user_uuid")) == (kind, other.client.user_uuid) for event in events)
    return "told" if is_there else NOTHING


def _edit(side: Side) -> str:
    """Whether an event told of an edit of the other's."""
    seen = [event["message"] for event in side.hear() if event.get("kind") == "edit" and "message" in event]
    return "told" if any(message.get("user_uuid") != side.client.user_uuid for message in seen) else NOTHING


@pytest.fixture(scope="module")
def bystander(system: System) -> Client:
    return system.person("vir")


@pytest.mark.parametrize("heading", rules())
def test_both_see_what_the_table_says(system: System, bystander: Client, heading: str) -> None:
    rule, expected = RULES[heading], rules()[heading]
    with _sides(system, bystander) as sides:
        bayko, londo = sides
        londo.ask("PATCH", "/api/users/me", {"avatar": AVATAR, "messages_from": rule.londo_takes})
        bayko.ask("PATCH", "/api/users/me", {"avatar": AVATAR})
        for number, writer in enumerate(rule.before, 1):
            assert {"b": bayko, "l": londo}[writer].write(str(number)) == "200"
        for side in sides:
            _presence(side)
            side.hear()
        for step in rule.steps:
            step(Stage(system, bayko, londo))
        events = [side.events() for side in sides]
        for side in sides:
            side.settle()
        looks = [_look(side) for side in sides]
        tries = _try(bayko, londo)

    for name, look, heard, tried in zip(SIDES, looks, events, tries, strict=True):
        found = {**look, "events": heard, **tried}
        assert found.keys() == expected[name].keys()
        assert {f"{name}: {row}": cell for row, cell in found.items() if cell != expected[name][row]} == {}


def test_every_rule_has_its_table() -> None:
    assert list(rules()) == list(RULES)
