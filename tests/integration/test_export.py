"""The export of a person on a real engine: everything of theirs, and of others only what they may see."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.limits import reports_per_day
from messaging.model.membership import FOREVER
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.model.settings_change import SettingsChange
from messaging.services.blocks import block, unblock
from messaging.services.changes import Window, edit
from messaging.services.reports import Complaint, file_report
from messaging.services.send import send_to_handle
from messaging.services.settings import change_settings, leave
from messaging.storage.table import Table
from operators.export import export
from operators.people import PersonRecord
from tests.histories.place import Environment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Export = Callable[[Person], list[dict[str, Any]]]


@pytest.fixture
def export_of(dynamodb: "DynamoDBClient", table_name: str) -> Export:
    """Export a person."""

    def run(person: Person) -> list[dict[str, Any]]:
        environment: Any = Environment(table_name, dynamodb, list)
        return [*export(environment, PersonRecord(person.user_uuid, None, person))]

    return run


@pytest.fixture
def send(table: Table) -> Callable[[Person, Person, str], str]:
    """Send a text; return its message_uuid."""

    def send(sender: Person, receiver: Person, text: str) -> str:
        sent = send_to_handle(table, sender.user_uuid, receiver.handle, Draft(str(uuid4()), text))
        return sent.message.message_uuid

    return send


def _texts(exported: list[dict[str, Any]]) -> list[str]:
    return [one["message"] for one in exported if one["kind"] == "message"]


def test_texts_that_a_block_hides_are_not_exported_and_own_ones_always_are(
    table: Table, bayko: Person, londo: Person, send: Callable[..., str], export_of: Export
) -> None:
    edited = send(bayko, londo, "first")
    send(londo, bayko, "mine")
    block(table, londo.user_uuid, bayko.user_uuid)
    send(bayko, londo, "hidden")
    unblock(table, londo.user_uuid, bayko.user_uuid)
    send(bayko, londo, "seen")
    block(table, londo.user_uuid, bayko.user_uuid)
    group = keys.pair_uuid(bayko.user_uuid, londo.user_uuid)
    edit(table, bayko.user_uuid, group, edited, "edited in vain", 0, Window(None))

    exported = export_of(londo)

    assert _texts(exported) == ["mine", "seen"]
    assert not [one for one in exported if one["kind"] == "change"]
    assert "in vain" not in str(exported)
    assert _texts(export_of(bayko)) == ["edited in vain", "mine", "hidden", "seen"]


def test_texts_from_before_ones_history_are_not_exported(
    table: Table, bayko: Person, londo: Person, send: Callable[..., str], export_of: Export
) -> None:
    send(bayko, londo, "before")
    send(londo, bayko, "mine")
    leave(table, londo.user_uuid, keys.pair_uuid(bayko.user_uuid, londo.user_uuid))

    (conversation,) = (one for one in export_of(londo) if one["kind"] == "conversation")

    assert (conversation["folder"], conversation["begins_after"]) == (None, 2)
    assert _texts(export_of(londo)) == ["mine"]
    assert _texts(export_of(bayko)) == ["before", "mine"]


def test_settings_pins_blocks_and_reports_are_exported(
    table: Table, bayko: Person, londo: Person, send: Callable[..., str], export_of: Export
) -> None:
    reported = send(bayko, londo, "buy this")
    group = keys.pair_uuid(bayko.user_uuid, londo.user_uuid)
    change_settings(
        table,
        londo.user_uuid,
        group,
        SettingsChange(archived=True, muted_until=FOREVER, pinned=True, marked_unread=True),
    )
    complaint = Complaint(str(uuid4()), group, [reported], "spam", "Again and again")
    filed = file_report(table, londo.user_uuid, complaint, reports_per_day(20), timedelta(days=1))
    block(table, londo.user_uuid, bayko.user_uuid)

    found = {one.pop("kind"): one for one in export_of(londo)}

    assert found["profile"]["messages_from"] is None
    assert found["conversation"] == {
        "message_group_uuid": group,
        "with": {"user_uuid": bayko.user_uuid, "handle": "bayko", "display_name": "Bayko"},
        "read_seq": 0,
        "folder": "archive",
        "muted_until": "forever",
        "marked_unread": True,
        "blocked": True,
        "begins_after": 0,
    }
    assert found["pins"] == {"message_group_uuids": [group]}
    assert found["block"]["user_uuid"] == bayko.user_uuid
    assert found["report"] == {
        "report_uuid": filed.report_uuid,
        "message_group_uuid": group,
        "created_at": filed.created_at,
        "reason": "spam",
        "comment": "Again and again",
        "message_uuids": [reported],
        "closed_at": None,
    }
    assert {one["kind"] for one in export_of(bayko)} == {"profile", "conversation", "message"}
