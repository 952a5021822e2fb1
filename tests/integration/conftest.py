"""A real engine: DynamoDB Local over real connections, a fresh table for each test."""

import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model.person import Person
from messaging.storage.table import Table
from operators import verify as verifying
from operators.environments import Environment
from operators.schema import create_table_request
from tests.support import dynamodb_local, pauses
from tests.support.erasure import World
from tests.support.functions import Functions, Stream
from tests.support.scripts import Script, run_script

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(autouse=True, scope="module")
def _pauses_are_skipped() -> Iterator[None]:
    with pauses.skipped():
        yield


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not dynamodb_local.is_here():
        pytest.skip("DynamoDB Local is not here. Install it: make prepare")
    with dynamodb_local.running(tmp_path_factory.mktemp("dynamodb-local"), for_modules=True) as endpoint:
        yield endpoint


@pytest.fixture
def dynamodb_endpoint(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The engine's address, and an access key in the environment.

    Tests marked `processes` share the key that scripts and other processes have.
    """
    shared = request.node.get_closest_marker("processes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", Environment.access_key if shared else next(dynamodb_local.access_keys))
        yield engine


@pytest.fixture
def dynamodb(dynamodb_endpoint: str) -> Iterator["DynamoDBClient"]:
    client = dynamodb_local.client(dynamodb_endpoint)
    yield client
    client.close()


@pytest.fixture
def table_name(dynamodb: "DynamoDBClient", request: pytest.FixtureRequest) -> Iterator[str]:
    """A new table, with a stream if the test asks for `stream`."""
    name = f"table-{uuid4()}"
    if "stream" in request.fixturenames:
        dynamodb.create_table(**create_table_request(name))
    else:
        dynamodb_local.create_table_without_stream(dynamodb, name)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def functions_dynamodb(dynamodb_endpoint: str) -> Iterator[Any]:
    """The client of DynamoDB that the functions use."""
    client = dynamodb_local.functions_client(dynamodb_endpoint)
    yield client
    client.close()


@pytest.fixture
def table(functions_dynamodb: Any, table_name: str) -> Table:
    return Table(functions_dynamodb, table_name)


@pytest.fixture
def register(table: Table) -> Callable[[str], Person]:
    """Make a person with this handle."""

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


@pytest.fixture
def script(dynamodb_endpoint: str, table_name: str) -> Script:
    """Run a script of bin/moderation on the table of the test."""

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        where = (*arguments, "dynamodb-local", "--stack", table_name)
        return run_script(f"moderation/{name}", *where, DYNAMODB_ENDPOINT=dynamodb_endpoint)

    return run


@pytest.fixture
def verify_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `verify` look again at once, and not after the seconds that the stream may take."""
    monkeypatch.setattr(verifying, "SETTLE_SECONDS", 0.0)


@pytest.fixture
def world(dynamodb_endpoint: str, table_name: str, functions: Functions, stream: Stream, verify_at_once: None) -> World:
    return World(dynamodb_endpoint, table_name, functions, stream)
