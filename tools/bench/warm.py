"""Warm functions compared with the bare boto3 requests they make, on DynamoDB Local: wall time and our own CPU time."""

import gc
import importlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import boto3

from messaging.model import keys
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from tests.support.dynamodb_local import functions_client
from tests.support.functions import event_for
from tools.bench.samples import Samples, side_by_side
from tools.bench.tables import new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

A, B = "messages.list_messages", "message_groups.list_message_groups"
C, D = "message_groups.create_message_group", "messages.create_message"
TEXT = "A short message, as people write them"
_WARM_UP = 30


@dataclass(frozen=True)
class Warm:
    """One access pattern: milliseconds of the handler and of the bare requests, wall time and CPU time."""

    handler: Samples
    bare: Samples
    handler_cpu: Samples
    bare_cpu: Samples

    @property
    def ratio(self) -> float:
        return self.handler.median / self.bare.median

    @property
    def cpu_ratio(self) -> float:
        return self.handler_cpu.median / self.bare_cpu.median


class _Recorder:
    """A client that records the requests made through it."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self._client = client
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)

        def call(**request: Any) -> Any:
            self.requests.append((name, request))
            return operation(**request)

        return call


def measure(endpoint: str, rounds: int) -> dict[str, Warm]:
    """Run the handlers on one table, and their recorded requests, bare, on an identical second table."""
    bare = boto3.client("dynamodb", endpoint_url=endpoint)
    with new_table(bare) as ours, new_table(bare) as mirror:
        return _measure(functions_client(endpoint), bare, ours, mirror, rounds)


def _measure(client: "DynamoDBClient", bare: "DynamoDBClient", ours: str, mirror: str, rounds: int) -> dict[str, Warm]:
    recorder = _Recorder(client)
    table = Table(recorder, ours)  # type: ignore[arg-type]

    def repeat() -> list[Callable[[], Any]]:
        """Return the last recorded requests as calls on the other table."""
        requests = [(name, json.loads(json.dumps(asked).replace(ours, mirror))) for name, asked in recorder.requests]
        recorder.requests.clear()
        return [partial(getattr(bare, name), **request) for name, request in requests]

    events = _prepare(table, _WARM_UP + rounds)
    for again in repeat():
        again()
    measured = {}
    for pattern, (path, event) in events.items():
        module: Any = importlib.import_module(f"functions.{path}")
        module.table = table
        measured[pattern] = _compare(module.lambda_handler, event, repeat, rounds)
    return measured


def _compare(
    lambda_handler: Callable[[Any, None], Any],
    event: Callable[[], Any],
    repeat: Callable[[], list[Callable[[], Any]]],
    rounds: int,
) -> Warm:
    asked: deque[list[Callable[[], Any]]] = deque()

    def handle() -> _Times:
        given = event()
        times = _time([lambda: _succeed(lambda_handler(given, None))])
        asked.append(repeat())
        return times

    handle()  # so that there is something to repeat if the bare requests come first
    gc.collect()
    both = side_by_side(_WARM_UP + rounds, {"handler": handle, "bare": lambda: _time(asked.popleft())})
    handler, bare = both["handler"][_WARM_UP:], both["bare"][_WARM_UP:]
    return Warm(
        Samples([one.wall for one in handler]),
        Samples([one.wall for one in bare]),
        Samples([one.cpu for one in handler]),
        Samples([one.cpu for one in bare]),
    )


class _Times(NamedTuple):
    """Milliseconds."""

    wall: float
    cpu: float


def _time(calls: Iterable[Callable[[], Any]]) -> _Times:
    wall, cpu = time.perf_counter(), time.process_time()
    for call in calls:
        call()
    return _Times(1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu))


def _succeed(response: dict[str, Any]) -> None:
    assert response["statusCode"] == 200, response


def _prepare(table: Table, rounds: int) -> dict[str, tuple[str, Callable[[], dict[str, Any]]]]:
    """Give Bayko 30 conversations, one with 30 messages; return the function and its next event per pattern."""
    bayko = Person(str(uuid4()), "bayko", "Andrew Bayko")
    table.register(bayko)

    def partner(number: int) -> Person:
        person = Person(str(uuid4()), f"partner{number}", f"Partner {number}")
        table.register(person)
        return person

    partners = [partner(number) for number in range(30)]
    for person in partners:
        send_to_handle(table, bayko.user_uuid, person.handle, Draft(str(uuid4()), TEXT))
    group = keys.pair_uuid(bayko.user_uuid, partners[0].user_uuid)
    for _ in range(30):
        send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), TEXT))
    newcomers = iter([partner(number).handle for number in range(30, 31 + rounds)])

    def to_newcomer() -> dict[str, Any]:
        return event_for(C, bayko.user_uuid, body={"handle": next(newcomers), "message": TEXT})

    newest = event_for(A, bayko.user_uuid, parameters={"message_group_uuid": group})
    inbox = event_for(B, bayko.user_uuid)
    send = event_for(D, bayko.user_uuid, body={"message_group_uuid": group, "message": TEXT})
    return {
        "A newest 20 messages": (A, lambda: newest),
        "B newest 20 groups": (B, lambda: inbox),
        "C new conversation": (C, to_newcomer),
        "D send": (D, lambda: send),
    }
