"""Amazon's DynamoDB Local, for tests and measurements."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import boto3
from botocore.config import Config

from messaging.storage.table import open_table
from operators.schema import create_table_request
from tests.conftest import free_port
from tests.support.prepare import DYNAMODB_LOCAL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

# Each for ten tables. A write takes longer with every older stream record of its key, even of deleted tables: two to
# three times as long with 4,000. And the background jobs of each key take 0.1 % of a core.
access_keys = (key for _ in count() for key in repeat(uuid4().hex, 10))

# Without the second compiler and collector threads.
_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def is_here() -> bool:
    """True if `running` can start an engine: see tests/support/prepare.py."""
    return "DYNAMODB_ENDPOINT" in os.environ or (DYNAMODB_LOCAL.exists() and shutil.which("java") is not None)


@contextmanager
def running(logs: Path, *, for_modules: bool = False) -> Iterator[str]:
    """Start an engine for the block, in memory, or use DYNAMODB_ENDPOINT; yield its address.

    With `for_modules` its first minutes take half the processor time, and it keeps the tables of each access key apart.
    """
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        yield endpoint
        return
    port = free_port()
    options = [*(_SHORT_LIVED if for_modules else ()), "-Djava.library.path=DynamoDBLocal_lib"]
    tables = ["-inMemory", *([] if for_modules else ["-sharedDb"])]
    with (logs / f"dynamodb-local-{port}.log").open("wb") as output:
        process = subprocess.Popen(
            ["java", *options, "-jar", "DynamoDBLocal.jar", *tables, "-port", str(port), "-disableTelemetry"],
            cwd=DYNAMODB_LOCAL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(client(endpoint))
        yield endpoint
    finally:
        process.kill()  # it keeps nothing
        process.wait()


def create_table_without_stream(client: "DynamoDBClient", name: str) -> None:
    """Create a table whose stream nothing reads: stream records would slow down all writes of its access key."""
    client.create_table(**{**create_table_request(name), "StreamSpecification": {"StreamEnabled": False}})


def client(endpoint: str) -> "DynamoDBClient":
    """Open a client with the environment's access key."""
    config = Config(max_pool_connections=60, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        config=config,
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],  # boto3 would keep the first one
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )


def streams_client(endpoint: str) -> "DynamoDBStreamsClient":
    """Open a client for the streams of tables, with the environment's access key."""
    return boto3.client(
        "dynamodbstreams",
        endpoint_url=endpoint,
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )


def functions_client(endpoint: str) -> Any:
    """Open the functions' own client, which fits in the place of boto3's."""
    with patch.dict(os.environ, AWS_ENDPOINT_URL_DYNAMODB=endpoint):
        return open_table("").db.client


def _wait_until_it_answers(client: "DynamoDBClient") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            client.list_tables()
            return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
