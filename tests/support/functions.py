"""Calls the functions as Lambda does, on the table of a test."""

import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from messaging.storage.table import Table
from tests.support import dynamodb_local

_ROOT = Path(__file__).parents[2]


def sample_event(name: str) -> dict[str, Any]:
    """Load events/{name}.json."""
    event: dict[str, Any] = json.loads((_ROOT / "events" / f"{name}.json").read_text())
    return event


def event_for(
    path: str,
    user_uuid: str,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The sample event of functions/{path}.py, with a test's changes."""
    event = sample_event(path.rpartition(".")[2])
    event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = user_uuid
    event["headers"] |= headers or {}
    event["queryStringParameters"] = query or {}
    if parameters:
        event["pathParameters"] = parameters
    if body is not None:
        event["body"] = json.dumps(body)
    return event


class Functions:
    """Calls the functions with their sample events and a test's changes."""

    def __init__(self, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self._table = table
        self._monkeypatch = monkeypatch

    def handler(self, path: str) -> Any:
        """Import functions/{path}.py and replace its table by the test's."""
        module = importlib.import_module(f"functions.{path}")
        self._monkeypatch.setattr(module, "table", self._table)
        return module

    def call(self, path: str, user_uuid: str, **changes: Any) -> tuple[int, Any, dict[str, str]]:
        """Call a function with `changes` for `event_for`; return status, JSON body and headers."""
        answer = self.handler(path).lambda_handler(event_for(path, user_uuid, **changes), None)
        return answer["statusCode"], json.loads(answer["body"]) if "body" in answer else None, answer["headers"]

    def list_messages(self, user_uuid: str, message_group_uuid: str, **query: str) -> tuple[int, Any, dict[str, str]]:
        return self.call(
            "messages.list_messages", user_uuid, query=query, parameters={"message_group_uuid": message_group_uuid}
        )

    def show_message(
        self, user_uuid: str, message_group_uuid: str, message_uuid: str
    ) -> tuple[int, Any, dict[str, str]]:
        return self.call(
            "messages.show_message",
            user_uuid,
            parameters={"message_group_uuid": message_group_uuid, "message_uuid": message_uuid},
        )

    def edit_message(
        self, user_uuid: str, message_group_uuid: str, message_uuid: str, **body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        return self.call(
            "messages.edit_message",
            user_uuid,
            body=body,
            parameters={"message_group_uuid": message_group_uuid, "message_uuid": message_uuid},
        )

    def put_reaction(
        self, user_uuid: str, message_group_uuid: str, message_uuid: str, emoji: str
    ) -> tuple[int, Any, dict[str, str]]:
        return self._reaction("messages.put_reaction", user_uuid, message_group_uuid, message_uuid, emoji)

    def delete_reaction(
        self, user_uuid: str, message_group_uuid: str, message_uuid: str, emoji: str
    ) -> tuple[int, Any, dict[str, str]]:
        return self._reaction("messages.delete_reaction", user_uuid, message_group_uuid, message_uuid, emoji)

    def _reaction(
        self, path: str, user_uuid: str, group: str, uuid: str, emoji: str
    ) -> tuple[int, Any, dict[str, str]]:
        parameters = {"message_group_uuid": group, "message_uuid": uuid, "emoji": emoji}
        return self.call(path, user_uuid, parameters=parameters)

    def list_changes(self, user_uuid: str, message_group_uuid: str, **query: str) -> tuple[int, Any, dict[str, str]]:
        return self.call(
            "messages.list_changes", user_uuid, query=query, parameters={"message_group_uuid": message_group_uuid}
        )

    def delete_message(
        self, user_uuid: str, message_group_uuid: str, message_uuid: str, **query: str
    ) -> tuple[int, Any, dict[str, str]]:
        return self.call(
            "messages.delete_message",
            user_uuid,
            query=query,
            parameters={"message_group_uuid": message_group_uuid, "message_uuid": message_uuid},
        )

    def list_message_groups(self, user_uuid: str, **query: str) -> tuple[int, Any, dict[str, str]]:
        return self.call("message_groups.list_message_groups", user_uuid, query=query)

    def create_message(self, user_uuid: str, **body: Any) -> tuple[int, Any, dict[str, str]]:
        return self.call("messages.create_message", user_uuid, body=body)

    def create_message_group(self, user_uuid: str, **body: Any) -> tuple[int, Any, dict[str, str]]:
        return self.call("message_groups.create_message_group", user_uuid, body=body)

    def find_message_group(self, user_uuid: str, which: str) -> tuple[int, Any, dict[str, str]]:
        return self.call("message_groups.find_message_group", user_uuid, parameters={"message_group": which})

    def change_message_group(
        self, user_uuid: str, message_group_uuid: str, **body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        return self._of_group("change_message_group", user_uuid, message_group_uuid, body=body)

    def leave_message_group(self, user_uuid: str, message_group_uuid: str) -> tuple[int, Any, dict[str, str]]:
        return self._of_group("leave_message_group", user_uuid, message_group_uuid)

    def accept_request(self, user_uuid: str, message_group_uuid: str) -> tuple[int, Any, dict[str, str]]:
        return self._of_group("accept_request", user_uuid, message_group_uuid)

    def decline_request(self, user_uuid: str, message_group_uuid: str) -> tuple[int, Any, dict[str, str]]:
        return self._of_group("decline_request", user_uuid, message_group_uuid)

    def _of_group(
        self, function: str, user_uuid: str, message_group_uuid: str, **changes: Any
    ) -> tuple[int, Any, dict[str, str]]:
        parameters = {"message_group_uuid": message_group_uuid}
        return self.call(f"message_groups.{function}", user_uuid, parameters=parameters, **changes)

    def mark_read(self, user_uuid: str, message_group_uuid: str, seq: int) -> tuple[int, Any, dict[str, str]]:
        return self.call(
            "message_groups.mark_read",
            user_uuid,
            body={"seq": seq},
            parameters={"message_group_uuid": message_group_uuid},
        )

    def count_unread(self, user_uuid: str) -> tuple[int, Any, dict[str, str]]:
        return self.call("message_groups.count_unread", user_uuid)

    def block_user(self, user_uuid: str, other_uuid: str) -> tuple[int, Any, dict[str, str]]:
        return self.call("blocks.block_user", user_uuid, parameters={"user_uuid": other_uuid})

    def unblock_user(self, user_uuid: str, other_uuid: str) -> tuple[int, Any, dict[str, str]]:
        return self.call("blocks.unblock_user", user_uuid, parameters={"user_uuid": other_uuid})

    def list_blocks(self, user_uuid: str, **query: str) -> tuple[int, Any, dict[str, str]]:
        return self.call("blocks.list_blocks", user_uuid, query=query)

    def create_report(self, user_uuid: str, **body: Any) -> tuple[int, Any, dict[str, str]]:
        return self.call("reports.create_report", user_uuid, body=body)

    def show_me(self, user_uuid: str) -> tuple[int, Any, dict[str, str]]:
        return self.call("users.show_me", user_uuid)

    def create_me(self, user_uuid: str, **body: Any) -> tuple[int, Any, dict[str, str]]:
        return self.call("users.create_me", user_uuid, body=body)

    def update_me(self, user_uuid: str, **body: Any) -> tuple[int, Any, dict[str, str]]:
        return self.call("users.update_me", user_uuid, body=body)

    def stream_handler(self, records: Sequence[dict[str, Any]]) -> list[str]:
        """Call the stream handler; return the sequence numbers reported as failed."""
        answer = self.handler("stream_handler.stream_handler").lambda_handler({"Records": list(records)}, None)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def all_before(failed: Sequence[str], records: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The records before the first failed one: Lambda continues from there."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    return records[: min((numbers.index(number) for number in failed), default=len(records))]


def _as_lambda_has_it(record: Any) -> dict[str, Any]:
    created = record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": created}}


class Stream:
    """The stream of a table of DynamoDB Local, through the template's filter."""

    def __init__(self, endpoint: str, table_name: str) -> None:
        self._client = dynamodb_local.streams_client(endpoint)
        (stream,) = self._client.list_streams(TableName=table_name)["Streams"]
        self._arn = stream["StreamArn"]
        shards = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._known: dict[str, list[dict[str, Any]]] = {shard["ShardId"]: [] for shard in shards}

    def records(self, after: str | None = None, sort_keys: Sequence[str] = ("HEAD",)) -> list[dict[str, Any]]:
        """All records for the stream handler, or with these sort keys, from the start or after a sequence number."""
        for shard, known in self._known.items():
            known += self._following(shard, known)
        return [
            record
            for known in self._known.values()
            for record in known
            if record["eventName"] in ("INSERT", "MODIFY")
            and record["dynamodb"]["Keys"]["sk"]["S"] in sort_keys
            and (after is None or int(record["dynamodb"]["SequenceNumber"]) > int(after))
        ]

    def _following(self, shard: str, known: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Read the records of a shard that follow those known."""
        position: Any = {"ShardIteratorType": "TRIM_HORIZON"}
        if known:
            last = known[-1]["dynamodb"]["SequenceNumber"]
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
        start = self._client.get_shard_iterator(StreamArn=self._arn, ShardId=shard, **position)
        iterator: str | None = start["ShardIterator"]
        while iterator:
            answer = self._client.get_records(ShardIterator=iterator)
            yield from map(_as_lambda_has_it, answer["Records"])
            iterator = answer.get("NextShardIterator") if answer["Records"] else None
