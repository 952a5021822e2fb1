"""bin/ddb/redrive finds records that the stream handler could not process, and repairs their conversations."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from messaging.model import keys
from messaging.storage.table import Delete, Table
from operators.verify import inbox_violations, version_of
from tests.e2e.conftest import Client, System, eventually
from tests.support.scripts import run_script

REROUTED = Path(__file__).parents[1] / "support" / "rerouted"


class Redrive:
    """The failure queue, and the script that works on it."""

    def __init__(self, system: System, home: Path) -> None:
        self._sqs = system.client("sqs")
        self._url = system.environment.outputs["FailureQueueUrl"]
        self._home = home

    def fail(self, batch: Any) -> None:
        """Put a message into the queue as Lambda does."""
        body = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "version": "1.0",
            "DDBStreamBatchInfo": batch,
        }
        self._sqs.send_message(QueueUrl=self._url, MessageBody=json.dumps(body))

    def run(self, *arguments: str, **variables: str) -> tuple[int, list[str]]:
        done = run_script("ddb/redrive", "local", *arguments, CRUDDUR_LOCAL=str(self._home), **variables)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    def empty(self) -> None:
        self._sqs.purge_queue(QueueUrl=self._url)


@pytest.fixture
def redrive(system: System, home: Path) -> Iterator[Redrive]:
    redrive = Redrive(system, home)
    redrive.empty()
    yield redrive
    redrive.empty()


@pytest.fixture
def broken(system: System, bayko: Client, londo: Client) -> tuple[str, dict[str, Any]]:
    """A conversation that is missing from londo's inbox, and the place of its last change in the stream."""
    group = bayko.send(handle=londo.handle, message="1")["message_group_uuid"]
    bayko.send(message_group_uuid=group, message="2")
    eventually(lambda: [one["message"] for one in londo.inbox()] == ["2"])
    table = Table(system.client("dynamodb"), system.environment.table_name)
    (stored,) = table.inbox(londo.user_uuid, 1)
    table.write_entries([Delete(stored)])
    assert [one.kind for one in inbox_violations(table, group, version_of(table, group))] == ["missing"]
    return group, batch_of(system, group)


def batch_of(system: System, group: str) -> dict[str, Any]:
    """The part of an on-failure record that locates the conversation's last change."""
    streams = system.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=system.environment.table_name)["Streams"]
    (shard, *_) = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    numbers: list[str] = []
    while True:
        answer = streams.get_records(ShardIterator=iterator)
        if not answer["Records"]:
            break
        wanted = keys.key(keys.conversation_pk(group), keys.HEAD)
        numbers += [r["dynamodb"]["SequenceNumber"] for r in answer["Records"] if r["dynamodb"]["Keys"] == wanted]
        iterator = answer["NextShardIterator"]
    return {
        "shardId": shard["ShardId"],
        "startSequenceNumber": numbers[-1],
        "endSequenceNumber": numbers[-1],
        "approximateArrivalOfFirstRecord": "2026-11-23T20:00:00Z",
        "batchSize": 1,
        "streamArn": stream["StreamArn"],
    }


def test_a_failed_record_is_listed_then_repaired_and_removed_from_the_queue(
    redrive: Redrive, broken: tuple[str, dict[str, Any]], londo: Client
) -> None:
    group, batch = broken
    redrive.fail(batch)

    said = redrive.run()
    still_missing = londo.inbox()
    repaired = redrive.run("--write")
    again = redrive.run("--write")

    line = f"2026-11-23T20:00:00Z  RetryAttemptsExhausted, 1 records: {group}"
    assert said[0] == 0
    assert said[1][:2] == [line, "1 messages in the failure queue; 1 of them stay there."]
    assert still_missing == []
    assert repaired == (0, [line, "1 messages in the failure queue; 0 of them stay there."])
    assert [one["message"] for one in londo.inbox()] == ["2"]
    assert again == (0, ["0 messages in the failure queue; 0 of them stay there."])


class ThirdReader(BaseHTTPRequestHandler):
    """Passes requests on, but refuses the first three reads of the stream, as AWS does with a third reader."""

    protocol_version = "HTTP/1.1"
    server_port = 0
    refusals = 3

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("X-Amz-Target", "").endswith(".GetRecords") and ThirdReader.refusals:
            ThirdReader.refusals -= 1
            self._answer(400, b'{"__type": "com.amazonaws.dynamodb.v20120810#LimitExceededException"}')
            return
        with closing(HTTPConnection("127.0.0.1", self.server_port)) as connection:
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            self._answer(answer.status, answer.read())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_stream_that_both_its_readers_read_is_read_again(
    redrive: Redrive, broken: tuple[str, dict[str, Any]], system: System
) -> None:
    group, batch = broken
    redrive.fail(batch)
    ThirdReader.server_port = int(str(system.environment.endpoint).rpartition(":")[2])
    with ThreadingHTTPServer(("127.0.0.1", 0), ThirdReader) as server:
        Thread(target=server.serve_forever).start()
        said = redrive.run(PYTHONPATH=str(REROUTED), REROUTED=f"{ThirdReader.server_port}:{server.server_port}")
        server.shutdown()

    assert ThirdReader.refusals == 0
    assert group in said[1][0]


def test_expired_records_stay_until_they_are_discarded(redrive: Redrive, broken: tuple[str, dict[str, Any]]) -> None:
    _, batch = broken
    redrive.fail(
        {**batch, "startSequenceNumber": "000000000000000000001", "endSequenceNumber": "000000000000000000002"}
    )
    redrive.fail("not of a stream")

    kept = redrive.run("--write")
    discarded = redrive.run("--discard")

    assert kept[0] == 1
    assert kept[1][-1] == "2 messages in the failure queue; 2 of them stay there."
    assert any("records expired from the stream" in line for line in kept[1])
    assert discarded == (0, [*sorted(discarded[1][:2]), "2 messages in the failure queue; 0 of them stay there."])
