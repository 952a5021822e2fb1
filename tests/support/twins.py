"""A world in which Bayko plays a script, and all that Bayko can observe of it, to compare it between worlds."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest

from messaging import clock
from messaging.live import tickets
from messaging.model import keys
from messaging.model.person import Person
from messaging.services import limits as counters
from messaging.storage.table import Table
from tests.support import limits
from tests.support.api import event
from tests.support.budgets import Meter
from tests.support.functions import Functions
from tests.support.routes import ROUTED
from tests.support.socket_functions import SocketFunctions
from tests.support.world import OwnTable, Requests

_TICKET = re.compile(r'"ticket":"[^"]+"')
_WRITES = {"delete_item", "execute_statement", "put_item", "transact_write_items", "update_item"}
_PUSHED = ("HEAD", "HIDDEN", "PINS", "PROFILE")


@dataclass(frozen=True)
class Observation:
    """A request or a frame of Bayko's, its answer, and the frames that came to Bayko's devices since the one before.

    `requests` are those to DynamoDB, with `read` and `write` units: a person can measure time.
    """

    asked: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    frames: tuple[tuple[str, str], ...]
    requests: tuple[str, ...]
    read: float
    write: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def link(self, relation: str) -> str | None:
        """The query of the Link header with this relation."""
        found = re.search(rf'<(\?[^>]+)>; rel="{relation}"', dict(self.headers).get("link", ""))
        return found and found[1]


class Twin(OwnTable):
    """Bayko, Londo and Vir on a table of their own. Their uuids and all times are the same in each world.

    Time passes with Bayko's requests and frames only, a second for each; so Londo may do more in one world.
    """

    def __init__(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(endpoint, monkeypatch, access_key=uuid4().hex)  # it writes as much as many tests
        self._after: str | None = None
        self._meter = Meter(self.functions_dynamodb)
        self._requests = Requests(self._meter)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        table = Table(self._requests, self.table_name, self._time)  # type: ignore[arg-type]
        self._functions = Functions(table, monkeypatch)
        self._limit(monkeypatch)
        self._sockets = SocketFunctions(self._functions, monkeypatch)
        twin = self

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:  # noqa: ARG003
                return twin.now

        monkeypatch.setattr(clock, "datetime", Clock)
        monkeypatch.setattr(counters, "time", SimpleNamespace(time=self._time))
        monkeypatch.setattr(
            self._functions.handler("connections.create_ticket"),
            "create_ticket",
            partial(tickets.create_ticket, now=self._time),
        )
        self._numbers = itertools.count(1)
        self._frames: dict[str, int] = {}
        self._open: dict[str, list[str]] = {}
        self._called: set[str] = set()
        self.seen: list[Observation] = []
        self.bayko, self.londo, self.vir = (
            Person(str(uuid5(NAMESPACE_URL, handle)), handle, handle.title()) for handle in ("bayko", "londo", "vir")
        )
        for person in (self.bayko, self.londo, self.vir):
            table.register(person)
        self.group = keys.pair_uuid(self.bayko.user_uuid, self.londo.user_uuid)

    def _time(self) -> float:
        return self.now.timestamp()

    def _limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the functions the template's limits, which other tests switch off."""
        modules = [self._functions.handler(function) for function in ROUTED]  # imported without limits, for other tests
        for name, value in limits.DEFAULTS.items():
            monkeypatch.setenv(limits.variable(name), value)
        for module in modules:
            if hasattr(module, "settings"):
                monkeypatch.setattr(module, "settings", type(module.settings).from_environment())

    @property
    def called(self) -> set[str]:
        """The functions of the routes that Bayko has called."""
        return self._called

    def new_uuid(self) -> str:
        """A uuid for Bayko, the same in each world."""
        return str(uuid5(NAMESPACE_URL, str(next(self._numbers))))

    # Bayko, who observes

    def ask(self, method: str, target: str, body: object = None, **headers: str) -> Observation:
        """A request of Bayko's."""
        asked = f"{method} {target} {json.dumps(body)}"
        function, answer = self._measured(lambda: self._call(self.bayko, method, target, body, headers))
        self._called.add(function)
        return self._observe(
            asked, answer["statusCode"], answer["headers"], _TICKET.sub('"ticket":"…"', answer.get("body", ""))
        )

    def connect(self) -> str:
        """Open a connection of Bayko's, and observe it from now on."""
        connection_id: str = self._measured(lambda: self._sockets.connect(self.bayko.user_uuid))
        self._frames[connection_id] = 0
        self._observe("connect", 200, {}, "")
        return connection_id

    def disconnect(self, connection_id: str) -> None:
        """Close a connection of Bayko's, who cannot measure how long that takes."""
        self._sockets.disconnect(self.bayko.user_uuid, connection_id)
        self._measured(lambda: None)
        self._observe("disconnect", 200, {}, "")

    def frame(self, connection_id: str, kind: str) -> None:
        """A frame of Bayko's, about the conversation with Londo."""
        self._measured(
            lambda: self._sockets.send(self.bayko.user_uuid, connection_id, type=kind, message_group_uuid=self.group)
        )
        self._observe(kind, 200, {}, "")

    def _measured(self, run: Callable[[], Any]) -> Any:
        self.now += timedelta(seconds=1)
        self._requests.names.clear()
        self._meter.read, self._meter.write = 0.0, 0
        return run()

    def _observe(self, asked: str, status: int, headers: dict[str, str], body: str) -> Observation:
        requests, read, write = tuple(self._requests.names), self._meter.read, self._meter.write
        self._deliver()
        observation = Observation(
            asked, status, tuple(sorted(headers.items())), body, tuple(self._news()), requests, read, write
        )
        self.seen.append(observation)
        return observation

    def _news(self) -> Iterator[tuple[str, str]]:
        for number, (connection_id, before) in enumerate(self._frames.items()):
            frames = self._sockets.sockets.frames[connection_id]
            yield from ((f"device {number}", frame) for frame in frames[before:])
            self._frames[connection_id] = len(frames)

    # The others, who act

    def act(self, person: Person, method: str, target: str, body: object = None, status: int = 200) -> Any:
        """A request of another person, who gets this status. Returns the body of the answer."""
        _, answer = self._call(person, method, target, body, {})
        assert answer["statusCode"] == status, (method, target, answer)
        self._deliver()
        return json.loads(answer["body"])

    def come(self, person: Person) -> str:
        """Open a connection of another person."""
        connection_id = self._sockets.connect(person.user_uuid)
        self._open.setdefault(person.user_uuid, []).append(connection_id)
        return connection_id

    def go(self, person: Person) -> None:
        """Close all connections of another person."""
        for connection_id in self._open.pop(person.user_uuid, []):
            self._sockets.disconnect(person.user_uuid, connection_id)

    def tell(self, person: Person, kind: str) -> None:
        """A frame of another person, about the conversation of Bayko and Londo, on their last connection."""
        self._sockets.send(person.user_uuid, self._open[person.user_uuid][-1], type=kind, message_group_uuid=self.group)

    def events(self, connection_id: str) -> list[dict[str, Any]]:
        """The events that a connection has received."""
        return self._sockets.sockets.events(connection_id)

    def _call(
        self, person: Person, method: str, target: str, body: object, headers: dict[str, str]
    ) -> tuple[str, dict[str, Any]]:
        path, _, query = target.partition("?")
        function, parameters = _routed(method, path)
        asked = event(
            body,
            user_uuid=person.user_uuid,
            path=parameters,
            query=dict(parse_qsl(query)),
            headers=headers,
            route=ROUTED[function],
        )
        return function, self._functions.handler(function).lambda_handler(asked, None)

    def _deliver(self) -> None:
        """Deliver the new records of the stream to both of its readers."""
        if not _WRITES.intersection(self._requests.names):
            return
        self._requests.names.clear()
        records = self.stream.records(self._after, _PUSHED)
        if not records:
            return
        self._after = records[-1]["dynamodb"]["SequenceNumber"]
        self._sockets.push(records)
        heads = [record for record in records if record["dynamodb"]["Keys"]["sk"]["S"] == keys.HEAD]
        assert self._functions.stream_handler(heads) == []


def _routed(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The function of a route, and the parameters of the path. Of two routes the one with fewer parameters is meant."""
    found = []
    parts = path.split("/")
    for function, route in ROUTED.items():
        of, _, template = route.partition(" ")
        names = template.split("/")
        if (of, len(names)) == (method, len(parts)) and all(
            name.startswith("{") or name == part for name, part in zip(names, parts, strict=True)
        ):
            parameters = {
                name.strip("{}"): unquote(part) for name, part in zip(names, parts, strict=True) if name.startswith("{")
            }
            found.append((function, parameters))
    assert found, f"no route {method} {path}"
    return min(found, key=lambda one: len(one[1]))
