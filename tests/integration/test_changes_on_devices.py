"""Changes on the devices of both people: pushed at once, and the same afterwards by any way a device learns of them."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.verify import verify
from tests.integration.test_list_messages import links
from tests.support.asyncapi import assert_described
from tests.support.functions import Functions, Stream
from tests.support.socket_functions import SocketFunctions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PUSHED = (keys.HEAD, keys.HIDDEN)
EVERYONE, ME = {"for": "everyone"}, {"for": "me"}
SECRET = "Never say this"


@pytest.fixture
def sockets(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> SocketFunctions:
    return SocketFunctions(functions, monkeypatch)


@pytest.fixture
def sent(table: Table, bayko: Person, londo: Person) -> list[Message]:
    """Four messages, by the two in turn."""
    first = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "0")).message
    group = first.message_group_uuid
    texts = ("1", "2", "3")
    more = [
        send_to_conversation(table, (londo, bayko)[number % 2].user_uuid, group, Draft(str(uuid4()), text)).message
        for number, text in enumerate(texts)
    ]
    return [first, *more]


@pytest.fixture
def push(sockets: SocketFunctions, stream: Stream) -> Callable[[], None]:
    """Push what happened since the last time, in one batch."""
    done = 0

    def push() -> None:
        nonlocal done
        records = stream.records(sort_keys=PUSHED)
        sockets.push(records[done:])
        done = len(records)

    return push


def test_a_change_is_pushed_to_all_devices_as_the_page_shows_it(
    functions: Functions,
    sockets: SocketFunctions,
    push: Callable[[], None],
    bayko: Person,
    londo: Person,
    sent: list[Message],
) -> None:
    group = sent[0].message_group_uuid
    push()
    devices = [sockets.connect(person.user_uuid) for person in (bayko, bayko, londo)]
    _, reply, _ = functions.create_message(
        londo.user_uuid, message_group_uuid=group, message="Yes", reply_to=sent[0].message_uuid
    )
    functions.edit_message(bayko.user_uuid, group, sent[0].message_uuid, message="new", change=0)
    functions.put_reaction(londo.user_uuid, group, sent[0].message_uuid, "👍")
    functions.put_reaction(bayko.user_uuid, group, reply["uuid"], "👍")

    push()

    _, page, _ = functions.list_messages(bayko.user_uuid, group)
    by_uuid = {one["uuid"]: one for one in page}
    for device in devices:
        events = sockets.sockets.events(device)
        assert_described("Events", events)
        assert [(one["type"], one.get("change"), one.get("kind")) for one in events if one["type"] != "read"] == [
            ("message", 3, None),
            ("change", 1, "edit"),
            ("change", 2, "reaction"),
            ("change", 3, "reaction"),
        ]
        for event in events:
            if event["type"] == "change":
                assert event["message"] == by_uuid[event["message"]["uuid"]]
            if event["type"] == "message":
                assert event["reply_to"]["message"] == "new"


def test_a_hidden_message_is_told_to_its_owners_devices_only(
    functions: Functions,
    sockets: SocketFunctions,
    push: Callable[[], None],
    bayko: Person,
    londo: Person,
    sent: list[Message],
) -> None:
    push()
    mine, other, theirs = (sockets.connect(person.user_uuid) for person in (bayko, bayko, londo))
    group = sent[0].message_group_uuid
    for message in (sent[0], sent[3], sent[0]):
        functions.delete_message(bayko.user_uuid, group, message.message_uuid, **ME)

    push()

    for device in (mine, other):
        events = sockets.sockets.events(device)
        assert_described("Events", events)
        assert events == [{"type": "hidden", "message_group_uuid": group, "seq": seq} for seq in (1, 4)]
    assert sockets.sockets.events(theirs) == []


def test_a_text_that_is_unsent_before_it_is_pushed_is_pushed_to_nobody(
    functions: Functions,
    sockets: SocketFunctions,
    push: Callable[[], None],
    bayko: Person,
    londo: Person,
    sent: list[Message],
) -> None:
    push()
    devices = [sockets.connect(person.user_uuid) for person in (bayko, londo)]
    group = sent[0].message_group_uuid
    _, message, _ = functions.create_message(bayko.user_uuid, message_group_uuid=group, message=SECRET)
    functions.delete_message(bayko.user_uuid, group, message["uuid"], **EVERYONE)

    push()

    for device in devices:
        events = sockets.sockets.events(device)
        assert [one["type"] for one in events] == ["message", "change"]
        assert SECRET not in str(events)


def test_a_message_that_cannot_be_read_is_pushed_as_a_hint(
    table: Table,
    functions: Functions,
    sockets: SocketFunctions,
    push: Callable[[], None],
    bayko: Person,
    londo: Person,
    sent: list[Message],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    push()
    device = sockets.connect(londo.user_uuid)
    functions.put_reaction(bayko.user_uuid, sent[0].message_group_uuid, sent[0].message_uuid, "👍")

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(Table, "messages_at", fail)
    push()

    (event,) = sockets.sockets.events(device)
    assert_described("Events", [event])
    assert (event["type"], event["change"], "message" in event) == ("change", 1, False)


class Device:
    """What a device knows of a conversation, by the rules of docs/changes.md."""

    def __init__(self, functions: Functions, person: Person, group: str) -> None:
        self._functions, self.person, self._group = functions, person, group
        self.messages: dict[int, dict[str, Any]] = {}
        self._hidden: set[int] = set()
        self._after = "0"

    def learn(self, message: dict[str, Any]) -> None:
        """Keep the copy with the larger number of its last change."""
        seq = message["seq"]
        if "hidden" in message:
            self._hidden.add(seq)
        elif message["change"] >= self.messages.get(seq, message)["change"]:
            self.messages[seq] = message

    def read_pages(self) -> None:
        for message in self._functions.list_messages(self.person.user_uuid, self._group, limit="100")[1]:
            self.learn(message)

    def read_feed(self) -> None:
        more = True
        while more:
            _, feed, headers = self._functions.list_changes(
                self.person.user_uuid, self._group, after=self._after, limit="3"
            )
            for one in feed:
                self._hidden |= {*one.get("seqs", ())}
                if "message" in one:
                    self.learn(one["message"])
            found = links(headers)
            more = "next" in found
            self._after = found.get("next", found.get("monitor", {}))["after"]

    def receive(self, event: dict[str, Any]) -> None:
        if event["type"] == "hidden":
            self._hidden.add(event["seq"])
        elif event["type"] == "change":
            self.learn(event["message"])

    @property
    def shown(self) -> dict[int, Any]:
        return {
            seq: "hidden" if seq in self._hidden else {**message, "reply_to": None}
            for seq, message in self.messages.items()
        }


def _change(functions: Functions, random: Random, user_uuid: str, group: str, uuid: str) -> None:
    """Let somebody change a message in any way, or hide it."""
    address = user_uuid, group, uuid
    match random.choice(("edit", "edit", "unsend", "put", "put", "put", "delete", "hide")):
        case "edit":
            seen = functions.show_message(*address)[1].get("change", 0)
            functions.edit_message(*address, message=random.choice("AB"), change=seen)
        case "unsend" if random.random() < 0.3:
            functions.delete_message(*address, **EVERYONE)
        case "put":
            functions.put_reaction(*address, random.choice("👍👎🎉"))
        case "delete":
            functions.delete_reaction(*address, random.choice("👍👎🎉"))
        case "hide" if random.random() < 0.3:
            functions.delete_message(*address, **ME)


@pytest.mark.parametrize("seed", range(6))
def test_devices_end_with_the_same_by_the_feed_by_pages_and_by_both(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    sockets: SocketFunctions,
    stream: Stream,
    push: Callable[[], None],
    bayko: Person,
    londo: Person,
    sent: list[Message],
    seed: int,
) -> None:
    random, group = Random(seed), sent[0].message_group_uuid  # noqa: S311
    devices = {
        (person.handle, way): Device(functions, person, group)
        for person in (bayko, londo)
        for way in ("feed", "pages", "both", "events")
    }
    for device in devices.values():
        device.read_pages()  # as it was before
    connections = {person.handle: sockets.connect(person.user_uuid) for person in (bayko, londo)}
    stale: list[tuple[str, list[Any]]] = []
    for _ in range(25):
        person = random.choice((bayko, londo))
        if random.random() < 0.1:
            stale.append((person.handle, functions.list_messages(person.user_uuid, group)[1]))
            random.choice([one for one in devices.values() if one.person == person]).read_feed()
        else:
            _change(functions, random, person.user_uuid, group, random.choice(sent).message_uuid)
    push()
    assert functions.stream_handler(stream.records()) == []

    for (handle, way), device in devices.items():
        events = list(sockets.sockets.events(connections[handle]))
        random.shuffle(events)
        lost = [event for event in events if random.random() < 0.3]
        mine = [page for one, page in stale if one == handle]
        steps: list[Callable[[], object]] = [
            *([device.read_feed] if way != "pages" else []),  # events may be lost: the feed follows
            *([device.read_pages] if way in ("pages", "both") else []),
            *(partial(device.receive, event) for event in events if way == "events" and event not in lost),
            *(partial(device.learn, message) for page in mine for message in page),
        ]
        random.shuffle(steps)
        for step in steps:
            step()
    for person in (bayko, londo):
        shown = [device.shown for (handle, _), device in devices.items() if handle == person.handle]
        assert all(one == shown[0] for one in shown)
    assert verify(dynamodb, table_name) == []
