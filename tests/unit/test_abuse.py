"""For any input a function answers as openapi.yaml says, never 5xx, and a refusal changes nothing."""

import importlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.cursors import BlocksCursor, InboxCursor, MessageCursor
from messaging.model.membership import Ask, Membership
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services import rewrite_inbox
from messaging.services.rewrite_inbox import Change
from messaging.services.send import send_to_handle
from messaging.storage.table import Insert
from tests.support.abuse import cursors, json_values, mutated, requests
from tests.support.api import STRANGER, event, json_body
from tests.support.fake_table import FakeInboxes, FakeTable
from tests.support.openapi import OPENAPI
from tests.support.routes import ROUTED

_ROOT = Path(__file__).parents[2]

# The people in the sample events.
BAYKO = Person("0e4f6f0c-6c1e-4a43-9c3e-6f2a1f0b7d01", "bayko", "Andrew Bayko")
LONDO = Person("7a3c2b1e-98d7-4f65-8a10-2b3c4d5e6f02", "londo", "Londo Mollari")
PRIYA = Person("d47c09e6-b3f2-4a58-90cb-1c5e7a2f8d07", "priya", "Priya Raman")
CONVERSATION = keys.pair_uuid(BAYKO.user_uuid, LONDO.user_uuid)
MESSAGE = "fdcc54be-bffb-5b13-9890-302d560de9b4"
OF_OTHERS = keys.pair_uuid(LONDO.user_uuid, PRIYA.user_uuid)

# A ticket has no body, no parameter and one answer.
FUNCTIONS = sorted(ROUTED.keys() - {"connections.create_ticket"})
WRITING = {
    "accept_request",
    "block_user",
    "change_message_group",
    "create_me",
    "create_message",
    "create_message_group",
    "create_report",
    "decline_request",
    "delete_message",
    "delete_reaction",
    "edit_message",
    "leave_message_group",
    "mark_read",
    "put_reaction",
    "unblock_user",
    "update_me",
}
LISTS: dict[str, list[tuple[str, type[MessageCursor | InboxCursor | BlocksCursor]]]] = {
    "blocks.list_blocks": [("cursor", BlocksCursor)],
    "messages.list_messages": [("before", MessageCursor), ("after", MessageCursor)],
    "message_groups.list_message_groups": [("cursor", InboxCursor), ("since", InboxCursor)],
}

RecordProperty = Callable[[str, object], None]
Written = Callable[[], str]


def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((_ROOT / "events" / f"{name}.json").read_text())
    return sample


class World:
    """A table with conversations of Londo with Bayko, perhaps a request to him, and with Priya; `restore` resets it."""

    def __init__(self, *, is_request: bool = False) -> None:
        self.table = FakeTable(BAYKO, LONDO, PRIYA)
        at = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(6):
            sender, receiver = ((BAYKO, LONDO), (LONDO, PRIYA))[number % 2]
            uuid = f"00000000-0000-4000-8000-00000000000{number}" if number else MESSAGE
            send_to_handle(self.table, sender.user_uuid, receiver.handle, Draft(uuid, f"Text {number}"), lambda: at)
        if is_request:
            asked = Membership(ask=Ask(0, keys.format_time(at)))
            self.table.heads[CONVERSATION] = self.table.heads[CONVERSATION].with_membership(BAYKO.user_uuid, asked)
        self.heads, self.messages = dict(self.table.heads), list(self.table.messages)

    def restore(self) -> None:
        self.table.heads, self.table.messages = dict(self.heads), list(self.messages)
        self.table.changed.clear()
        self.table.hidden.clear()
        self.table.reports.clear()
        self.table.all_pins.clear()

    @property
    def is_as_it_was(self) -> bool:
        is_empty = not (self.table.hidden or self.table.reports or self.table.all_pins)
        return is_empty and (self.table.heads, self.table.messages) == (self.heads, self.messages)


@cache
def _validator(operation: str, status: int, content_type: str) -> jsonschema_rs.Validator:
    """Find the schema of an answer. Raises KeyError if openapi.yaml has none."""
    (described,) = (
        described
        for methods in OPENAPI["paths"].values()
        for described in methods.values()
        if described["operationId"] == operation
    )
    answer = described["responses"][str(status)]
    if "$ref" in answer:
        answer = OPENAPI["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return jsonschema_rs.validator_for(
        {**answer["content"][content_type]["schema"], "components": OPENAPI["components"]}, validate_formats=True
    )


def _assert_described(operation: str, answer: dict[str, Any]) -> None:
    json.dumps(answer).encode()  # as Lambda sends it on
    answer["body"].encode()
    _validator(operation, answer["statusCode"], answer["headers"]["content-type"]).validate(json_body(answer))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_request_is_answered_as_described_and_a_refusal_changes_nothing(
    name: str, written: Written, monkeypatch: pytest.MonkeyPatch, record_property: RecordProperty
) -> None:
    function, operation = importlib.import_module(f"functions.{name}"), name.rpartition(".")[2]
    world, seen = World(is_request=operation in ("accept_request", "decline_request")), Counter[int]()
    monkeypatch.setattr(function, "table", world.table)
    owner = CONVERSATION if operation == "list_messages" else BAYKO.user_uuid

    @given(requests(_sample(operation), owner))
    def is_answered(asked: dict[str, Any]) -> None:
        world.restore()
        answer = function.lambda_handler(asked, None)

        status = answer["statusCode"]
        seen[status] += 1
        assert status < 500, written()
        if status != 304:
            one = operation == "find_message_group" and keys.canonical_uuid(asked["pathParameters"]["message_group"])
            _assert_described("show_message_group" if one else operation, answer)
        if status != 200 or operation not in WRITING:
            assert world.is_as_it_was
        written()

    is_answered()
    assert seen[200], "nothing was asked that could be answered"
    tried = f"{seen.total():,} mutated requests, {seen[200] + seen[304]:,} of them valid"
    record_property("reliability", [f"{operation}, requests fuzzed", tried, "5xx 0, writes by refusals 0"])


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("who", ["one of the two", "a stranger"])
def test_no_cursor_leads_to_items_of_others(
    name: str, who: str, written: Written, monkeypatch: pytest.MonkeyPatch, record_property: RecordProperty
) -> None:
    user_uuid = STRANGER if who == "a stranger" else BAYKO.user_uuid
    function, operation = importlib.import_module(f"functions.{name}"), name.rpartition(".")[2]
    world, seen = World(), Counter[int]()
    monkeypatch.setattr(function, "table", world.table)
    owner = CONVERSATION if operation == "list_messages" else user_uuid
    own = {message.message_uuid for message in world.messages if message.message_group_uuid == CONVERSATION}
    mine = {BAYKO.user_uuid: own | {CONVERSATION}, STRANGER: set[str]()}[user_uuid]

    @given(st.sampled_from(LISTS[name]), cursors(owner) | cursors(OF_OTHERS) | cursors(LONDO.user_uuid))
    def is_refused_or_leads_to_ones_own(
        listing: tuple[str, type[MessageCursor | InboxCursor | BlocksCursor]], cursor: str
    ) -> None:
        parameter, kind = listing
        answer = function.lambda_handler(
            event(user_uuid=user_uuid, path={"message_group_uuid": CONVERSATION}, query={parameter: cursor}), None
        )

        seen[answer["statusCode"]] += 1
        assert answer["statusCode"] in (200, 400, 404), written()
        _assert_described(operation, answer)
        if answer["statusCode"] == 200:
            assert kind.parse(cursor, owner)
            assert {item["uuid"] for item in json_body(answer)} <= mine
        written()

    is_refused_or_leads_to_ones_own()
    assert world.is_as_it_was
    assert seen[400]
    tried = f"{seen.total():,} cursors, {seen[200]:,} of them valid"
    record_property("reliability", [f"{operation}, cursors fuzzed by {who}", tried, "revealed to others 0"])


def _in_another_conversation(record: dict[str, Any], number: int) -> dict[str, Any]:
    """The same change in the conversation of two others, with ids that begin with this digit."""
    members = [BAYKO.user_uuid, LONDO.user_uuid]
    others = [f"{number}{uuid[1:]}" for uuid in members]
    text = json.dumps(record)
    for uuid, other in zip([*members, CONVERSATION], [*others, keys.pair_uuid(*others)], strict=True):
        text = text.replace(uuid, other)
    changed: dict[str, Any] = json.loads(text)
    changed["dynamodb"]["SequenceNumber"] = str(number)
    return changed


def _without_its_number(record: dict[str, Any]) -> dict[str, Any]:
    """The record's content. Without its number Lambda cannot learn which record failed, and retries all."""
    return {name: value for name, value in record["dynamodb"].items() if name != "SequenceNumber"}


# Replacements for a value of an item: valid and invalid DynamoDB values.
_attribute_values = (
    st.builds(lambda text: {"S": text}, st.text(max_size=5) | st.sampled_from(["", "HEAD", "x" * 1025, "_deleted"]))
    | st.builds(lambda number: {"N": number}, st.sampled_from(["0", "-1", "1.5", "1E+20", "9" * 38, "9" * 5000]))
    | st.builds(lambda value: {"BOOL": value}, st.booleans())
    | st.sampled_from([{"NULL": True}, {"M": {}}, {"L": []}, {"B": "AA=="}, {"SS": ["a"]}, {}])
)


def test_a_record_that_cannot_be_read_is_reported_and_the_others_are_processed(
    written: Written, monkeypatch: pytest.MonkeyPatch, record_property: RecordProperty
) -> None:
    function: Any = importlib.import_module("functions.stream_handler.stream_handler")
    (sample,) = _sample("stream_handler")["Records"]
    before, after = (_in_another_conversation(sample, number) for number in (1, 2))
    seen = Counter[str]()
    monkeypatch.setattr(rewrite_inbox, "attempts", lambda _: iter(range(3)))
    monkeypatch.setattr(function, "table", None)  # restored when the test ends

    @given(mutated(_without_its_number(sample), _attribute_values | json_values))
    def is_reported_alone(images: dict[str, Any]) -> None:
        record = {**sample, "dynamodb": {**images, "SequenceNumber": "3"}}
        table = FakeInboxes()
        for one in (before, sample, after):
            change = Change.from_record(one)
            table.heads[change.new.message_group_uuid] = change.new
            table.write_entries([Insert(group) for group in (change.old or change.new).inbox_entries])
        function.table = table

        answer = function.lambda_handler({"Records": [before, record, after]}, None)

        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        assert failed <= {"3"}
        assert failed or _is_readable(record)
        seen["reported" if failed else "read"] += 1
        for one in (before, after):
            change = Change.from_record(one)
            mine = [
                group
                for group in table.inbox_entries.values()
                if group.message_group_uuid == change.new.message_group_uuid
            ]
            assert sorted(mine, key=str) == sorted(change.new.inbox_entries, key=str)
        written()

    is_reported_alone()
    assert seen["reported"]
    assert seen["read"]
    record_property(
        "reliability",
        [
            "stream_handler, records fuzzed",
            f"{seen.total():,} mutated records, {seen['reported']:,} reported",
            "others lost 0",
        ],
    )


def _is_readable(record: dict[str, Any]) -> bool:
    try:
        Change.from_record(record)
    except Exception:
        return False
    return True
