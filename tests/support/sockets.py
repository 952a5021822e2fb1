"""Sockets of a test client."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from local import stack
from tests.e2e.conftest import Client, System
from tests.support.asyncapi import assert_described

Event = dict[str, Any]


class Socket:
    """An open socket and its received events, in order."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.events: list[Event] = []

    def send(self, frame: object) -> None:
        """Send text, or an object as JSON."""
        self._connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def wait_for(self, within: float = 120, **fields: object) -> Event:
        """Wait for the next event with these fields, after the events waited for before. Fails after `within`."""
        return self.until(within, **fields)[-1]

    def until(self, within: float = 120, **fields: object) -> list[Event]:
        """Wait for the next event with these fields; return it and those before it. Fails after `within`."""
        deadline = time.monotonic() + within
        while True:
            for index, event in enumerate(self.events):
                if fields.items() <= event.items():
                    found, self.events = self.events[: index + 1], self.events[index + 1 :]
                    return found
            frame = self._connection.recv(timeout=max(0.01, deadline - time.monotonic()))
            assert len(frame.encode() if isinstance(frame, str) else frame) <= 32 * 1024
            events = json.loads(frame)
            assert_described("Events", events)
            self.events += events

    def quiet(self) -> None:
        """Check that only the answer to a ping has come."""
        self.send({"type": "ping"})
        self.wait_for(type="pong")
        assert not self.events

    def is_closed(self, within: float = 120) -> bool:
        """True if the other side closes it within this many seconds."""
        deadline = time.monotonic() + within
        try:
            while True:
                self._connection.recv(timeout=max(0.01, deadline - time.monotonic()))
        except ConnectionClosed:
            return True
        except TimeoutError:
            return False

    def break_off(self) -> None:
        """Drop the connection silently, as a network does."""
        self._connection.socket.close()


def ticket(person: Client) -> str:
    """Get a ticket from POST /api/connections/ticket."""
    response = person.request("POST", "/api/connections/ticket")
    assert response.status_code == 200, response.text
    text: str = response.json()["ticket"]
    return text


@contextmanager
def opened(system: System, person: Client) -> Iterator[Socket]:
    """Open a socket of this person."""
    with handshake(system, f"?ticket={ticket(person)}") as connection:
        yield Socket(connection)


def handshake(system: System, query: str) -> ClientConnection:
    """Open a socket with this query. Raises InvalidStatus if it is refused."""
    return connect(stack.socket_url(system.environment) + query, open_timeout=60, close_timeout=5)
