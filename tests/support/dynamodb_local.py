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
import psutil
from botocore.config import Config

from messaging.storage.table import open_table
from tests.conftest import free_port
from tests.support.prepare import DYNAMODB_LOCAL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Without the second compiler and collector threads, a minute takes half the processor time.
_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_WORN_AFTER = 15  # seconds of processor time


def is_here() -> bool:
    """True if `running` can start an engine: see tests/support/prepare.py."""
    return "DYNAMODB_ENDPOINT" in os.environ or (DYNAMODB_LOCAL.exists() and shutil.which("java") is not None)


@contextmanager
def running(logs: Path) -> Iterator[str]:
    """Start an engine for the block, or use DYNAMODB_ENDPOINT; yield its address."""
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        yield endpoint
        return
    with _Engine(logs) as endpoint:
        yield endpoint


class Engines:
    """Short-lived engines, one after the other: each is used until it is worn."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._engine: _Engine | None = None

    def __enter__(self) -> "Engines":
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine:
            self._engine.stop()

    def endpoint(self) -> str:
        """The address of an engine that is not worn, or DYNAMODB_ENDPOINT."""
        if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
            return endpoint
        if self._engine and self._engine.is_worn():
            self._engine.stop()
            self._engine = None
        if not self._engine:
            self._engine = _Engine(self._logs, *_SHORT_LIVED)
            self._engine.wait()
        return self._engine.endpoint


class _Engine:
    """An engine process, in memory; as a context manager it runs until the block ends."""

    def __init__(self, logs: Path, *java_options: str) -> None:
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        engine = ["-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
        with (logs / f"dynamodb-local-{port}.log").open("wb") as output:
            self._process = subprocess.Popen(
                ["java", *java_options, *engine, "-inMemory", "-sharedDb", "-port", str(port), "-disableTelemetry"],
                cwd=DYNAMODB_LOCAL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> str:
        self.wait()
        return self.endpoint

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self) -> None:
        """Wait until it answers."""
        try:
            _wait_until_it_answers(client(self.endpoint))
        except Exception:
            self.stop()
            raise

    def is_worn(self) -> bool:
        """True if it is slow by now: a write takes longer with every record of any stream, even of deleted tables."""
        used = psutil.Process(self._process.pid).cpu_times()
        return bool(used.user + used.system > _WORN_AFTER)

    def stop(self) -> None:
        self._process.kill()  # it keeps nothing
        self._process.wait()


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
