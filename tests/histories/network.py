"""The network between a process and DynamoDB: requests fail, others come in between, and orders are shuffled."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.support.faults import THROTTLED, fail

Run = Callable[..., Any]

EFFECTS = ("none", "half", "whole")
_SETS = ("SS", "NS", "BS")
_UNPROCESSED = {"batch_get_item": "UnprocessedKeys", "batch_write_item": "UnprocessedItems"}


def shuffled(value: Any, chance: random.Random) -> Any:
    """A copy with every map and set in another order. Lists keep theirs, sets are {"SS": […]}."""
    if isinstance(value, list):
        return [shuffled(one, chance) for one in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    if len(names) > 1:
        chance.shuffle(names)
    elif isinstance(value[names[0]], str) if names else True:
        return {**value}
    return {
        name: chance.sample(value[name], len(value[name])) if name in _SETS else shuffled(value[name], chance)
        for name in names
    }


@dataclass(frozen=True)
class Fault:
    """A failure of the `first`-th to the `last`-th request, after none, half or all of each took effect."""

    first: int
    last: int
    effect: str
    error: str

    def __str__(self) -> str:
        last = f" to {self.last}" if self.last > self.first else ""
        return f"request {self.first}{last} {self.error} after {self.effect} of it"


@dataclass
class Call:
    """One call of a function: the number of its requests, its fault, and an action before one of them."""

    fault: Fault | None = None
    meanwhile_at: int = 0
    meanwhile: Callable[[], None] = lambda: None
    requests: int = 0


class Network:
    """A DynamoDB client for the current function call; calls may be nested."""

    def __init__(self, engine: Any, seed: int) -> None:
        self._engine = engine
        self._seed = seed
        self._requests = 0
        self._chance = random.Random()  # noqa: S311
        self._calls: list[Call] = []

    @property
    def depth(self) -> int:
        """The nesting depth of calls."""
        return len(self._calls)

    @contextmanager
    def calling(self, call: Call) -> Iterator[None]:
        """Assign the requests of the block to this call."""
        self._calls.append(call)
        try:
            yield
        finally:
            self._calls.pop()

    def __getattr__(self, operation: str) -> Run:
        return partial(self._request, operation)

    def _request(self, operation: str, **request: Any) -> Any:
        call = self._calls[-1]
        call.requests += 1
        if call.requests == call.meanwhile_at:
            call.meanwhile()
        # Each request has its own random generator: a process's arbitrary orders change nothing afterwards.
        self._requests += 1
        self._chance.seed(self._seed * 1_000_000 + self._requests)
        fault = call.fault
        if fault and fault.first <= call.requests <= fault.last:
            return self._fail(fault, operation, request)
        return self._run(operation, request)

    def _run(self, operation: str, request: Any) -> Any:
        try:
            if operation == "batch_execute_statement":
                answer = self._execute(request["Statements"])
            else:
                answer = getattr(self._engine, operation)(**request)
        except ClientError as error:
            raise ClientError(shuffled(error.response, self._chance), error.operation_name) from None
        if operation == "batch_get_item":
            for items in answer["Responses"].values():
                self._chance.shuffle(items)
        return shuffled(answer, self._chance)

    def _execute(self, statements: list[Any]) -> Any:
        """Run the statements of a batch in any order: DynamoDB runs them in parallel."""
        order = self._chance.sample(range(len(statements)), len(statements))
        responses = self._engine.batch_execute_statement(Statements=[statements[place] for place in order])["Responses"]
        return {"Responses": [response for _, response in sorted(zip(order, responses, strict=True), key=_place)]}

    def _fail(self, fault: Fault, operation: str, request: Any) -> Any:
        done: dict[int, Any] = {}
        if fault.error not in ("conflict", "no connection"):
            if fault.effect == "half" and "Statements" in request:
                statements = request["Statements"]
                some = self._chance.sample(range(len(statements)), self._chance.randint(0, len(statements)))
                answer = self._run(operation, {"Statements": [statements[place] for place in some]}) if some else {}
                done = dict(zip(some, answer.get("Responses", []), strict=True))
            elif fault.effect != "none":
                answer = self._run(operation, request)
                done = dict(enumerate(answer.get("Responses", []))) if "Statements" in request else {}
        if fault.error == "throttled" and "Statements" in request:
            return {"Responses": [done.get(place, THROTTLED) for place in range(len(request["Statements"]))]}
        if fault.error == "throttled" and operation in _UNPROCESSED:
            return {"Responses": {}, _UNPROCESSED[operation]: request["RequestItems"]}
        fail(fault.error, request)


def _place(pair: tuple[int, Any]) -> int:
    return pair[0]
