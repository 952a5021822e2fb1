"""Bulk writes: conversations with all their messages, by BatchWriteItem."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.items import Item
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.storage.dynamodb import MAX_BATCH_WRITES, DynamoDB

MAX_CONCURRENCY = 8  # requests
_THROTTLING_BUDGET_SECONDS = 120.0  # for one batch


@dataclass(frozen=True, slots=True)
class Line:
    """A draft, its sender and its time: a message without a number. `at` is aware.

    `stored` is the message as it is stored already, with its changes.
    """

    draft: Draft
    sender: Person
    at: datetime
    stored: Message | None = None

    def placed(self, message: Message) -> Message:
        """The message that the line becomes at the place of `message`."""
        if self.stored is None:
            return message
        return replace(self.stored, sender=message.sender, created_at=message.created_at, seq=message.seq)


def continued(
    members: tuple[Person, Person], lines: Iterable[Line], head: Head | None
) -> Iterator[tuple[Message, Head]]:
    """Each line as the next message of the conversation of two people, and the head after it.

    `head` is the conversation's head before the first line, None if the lines open it. A line that is not later than
    its predecessor moves to a microsecond after it (docs/design.md#rule-3).
    """
    group = keys.pair_uuid(*(person.user_uuid for person in members))
    for line in lines:
        if head is None:
            other = members[1] if line.sender == members[0] else members[0]
            message = line.placed(Message.of(line.draft, group, line.sender, keys.format_time(line.at), 1))
            head = Head.of_first(message, other)
        else:
            message = line.placed(head.next_message(line.sender.user_uuid, line.draft, line.at))
            head = head.after(message)
        yield message, head


def put_all(db: DynamoDB, items: Iterable[Item], on_progress: Callable[[int], None] = lambda _: None) -> None:
    """Put items with different keys, overwriting stored ones, MAX_CONCURRENCY requests at a time, in any order.

    Consumes `items` only as fast as it writes. `on_progress` gets the size of each batch. Raises Busy.
    """
    _write_all(db, ({"PutRequest": {"Item": item}} for item in items), on_progress)


def delete_all(db: DynamoDB, primary_keys: Iterable[Item]) -> None:
    """Delete the items at these different keys, in the way of `put_all`. Raises Busy."""
    _write_all(db, ({"DeleteRequest": {"Key": key}} for key in primary_keys), lambda _: None)


def _write_all(db: DynamoDB, requests: Iterable[Item], on_progress: Callable[[int], None]) -> None:
    def write(batch: list[Item]) -> int:
        db.write_batch(batch, _THROTTLING_BUDGET_SECONDS)
        return len(batch)

    left = iter(requests)
    running: deque[Future[int]] = deque()
    with ThreadPoolExecutor(MAX_CONCURRENCY) as threads:
        while batch := list(islice(left, MAX_BATCH_WRITES)):
            running.append(threads.submit(write, batch))
            if len(running) > MAX_CONCURRENCY:
                on_progress(running.popleft().result())
        for one in running:
            on_progress(one.result())
