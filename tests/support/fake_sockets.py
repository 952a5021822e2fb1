"""Sockets in memory, and a table of connections."""

# ruff: noqa: ARG002 - memory is always consistent

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from messaging.model.connection import Connection, Subscription
from messaging.model.conversation import Head
from messaging.model.person import Person
from messaging.storage.sockets import Gone, Sockets
from messaging.storage.table import Table

_NEVER = 30.0  # seconds before a wait fails


class FakeSockets(Sockets):
    """Keeps the frames of each connection. Those in `gone` are closed; `failing` maps others to a post's error."""

    def __init__(self, gone: Iterable[str] = (), failing: dict[str, Exception] | None = None) -> None:
        self.frames: dict[str, list[str]] = defaultdict(list)
        self.gone = set(gone)
        self.failing = failing or {}
        self.closed: set[str] = set()

    def post(self, connection_id: str, frame: str) -> None:
        if connection_id in self.gone:
            raise Gone
        if connection_id in self.failing:
            raise self.failing[connection_id]
        self.frames[connection_id].append(frame)

    def close(self, connection_id: str) -> None:
        self.closed.add(connection_id)

    def events(self, connection_id: str) -> list[dict[str, Any]]:
        """The events delivered to a connection, in order."""
        return [event for frame in self.frames[connection_id] for event in json.loads(frame)]


class StuckSockets(FakeSockets):
    """Sockets where the connections in `stuck` answer only after all others got everything."""

    def __init__(self, stuck: Iterable[str], others: int, **options: Any) -> None:
        super().__init__(**options)
        self._stuck = set(stuck)
        self._others = others
        self._lock = threading.Lock()
        self.all_others_told = threading.Event()

    def post(self, connection_id: str, frame: str) -> None:
        if connection_id in self._stuck:
            assert self.all_others_told.wait(_NEVER), "a connection waits for another"
        super().post(connection_id, frame)
        with self._lock:
            if len(self.frames) >= self._others:
                self.all_others_told.set()


class FakeConnections(Table):
    """A table of connections, subscriptions and people, with a count of the queries for connections."""

    def __init__(self, *connections: Connection, people: Iterable[Person] = ()) -> None:
        self.held = {(one.user_uuid, one.connection_id): one for one in connections}
        self.watching: dict[tuple[str, str], Subscription] = {}
        self.people = {person.user_uuid: person for person in people}
        self.queries: list[str] = []
        self.heads: dict[str, Head] = {}

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        return self.heads.get(message_group_uuid)

    def heads_of(self, message_group_uuids: Sequence[str]) -> list[Head]:
        return [self.heads[group] for group in message_group_uuids if group in self.heads]

    def connections(self, user_uuid: str, *, consistent: bool = False) -> list[Connection]:
        if not consistent:
            self.queries.append(user_uuid)
        return [one for one in list(self.held.values()) if one.user_uuid == user_uuid]

    def put_connection(self, connection: Connection) -> None:
        self.held[connection.user_uuid, connection.connection_id] = connection

    def delete_connection(self, user_uuid: str, connection_id: str) -> Connection | None:
        return self.held.pop((user_uuid, connection_id), None)

    def subscribe(self, user_uuid: str, connection_id: str, subject_uuid: str, most: int) -> Connection | None:
        connection = self.held.get((user_uuid, connection_id))
        return connection and connection._replace(subscriptions=frozenset({subject_uuid}))

    def unsubscribe(self, user_uuid: str, connection_id: str, subject_uuid: str) -> None:
        pass

    def put_subscription(self, subscription: Subscription) -> None:
        self.watching[subscription.subject_uuid, subscription.connection_id] = subscription

    def delete_subscription(self, subject_uuid: str, connection_id: str) -> None:
        self.watching.pop((subject_uuid, connection_id), None)

    def subscriptions(self, subject_uuid: str) -> list[Subscription]:
        return [one for one in list(self.watching.values()) if one.subject_uuid == subject_uuid]

    def person(self, user_uuid: str, *, consistent: bool = False) -> Person | None:
        return self.people.get(user_uuid)
