"""Writing much at once: conversations with all their messages, by BatchWriteItem."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.items import Item
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.retry import attempts
from messaging.storage.table import HeadChanged

MAX_CONCURRENCY = 8  # requests
BATCH = 25  # items in one BatchWriteItem, DynamoDB's limit
_GIVE_UP_AFTER = 120.0  # seconds of throttling without an item written


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody said: a message that has no number yet. `at` is aware."""

    message_uuid: str
    sender: Person
    text: str
    at: datetime


def continued(
    members: tuple[Person, Person], lines: Iterable[Line], head: Head | None
) -> Iterator[tuple[Message, Head]]:
    """Each line as the next message of the conversation of two people, and the head after it.

    `head` is the conversation's head before the first line, None if they open it. A line that is not later than the one
    before it is moved to a microsecond after that (docs/design.md#rule-3).
    """
    group = keys.pair_uuid(*(person.user_uuid for person in members))
    for line in lines:
        if head is None:
            other = members[1] if line.sender == members[0] else members[0]
            message = Message(group, line.message_uuid, line.text, line.sender, keys.format_time(line.at), 1)
            head = Head.of_first(message, other)
        else:
            message = head.next_message(line.sender.user_uuid, line.message_uuid, line.text, line.at)
            head = head.after(message)
        yield message, head


def put_all(client: Any, table_name: str, items: Iterable[Item], wrote: Callable[[int], None] = lambda _: None) -> None:
    """Puts items whose keys all differ, over what is stored there, AT_ONCE requests at a time, in no certain order.

    Takes no more from `items` than is being written. `wrote` is told of each batch. Raises Busy.
    """
    _write_all(client, table_name, ({"PutRequest": {"Item": item}} for item in items), wrote)


def delete_all(client: Any, table_name: str, primary_keys: Iterable[Item]) -> None:
    """Deletes what lies at these keys, which all differ, as `put_all` puts. Raises Busy."""
    _write_all(client, table_name, ({"DeleteRequest": {"Key": key}} for key in primary_keys), lambda _: None)


def _write_all(client: Any, table_name: str, requests: Iterable[Item], wrote: Callable[[int], None]) -> None:
    left = iter(requests)
    running: deque[Future[int]] = deque()
    with ThreadPoolExecutor(MAX_CONCURRENCY) as threads:
        while batch := list(islice(left, BATCH)):
            running.append(threads.submit(_write, client, table_name, batch))
            if len(running) > MAX_CONCURRENCY:
                wrote(running.popleft().result())
        for one in running:
            wrote(one.result())


def put_head(client: Any, table_name: str, head: Head, read: Head | None) -> None:
    """Puts a head, or brings the one that was `read` to it if that has not changed meanwhile. Raises HeadChanged.

    The version of `head` is above that of `read`. A stored head keeps what its members are called and what else it
    holds.
    """
    item = head.item
    names = dict(zip(("#one", "#other"), head.read_seqs, strict=True))
    wrote = "".join(f", members.{name}.wrote = :true" for name, one in names.items() if one in head.wrote)
    try:
        if read is None:
            client.put_item(TableName=table_name, Item=item, ConditionExpression="attribute_not_exists(pk)")
            return
        unchanged = "version = :read" if read.version else "attribute_not_exists(version)"
        client.update_item(
            TableName=table_name,
            Key=keys.key(item["pk"]["S"], item["sk"]["S"]),
            UpdateExpression="SET last_seq = :seq, message = :message, user_uuid = :sender, created_at = :at, "
            "message_uuid = :uuid, version = :version, members.#one.read_seq = :one, "
            f"members.#other.read_seq = :other{wrote}",
            ConditionExpression=f"last_seq = :read_seq AND {unchanged}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                ":seq": item["last_seq"],
                ":message": item["message"],
                ":sender": item["user_uuid"],
                ":at": item["created_at"],
                ":uuid": item["message_uuid"],
                ":version": item["version"],
                ":read_seq": {"N": str(read.last_seq)},
                **({":read": {"N": str(read.version)}} if read.version else {}),
                **({":true": {"BOOL": True}} if wrote else {}),
                **{
                    name: {"N": str(mark)}
                    for name, mark in zip((":one", ":other"), head.read_seqs.values(), strict=True)
                },
            },
        )
    except client.exceptions.ConditionalCheckFailedException as error:
        raise HeadChanged(None) from error


def _write(client: Any, table_name: str, requests: list[Item]) -> int:
    pending = {table_name: requests}
    for _ in attempts(_GIVE_UP_AFTER):
        pending = client.batch_write_item(RequestItems=pending)["UnprocessedItems"]
        if not pending:
            return len(requests)
    raise Busy("DynamoDB is throttling writes.")
