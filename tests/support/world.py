"""A table, its stream and its functions; tests decide where requests fail and processes die."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import NAMESPACE_DNS, uuid4, uuid5

import pytest
from botocore.exceptions import ClientError
from hypothesis import strategies as st

from messaging.model.person import Person
from messaging.storage.table import Table
from operators.schema import create_table_request
from tests.support import dynamodb_local
from tests.support.faults import THROTTLED, Killed, fail
from tests.support.functions import Functions, Stream, all_before

Run = Callable[..., Any]
# Called in place of a request to DynamoDB, with its number from 1, a function that runs it, and its parameters.
Hook = Callable[[int, Run, dict[str, Any]], Any]


class Requests:
    """A client that counts its requests, and hands each to a hook, if there is one."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.names: list[str] = []
        self.hook: Hook | None = None

    def __getattr__(self, name: str) -> Run:
        def call(**request: Any) -> Any:
            self.names.append(name)
            run = partial(getattr(self._client, name), **request)
            return self.hook(len(self.names), run, request) if self.hook else run()

        return call


@dataclass(frozen=True)
class Fault:
    """Fails the `at`-th request after none, half or all of it took effect, with an error of TRANSIENT or a code.

    A conflict and a failed connection have no effect.
    """

    at: int
    effect: str
    error: str

    def __call__(self, number: int, run: Run, request: dict[str, Any]) -> Any:
        """A hook."""
        if number != self.at:
            return run()
        answers = []
        if self.error not in ("conflict", "no connection"):
            if self.effect == "half" and "Statements" in request:
                answers = run(Statements=request["Statements"][:1])["Responses"]
            elif self.effect != "none":
                answers = run().get("Responses", [])
        if self.error == "throttled" and "Statements" in request:
            return {"Responses": [*answers, *[THROTTLED] * (len(request["Statements"]) - len(answers))]}
        fail(self.error, request)


def faults(*errors: str) -> st.SearchStrategy[Fault]:
    """A fault with one of these errors at one of the first four requests."""
    effects = st.sampled_from(["none", "half", "whole"])
    return st.builds(Fault, at=st.integers(1, 4), effect=effects, error=st.sampled_from(errors))


class OwnTable:
    """A table for one user, with its stream, and with the clients of operators (`dynamodb`) and of functions."""

    def __init__(self, endpoint: str, monkeypatch: pytest.MonkeyPatch, access_key: str) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key)
        self.dynamodb = dynamodb_local.client(endpoint)
        self.functions_dynamodb = dynamodb_local.functions_client(endpoint)
        self.table_name = f"table-{uuid4()}"
        self.dynamodb.create_table(**create_table_request(self.table_name))
        self.stream = Stream(endpoint, self.table_name)

    def delete(self) -> None:
        """Delete the table: DynamoDB Local slows down with many tables."""
        self.dynamodb.delete_table(TableName=self.table_name)
        self.dynamodb.close()
        self.functions_dynamodb.close()


class World(OwnTable):
    """A table of its own. `requests` are those of its functions; tests read and change items through `table`."""

    def __init__(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(endpoint, monkeypatch, next(dynamodb_local.access_keys))
        self.table = Table(self.functions_dynamodb, self.table_name)
        self.requests = Requests(self.functions_dynamodb)
        # Changes of settings come a minute apart, so that none is refused.
        self.clock: Callable[[], float] = map(float, itertools.count(1_800_000_000, 60)).__next__
        functions_table = Table(self.requests, self.table_name, lambda: self.clock())  # type: ignore[arg-type]
        self.functions = Functions(functions_table, monkeypatch)
        self.people: list[Person] = []
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def join(self, *handles: str) -> None:
        """Make people with these handles; they have the same user_uuids in every world."""
        for handle in handles:
            person = Person(str(uuid5(NAMESPACE_DNS, handle)), handle, handle.title())
            self.table.register(person)
            self.people.append(person)

    @contextmanager
    def hooked(self, hook: Hook | None) -> Iterator[None]:
        """Hand the functions' requests to a hook, numbered from 1."""
        self.requests.names.clear()
        self.requests.hook = hook
        try:
            yield
        finally:
            self.requests.hook = None

    def deliver(self, records: Sequence[dict[str, Any]], hook: Hook | None) -> int:
        """Deliver records; return the number of finished ones: all before the first failure, none after a crash."""
        try:
            with self.hooked(hook):
                failed = self.functions.stream_handler(records)
        except (Killed, ClientError):
            return 0
        return len(all_before(failed, records))
