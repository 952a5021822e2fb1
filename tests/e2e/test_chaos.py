"""The reference client on real sockets that break at random, with pushes lost, duplicated and out of order."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from websockets.asyncio.client import ClientConnection, connect

from cruddur_messages import live
from cruddur_messages.api import Api
from cruddur_messages.live import Device
from cruddur_messages.sync import Conversation
from local import stack
from tests.e2e.conftest import Client, System

_MESSAGES = 120
_QUIET_EVERY = 40
_WITHIN = 600  # seconds, until all is quiet


class ShakySocket:
    """A socket that loses, duplicates and swaps events, and breaks now and then."""

    def __init__(self, socket: ClientConnection, random: Random) -> None:
        self._socket = socket
        self._random = random
        self._held: str | None = None

    async def send(self, frame: str) -> None:
        await self._socket.send(frame)

    async def recv(self) -> str:
        if self._random.random() < 0.03:
            self._socket.transport.abort()
        frame = str(await self._socket.recv())
        match self._random.randrange(12):
            case 0:
                return "[]"
            case 1:
                return json.dumps([event for event in json.loads(frame) for _ in range(2)])
            case 2:
                frame, self._held = self._held or "[]", frame
            case 3 if self._held:
                frame, self._held = json.dumps(json.loads(frame) + json.loads(self._held)), None
        return frame


@pytest.fixture
def shaky(monkeypatch: pytest.MonkeyPatch) -> Random:
    """Make every socket of the reference client shaky, and shorten its pauses."""
    random = Random(1)  # noqa: S311

    @asynccontextmanager
    async def shaky_connect(url: str, open_timeout: float) -> AsyncIterator[ShakySocket]:
        async with connect(url, open_timeout=open_timeout) as socket:
            yield ShakySocket(socket, random)

    monkeypatch.setattr(live, "connect", shaky_connect)
    monkeypatch.setattr(live, "_PING_EVERY", 3)
    monkeypatch.setattr(live, "pause", lambda _failures: random.uniform(0, 0.2))
    return random


def test_each_device_ends_with_every_message_once_and_right_counts(
    system: System, shaky: Random, bayko: Client, londo: Client
) -> None:
    group = bayko.send(handle=londo.handle, message="0")["message_group_uuid"]
    cuts = asyncio.run(asyncio.wait_for(_talk(group, stack.socket_url(system.environment), shaky, bayko, londo), 1800))

    assert cuts > 4


async def _talk(group: str, socket_url: str, random: Random, *people: Client) -> int:
    """Run both devices through a talk; return the number of lost sockets."""
    events: list[str] = []
    devices = [
        (person, Device(_api(person), socket_url, person.user_uuid, lambda event: events.append(event["type"])))
        for person in people
        for _ in range(2)
    ]
    async with asyncio.timeout(_WITHIN):
        running = [asyncio.create_task(device.run()) for _, device in devices]
        while any(group not in device.inbox.conversations for _, device in devices):
            await asyncio.sleep(0.05)
        for _, device in devices:
            await device.fetch(device.inbox.conversations[group].open())
    for number in range(1, _MESSAGES + 1):
        _, device = random.choice(devices)
        device.send(message_group_uuid=group, message=str(number))
        if random.random() < 0.2:
            device.mark_read(group)
        await asyncio.sleep(random.uniform(0, 0.05))
        if number % _QUIET_EVERY == 0:
            await _until_quiet(group, devices, number + 1)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return events.count("disconnected")


async def _until_quiet(group: str, devices: list[tuple[Client, Device]], last_seq: int) -> None:
    """Wait until every device has all messages and the API's counts."""
    async with asyncio.timeout(_WITHIN):
        for _, device in devices:
            await device.sent()
        while not all([await _is_right(group, person, device, last_seq) for person, device in devices]):
            await asyncio.sleep(0.1)
    for _, device in devices:
        seqs = [message["seq"] for message in device.inbox.conversations[group].messages]
        assert seqs == list(range(1, last_seq + 1))


async def _is_right(group: str, person: Client, device: Device, last_seq: int) -> bool:
    if _held(device.inbox.conversations[group]) < last_seq:
        return False
    unread = await asyncio.to_thread(person.get, "/api/unread")
    return bool(device.inbox.unread == unread.json())


def _held(conversation: Conversation) -> int:
    assert conversation.held_seq <= conversation.last_seq
    return conversation.held_seq


def _api(person: Client) -> Api:
    return Api(person.api, lambda: person.access_token)
