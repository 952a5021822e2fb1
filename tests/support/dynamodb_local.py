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

# Without the second compiler and collector threads, an engine's first minutes take half the processor time.
_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def is_here() -> bool:
    """True if `running` can start an engine: see tests/support/prepare.py."""
    return "DYNAMODB_ENDPOINT" in os.environ or (DYNAMODB_LOCAL.exists() and shutil.which("java") is not None)


@contextmanager
def running(logs: Path, *, is_short_lived: bool = False) -> Iterator[str]:
    """Start an engine for the block, in memory, or use DYNAMODB_ENDPOINT; yield its address.

    It keeps the tables of each access key and region apart. A write takes longer with every stream record of the same
    key, even of deleted tables.
    """
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        yield endpoint
        return
    port = free_port()
    options = ["-Djava.library.path=DynamoDBLocal_lib", *(_SHORT_LIVED if is_short_lived else ())]
    with (logs / f"dynamodb-local-{port}.log").open("wb") as output:
        process = subprocess.Popen(
            ["java", *options, "-jar", "DynamoDBLocal.jar", "-inMemory", "-port", str(port), "-disableTelemetry"],
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


def client(endpoint: str) -> "DynamoDBClient":
    config = Config(max_pool_connections=60, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("dynamodb", endpoint_url=endpoint, config=config)


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
