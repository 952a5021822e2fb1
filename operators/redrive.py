"""The failure queue: stream records that the stream handler could not process, and the conversations they belong to.

Lambda's message in the queue contains no records, only their place in the stream, which keeps them for 24 hours:
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from messaging.model import keys
from messaging.model.errors import Busy
from messaging.retry import attempts
from operators.environments import Environment

_VISIBILITY_TIMEOUT_SECONDS = 300  # seconds, from everybody else who reads the queue
_GONE = ("ExpiredIteratorException", "ResourceNotFoundException", "TrimmedDataAccessException")


@dataclass(frozen=True)
class Failure:
    """A message of the queue. `conversations` is None if its records have expired, or if it is unreadable."""

    receipt_handle: str
    reason: str
    records: int
    arrived: str
    conversations: frozenset[str] | None


class FailureQueue:
    """The failure queue of an environment, and the stream of its messages."""

    def __init__(self, environment: Environment) -> None:
        self._sqs = environment.client("sqs")
        self._streams = environment.client("dynamodbstreams")
        self._url = environment.outputs["FailureQueueUrl"]

    def failures(self) -> Iterator[Failure]:
        """Every message. Each is hidden from other readers for five minutes, or until `release`."""
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_VISIBILITY_TIMEOUT_SECONDS,
                WaitTimeSeconds=1,
            )
            if not answer.get("Messages"):
                return
            for message in answer["Messages"]:
                yield self._read(message["ReceiptHandle"], message["Body"])

    def release(self, failure: Failure) -> None:
        """Leave it in the queue for the next reader."""
        self._sqs.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=failure.receipt_handle, VisibilityTimeout=0
        )

    def delete(self, failure: Failure) -> None:
        """Remove it from the queue."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=failure.receipt_handle)

    def _read(self, receipt_handle: str, body: str) -> Failure:
        try:
            content = json.loads(body)
            batch, condition = content["DDBStreamBatchInfo"], content["requestContext"]["condition"]
            arrived, records = batch["approximateArrivalOfFirstRecord"], int(batch["batchSize"])
        except (KeyError, TypeError, ValueError):
            return Failure(receipt_handle, "not of a stream", 0, "?", None)
        return Failure(receipt_handle, condition, records, arrived, self._conversations(batch))

    def _conversations(self, batch: dict[str, Any]) -> frozenset[str] | None:
        """The conversations of a batch's records in the stream, from the first to the last."""
        found = set()
        try:
            for record in self._records(batch):
                key = record["dynamodb"]["Keys"]
                if key["sk"]["S"] == keys.HEAD:
                    found.add(key["pk"]["S"].removeprefix(keys.conversation_pk("")))
        except self._streams.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        return frozenset(found)

    def _records(self, batch: dict[str, Any]) -> Iterator[Any]:
        iterator = self._streams.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        last = int(batch["endSequenceNumber"])
        while iterator:
            answer = self._read_shard(iterator)
            for record in answer["Records"]:
                if int(record["dynamodb"]["SequenceNumber"]) > last:
                    return
                yield record
                if int(record["dynamodb"]["SequenceNumber"]) == last:
                    return
            iterator = answer.get("NextShardIterator")

    def _read_shard(self, iterator: str) -> Any:
        """Records, once there is room for a third reader: the functions that follow the stream are its two."""
        for _ in attempts():
            try:
                return self._streams.get_records(ShardIterator=iterator)
            except self._streams.exceptions.LimitExceededException:
                pass
        raise Busy("The stream is being read too much. Try again.")
