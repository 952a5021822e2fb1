"""A real engine: DynamoDB Local over real connections, a fresh table for each test."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from messaging.items import Person
from messaging.table import Table
from operators.schema import create_table_request
from tests import dynamodb_local
from tests.integration.functions import Functions, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session")
def dynamodb_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not dynamodb_local.is_here():
        pytest.skip("DynamoDB Local is not here: see tests/prepare.py")
    with dynamodb_local.running(tmp_path_factory.mktemp("dynamodb-local") / "log") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def dynamodb(dynamodb_endpoint: str) -> "DynamoDBClient":
    return dynamodb_local.client(dynamodb_endpoint)


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


@pytest.fixture
def functions(table: Table, monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(table, monkeypatch)


@pytest.fixture
def stream(dynamodb_endpoint: str, table_name: str) -> Stream:
    return Stream(dynamodb_endpoint, table_name)
