"""POST /api/reports and the scripts of bin/moderation that read reports, on a real engine."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.limits import reports_per_day
from messaging.model.person import Person
from messaging.model.report import Report
from messaging.storage.table import Table
from operators.scan import kind_of
from operators.verify import verify
from tests.support.functions import Functions, Stream
from tests.support.scripts import Script

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def sent(functions: Functions, bayko: Person, londo: Person) -> list[dict[str, Any]]:
    """Three messages: of bayko, of londo, of bayko."""
    _, first, _ = functions.create_message(bayko.user_uuid, handle="londo", message="Buy this")
    group = first["message_group_uuid"]
    texts = ((londo, "No"), (bayko, "You will be sorry"))
    answers = [
        functions.create_message(person.user_uuid, message_group_uuid=group, message=text) for person, text in texts
    ]
    return [first, *(body for _, body, _ in answers)]


def _reports(table: Table, *, is_open: bool = True) -> list[Report]:
    return [Report.from_item(item) for item in table.db.query_all(keys.reports_pk(is_open=is_open))]


def _body(sent: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    uuids = [message["uuid"] for message in sent]
    return {
        "message_group_uuid": sent[0]["message_group_uuid"],
        "message_uuids": uuids,
        "reason": "threat",
        "comment": "Again",
        **changes,
    }


def test_a_report_keeps_the_texts_as_they_were(
    dynamodb: "DynamoDBClient",
    table: Table,
    functions: Functions,
    stream: Stream,
    bayko: Person,
    londo: Person,
    sent: list[dict[str, Any]],
) -> None:
    group, uuids = sent[0]["message_group_uuid"], [message["uuid"] for message in sent]
    functions.edit_message(bayko.user_uuid, group, uuids[2], message="You will be very sorry", change=0)
    functions.delete_message(londo.user_uuid, group, uuids[1], **{"for": "everyone"})

    status, answer, _ = functions.create_report(londo.user_uuid, **_body(sent))

    assert status == 200
    for uuid in (uuids[0], uuids[2]):
        functions.delete_message(bayko.user_uuid, group, uuid, **{"for": "everyone"})
    (report,) = _reports(table)
    assert (report.report_uuid, report.created_at) == (answer["report_uuid"], answer["created_at"])
    assert (report.reporter_uuid, report.other_uuid) == (londo.user_uuid, bayko.user_uuid)
    assert (report.reason, report.comment) == ("threat", "Again")
    kept = [(one.seq, one.user_uuid, one.message, bool(one.edited_at), bool(one.unsent_at)) for one in report.messages]
    assert kept == [
        (1, bayko.user_uuid, "Buy this", False, False),
        (2, londo.user_uuid, "", False, True),
        (3, bayko.user_uuid, "You will be very sorry", True, False),
    ]
    assert functions.stream_handler(stream.records()) == []
    assert verify(dynamodb, table.db.table_name) == []
    assert kind_of(report.item) == "report"


def test_a_retry_of_a_report_stores_nothing_and_counts_once(
    table: Table, functions: Functions, monkeypatch: pytest.MonkeyPatch, londo: Person, sent: list[dict[str, Any]]
) -> None:
    module = functions.handler("reports.create_report")
    monkeypatch.setattr(module, "settings", module.settings._replace(reports=reports_per_day(2)))
    body = _body(sent, report_uuid=str(uuid4()).upper())

    answers = [functions.create_report(londo.user_uuid, **body) for _ in range(3)]

    assert [(status, answer) for status, answer, _ in answers] == [(200, answers[0][1])] * 3
    assert answers[0][1]["report_uuid"] == body["report_uuid"].lower()
    assert len(_reports(table)) == 1
    assert functions.create_report(londo.user_uuid, **_body(sent))[0] == 200
    status, problem, _ = functions.create_report(londo.user_uuid, **_body(sent))
    assert (status, problem["violated-policies"]) == (429, ["reports"])
    assert functions.create_report(londo.user_uuid, **body)[:2] == (200, answers[0][1])
    assert len(_reports(table)) == 2


def test_both_people_can_use_one_report_uuid(
    table: Table, functions: Functions, bayko: Person, londo: Person, sent: list[dict[str, Any]]
) -> None:
    for person in (bayko, londo):
        assert functions.create_report(person.user_uuid, **_body(sent, report_uuid=str(uuid4())))[0] == 200

    assert {report.other_uuid for report in _reports(table)} == {bayko.user_uuid, londo.user_uuid}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"message_uuids": []}, ["message_uuids_blank"]),
        ({"message_uuids": None, "reason": "dislike"}, ["message_uuids_blank", "reason_invalid"]),
        ({"message_uuids": [str(uuid4()) for _ in range(21)]}, ["message_uuids_exceed_max"]),
        ({"message_uuids": [str(uuid4())]}, ["message_uuids_not_found"]),
        ({"reason": None}, ["reason_invalid"]),
        ({"comment": "x" * 1001}, ["comment_exceed_max_chars"]),
        ({"comment": "x", "coment": "x"}, ["coment_unknown"]),
    ],
)
def test_a_report_that_cannot_be_accepted_says_why(
    table: Table,
    functions: Functions,
    londo: Person,
    sent: list[dict[str, Any]],
    changes: dict[str, Any],
    codes: list[str],
) -> None:
    assert functions.create_report(londo.user_uuid, **_body(sent, **changes))[:2] == (422, codes)
    assert _reports(table) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"message_group_uuid": "1"},
        {"message_uuids": "all"},
        {"message_uuids": [1]},
        {"message_uuids": ["1"]},
        {"reason": 1},
        {"comment": {}},
        {"report_uuid": "1"},
    ],
)
def test_a_report_that_cannot_be_read_is_refused(
    functions: Functions, londo: Person, sent: list[dict[str, Any]], changes: dict[str, Any]
) -> None:
    assert functions.create_report(londo.user_uuid, **_body(sent, **changes))[0] == 400


def test_only_what_the_reporter_can_see_is_reported(
    table: Table,
    functions: Functions,
    register: Callable[[str], Person],
    bayko: Person,
    londo: Person,
    sent: list[dict[str, Any]],
) -> None:
    stranger = register("stranger")
    _, elsewhere, _ = functions.create_message(stranger.user_uuid, handle="londo", message="Hello")
    group = sent[0]["message_group_uuid"]
    functions.delete_message(londo.user_uuid, group, sent[0]["uuid"], **{"for": "me"})

    refused = [
        functions.create_report(londo.user_uuid, **_body(sent)),
        functions.create_report(londo.user_uuid, **_body(sent, message_uuids=[elsewhere["uuid"]])),
    ]
    assert [answer[:2] for answer in refused] == [(422, ["message_uuids_not_found"])] * 2
    assert functions.create_report(stranger.user_uuid, **_body(sent))[0] == 404
    assert _reports(table) == []
    assert functions.create_report(bayko.user_uuid, **_body(sent))[0] == 200


def test_an_edit_during_a_block_keeps_no_message_from_being_reported(
    table: Table, functions: Functions, bayko: Person, londo: Person, sent: list[dict[str, Any]]
) -> None:
    group = sent[0]["message_group_uuid"]
    functions.block_user(londo.user_uuid, bayko.user_uuid)
    functions.edit_message(bayko.user_uuid, group, sent[0]["uuid"], message="Never mind", change=0)
    _, later, _ = functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Unseen")

    assert functions.create_report(londo.user_uuid, **_body(sent))[0] == 200
    assert functions.create_report(londo.user_uuid, **_body(sent, message_uuids=[later["uuid"]]))[0] == 422
    (report,) = _reports(table)
    assert report.messages[0].message == "Never mind"


@pytest.mark.processes
def test_operators_list_show_and_close_reports(
    table: Table, functions: Functions, script: Script, bayko: Person, londo: Person, sent: list[dict[str, Any]]
) -> None:
    _, filed, _ = functions.create_report(londo.user_uuid, **_body(sent, comment="\x1b[2J"))
    uuid, group = filed["report_uuid"], sent[0]["message_group_uuid"]

    listed, shown = script("list-reports"), script("show-report", uuid)

    header, line = listed.stdout.splitlines()
    assert header.split() == ["reported", "at", "report", "reason", "about", "by", "messages"]
    assert line.split() == [filed["created_at"], uuid, "threat", "@bayko", "@londo", "3"]
    (as_json,) = map(json.loads, script("list-reports", "--json").stdout.splitlines())
    assert [one["message"] for one in as_json["messages"]] == ["Buy this", "No", "You will be sorry"]
    times = [message["created_at"] for message in sent]
    assert shown.stdout.splitlines() == [
        f"report        {uuid}, {filed['created_at']}",
        "reason        threat",
        f"by            @londo ({londo.user_uuid})",
        f"about         @bayko ({bayko.user_uuid})",
        f"conversation  {group}",
        "comment       \\u001b[2J",
        f"     1  {times[0]}  @bayko: Buy this",
        f"     2  {times[1]}  @londo: No",
        f"     3  {times[2]}  @bayko: You will be sorry",
    ]

    closed = script("close-report", uuid.upper(), "--note", "suspended")
    again = script("close-report", uuid, "--note", "another decision")

    assert (closed.returncode, closed.stderr) == (0, "")
    assert again.stdout == closed.stdout
    assert closed.stdout.endswith(": suspended\n")
    assert script("list-reports").stdout.splitlines() == [header]
    assert script("list-reports", "--closed").stdout.splitlines() == [header, line]
    assert "closed        2" in script("show-report", uuid).stdout
    assert _reports(table) == []
    (report,) = _reports(table, is_open=False)
    assert report.note == "suspended"
    missing = script("show-report", str(uuid4()))
    assert (missing.returncode, missing.stdout) == (2, "")


@pytest.mark.processes
def test_a_report_expires_and_shows_an_erased_person_as_a_uuid(
    table: Table, functions: Functions, script: Script, londo: Person, sent: list[dict[str, Any]]
) -> None:
    functions.create_report(londo.user_uuid, **_body(sent))

    (report,) = _reports(table)
    days = (report.expires - datetime.fromisoformat(report.created_at).timestamp()) / 86_400
    assert round(days, 3) == 180
    assert report.item["ttl"] == {"N": str(report.expires)}

    table.db.delete(keys.key(keys.profile_pk(londo.user_uuid), keys.PROFILE))
    assert f"by            {londo.user_uuid}\n" in script("show-report", report.report_uuid).stdout
