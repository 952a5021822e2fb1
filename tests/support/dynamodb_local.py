"""Amazon's DynamoDB Local, for tests and measurements."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from botocore.config import Config

from messaging.storage.table import open_table
from tests.conftest import free_port
from tests.support.prepare import DYNAMODB_LOCAL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

# Without the second compiler and collector threads.
_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def is_here() -> bool:
    """True if `running` can start an engine: see tests/support/prepare.py."""
    return "DYNAMODB_ENDPOINT" in os.environ or (DYNAMODB_LOCAL.exists() and shutil.which("java") is not None)


@contextmanager
def running(logs: Path, *, for_modules: bool = False) -> Iterator[str]:
    """Start an engine for the block, in memory, or use DYNAMODB_ENDPOINT; yield its address.

    With `for_modules` its first minutes take half the processor time, and it keeps the tables of each access key apart:
    a write takes longer with every older stream record beside them, even of deleted tables, 30 ms with 20,000.
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


def client(endpoint: str, access_key: str | None = None) -> "DynamoDBClient":
    """Open a client with this access key, or the environment's."""
    config = Config(max_pool_connections=60, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        config=config,
        aws_access_key_id=access_key or os.environ["AWS_ACCESS_KEY_ID"],  # boto3 would keep the first one
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
