"""Throughput of the stream handler in batches of 100, compared with one record at a time, on DynamoDB Local."""

import importlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.storage.dynamodb import DynamoDB
from messaging.storage.table import Table
from operators.writing import put_all
from tests.support.checks import read_all
from tests.support.dynamodb_local import functions_client
from tools.bench.samples import Samples, side_by_side
from tools.bench.tables import new_table
from tools.bench.warm import TEXT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 100  # records, as template.yaml has it
ONE_AT_A_TIME = "one record at a time"
ONE, HUNDRED, MIX = "one conversation", "100 conversations", "a mix: half of them of one, the rest of 26"
# Numbers of records per conversation in a batch.
_BATCHES = {ONE: [100], HUNDRED: [1] * 100, MIX: [50, 25, *[1] * 25]}
_SINGLES = 10  # invocations per round


class _Conversation:
    """A growing conversation that yields the stream records of its head."""

    def __init__(self) -> None:
        one, other = (Person(str(uuid4()), name, name.title()) for name in ("bayko", "londo"))
        group = keys.pair_uuid(one.user_uuid, other.user_uuid)
        self._at = datetime(2026, 1, 1, tzinfo=UTC)
        self.head = Head.of_first(Message(group, str(uuid4()), TEXT, one, keys.format_time(self._at), 1), other)
        self._sender = one

    def next_record(self) -> dict[str, Any]:
        old = self.head
        self._at += timedelta(milliseconds=1)
        self.head = old.after(old.next_message(self._sender.user_uuid, Draft(str(uuid4()), TEXT), self._at))
        return {
            "eventName": "MODIFY",
            "dynamodb": {
                "ApproximateCreationDateTime": time.time(),
                "SequenceNumber": str(self.head.last_seq),
                "OldImage": old.item,
                "NewImage": self.head.item,
            },
        }


def _entries(head: Head) -> list[InboxEntry | Unread]:
    """The entries of a conversation in both inboxes."""
    return [*head.inbox_entries, *head.unread]


def measure(client: "DynamoDBClient", endpoint: str, rounds: int) -> dict[str, Samples]:
    """Measure records a second for each kind of batch. Raises AssertionError if the inboxes end up wrong."""
    with new_table(client) as table_name:
        return _measure(client, functions_client(endpoint), table_name, rounds)


def _measure(
    client: "DynamoDBClient", of_functions: "DynamoDBClient", table_name: str, rounds: int
) -> dict[str, Samples]:
    handler: Any = importlib.import_module("functions.stream_handler.stream_handler")
    handler.table = Table(of_functions, table_name)

    conversations = {
        **{name: [_Conversation() for _ in counts] for name, counts in _BATCHES.items()},
        ONE_AT_A_TIME: [_Conversation()],
    }
    everyone = [one for several in conversations.values() for one in several]
    put_all(DynamoDB(client, table_name), (entry.item for one in everyone for entry in _entries(one.head)))

    def handle(batches: list[list[dict[str, Any]]]) -> float:
        begin = time.perf_counter()
        for batch in batches:
            assert handler.lambda_handler({"Records": batch}, None) == {"batchItemFailures": []}
        return sum(map(len, batches)) / (time.perf_counter() - begin)

    def batched(name: str) -> Callable[[], float]:
        def one_round() -> float:
            pairs = zip(conversations[name], _BATCHES[name], strict=True)
            return handle([[one.next_record() for one, count in pairs for _ in range(count)]])

        return one_round

    def singly() -> float:
        return handle([[conversations[ONE_AT_A_TIME][0].next_record()] for _ in range(_SINGLES)])

    measured = side_by_side(rounds, {ONE_AT_A_TIME: singly, **{name: batched(name) for name in _BATCHES}})
    stored = {(item["pk"]["S"], item["sk"]["S"]): item for item in read_all(client, table_name)}
    entries = [entry.item for one in everyone for entry in _entries(one.head)]
    assert stored == {(item["pk"]["S"], item["sk"]["S"]): item for item in entries}
    return {name: Samples(values) for name, values in measured.items()}
