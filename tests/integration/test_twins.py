"""A blocked person finds no difference from one whose other is away; a declined one none from one who waits.

Bayko plays every route and every frame in two worlds. Londo acts in one of them and is merely away in the other. All
that Bayko can observe must be equal: statuses, headers, bytes, events on each device, and the requests and units of
DynamoDB, which are time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import pytest

from messaging.model import keys
from tests.support.routes import ROUTED
from tests.support.twins import Observation, Twin

PAUSE = timedelta(days=31)  # after it, a declined person may ask again
LIKE = quote("👍")


class Adversary:
    """Bayko, with two devices, who tries everything about Londo."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.mine: list[str] = []
        self.devices = [twin.connect(), twin.connect()]
        self.etags: dict[str, str] = {}

    def send(self, text: str = "Hello", **body: object) -> Observation:
        """Send to Londo's handle, or into the conversation if it is named."""
        message_uuid = self.twin.new_uuid()
        to = {} if "message_group_uuid" in body else {"handle": "londo"}
        sent = self.twin.ask("POST", "/api/messages", {"message": text, "message_uuid": message_uuid, **to, **body})
        if sent.status == 200:
            self.mine.append(message_uuid)
        return sent

    def look(self) -> None:
        """Look at the conversation, the inbox and the counts."""
        for target in (
            f"/api/message_groups/{self.twin.group}",
            "/api/message_groups/@londo",
            "/api/message_groups",
            f"/api/messages/{self.twin.group}?limit=5",
            "/api/unread",
        ):
            self.twin.ask("GET", target)

    def search(self) -> None:
        """Read everything that there is to read, each list to its end, and once more with its ETag."""
        self.look()
        for target in ("/api/users/@londo/short", "/api/users/me"):
            self.twin.ask("GET", target)
        for target in (
            "/api/message_groups",
            "/api/message_groups?folder=requests",
            "/api/message_groups?folder=archive",
            f"/api/message_groups?since={quote(keys.FIRST_TIME)}",
            f"/api/messages/{self.twin.group}?limit=7",
            f"/api/messages/{self.twin.group}/changes?limit=7",
            "/api/blocks",
        ):
            page = self.twin.ask("GET", target, **{"if-none-match": self.etags.get(target, "")})
            self.etags[target] = dict(page.headers).get("etag", "")
            for relation in ("prev", "next", "monitor"):
                while query := page.link(relation):
                    page = self.twin.ask("GET", target.partition("?")[0] + query)
                    if relation == "monitor":
                        break

    def look_at_messages(self, theirs: str) -> None:
        """Read single messages of both, and the page around them."""
        for message_uuid in (*self.mine[:1], *self.mine[-2:], theirs):
            self.twin.ask("GET", f"/api/messages/{self.twin.group}/{message_uuid}")
        self.twin.ask("GET", f"/api/messages/{self.twin.group}?around={theirs}&limit=3")

    def write(self, theirs: str) -> None:
        """Send in every way, repeat it, and reply to both."""
        self.send()
        repeated = {"message": "Twice", "handle": "londo", "message_uuid": self.twin.new_uuid()}
        for body in (repeated, repeated, {**repeated, "message": "Another text"}):
            self.twin.ask("POST", "/api/message_groups", body)
        self.send(message_group_uuid=self.twin.group)
        for uuid in (theirs, self.mine[0] if self.mine else theirs, self.twin.new_uuid()):
            self.send("A reply", message_group_uuid=self.twin.group, reply_to=uuid)

    def mark(self) -> None:
        for seq in (1, 3, 1000):
            self.twin.ask("PUT", f"/api/message_groups/{self.twin.group}/read", {"seq": seq})

    def change(self, theirs: str) -> None:
        """Edit, react, unsend and hide, in ways that are allowed and in others."""
        ask, group = self.twin.ask, self.twin.group
        for message_uuid in (*self.mine[:1], *self.mine[-1:], theirs):
            path = f"/api/messages/{group}/{message_uuid}"
            shown = ask("GET", path)
            number = shown.json.get("change", 0) if shown.status == 200 else 0
            ask("PATCH", path, {"message": f"Edited after {number}", "change": number})
            ask("PATCH", path, {"message": "Edited too late", "change": number})
            ask("PUT", f"{path}/reactions/{LIKE}")
            ask("DELETE", f"{path}/reactions/{LIKE}")
        for message_uuid in self.mine[-2:-1]:
            for whose in ("everyone", "me"):
                ask("DELETE", f"/api/messages/{group}/{message_uuid}?for={whose}")

    def use_sockets(self) -> None:
        """Come anew with both devices, and send every frame."""
        for device in self.devices:
            self.twin.disconnect(device)
        self.twin.ask("POST", "/api/connections/ticket")
        self.devices = [self.twin.connect(), self.twin.connect()]
        for kind in ("subscribe", "typing", "unsubscribe", "ping", "subscribe"):
            self.twin.frame(self.devices[0], kind)

    def set(self) -> None:
        """Every setting of the conversation, and back; every setting of the profile."""
        for setting in (
            {"muted_until": "forever"},
            {"archived": True},
            {"pinned": True},
            {"marked_unread": True},
            {"muted_until": None, "archived": False, "pinned": False, "marked_unread": False},
        ):
            self.twin.ask("PATCH", f"/api/message_groups/{self.twin.group}", setting)
            self.look()
        for profile in ({"messages_from": "requests"}, {"receipts": False}, {"receipts": True}):
            self.twin.now += timedelta(minutes=2)
            self.twin.ask("PATCH", "/api/users/me", profile)
        self.twin.ask("PUT", "/api/users/me", {"handle": "bayko", "display_name": "Bayko"})
        for decision in ("accept", "decline"):
            self.twin.ask("POST", f"/api/message_groups/{self.twin.group}/{decision}")

    def report(self, theirs: str) -> None:
        for uuids in ([theirs], self.mine[-1:], [self.twin.new_uuid()]):
            self.twin.ask(
                "POST",
                "/api/reports",
                {
                    "message_group_uuid": self.twin.group,
                    "message_uuids": uuids,
                    "reason": "spam",
                    "comment": "",
                    "report_uuid": self.twin.new_uuid(),
                },
            )

    def block(self) -> None:
        """Block Londo, try to write, and unblock."""
        for method in ("PUT", "PUT", "DELETE", "DELETE"):
            self.twin.ask(method, f"/api/blocks/{self.twin.londo.user_uuid}")
            self.send("While I block")
            self.twin.frame(self.devices[0], "subscribe")
        self.look()

    def leave(self) -> None:
        self.twin.ask("DELETE", f"/api/message_groups/{self.twin.group}")
        self.look()
        self.send("I am back")
        self.look()

    def try_everything(self, theirs: str) -> None:
        for attempt in (self.write, self.look_at_messages, self.change, self.report):
            attempt(theirs)
            self.look()
        self.search()
        for step in (self.mark, self.use_sockets, self.set, self.block, self.leave):
            step()
            self.look()
        self.search()


# Londo's part


@dataclass(frozen=True)
class World:
    """Londo's way to go, the time until they return, and the way to return."""

    go: Callable[[Twin], None]
    meanwhile: Callable[[Twin], None]
    come_back: Callable[[Twin], None]


def nothing(twin: Twin) -> None:
    """Londo is away."""


def londo_sends(twin: Twin, text: str, status: int = 200) -> str:
    message_uuid = str(uuid5(NAMESPACE_URL, text))
    body = {"message": text, "handle": "bayko", "message_uuid": message_uuid}
    twin.act(twin.londo, "POST", "/api/messages", body, status)
    return message_uuid


def londo_sets(twin: Twin, method: str, path: str, **body: object) -> None:
    twin.act(twin.londo, method, f"/api/message_groups/{twin.group}{path}", body or None)


def acquainted(twin: Twin, bayko: Adversary) -> str:
    """Both have written, Londo has read all of it and is online, and each has subscribed to the other."""
    bayko.send("One")
    theirs = londo_sends(twin, "Two")
    bayko.send("Three")
    londo_sets(twin, "PUT", "/read", seq=3)
    twin.come(twin.londo)
    twin.tell(twin.londo, "subscribe")
    twin.frame(bayko.devices[0], "subscribe")
    return theirs


def behind(twin: Twin, bayko: Adversary) -> str:
    """As before, but Londo has not read the last message."""
    theirs = acquainted(twin, bayko)
    bayko.send("Four")
    return theirs


def strangers(twin: Twin, bayko: Adversary) -> str:
    return twin.new_uuid()


def reserved(twin: Twin, bayko: Adversary) -> str:
    """Londo takes requests."""
    twin.act(twin.londo, "PATCH", "/api/users/me", {"messages_from": "requests"})
    return twin.new_uuid()


def asked(twin: Twin, bayko: Adversary) -> str:
    """A request of Bayko's waits."""
    theirs = reserved(twin, bayko)
    bayko.send("A request")
    return theirs


def block(twin: Twin) -> None:
    twin.act(twin.londo, "PUT", f"/api/blocks/{twin.bayko.user_uuid}")


def unblock(twin: Twin) -> None:
    twin.act(twin.londo, "DELETE", f"/api/blocks/{twin.bayko.user_uuid}")


def decline(twin: Twin) -> None:
    londo_sets(twin, "POST", "/decline")


def decline_and_block(twin: Twin) -> None:
    decline(twin)
    block(twin)


def be_online(twin: Twin) -> None:
    """Come and go with two devices, and use every frame."""
    twin.go(twin.londo)
    device = twin.come(twin.londo)
    twin.come(twin.londo)
    for kind in ("typing", "unsubscribe", "subscribe"):
        twin.tell(twin.londo, kind)
    for target in ("/api/message_groups", "/api/unread", "/api/blocks"):
        twin.act(twin.londo, "GET", target)
    assert [one for one in twin.events(device) if one["type"] in ("message", "typing")] == []


def stay(twin: Twin) -> None:
    """Stay online, and do with the conversation all that is possible without writing."""
    entry = twin.act(twin.londo, "GET", f"/api/message_groups/{twin.group}")
    for page in ("", "/changes"):
        twin.act(twin.londo, "GET", f"/api/messages/{twin.group}{page}")
    londo_sets(twin, "PUT", "/read", seq=entry["last_seq"])
    londo_sets(twin, "PATCH", "", muted_until="forever", archived=True, pinned=True, marked_unread=True)
    londo_sends(twin, "You are blocked", 409)


def look_around(twin: Twin) -> None:
    be_online(twin)
    stay(twin)


def read_the_request(twin: Twin) -> None:
    """Read, mark and mute the request, and do not answer it."""
    be_online(twin)
    twin.act(twin.londo, "GET", f"/api/messages/{twin.group}")
    londo_sets(twin, "PUT", "/read", seq=1)
    londo_sets(twin, "PATCH", "", muted_until="forever")


def come(twin: Twin) -> None:
    twin.come(twin.londo)


def go(twin: Twin) -> None:
    twin.go(twin.londo)


STORIES: dict[str, tuple[Callable[[Twin, Adversary], str], World]] = {
    "blocked after both have written": (acquainted, World(block, look_around, unblock)),
    "blocked with an unread message": (behind, World(block, stay, nothing)),
    "blocked before the first message": (strangers, World(block, be_online, unblock)),
    "blocked before a request": (reserved, World(block, be_online, unblock)),
    "blocked while a request waits": (asked, World(block, be_online, unblock)),
    "read while a request waits": (asked, World(nothing, read_the_request, nothing)),
    "declined": (asked, World(decline, be_online, nothing)),
    "declined and blocked": (asked, World(decline_and_block, be_online, unblock)),
}


def play(twin: Twin, begin: Callable[[Twin, Adversary], str], world: World) -> None:
    bayko = Adversary(twin)
    bayko.send("To somebody else", handle="vir")
    theirs = begin(twin, bayko)
    bayko.search()
    world.go(twin)
    bayko.look()
    world.meanwhile(twin)
    bayko.try_everything(theirs)
    twin.now += PAUSE
    bayko.write(theirs)
    world.meanwhile(twin)
    bayko.look()
    world.come_back(twin)
    bayko.send("Hello again")
    bayko.search()
    world.go(twin)
    bayko.write(theirs)
    bayko.search()


@pytest.fixture(scope="module")
def aways() -> dict[object, list[Observation]]:
    """What Bayko saw of a Londo who was away, by their beginning and Londo's return: several stories have the same."""
    return {}


@pytest.mark.parametrize("story", STORIES)
def test_bayko_finds_no_difference(
    dynamodb_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    aways: dict[object, list[Observation]],
    story: str,
) -> None:
    def seen(world: World) -> list[Observation]:
        twin = Twin(dynamodb_endpoint, monkeypatch)
        play(twin, begin, world)
        twin.delete()
        assert twin.called == set(ROUTED)
        return twin.seen

    begin, other = STORIES[story]
    come_back = come if other.come_back is unblock else nothing
    if (begin, come_back) not in aways:
        aways[begin, come_back] = seen(World(go, nothing, come_back))

    for here, there in zip_longest(seen(other), aways[begin, come_back]):
        assert here == there
