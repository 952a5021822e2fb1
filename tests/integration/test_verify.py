"""bin/ddb/verify finds each kind of damage, and bin/ddb/repair mends what heads can mend."""

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging import keys
from messaging.items import Head, MessageGroup, Person
from messaging.send import send_to_conversation, send_to_handle
from messaging.table import Table
from operators import verify as verifying
from operators.verify import Break, repair, verify
from tests.integration.functions import Functions, Stream
from tests.scripts import run_script

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Damaged:
    """A table with two conversations, whose items a test may change behind the system's back."""

    def __init__(self, client: "DynamoDBClient", name: str, bayko: Person, londo: Person, kenji: Person) -> None:
        self.client, self.name, self.table = client, name, Table(client, name)
        self.bayko, self.londo = bayko, londo
        self.group = self._open(londo)
        self._open(kenji)

    def _open(self, other: Person) -> str:
        group = send_to_handle(self.table, self.bayko.user_uuid, other.handle, str(uuid4()), "1")
        for number in range(2, 6):
            send_to_conversation(
                self.table, other.user_uuid, group.message.message_group_uuid, str(uuid4()), str(number)
            )
        return group.message.message_group_uuid

    @property
    def head(self) -> Head:
        head = self.table.head(self.group, consistent=True)
        assert head
        return head

    @property
    def third(self) -> dict[str, Any]:
        return self.table.newest(self.group, 5, consistent=True)[1][2].item

    @property
    def londos(self) -> MessageGroup:
        """The conversation as it lies in londo's inbox."""
        return self.table.inbox(self.londo.user_uuid, 1)[0]

    def put(self, item: dict[str, Any]) -> None:
        self.client.put_item(TableName=self.name, Item=item)

    def delete(self, item: dict[str, Any]) -> None:
        self.client.delete_item(TableName=self.name, Key={key: item[key] for key in ("pk", "sk")})

    def verify(self) -> list[Break]:
        return verify(self.client, self.name)


@pytest.fixture
def damaged(
    dynamodb: "DynamoDBClient",
    table_name: str,
    functions: Functions,
    stream: Stream,
    monkeypatch: pytest.MonkeyPatch,
    bayko: Person,
    londo: Person,
    register: Callable[[str], Person],
) -> Damaged:
    """A table in which all is well yet."""
    monkeypatch.setattr(verifying, "_SETTLE", 0.0)
    world = Damaged(dynamodb, table_name, bayko, londo, register("kenji"))
    assert functions.stream_handler(stream.records()) == []
    return world


def at(item: dict[str, Any], **changes: dict[str, Any]) -> dict[str, Any]:
    return {**item, **changes}


_EARLIER = {"S": "2020-01-01T00:00:00.000000+00:00"}


def _make_stale(world: Damaged) -> None:
    lying = world.londos.item
    world.put(at(lying, sk=_EARLIER))
    world.delete(lying)


_OF_INBOXES: dict[str, Callable[[Damaged], None]] = {
    "missing": lambda world: world.delete(world.londos.item),
    "double": lambda world: world.put(at(world.londos.item, sk=_EARLIER)),
    "stale": _make_stale,
    "stale text": lambda world: world.put(at(world.londos.item, message={"S": "Not what was said"})),
}
_OTHERS: dict[str, Callable[[Damaged], None]] = {
    "gap": lambda world: world.delete(world.third),
    "order": lambda world: world.put(at(world.third, sk={"S": "2026-01-01 00:00"})),
    "head": lambda world: world.put(at(world.head.item, last_seq={"N": "7"})),
    "orphan conversation": lambda world: world.delete(world.head.item),
    "orphan receipt": lambda world: world.delete(world.third),
    "members": lambda world: world.put(at(world.third, user_uuid={"S": str(uuid4())})),
    "person without handle": lambda world: world.delete(world.londo.handle_item),
    "person without profile": lambda world: world.delete(world.londo.profile_item),
    "unreadable": lambda world: world.put({"pk": {"S": keys.conversation_pk(str(uuid4()))}, "sk": {"S": "x"}}),
    "unknown": lambda world: world.put({"pk": {"S": "XYZ#1"}, "sk": {"S": "x"}}),
}


def test_a_table_in_which_all_is_well_has_no_breaks(damaged: Damaged) -> None:
    assert damaged.verify() == []


@pytest.mark.parametrize("kind", [*_OF_INBOXES, *_OTHERS])
def test_each_kind_of_damage_is_found(damaged: Damaged, kind: str) -> None:
    (_OF_INBOXES | _OTHERS)[kind](damaged)

    assert kind.partition(" ")[0] in {one.kind for one in damaged.verify()}


@pytest.mark.parametrize("kind", _OF_INBOXES)
def test_damage_to_an_inbox_is_mended(damaged: Damaged, kind: str) -> None:
    _OF_INBOXES[kind](damaged)

    repair(damaged.table, damaged.group)

    assert damaged.verify() == []


def script(name: str, table_name: str, endpoint: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script(f"ddb/{name}", "--stack", table_name, *arguments, DYNAMODB_ENDPOINT=endpoint)


def test_the_commands_find_say_and_mend(damaged: Damaged, dynamodb_endpoint: str) -> None:
    _OF_INBOXES["double"](damaged)

    found = script("verify", damaged.name, dynamodb_endpoint)
    said = script("repair", damaged.name, dynamodb_endpoint)
    still_there = script("verify", damaged.name, dynamodb_endpoint)
    mended = script("repair", damaged.name, dynamodb_endpoint, "--write")
    clean = script("verify", damaged.name, dynamodb_endpoint)

    assert (found.returncode, said.returncode, still_there.returncode) == (1, 0, 1)
    assert found.stdout.startswith(f"double     {damaged.group}  in the inbox of {damaged.londo.user_uuid}")
    assert "Nothing was written." in said.stdout
    assert (mended.returncode, mended.stdout.splitlines()[-1]) == (0, "Rebuilt 1 conversations; 0 breaks left in them.")
    assert (clean.returncode, clean.stderr) == (0, "")
    assert clean.stdout.startswith("0 breaks in ")


def test_a_table_that_is_not_there_is_a_clear_error(dynamodb_endpoint: str) -> None:
    done = script("verify", "no-such-table", dynamodb_endpoint)

    assert done.returncode == 2
    assert done.stderr.startswith("verify: ")
    assert "Traceback" not in done.stderr
