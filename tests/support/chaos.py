"""Two people with two devices each, and a network between them and the system that fails in every possible way."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import pytest

from cruddur_messages.sync import Event, Inbox, Page, Steps, follow
from messaging.model import keys
from messaging.model.person import Person
from messaging.storage.sockets import Gone
from operators.verify import verify
from tests.integration.test_list_messages import links
from tests.support.fake_sockets import FakeSockets
from tests.support.functions import Functions
from tests.support.socket_functions import SocketFunctions
from tests.support.sync_histories import changed
from tests.support.world import World

_LOST, _DOUBLED = 0.05, 0.05  # of all events
_SELDOM = 0.3  # of the changes that end a message's life: all others go on
_MIXED_UP = 4  # events that may overtake an event
_QUIET_EVERY = 400  # messages


class Lines(FakeSockets):
    """Stands in for API Gateway: the pushed events in transit, for each open connection."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self.on_the_way: dict[str, list[Event]] = {}
        self.tally: Counter[str] = Counter()

    def post(self, connection_id: str, frame: str) -> None:
        if connection_id not in self.on_the_way:
            raise Gone
        for event in json.loads(frame):
            fate = self._random.random()
            copies = 0 if fate < _LOST else 2 if fate < _LOST + _DOUBLED else 1
            self.tally[("lost", "pushed", "doubled")[copies]] += 1
            self.on_the_way[connection_id] += [event] * copies

    def close(self, connection_id: str) -> None:
        self.on_the_way.pop(connection_id, None)

    def next_event(self, connection_id: str) -> Event | None:
        """Take one of the first events in transit."""
        waiting = self.on_the_way.get(connection_id)
        if not waiting:
            return None
        which = self._random.randrange(min(_MIXED_UP, len(waiting)))
        self.tally["out of order"] += which > 0
        return waiting.pop(which)


@dataclass
class Device:
    """A person's device: the reference client's inbox, and its last connection."""

    person: Person
    inbox: Inbox = field(default_factory=Inbox)
    connection_id: str = ""


class Chaos:
    """Random events in an order decided by a seed, even while a device fetches pages."""

    def __init__(self, world: World, sockets: SocketFunctions, random: Random) -> None:
        self.world = world
        self.sockets = sockets
        self.random = random
        self.lines = sockets.sockets = Lines(random)
        self.tally = self.lines.tally
        world.join("bayko", "londo", "kenji")
        self.bayko, self.londo, self.kenji = world.people
        self.group = keys.pair_uuid(self.bayko.user_uuid, self.londo.user_uuid)
        self.devices = [Device(person) for person in (self.bayko, self.londo) for _ in range(2)]
        self.opened: set[str] = set()
        self.sent: list[str] = []  # the message_uuids of the two, in order
        self.delivered: str | None = None  # the sequence number of the last stream record

    def run(self, messages: int) -> None:
        """Run until the two have sent this many messages."""
        happenings: list[Callable[[], None]] = (
            [self.one_of_them_sends] * 10
            + [self.one_of_them_changes_a_message] * 3
            + [self.a_device_receives_some] * 8
            + [self.the_stream_brings_some, self.a_device_reads, self.a_socket_is_cut, self.a_device_connects]
            + [self.kenji_sends, self.one_of_them_changes_a_setting]
        )
        self.one_of_them_sends()
        while self.tally["messages"] < messages:
            sent = self.tally["messages"]
            self.random.choice(happenings)()
            if self.tally["messages"] > sent and self.tally["messages"] % _QUIET_EVERY == 0:
                self.quiet()
        self.quiet()
        assert verify(self.world.dynamodb, self.world.table_name) == []

    # Events

    def one_of_them_sends(self) -> None:
        sender, receiver = self.random.sample((self.bayko, self.londo), 2)
        self._send(sender, receiver)
        self.tally["messages"] += 1

    def one_of_them_changes_a_message(self) -> None:
        """Edit, unsend, react to or hide one of the last messages, or of all; or reply to it."""
        person, other = self.random.sample((self.bayko, self.londo), 2)
        uuid = self.random.choice(self.sent[-self.random.choice((5, len(self.sent))) :])
        mine = person.user_uuid, self.group, uuid
        _, message, _ = self.functions.show_message(*mine)
        match self.random.choice(("edit", "react", "unreact", "unsend", "hide", "reply")):
            case "edit":
                text = f"Edit {self.random.random()}"
                self.functions.edit_message(*mine, message=text, change=message.get("change", 0))
            case "react":
                self.functions.put_reaction(*mine, "👍")
            case "unreact":
                self.functions.delete_reaction(*mine, "👍")
            case "unsend" if self.random.random() < _SELDOM:
                self.functions.delete_message(*mine, **{"for": "everyone"})
            case "hide" if self.random.random() < _SELDOM:
                self.functions.delete_message(*mine, **{"for": "me"})
            case "reply" if "hidden" not in message:
                self._send(person, other, reply_to=uuid)
                self.tally["messages"] += 1
        self.tally["changes"] += 1

    def one_of_them_changes_a_setting(self) -> None:
        """Archive, mute or mark the conversation as unread, or end that."""
        person = self.random.choice((self.bayko, self.londo))
        name = self.random.choice(("archived", "muted_until", "marked_unread"))
        value = self.random.choice(("forever", None) if name == "muted_until" else (True, False))
        status, _, _ = self.functions.change_message_group(person.user_uuid, self.group, **{name: value})
        assert status == 200
        self.tally["settings"] += 1

    def kenji_sends(self) -> None:
        self._send(self.kenji, self.random.choice((self.bayko, self.londo)))

    def the_stream_brings_some(self) -> None:
        """Deliver records to the stream handler and to `push`, which run independently."""
        records = self.world.stream.records(self.delivered)
        batch = records[: self.random.randint(1, 50)]
        if batch:
            self.delivered = batch[-1]["dynamodb"]["SequenceNumber"]
            for consumer in self.random.sample((self._handle, self.sockets.push), 2):
                consumer(batch)

    def a_device_receives_some(self) -> None:
        device = self.random.choice(self.devices)
        for _ in range(self.random.randint(1, 12)):
            if not self._receive(device):
                break

    def a_device_reads(self) -> None:
        device = self.random.choice(self.devices)
        conversation = self.random.choice([*device.inbox.conversations.values(), None])
        if conversation and conversation.unread_count:
            seq = self.random.randint(conversation.read_seq + 1, conversation.last_seq)
            self.functions.mark_read(device.person.user_uuid, conversation.uuid, seq)
            conversation.advance_mark(seq)
            self.tally["marks"] += 1

    def a_socket_is_cut(self) -> None:
        device = self.random.choice(self.devices)
        if self._is_connected(device) and self.random.random() < 0.5:
            self.lines.close(device.connection_id)
            self.tally["cuts"] += 1

    def a_device_connects(self) -> None:
        device = self.random.choice(self.devices)
        if not self._is_connected(device):
            self._connect(device, self._get_while_others_go_on)

    # Invariants

    def quiet(self) -> None:
        """Deliver or lose everything in transit; then check that every device has every message and count."""
        while self.world.stream.records(self.delivered):
            self.the_stream_brings_some()
        for device in self.devices:
            while self._receive(device):
                pass
        for device in self.devices:
            if self._is_connected(device):
                self._follow(device, device.inbox.catch_up(), self._get)  # as it does every five minutes
            else:
                self._connect(device, self._get)
            self.check(device)
        self.tally["quiet"] += 1

    def check(self, device: Device) -> None:
        conversation = device.inbox.conversations[self.group]
        assert [message["seq"] for message in conversation.messages] == list(range(1, self.tally["messages"] + 1))
        assert changed(conversation.messages, conversation.quoted) == self._changed(device)
        mine = device.person.user_uuid
        for conversation in device.inbox.conversations.values():
            head = self.world.table.head(conversation.uuid, consistent=True)
            assert head
            assert (conversation.last_seq, conversation.read_seq) == (head.last_seq, head.read_seqs[mine])
            settings, shown = head.membership(mine), (conversation.muted_until or "", conversation.marked_unread)
            assert conversation.folder == head.folder(mine)
            assert shown == (settings.muted_until, settings.marked_unread)
        assert device.inbox.unread == self._get(device, "/api/unread").body

    # Helpers

    @property
    def functions(self) -> Functions:
        return self.world.functions

    def _send(self, sender: Person, receiver: Person, **reply_to: str) -> None:
        """Send as the reference client does: retry with the same message_uuid if the answer was lost."""
        body = {"message": "Text", "message_uuid": str(uuid4()), **reply_to}
        group = keys.pair_uuid(sender.user_uuid, receiver.user_uuid)
        if group in self.opened:
            body["message_group_uuid"] = group
        else:
            body["handle"] = receiver.handle
            self.opened.add(group)
        for _ in range(2 if self.random.random() < 0.05 else 1):
            status, _, _ = self.functions.create_message(sender.user_uuid, **body)
            assert status == 200
        if group == self.group:
            self.sent.append(body["message_uuid"])

    def _changed(self, device: Device) -> dict[str, Any]:
        """The messages that are not as they were sent, or reply to another, as the API shows them to a person."""
        path, messages = f"/api/messages/{self.group}", []
        query: str | None = "?limit=100"
        while query:
            page = self._get(device, path + query)
            messages += page.body
            query = page.links.get("prev")
        return changed(messages, lambda message: message.get("reply_to"))

    def _is_connected(self, device: Device) -> bool:
        return device.connection_id in self.lines.on_the_way

    def _connect(self, device: Device, get: Callable[[Device, str], Page]) -> None:
        """Connect; events wait in transit while the device catches up."""
        device.connection_id = self.sockets.connect(device.person.user_uuid)
        self.lines.on_the_way[device.connection_id] = []
        self._follow(device, device.inbox.catch_up(), get)
        conversation = device.inbox.conversations.get(self.group)
        if conversation and not conversation.is_open:
            self._follow(device, conversation.open(), get)
            while conversation.messages[0]["seq"] > 1:
                self._follow(device, conversation.read_back(), get)

    def _receive(self, device: Device) -> bool:
        event = self.lines.next_event(device.connection_id)
        if event:
            self._follow(device, device.inbox.receive(event), self._get)
        return event is not None

    def _follow(self, device: Device, steps: Steps, get: Callable[[Device, str], Page]) -> None:
        follow(steps, lambda path: get(device, path))

    def _get_while_others_go_on(self, device: Device, path: str) -> Page:
        if self.random.random() < 0.5:
            self.random.choice((self.one_of_them_sends, self.the_stream_brings_some, self.a_device_receives_some))()
        return self._get(device, path)

    def _get(self, device: Device, path: str) -> Page:
        parts = urlsplit(path)
        query, mine = dict(parse_qsl(parts.query)), device.person.user_uuid
        self.tally["requests"] += 1
        match parts.path.split("/")[2:]:
            case ["message_groups"]:
                answer = self.functions.list_message_groups(mine, **query)
            case ["message_groups", uuid]:
                answer = self.functions.find_message_group(mine, uuid)
            case ["messages", uuid]:
                answer = self.functions.list_messages(mine, uuid, **query)
            case ["messages", uuid, "changes"]:
                answer = self.functions.list_changes(mine, uuid, **query)
            case _:
                answer = self.functions.count_unread(mine)
        status, body, headers = answer
        assert status == 200, body
        return Page(body, {relation: f"?{urlencode(query)}" for relation, query in links(headers).items()})

    def _handle(self, batch: list[dict[str, Any]]) -> None:
        assert self.functions.stream_handler(batch) == []


def chaos(endpoint: str, messages: int, seed: int) -> Counter[str]:
    """Run a history; count its events. Raises AssertionError if a device lacks or repeats a message, or miscounts."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(endpoint, monkeypatch)
        world.clock = time.time  # connections expire by it
        try:
            happened = Chaos(world, SocketFunctions(world.functions, monkeypatch), Random(seed))  # noqa: S311
            happened.run(messages)
            return happened.tally
        finally:
            world.delete()
