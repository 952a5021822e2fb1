"""A table of version 1.0.0, without versions and with expiring receipts: it works, and bin/ddb/repair updates it."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.message import Draft, Message
from messaging.model.person import ProfileChange
from messaging.services.marks import mark_read
from messaging.services.profile import change_profile
from messaging.services.send import send_to_conversation
from messaging.storage.dynamodb import DynamoDB
from messaging.storage.table import Table
from operators.verify import Violation, verify
from operators.writing import put_all
from tests.support.checks import (
    assert_conversations_are_whole,
    assert_inboxes_stand_at_the_heads,
    read_all,
    stored_messages,
)
from tests.support.functions import Functions, Stream
from tests.support.scripts import run_on_dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ITEMS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "tables" / "version_1.json").read_text())
_HEADS = [Head.from_item(item) for item in _ITEMS if item["sk"]["S"] == keys.HEAD]
_LIVING = [head for head in _HEADS if not any(person.is_deleted for person in head.members.values())]
_MESSAGES = [
    message
    for message in stored_messages(_ITEMS)
    if message.message_group_uuid in {head.message_group_uuid for head in _LIVING}
]
# Between two messages of a person: repair does not get between two that are sent at once.
_PAUSE_SECONDS = 0.2
_PAUSE_SENDS = 5  # at least as many times as long as a send takes on this machine
_RECEIPTS = {item["pk"]["S"] for item in _ITEMS if item["sk"]["S"] == keys.SENT_RECORD}


class Old:
    """The table of version 1.0.0 with today's functions and its stream since then."""

    def __init__(self, client: "DynamoDBClient", name: str, functions: Functions, stream: Stream) -> None:
        self.client, self.name, self.functions = client, name, functions
        self.table = Table(client, name, now=itertools.count(2**31, 60).__next__)  # settings change once a minute
        self._stream = stream
        put_all(DynamoDB(client, name), _ITEMS)
        self._since = stream.records()[-1]["dynamodb"]["SequenceNumber"]

    @property
    def items(self) -> list[dict[str, Any]]:
        return read_all(self.client, self.name)

    def deliver(self) -> None:
        """Deliver all records since the table was loaded, including those delivered before."""
        assert self._deliver_after(self._since) is not None

    def keep_delivering(self, end: threading.Event) -> None:
        """Deliver as Lambda does: failed records again."""
        since = self._since
        while not end.is_set():
            since = self._deliver_after(since) or since

    def _deliver_after(self, since: str) -> str | None:
        """Deliver records; return the number of the last one, or None if any failed."""
        records = self._stream.records(after=since)
        failed = self.functions.stream_handler(records)
        return None if failed else [since, *(record["dynamodb"]["SequenceNumber"] for record in records)][-1]

    def send_again(self, message: Message, text: str) -> int:
        status, body, _ = self.functions.create_message(
            message.sender.user_uuid,
            message_group_uuid=message.message_group_uuid,
            message=text,
            message_uuid=message.message_uuid,
        )
        assert status != 200 or (body["uuid"], body["seq"]) == (message.message_uuid, message.seq)
        return int(status)

    def verify(self) -> list[Violation]:
        return verify(self.client, self.name)


@pytest.fixture
def old(dynamodb: "DynamoDBClient", table_name: str, functions: Functions, stream: Stream, verify_at_once: None) -> Old:
    return Old(dynamodb, table_name, functions, stream)


def test_the_table_has_the_items_of_version_1(old: Old) -> None:
    assert_conversations_are_whole(old.items)
    assert {head.version for head in _HEADS} == {0}
    assert {message.message_uuid for message in _MESSAGES} - {pk.partition("#")[2] for pk in _RECEIPTS}
    assert {(one.kind, one.detail) for one in old.verify() if one.kind not in ("form", "stale")} == {
        ("head", "does not note who has written"),
        ("head", "has no version"),
        ("sent-record", "has messages without a sent record"),
        ("sent-record", "has sent records that expire, or lack digest or number"),
    }


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
def test_every_change_of_an_old_conversation_reaches_both_inboxes(old: Old, at_once: bool) -> None:
    for head in _LIVING:
        for _ in _changes(old, head):
            if not at_once:
                old.deliver()
    old.deliver()
    old.deliver()

    living = {head.message_group_uuid for head in _LIVING}
    assert_inboxes_stand_at_the_heads([item for item in old.items if any(group in str(item) for group in living)])
    assert {one.kind for one in old.verify() if one.where in living} == {"sent-record"}


def _changes(old: Old, head: Head) -> Iterator[object]:
    """Change a conversation in every way, one at a time."""
    group, (one, other) = head.message_group_uuid, head.members
    yield send_to_conversation(old.table, one, group, Draft(str(uuid4()), "1"))
    yield mark_read(old.table, other, group, head.last_seq + 1)
    yield send_to_conversation(old.table, other, group, Draft(str(uuid4()), "2"))
    yield change_profile(old.table, one, ProfileChange(read_receipts=False))
    yield change_profile(old.table, one, ProfileChange(read_receipts=True))


@pytest.mark.processes
@pytest.mark.parametrize("repaired", [False, True], ids=["before", "after repair"])
def test_a_late_retry_of_an_old_message_is_answered_and_another_text_refused(
    old: Old, dynamodb_endpoint: str, repaired: bool
) -> None:
    if repaired:
        assert _repair(old, dynamodb_endpoint)[-1] == "Fixed all of them."
    before = old.items
    known = [message for message in _MESSAGES if repaired or keys.sent_record_pk(message.message_uuid) in _RECEIPTS]
    assert known

    for message in known:
        assert old.send_again(message, message.message) == 200
        assert old.send_again(message, "Something else") == 409
    assert old.items == before


@pytest.mark.processes
def test_repair_updates_the_table_while_two_people_keep_sending(old: Old, dynamodb_endpoint: str) -> None:
    with _sending(old) as sent:
        lines = _repair(old, dynamodb_endpoint)
    old.deliver()

    assert lines[-1] == "Fixed all of them."
    assert old.verify() == []
    items = old.items
    assert_inboxes_stand_at_the_heads(items)
    assert not [item for item in items if "ttl" in item]
    uuids = {message.message_uuid for message in stored_messages(items)}
    assert uuids == {message.message_uuid for message in stored_messages(_ITEMS)} | {*sent}
    assert uuids == {item["pk"]["S"].partition("#")[2] for item in items if item["sk"]["S"] == keys.SENT_RECORD}
    assert _repair(old, dynamodb_endpoint)[-1].startswith("0 violations in ")


@contextmanager
def _sending(old: Old) -> Iterator[list[str]]:
    """Let both members of a conversation send until the block ends, with the stream; yield the message_uuids."""
    head = max(_LIVING, key=lambda head: head.last_seq)
    sent: list[str] = []
    end = threading.Event()

    def keep_sending(sender_uuid: str) -> None:
        pause = _PAUSE_SECONDS
        while not end.wait(pause):
            message_uuid, began = str(uuid4()), time.monotonic()
            send_to_conversation(old.table, sender_uuid, head.message_group_uuid, Draft(message_uuid, "Still here?"))
            sent.append(message_uuid)
            pause = max(_PAUSE_SECONDS, _PAUSE_SENDS * (time.monotonic() - began))

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(keep_sending, member) for member in head.members] + [
            threads.submit(old.keep_delivering, end)
        ]
        try:
            yield sent
        finally:
            end.set()
            for one in running:
                one.result()
    assert len(sent) > 2


def _repair(old: Old, endpoint: str) -> list[str]:
    done = run_on_dynamodb_local(endpoint, "repair", "--stack", old.name, "--write")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout.splitlines()
