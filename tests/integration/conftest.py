"""A real engine: DynamoDB Local over real connections, a fresh table for each test."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from messaging.items import Person
from messaging.table import Table
from operators.schema import create_table_request
from tests.conftest import free_port
from tests.integration.functions import Functions, Stream
from tests.prepare import DYNAMODB_LOCAL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session")
def dynamodb_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where DynamoDB Local answers: DYNAMODB_ENDPOINT, or one of our own, which ends with the tests."""
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        yield endpoint
        return
    if not DYNAMODB_LOCAL.exists() or not shutil.which("java"):
        pytest.skip("DynamoDB Local is not here: see tests/prepare.py")
    port = free_port()
    log = Path(tmp_path_factory.mktemp("dynamodb-local")) / "log"
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-inMemory", "-port", str(port), "-disableTelemetry"],
            cwd=DYNAMODB_LOCAL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(_client(endpoint))
        yield endpoint
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def dynamodb(dynamodb_endpoint: str) -> "DynamoDBClient":
    return _client(dynamodb_endpoint)


@pytest.fixture
def table_name(dynamodb: "DynamoDBClient") -> Iterator[str]:
    name = f"table-{uuid4()}"
    dynamodb.create_table(**create_table_request(name))
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def table(dynamodb: "DynamoDBClient", table_name: str) -> Table:
    return Table(dynamodb, table_name)


@pytest.fixture
def register(table: Table) -> Callable[[str], Person]:
    """Makes a person with this handle."""

    def make(handle: str) -> Person:
        person = Person(str(uuid4()), handle, handle.title())
        table.register(person)
        return person

    return make


@pytest.fixture
def bayko(register: Callable[[str], Person]) -> Person:
    return register("bayko")


@pytest.fixture
def londo(register: Callable[[str], Person]) -> Person:
    return register("londo")


def _client(endpoint: str) -> "DynamoDBClient":
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


@pytest.fixture
def functions(table: Table, monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(table, monkeypatch)


@pytest.fixture
def stream(dynamodb_endpoint: str, table_name: str) -> Stream:
    return Stream(dynamodb_endpoint, table_name)
