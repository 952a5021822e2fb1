"""bin/ddb/verify finds each kind of damage, and bin/ddb/repair fixes all that can be fixed."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest

from messaging import retry
from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.connection import Connection, Subscription, Ticket
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.limits import lookups_per_hour
from messaging.model.membership import ARCHIVE, Membership
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.pins import Pins
from messaging.model.sent_record import SentRecord
from messaging.services.limits import spend
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.dynamodb import DynamoDB
from messaging.storage.table import HeadChanged, Table
from operators.conversation_table import ConversationTable
from operators.repair import Repair, repair_inboxes
from operators.scan import kind_of, plain
from operators.verify import Violation, verify
from operators.writing import put_all
from tests.support import dynamodb_local
from tests.support.checks import read_all
from tests.support.scripts import run_on_dynamodb_local
from tests.support.world import World

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Damaged:
    """A table with two conversations; tests change its items behind the system's back."""

    def __init__(self, client: "DynamoDBClient", table: Table, people: list[Person]) -> None:
        self.client, self.name, self.table = client, table.db.table_name, table
        self.bayko, self.londo, self.kenji = people
        self.group = keys.pair_uuid(self.bayko.user_uuid, self.londo.user_uuid)

    @property
    def head(self) -> Head:
        head = self.table.head(self.group, consistent=True)
        assert head
        return head

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message.item for message in self.table.before(self.group, keys.HEAD, 100, consistent=True)]

    @property
    def times(self) -> list[str]:
        return [message["sk"]["S"] for message in self.messages]

    @property
    def londos(self) -> InboxEntry:
        """The conversation's entry in londo's inbox."""
        return self.table.inbox(self.londo.user_uuid, 1)[0]

    @property
    def unread(self) -> Unread:
        """The conversation's unread entries, by owner."""
        (found,) = self.head.unread
        return found

    @property
    def sent_record(self) -> dict[str, Any]:
        """The sent record of the third message."""
        return SentRecord.of(Message.from_item(self.messages[2])).item

    def put(self, item: dict[str, Any]) -> None:
        self.client.put_item(TableName=self.name, Item=item)

    def delete(self, item: dict[str, Any]) -> None:
        self.client.delete_item(TableName=self.name, Key={key: item[key] for key in ("pk", "sk")})

    def verify(self) -> list[Violation]:
        return verify(self.client, self.name)

    def fix(self, kind: str = "", backup: str | None = None) -> list[Violation]:
        """Repair; return the violations that are left. `kind` is one of those that must be found."""
        found = self.verify()
        assert not kind or kind in {one.kind for one in found}
        return Repair(self.client, self.name, backup).fix(found)


class Made(NamedTuple):
    """All items of two conversations of bayko's, and the three people."""

    items: list[dict[str, Any]]
    people: list[Person]


@pytest.fixture(scope="module")
def made(engine: str) -> Made:
    """What the functions make, with the stream."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(engine, patch)
        world.join("bayko", "londo", "kenji")
        bayko, *others = world.people
        for other in others:
            first = send_to_handle(world.table, bayko.user_uuid, other.handle, Draft(str(uuid4()), "1")).message
            for number in range(2, 6):
                draft = Draft(str(uuid4()), str(number))
                send_to_conversation(world.table, other.user_uuid, first.message_group_uuid, draft)
        records = world.stream.records()
        assert world.deliver(records, None) == len(records)
        items = read_all(world.dynamodb, world.table_name)
        world.delete()
    return Made(items, world.people)


@pytest.fixture
def damaged(dynamodb: "DynamoDBClient", table: Table, made: Made, verify_at_once: None) -> Damaged:
    """A table without damage yet."""
    put_all(DynamoDB(dynamodb, table.db.table_name), made.items)
    return Damaged(dynamodb, table, made.people)


@pytest.fixture
def copy(damaged: Damaged, dynamodb: "DynamoDBClient") -> Iterator[str]:
    """A restored table: `damaged` before its damage."""
    name = f"{damaged.name}-copy"
    dynamodb_local.create_table_without_stream(dynamodb, name)
    put_all(DynamoDB(dynamodb, name), read_all(dynamodb, damaged.name))
    yield name
    dynamodb.delete_table(TableName=name)


def at(item: dict[str, Any], **changes: dict[str, Any]) -> dict[str, Any]:
    return {**item, **changes}


def without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {one: value for one, value in item.items() if one != name}


_EARLIER = {"S": "2020-01-01T00:00:00.000000+00:00"}
_NOWHERE = {"S": "4f6c8a52-0000-4000-8000-000000000001"}


def _make_stale(world: Damaged) -> None:
    stored = world.londos.item
    world.put(at(stored, sk=_EARLIER))
    world.delete(stored)


def _make_headless_of_one(world: Damaged) -> None:
    """Delete the head and londo's messages, so that only bayko's inbox names the other member."""
    world.delete(world.head.item)
    for message in world.messages[1:]:
        world.delete(message)


def _lose_conversation(world: Damaged) -> None:
    for item in (*world.messages, world.head.item):
        world.delete(item)


def _share_message_uuid(world: Damaged) -> None:
    world.put(at(world.messages[2], message_uuid=world.messages[1]["message_uuid"]))


def _lose_second_and_head(world: Damaged) -> None:
    world.delete(world.messages[1])
    world.delete(world.head.item)


def _leave_old_handle(world: Damaged) -> None:
    world.put(replace(world.londo, handle="emperor").handle_item)


# Damage that can be fixed from the table itself.
_MENDABLE: dict[str, Callable[[Damaged], None]] = {
    "missing": lambda world: world.delete(world.londos.item),
    "double": lambda world: world.put(at(world.londos.item, sk=_EARLIER)),
    "stale": _make_stale,
    "stale text": lambda world: world.put(at(world.londos.item, message={"S": "Not what was said"})),
    "stale marks": lambda world: world.put(at(world.londos.item, other_read_seq={"N": "0"})),
    "unread missing": lambda world: world.delete(world.unread.item),
    "unread and read": lambda world: world.put(replace(world.unread, owner_uuid=world.head.last.sender.user_uuid).item),
    "unread stale": lambda world: world.put(replace(world.unread, last_seq=4).item),
    "orphan unread": lambda world: world.put(replace(world.unread, message_group_uuid=str(uuid4())).item),
    "head with a mark past the end": lambda world: world.put(
        replace(world.head, read_seqs=dict.fromkeys(world.head.members, 9)).item
    ),
    "head ahead": lambda world: world.put(at(world.head.item, last_seq={"N": "7"})),
    "head behind": lambda world: world.put(
        replace(world.head, last=replace(world.head.last, seq=4, created_at=world.times[3])).item
    ),
    "head of another text": lambda world: world.put(at(world.head.item, message={"S": "Not what was said"})),
    "head without the last message": lambda world: world.delete(world.messages[-1]),
    "head without a version": lambda world: world.put(without(world.head.item, "version")),
    "headless": lambda world: world.delete(world.head.item),
    "headless and one-sided": _make_headless_of_one,
    "orphan message group": _lose_conversation,
    "version of an entry": lambda world: world.put(at(world.londos.item, version={"N": "99"})),
    "version of an unread entry": lambda world: world.put(replace(world.unread, version=99).item),
    "stale version": lambda world: world.put(at(world.londos.item, version={"N": "4"})),
    "stale from before there were versions": lambda world: world.put(without(world.londos.item, "version")),
    "unread version": lambda world: world.put(replace(world.unread, version=4).item),
    "sent-record missing": lambda world: world.delete(world.sent_record),
    "sent-record of another time": lambda world: world.put(at(world.sent_record, created_at=_EARLIER)),
    "sent-record of another conversation": lambda world: world.put(at(world.sent_record, message_group_uuid=_NOWHERE)),
    "sent-record of another request": lambda world: world.put(at(world.sent_record, digest={"S": "0" * 32})),
    "sent-record that expires": lambda world: world.put(at(world.sent_record, ttl={"N": "1769817600"})),
    "sent-record without a digest": lambda world: world.put(without(world.sent_record, "digest")),
    "person without handle": lambda world: world.delete(world.londo.handle_item),
    "person without profile": lambda world: world.delete(world.londo.profile_item),
    "person with an old handle": _leave_old_handle,
    "double in another folder": lambda world: world.put(
        at(world.londos.item, pk={"S": keys.folder_pk(ARCHIVE, world.londo.user_uuid)})
    ),
    "block that the head does not have": lambda world: world.put(
        BlockEntry(world.bayko.user_uuid, world.londo.user_uuid, world.times[0]).item
    ),
    "block that only the list has": lambda world: world.put(
        BlockEntry(world.kenji.user_uuid, world.londo.user_uuid, world.times[0]).item
    ),
    "block that only the head has": lambda world: world.put(
        world.head.blocked_by(world.bayko.user_uuid, world.times[-1]).item
    ),
    "head without messages and block": lambda world: world.put(
        Head.unopened(
            keys.pair_uuid(world.kenji.user_uuid, world.londo.user_uuid),
            (world.kenji.user_uuid, world.londo.user_uuid),
            world.times[0],
        ).item
    ),
    "head with settings that cannot be": lambda world: world.put(
        world.head.with_membership(
            world.londo.user_uuid, Membership(archived=99, begins_after=99, unseen=((4, 2), (3, None)))
        ).item
    ),
    "pins of another's conversation": lambda world: world.put(Pins(world.kenji.user_uuid, (world.group,), 1).item),
    "pins that are too many": lambda world: world.put(Pins(world.londo.user_uuid, (world.group,) * 11, 1).item),
    "person with two names": lambda world: world.put(replace(world.londo, display_name="Emperor").handle_item),
}
# Damage that needs an earlier copy of the table.
_LOST: dict[str, Callable[[Damaged], None]] = {
    "gap": lambda world: world.delete(world.messages[2]),
    "gap at the beginning": lambda world: world.delete(world.messages[0]),
    "gap and no head": _lose_second_and_head,
}
# Damage that a person must look at.
_NOT_MENDABLE: dict[str, Callable[[Damaged], None]] = {
    "order": lambda world: world.put(at(world.messages[2], sk={"S": "2026-01-01 00:00"})),
    "members": lambda world: world.put(at(world.messages[2], user_uuid={"S": str(uuid4())})),
    "sent-record": _share_message_uuid,
    "unreadable": lambda world: world.put({"pk": {"S": keys.conversation_pk(str(uuid4()))}, "sk": {"S": "x"}}),
    "unknown": lambda world: world.put({"pk": {"S": "XYZ#1"}, "sk": {"S": "x"}}),
}


def test_a_table_in_which_all_is_well_has_no_breaks(damaged: Damaged) -> None:
    assert damaged.verify() == []


def test_tickets_connections_and_subscriptions_are_known_and_unreadable_ones_are_reported(
    damaged: Damaged,
) -> None:
    somebody, expires = damaged.londo.user_uuid, 2**40
    connection = Connection(somebody, "1", keys.FIRST_TIME, expires, frozenset({damaged.bayko.user_uuid}))
    subscription = Subscription(damaged.bayko.user_uuid, "1", somebody, damaged.group, expires)
    ticket = Ticket("digest", somebody, expires)
    entries = (connection, subscription, ticket)
    for entry in entries:
        damaged.put(entry.item)

    assert damaged.verify() == []
    assert [kind_of(entry.item) for entry in entries] == ["connection", "subscription", "ticket"]
    assert plain(connection.item)["subscriptions"] == [damaged.bayko.user_uuid]

    for entry in entries:
        damaged.put(without(entry.item, "ttl"))
    assert [one.kind for one in damaged.verify()] == ["unreadable"] * 3


def test_counters_for_limits_are_known_and_unreadable_ones_are_reported(damaged: Damaged) -> None:
    spend(damaged.table, damaged.londo, lookups_per_hour(600))
    (counter,) = damaged.table.db.query_all(keys.limits_pk(damaged.londo.user_uuid))

    assert damaged.verify() == []
    assert kind_of(counter) == "counter"

    damaged.put(without(counter, "count"))
    assert [one.kind for one in damaged.verify()] == ["unreadable"]


@pytest.mark.parametrize("kind", _MENDABLE)
def test_damage_is_found_and_fixed_and_no_message_changed(damaged: Damaged, kind: str) -> None:
    before = damaged.messages
    if kind == "head without the last message":
        del before[-1]["salt"]  # a head has none
    _MENDABLE[kind](damaged)
    left = damaged.messages

    assert damaged.fix(kind.partition(" ")[0]) == []

    assert damaged.verify() == []
    assert damaged.messages == (before if kind == "head without the last message" else left)


@pytest.mark.parametrize("is_there", [True, False], ids=["behind", "lost"])
def test_a_head_gets_a_version_above_those_of_all_entries(damaged: Damaged, is_there: bool) -> None:
    """Otherwise records of the previous head would count as newer."""
    damaged.put(at(damaged.londos.item, version={"N": "70"}))
    damaged.put(replace(damaged.unread, version=99).item)
    if not is_there:
        damaged.delete(damaged.head.item)

    assert damaged.fix() == []

    assert damaged.head.version == 100
    assert damaged.verify() == []


def test_a_head_that_has_changed_since_it_was_read_is_not_replaced(damaged: Damaged) -> None:
    read = damaged.head
    marked = damaged.table.advance_mark(damaged.group, damaged.bayko.user_uuid, 3)

    with pytest.raises(HeadChanged):
        ConversationTable(damaged.client, damaged.name).put_head(replace(read, version=read.version + 1), read)

    assert damaged.head == marked


@pytest.mark.parametrize("kind", _LOST)
def test_lost_items_are_missed_and_come_back_from_a_copy_of_the_table(damaged: Damaged, copy: str, kind: str) -> None:
    before = damaged.messages
    _LOST[kind](damaged)

    assert "gap" in {one.kind for one in damaged.fix("gap")}
    assert damaged.fix(backup=copy) == []

    assert damaged.verify() == []
    assert damaged.messages == before


@pytest.mark.parametrize("kind", _NOT_MENDABLE)
def test_damage_that_cannot_be_fixed_is_found_and_stays(damaged: Damaged, kind: str) -> None:
    _NOT_MENDABLE[kind](damaged)

    assert kind in {one.kind for one in damaged.fix(kind)}


def test_a_name_of_somebody_deleted_is_found(damaged: Damaged) -> None:
    head = damaged.head
    deleted = replace(head, members={**head.members, damaged.londo.user_uuid: damaged.londo.deleted})
    damaged.put(deleted.item)
    repair_inboxes(damaged.table, damaged.group)

    assert [one.kind for one in damaged.verify()] == ["erased"]


def test_a_repair_while_people_send_loses_nothing(damaged: Damaged) -> None:
    """A head that is behind is damage that a send changes while it is being fixed."""

    def send(count: int) -> None:
        for number in range(count):
            send_to_conversation(
                damaged.table, damaged.londo.user_uuid, damaged.group, Draft(str(uuid4()), f"new {number}")
            )

    damaged.delete(damaged.londos.item)
    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(send, 40)
        while not sending.done():
            damaged.fix()
        sending.result()

    repair_inboxes(damaged.table, damaged.group)
    assert damaged.verify() == []
    assert len(damaged.messages) == 45


def test_an_older_entry_that_the_stream_is_about_to_delete_is_not_left(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late stream handler inserts the entry of an older head, is refused, and then rebuilds (docs/inbox.md)."""
    late = replace(damaged.londos, sk=_EARLIER["S"], version=1).item
    damaged.delete(damaged.londos.item)

    def be_overtaken(table: Table, group: str) -> int:
        version = repair_inboxes(table, group)
        damaged.put(late)
        return version

    monkeypatch.setattr("operators.repair.repair_inboxes", be_overtaken)
    monkeypatch.setattr(retry, "sleep", lambda _: damaged.delete(late))

    assert damaged.fix() == []


def script(name: str, table_name: str, endpoint: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_on_dynamodb_local(endpoint, name, "--stack", table_name, *arguments)


@pytest.mark.processes
def test_the_commands_find_list_and_fix_damage(damaged: Damaged, dynamodb_endpoint: str) -> None:
    _MENDABLE["double"](damaged)

    found = script("verify", damaged.name, dynamodb_endpoint)
    said = script("repair", damaged.name, dynamodb_endpoint)
    still_there = script("verify", damaged.name, dynamodb_endpoint)
    fixed = script("repair", damaged.name, dynamodb_endpoint, "--write")
    clean = script("verify", damaged.name, dynamodb_endpoint)

    assert (found.returncode, said.returncode, still_there.returncode) == (1, 0, 1)
    assert found.stdout.startswith(f"double     {damaged.group}  in the folders of {damaged.londo.user_uuid}")
    assert "Nothing was written." in said.stdout
    assert (fixed.returncode, fixed.stdout.splitlines()[-1]) == (0, "Fixed all of them.")
    assert (clean.returncode, clean.stderr) == (0, "")
    assert clean.stdout.startswith("0 violations in ")


@pytest.mark.processes
def test_a_table_that_is_not_there_is_a_clear_error(dynamodb_endpoint: str) -> None:
    done = script("verify", "no-such-table", dynamodb_endpoint)

    assert done.returncode == 2
    assert done.stderr.startswith("verify: ")
    assert "Traceback" not in done.stderr
