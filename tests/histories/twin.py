"""Two tables in one: each request goes to the table in memory and to DynamoDB Local, and the answers must be equal.

The many requests after each write go to the table in memory only.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.histories.memory import MemoryTable


class StreamReader:
    """Reads a table's stream from its beginning."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        (stream,) = client.list_streams(TableName=table_name)["Streams"]
        (shard,) = client.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
        self._iterator: str = client.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def new(self) -> list[Any]:
        """The records since the last call."""
        records: list[Any] = []
        while True:
            answer = self._client.get_records(ShardIterator=self._iterator)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return records
            records += answer["Records"]


class TwinTable:
    """DynamoDB Local's table and the one in memory. An AssertionError shows a difference."""

    def __init__(self, client: Any, stream: StreamReader, wrote: Callable[[str], None]) -> None:
        self._client = client
        self._stream = stream
        self._stream.new()  # records of an earlier history
        self._wrote = wrote
        self._written: list[str] = []
        self._memory = MemoryTable(self._written.append)
        self._records: list[Any] = []
        self._is_looked_at = False

    @property
    def queried(self) -> set[str]:
        return self._memory.queried

    @property
    def records(self) -> list[Any]:
        """DynamoDB Local's records. Within a transaction their order may differ."""
        new = self._stream.new()
        begin = len(self._records)
        assert _sorted_images(new) == _sorted_images(self._memory.records[begin:])
        self._records += new
        return self._records

    def __getattr__(self, operation: str) -> Any:
        return partial(self._ask_both, operation)

    def _ask_both(self, operation: str, **request: Any) -> Any:
        if self._is_looked_at:
            return getattr(self._memory, operation)(**request)
        mine, my_error = _outcome(getattr(self._memory, operation), request)
        theirs, their_error = _outcome(getattr(self._client, operation), request)
        assert _comparable(mine) == _comparable(theirs), (operation, request, mine, theirs)
        written, self._written[:] = set(self._written), []
        self._is_looked_at = True
        for partition in sorted(written):
            self._wrote(partition)
        self._is_looked_at = False
        if their_error:
            raise their_error
        assert not my_error
        return theirs


def _outcome(run: Callable[..., Any], request: Any) -> tuple[Any, ClientError | None]:
    try:
        return run(**request), None
    except ClientError as error:
        return error.response, error


def _comparable(answer: Any) -> Any:
    """An answer without metadata and texts, and with batches of items in one order."""
    wanted = ("Item", "Items", "Attributes", "LastEvaluatedKey", "UnprocessedItems")
    told = {name: answer[name] for name in wanted if name in answer}
    told["Error"] = answer.get("Error", {}).get("Code")
    told["CancellationReasons"] = [
        (reason["Code"], reason.get("Item")) for reason in answer.get("CancellationReasons", [])
    ]
    responses = answer.get("Responses", [])
    if isinstance(responses, dict):
        told["Responses"] = sorted(map(_canonical, next(iter(responses.values()), [])))
    else:
        told["Responses"] = [(one.get("Item"), one.get("Error", {}).get("Code")) for one in responses]
    return told


def _sorted_images(records: list[Any]) -> list[Any]:
    images = ("Keys", "OldImage", "NewImage")
    told = [(one["eventName"], {name: one["dynamodb"].get(name) for name in images}) for one in records]
    return sorted(told, key=lambda one: _canonical(one[1]["Keys"]))


def _canonical(value: Any) -> str:
    """A text for a value, independent of the order of its maps."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_canonical(value[name])}' for name in sorted(value))}}}"
    return repr(value)
