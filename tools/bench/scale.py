"""A long conversation and a large inbox compared with small ones, and the cost of a message as a conversation grows."""

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry
from messaging.model.items import Item
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.services.read import list_message_groups, newest_messages
from messaging.services.send import send_to_conversation
from messaging.storage.dynamodb import DynamoDB
from messaging.storage.table import Table
from operators.cost import Consumed
from operators.writing import Line, continued, put_all
from tests.support.budgets import Meter
from tests.support.functions import event_for
from tools.bench.samples import Samples, side_by_side
from tools.bench.tables import new_table
from tools.bench.warm import TEXT, A, B

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FEW = 1_000  # messages of the small conversation, conversations of the small inbox
_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = 50_000  # messages between two lines of progress
_FILL_WITHIN = 480.0  # seconds; a slow machine measures at the size it has reached
_WARM_UP = 20


@dataclass(frozen=True)
class Flat:
    """One access pattern on few and on many items: their numbers, milliseconds, and consumed units per request."""

    few: int
    many: int
    on_few: Samples
    on_many: Samples
    consumed_on_few: Consumed
    consumed_on_many: Consumed

    @property
    def ratio(self) -> float:
        return self.on_many.median / self.on_few.median


@dataclass(frozen=True)
class Stage:
    """A conversation of a given length: units consumed by D and A, and bytes of the table per message."""

    messages: int
    send: Consumed
    newest: Consumed
    bytes_each: float


class _Conversation:
    """A conversation that is filled step by step."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client, self._name = client, table_name
        self.table = Table(client, table_name)
        self.one, self.other = (Person(str(uuid4()), name, name.title()) for name in ("bayko", "londo"))
        self.group = keys.pair_uuid(self.one.user_uuid, self.other.user_uuid)
        self.head: Head | None = None

    def fill(self, messages: int) -> None:
        """Add messages until it has this many."""
        put_all(DynamoDB(self._client, self._name), self._missing(messages))
        assert self.head
        put_all(DynamoDB(self._client, self._name), [self.head.item])

    def _missing(self, messages: int) -> Iterator[Item]:
        there = self.head.last_seq if self.head else 0
        lines = (
            Line(Draft(str(uuid4()), TEXT), (self.one, self.other)[number % 2], _BEGINS + timedelta(seconds=number))
            for number in range(there, messages)
        )
        for message, head in continued((self.one, self.other), lines, self.head):
            self.head = head
            yield from (message.item, SentRecord.of(message).item)


def measure(
    client: "DynamoDBClient", messages: int, conversations: int, rounds: int, say: Callable[[str], None]
) -> tuple[list[Stage], list[Flat]]:
    """Fill one conversation with `messages` and one inbox with `conversations`, on a new table, and measure."""
    with new_table(client) as table_name:
        return _measure(client, table_name, messages, conversations, rounds, say)


def _measure(
    client: "DynamoDBClient",
    table_name: str,
    messages: int,
    conversations: int,
    rounds: int,
    say: Callable[[str], None],
) -> tuple[list[Stage], list[Flat]]:
    long, short = _Conversation(client, table_name), _Conversation(client, table_name)

    stages = list(_grow(client, table_name, long, messages, say))
    assert long.head
    messages = long.head.last_seq
    short.fill(FEW)
    owners = {count: str(uuid4()) for count in (FEW, conversations)}
    put_all(DynamoDB(client, table_name), (item for count, owner in owners.items() for item in _inbox(owner, count)))

    of_a = {
        count: event_for(A, one.one.user_uuid, parameters={"message_group_uuid": one.group})
        for count, one in ((FEW, short), (messages, long))
    }
    of_b = {count: event_for(B, owner) for count, owner in owners.items()}
    meter = Meter(client)
    metered = Table(meter, table_name)  # type: ignore[arg-type]
    consumed_by_a = [
        meter.measure(lambda one=one: newest_messages(metered, one.one.user_uuid, one.group, 20))  # type: ignore[misc]
        for one in (short, long)
    ]
    consumed_by_b = [
        meter.measure(lambda owner=owner: list_message_groups(metered, owner, 20))  # type: ignore[misc]
        for owner in owners.values()
    ]
    flat = [
        _flat(A, of_a, consumed_by_a, long.table, rounds),
        _flat(B, of_b, consumed_by_b, long.table, rounds),
    ]
    return stages, flat


def _grow(
    client: "DynamoDBClient", table_name: str, conversation: _Conversation, messages: int, say: Callable[[str], None]
) -> Iterator[Stage]:
    """Yield a stage at each power of ten from FEW to `messages`, or until the time is up."""
    begin = time.monotonic()
    for there in sorted({*_powers(messages), *range(_STEP, messages, _STEP)}):
        conversation.fill(there)
        took = time.monotonic() - begin
        say(f"{there:,} messages after {took:.0f} s")
        late = took > _FILL_WITHIN
        if late or there in _powers(messages):
            yield _stage(client, table_name, conversation, there)
        if late:
            return


def _powers(messages: int) -> list[int]:
    return [power for power in (10**digits for digits in range(3, 10)) if power <= messages]


def _stage(client: "DynamoDBClient", table_name: str, conversation: _Conversation, size: int) -> Stage:
    """Send one more message and read the newest page, metered."""
    stored = client.describe_table(TableName=table_name)["Table"]["TableSizeBytes"]
    meter = Meter(client)
    table = Table(meter, table_name)  # type: ignore[arg-type]
    sender = conversation.one.user_uuid
    send = meter.measure(lambda: send_to_conversation(table, sender, conversation.group, Draft(str(uuid4()), TEXT)))
    newest = meter.measure(lambda: newest_messages(table, sender, conversation.group, 20))
    conversation.head = table.head(conversation.group, consistent=True)
    return Stage(size, send, newest, stored / size)


def _inbox(owner: str, conversations: int) -> Iterator[Item]:
    for number in range(conversations):
        other = Person(str(uuid4()), f"person{number}", f"Person {number}")
        at = keys.format_time(_BEGINS + timedelta(seconds=number))
        yield InboxEntry(owner, keys.pair_uuid(owner, other.user_uuid), TEXT, other, at, 1, 0, 1, 1).item


def _flat(path: str, events: dict[int, dict[str, Any]], consumed: list[Consumed], table: Table, rounds: int) -> Flat:
    module: Any = importlib.import_module(f"functions.{path}")
    module.table = table

    def once(event: dict[str, Any]) -> float:
        begin = time.perf_counter()
        response = module.lambda_handler(event, None)
        took = 1000 * (time.perf_counter() - begin)
        assert response["statusCode"] == 200, response
        return took

    few, many = events
    measured = side_by_side(_WARM_UP + rounds, {"few": lambda: once(events[few]), "many": lambda: once(events[many])})
    on_few, on_many = (Samples(list(islice(measured[name], _WARM_UP, None))) for name in ("few", "many"))
    return Flat(few, many, on_few, on_many, *consumed)
