"""Amazon's DynamoDB Local, for those who test or measure on it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tests.conftest import free_port
from tests.prepare import DYNAMODB_LOCAL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def is_here() -> bool:
    """False if `running` has none: see tests/prepare.py."""
    return "DYNAMODB_ENDPOINT" in os.environ or (DYNAMODB_LOCAL.exists() and shutil.which("java") is not None)


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Where it answers: DYNAMODB_ENDPOINT, or one of our own, in memory, which ends with the block."""
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        yield endpoint
        return
    port = free_port()
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-inMemory", "-sharedDb", "-port", str(port), "-disableTelemetry"],
            cwd=DYNAMODB_LOCAL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(client(endpoint))
        yield endpoint
    finally:
        process.terminate()
        process.wait()


def client(endpoint: str) -> "DynamoDBClient":
    config = Config(max_pool_connections=60, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("dynamodb", endpoint_url=endpoint, config=config)


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
