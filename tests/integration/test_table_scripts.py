"""bin/ddb/seed, scan and patterns, through their command lines, on one table."""

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from operators import demo
from operators.bulk import Bulk
from operators.schema import create_table_request
from operators.verify import verify
from tests.support import dynamodb_local
from tests.support.checks import assert_inboxes_stand_at_the_heads, read_all
from tests.support.scripts import BIN, environment, on_a_terminal, run_on_dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("stream")]  # a table as people have it

Script = Callable[..., subprocess.CompletedProcess[str]]


def _script(endpoint: str, table_name: str) -> Script:
    return lambda name, *arguments: run_on_dynamodb_local(endpoint, name, *arguments, "--stack", table_name)


@pytest.fixture
def script(dynamodb_endpoint: str, table_name: str) -> Script:
    """Run a script of bin/ddb on the table of the test."""
    return _script(dynamodb_endpoint, table_name)


@pytest.fixture(scope="module")
def demo_table(engine: str) -> Iterator[str]:
    """A table with the demo, for tests that only read."""
    dynamodb = dynamodb_local.client(engine)
    name = f"table-{uuid4()}"
    dynamodb.create_table(**create_table_request(name))
    assert _script(engine, name)("seed").returncode == 0
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def demo_script(dynamodb_endpoint: str, demo_table: str) -> Script:
    """Run a script of bin/ddb on `demo_table`."""
    return _script(dynamodb_endpoint, demo_table)


def test_the_demo_is_loaded_once_with_its_inboxes(script: Script, dynamodb: "DynamoDBClient", table_name: str) -> None:
    first = script("seed")
    items = read_all(dynamodb, table_name)
    again = script("seed")

    assert (first.returncode, first.stderr) == (again.returncode, again.stderr) == (0, "")
    assert first.stdout.startswith(f"{len(demo.PEOPLE)} people\n98 messages between @bayko and @londo\n")
    assert again.stdout.startswith(
        f"{len(demo.PEOPLE)} people\n98 messages between @bayko and @londo are there already\n"
    )
    assert_inboxes_stand_at_the_heads(items)
    assert verify(dynamodb, table_name) == []
    assert items == read_all(dynamodb, table_name)


@pytest.mark.parametrize("people", [2, 3, 10, 11, 12])
def test_a_bulk_is_complete(dynamodb: "DynamoDBClient", table_name: str, people: int) -> None:
    bulk = Bulk(people, 137)
    wrote: list[int] = []
    bulk.write(dynamodb, table_name, wrote.append)

    items = read_all(dynamodb, table_name)
    assert_inboxes_stand_at_the_heads(items)
    assert len(items) == bulk.items == sum(wrote)
    assert verify(dynamodb, table_name) == []


def test_bulk_changes_messages_and_a_second_run_changes_nothing(
    script: Script, dynamodb: "DynamoDBClient", table_name: str
) -> None:
    arguments = ("seed", "--people", "4", "--messages", "40", "--changes", "90")
    done = script(*arguments)
    items = read_all(dynamodb, table_name)

    assert (done.returncode, done.stderr) == (0, "")
    assert Counter(item["pk"]["S"][:3] for item in items)["CHG"] == 90
    assert verify(dynamodb, table_name) == []
    assert script(*arguments).returncode == 0
    assert read_all(dynamodb, table_name) == items
    refused = script("seed", "--people", "4", "--messages", "40", "--changes", "201")
    assert refused.stderr == "seed: Use --changes C with at most 5 changes of each message.\n"


def test_bulk_reports_its_writes_and_a_second_run_writes_nothing(
    script: Script, dynamodb: "DynamoDBClient", table_name: str
) -> None:
    done = script("seed", "--people", "6", "--messages", "200")
    items = read_all(dynamodb, table_name)
    again = script("seed", "--people", "6", "--messages", "200")

    assert (done.returncode, done.stderr, again.returncode) == (0, "", 0)
    assert done.stdout.startswith(f"6 people and 200 messages are in {table_name}: ")
    assert Counter(item["pk"]["S"][:3] for item in items)["MSG"] == 200 + 15
    assert items == read_all(dynamodb, table_name)
    stream = dynamodb.describe_table(TableName=table_name)["Table"]["StreamSpecification"]
    assert stream == create_table_request(table_name)["StreamSpecification"]


def test_more_messages_continue_the_existing_conversations(
    script: Script, dynamodb: "DynamoDBClient", table_name: str
) -> None:
    for messages in ("20", "300"):
        assert script("seed", "--people", "6", "--messages", messages).returncode == 0

    heads = [item for item in read_all(dynamodb, table_name) if item["sk"]["S"] == keys.HEAD]
    assert sum(int(head["last_seq"]["N"]) for head in heads) == 300
    assert verify(dynamodb, table_name) == []


@pytest.mark.parametrize("size", [("2", "1500"), ("150", "1500")], ids=["one conversation", "many conversations"])
def test_a_killed_bulk_is_resumed(
    dynamodb: "DynamoDBClient", dynamodb_endpoint: str, table_name: str, script: Script, size: tuple[str, str]
) -> None:
    arguments = ["--people", size[0], "--messages", size[1]]
    process = subprocess.Popen(
        [BIN / "ddb" / "seed", "--stack", table_name, *arguments, "dynamodb-local"],
        env=environment(DYNAMODB_ENDPOINT=dynamodb_endpoint),
        stdin=subprocess.DEVNULL,
    )
    while len(dynamodb.scan(TableName=table_name, Limit=500)["Items"]) < 500:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(read_all(dynamodb, table_name)) < Bulk(int(size[0]), int(size[1])).items

    assert script("seed", *arguments).returncode == 0

    assert len(read_all(dynamodb, table_name)) == Bulk(int(size[0]), int(size[1])).items
    assert verify(dynamodb, table_name) == []


@pytest.mark.parametrize("arguments", [("--people", "3"), ("--messages", "3"), ("--people", "1", "--messages", "1")])
def test_a_bulk_that_cannot_be_is_a_clear_error(script: Script, arguments: tuple[str, ...]) -> None:
    done = script("seed", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "seed: Use --people N and --messages M together, with at least 2 people and 1 message.\n"


def test_prod_is_not_filled_without_confirmation(script: Script) -> None:
    for arguments in ((), ("--people", "2", "--messages", "1")):
        done = script("seed", "prod", *arguments)
        assert (done.returncode, done.stdout) == (2, "")


def test_a_scan_shows_every_item_as_json_lines(
    demo_script: Script, dynamodb: "DynamoDBClient", demo_table: str
) -> None:
    done = demo_script("scan", "--json")

    shown = [json.loads(line) for line in done.stdout.splitlines()]
    stored = {(item["pk"]["S"], item["sk"]["S"]) for item in read_all(dynamodb, demo_table)}
    assert {(item["pk"], item["sk"]) for item in shown} == stored
    assert len(shown) == len(stored)
    assert Counter(item["kind"] for item in shown) == {
        "message": 165,
        "sent-record": 165,
        "message-group": 18,
        "unread": 9,
        "head": 9,
        "profile": 7,
        "handle": 7,
    }
    assert "read units" in done.stderr


def test_a_scan_shows_the_kinds_asked_for_as_a_table(demo_script: Script) -> None:
    done = demo_script("scan", "--kind", "head", "--kind", "profile")

    assert Counter(line.split()[0] for line in done.stdout.splitlines()) == {"head": 9, "profile": 7}
    assert len(demo_script("scan", "--kind", "message", "--limit", "3").stdout.splitlines()) == 3


def test_a_terminal_shows_a_scan_as_a_table_and_a_bulk_as_a_bar(
    dynamodb_endpoint: str, demo_table: str, table_name: str
) -> None:
    scan, seed = BIN / "ddb/scan", BIN / "ddb/seed"
    heads = ("--kind", "head", "--limit", "3")
    scanned, table = on_a_terminal(
        scan, "--stack", demo_table, *heads, "dynamodb-local", DYNAMODB_ENDPOINT=dynamodb_endpoint
    )
    size = ("--people", "2", "--messages", "100")
    seeded, bar = on_a_terminal(
        seed, "--stack", table_name, *size, "dynamodb-local", DYNAMODB_ENDPOINT=dynamodb_endpoint
    )

    assert (scanned, seeded) == (0, 0)
    assert len(re.findall("^│ head ", table, re.MULTILINE)) == 3
    assert f"100% 0:00:00 {Bulk(2, 100).items} items" in re.sub(r"\x1b\[[\d;]*m", "", bar)


def test_a_scan_ends_quietly_when_its_reader_closes_the_pipe(dynamodb_endpoint: str, demo_table: str) -> None:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{BIN}/ddb/scan --stack {demo_table} dynamodb-local | head -n 1"],
        env=environment(DYNAMODB_ENDPOINT=dynamodb_endpoint),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1


def request_and_lines(stdout: str) -> tuple[dict[str, Any], str, list[str]]:
    """Parse a pattern script's output: the request, its consumption, the lines."""
    request, consumed, *lines = (
        stdout.partition(" ")[2].replace("}\nconsumed", "}\0consumed").replace("\n\n", "\0").split("\0")
    )
    return json.loads(request), consumed, "".join(lines).splitlines()


@pytest.mark.parametrize("conversation", ["bayko,londo", "@londo,@bayko", "bf8c8576-d81b-56be-bb65-24247f712009"])
def test_a_conversation_is_shown_with_its_request_and_cost(demo_script: Script, conversation: str) -> None:
    done = demo_script("patterns/get-conversation", conversation, "--limit", "2")

    request, consumed, lines = request_and_lines(done.stdout)
    assert (request["KeyConditionExpression"], request["Limit"]) == ("pk = :pk", 4)
    assert consumed == "consumed 0.5 capacity units"
    assert sorted(lines[0].split(", ")[0].split(" and ")) == ["@bayko", "@londo"]
    assert [line.split()[0] for line in lines[1:]] == ["97", "98"]
    before = lines[1].split()[1]
    *_, earlier = demo_script(
        "patterns/get-conversation", conversation, "--limit", "2", "--before", before
    ).stdout.splitlines()
    assert earlier.split()[0] == "96"


def test_an_inbox_is_shown_with_its_request_and_cost(demo_script: Script) -> None:
    done = demo_script("patterns/list-conversations", "@bayko")

    request, consumed, lines = request_and_lines(done.stdout)
    assert request["ExpressionAttributeValues"][":pk"] == {"S": keys.inbox_pk(demo.PEOPLE[0]["user_uuid"])}
    assert consumed == "consumed 0.5 capacity units"
    times = [line.split()[0] for line in lines]
    assert times == sorted(times, reverse=True)
    assert sorted(line.split()[2].rstrip(":") for line in lines) == ["@amara", "@ines_c", "@kenji", "@londo", "@tariq"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("patterns/list-conversations", "nobody"), "list-conversations: Nobody has the handle nobody.\n"),
        (("patterns/get-conversation", "bayko,nobody"), "get-conversation: Nobody has the handle nobody.\n"),
        (("patterns/get-conversation", "bayko"), "get-conversation: CONVERSATION must be a message_group_uuid, or two"),
        (
            ("patterns/get-conversation", "00000000-0000-4000-8000-000000000000"),
            "get-conversation: There is no such conversation.\n",
        ),
    ],
)
def test_a_missing_item_is_a_clear_error(demo_script: Script, arguments: tuple[str, ...], error: str) -> None:
    done = demo_script(*arguments)

    assert done.returncode == 2
    assert done.stderr.startswith(error)
