"""Logs carry ids, never the text of a message, a token or a name (docs/design.md#rule-8)."""

import base64
import importlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.cursors import OLDER, InboxCursor, MessageCursor
from messaging.model.errors import Busy, HandleTaken
from messaging.model.membership import Ask, Membership
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.services import rewrite_inbox, send
from tests.support.api import OTHER, STRANGER, USER, event
from tests.support.fake_table import FailingTable, FakeTable
from tests.support.routes import ROUTED

Written = Callable[[], str]

# Nothing else in the output can contain these by chance.
TEXT = "Zathras-never-tells"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJiYXlrbyJ9.c2lnbmF0dXJl"
NAME = "Emperor-Mollari"
HANDLE = "londo_of_centauri"
SECRETS = (TEXT, TOKEN, NAME, HANDLE)
QUOTING = " ".join(SECRETS)

ME = Person(USER, "bayko_of_earth", f"Bayko, friend of {NAME}")
LONDO = Person(OTHER, HANDLE, NAME)
GROUP = keys.pair_uuid(USER, OTHER)
MESSAGE_UUID = "5a1e7f0c-33c5-4d19-a8b6-b0b8fd5f7005"
MESSAGE_PATH = {"message_group_uuid": GROUP, "message_uuid": MESSAGE_UUID}
TIME = "2026-01-02T03:04:05.000006+00:00"

CREATE_MESSAGE = "messages.create_message"
CREATE_MESSAGE_GROUP = "message_groups.create_message_group"
LIST_MESSAGES = "messages.list_messages"
SHOW_MESSAGE = "messages.show_message"
EDIT_MESSAGE = "messages.edit_message"
DELETE_MESSAGE = "messages.delete_message"
PUT_REACTION = "messages.put_reaction"
DELETE_REACTION = "messages.delete_reaction"
LIST_CHANGES = "messages.list_changes"
LIST_MESSAGE_GROUPS = "message_groups.list_message_groups"
FIND_MESSAGE_GROUP = "message_groups.find_message_group"
CHANGE_MESSAGE_GROUP = "message_groups.change_message_group"
LEAVE_MESSAGE_GROUP = "message_groups.leave_message_group"
ACCEPT_REQUEST = "message_groups.accept_request"
DECLINE_REQUEST = "message_groups.decline_request"
MARK_READ = "message_groups.mark_read"
COUNT_UNREAD = "message_groups.count_unread"
SHOW_USER = "users.show_user"
SHOW_ME = "users.show_me"
UPDATE_ME = "users.update_me"
CREATE_ME = "users.create_me"
CREATE_REPORT = "reports.create_report"
BLOCK_USER = "blocks.block_user"
UNBLOCK_USER = "blocks.unblock_user"
LIST_BLOCKS = "blocks.list_blocks"


def _event(body: object = None, **options: Any) -> dict[str, Any]:
    return event(body, headers={"authorization": f"Bearer {TOKEN}", "x-name": NAME}, **options)


def _sending(**fields: Any) -> dict[str, Any]:
    return {"message": TEXT, "handle": HANDLE, **fields}


EDIT = {"message": f"{TEXT}!", "change": 0}
REPORT = {"message_group_uuid": GROUP, "message_uuids": [MESSAGE_UUID], "reason": "spam", "comment": TEXT}
REACTION_PATH = {**MESSAGE_PATH, "emoji": "👍"}
EVERYONE = {"for": "everyone"}
GROUP_PATH = {"message_group_uuid": GROUP}
ARCHIVED = {"archived": True}
BLOCKED = {"user_uuid": OTHER}

# A request that fails: the function, its event and the status.
Failure = tuple[str, dict[str, Any], int]

# Requests to a table with a conversation of one message between the two.
FAILURES: dict[str, Failure] = {
    "sending without a token": (CREATE_MESSAGE, _event(_sending(), user_uuid=None), 401),
    "sending what is no JSON": (CREATE_MESSAGE, _event(f"{{{QUOTING}"), 400),
    "sending what is no object": (CREATE_MESSAGE, _event([TEXT, NAME]), 400),
    "sending what is no base64": (CREATE_MESSAGE, _event(f"*{QUOTING}", base64=True), 400),
    "sending bytes that are no text": (
        CREATE_MESSAGE,
        _event(base64.b64encode(QUOTING.encode() + b"\xff").decode(), base64=True),
        400,
    ),
    "sending what is no string": (CREATE_MESSAGE, _event(_sending(message=[TEXT])), 400),
    "sending half of a pair": (CREATE_MESSAGE, _event(_sending(message=f"{TEXT}\ud83d")), 400),
    "sending what is no message_uuid": (CREATE_MESSAGE, _event(_sending(message_uuid=QUOTING)), 400),
    "sending into what is no conversation": (CREATE_MESSAGE, _event(_sending(message_group_uuid=QUOTING)), 400),
    "sending a book": (CREATE_MESSAGE, _event(_sending(message=TEXT * 2000)), 413),
    "sending too long a message": (CREATE_MESSAGE, _event(_sending(message=TEXT * 100)), 422),
    "sending nothing to nobody": (CREATE_MESSAGE, _event({}), 422),
    "sending unknown fields": (CREATE_MESSAGE, _event(_sending(**{NAME: TEXT, "token": TOKEN})), 422),
    "sending to whom nobody can be": (CREATE_MESSAGE, _event(_sending(handle=QUOTING)), 404),
    "sending to whom nobody is": (CREATE_MESSAGE, _event(_sending(handle=f"{HANDLE}_2")), 404),
    "sending to oneself": (CREATE_MESSAGE, _event(_sending(), user_uuid=OTHER), 422),
    "sending without a profile": (CREATE_MESSAGE, _event(_sending(), user_uuid=STRANGER), 404),
    "sending into the conversation of others": (
        CREATE_MESSAGE,
        _event(_sending(message_group_uuid=GROUP), user_uuid=STRANGER),
        404,
    ),
    "sending another text with the same uuid": (
        CREATE_MESSAGE,
        _event(_sending(message=f"{TEXT}!", message_uuid=MESSAGE_UUID)),
        409,
    ),
    "opening without a token": (CREATE_MESSAGE_GROUP, _event(_sending(), user_uuid=None), 401),
    "opening with what is no JSON": (CREATE_MESSAGE_GROUP, _event(QUOTING), 400),
    "opening with a book": (CREATE_MESSAGE_GROUP, _event(_sending(message=TEXT * 2000)), 413),
    "opening with too long a message": (CREATE_MESSAGE_GROUP, _event(_sending(message=TEXT * 100)), 422),
    "opening with nobody": (CREATE_MESSAGE_GROUP, _event(_sending(handle="")), 422),
    "opening with whom nobody is": (CREATE_MESSAGE_GROUP, _event(_sending(handle=f"{HANDLE}_2")), 404),
    "opening with another text and the same uuid": (
        CREATE_MESSAGE_GROUP,
        _event(_sending(message=f"{TEXT}!", message_uuid=MESSAGE_UUID)),
        409,
    ),
    "listing without a token": (LIST_MESSAGES, _event(path={"message_group_uuid": GROUP}, user_uuid=None), 401),
    "listing what is no conversation": (LIST_MESSAGES, _event(path={"message_group_uuid": QUOTING}), 400),
    "listing the conversation of others": (
        LIST_MESSAGES,
        _event(path={"message_group_uuid": GROUP}, user_uuid=STRANGER),
        404,
    ),
    "listing with what is no limit": (
        LIST_MESSAGES,
        _event(path={"message_group_uuid": GROUP}, query={"limit": QUOTING}),
        400,
    ),
    "listing before what is no cursor": (
        LIST_MESSAGES,
        _event(path={"message_group_uuid": GROUP}, query={"before": QUOTING}),
        400,
    ),
    "listing before and after": (
        LIST_MESSAGES,
        _event(path={"message_group_uuid": GROUP}, query={"before": TEXT, "after": TEXT}),
        400,
    ),
    "listing the conversation of others after a cursor": (
        LIST_MESSAGES,
        _event(
            path={"message_group_uuid": GROUP},
            query={"after": str(MessageCursor(GROUP, TIME, 1))},
            user_uuid=STRANGER,
        ),
        404,
    ),
    "showing a message without a token": (SHOW_MESSAGE, _event(path=MESSAGE_PATH, user_uuid=None), 401),
    "showing what is no message": (SHOW_MESSAGE, _event(path={**MESSAGE_PATH, "message_uuid": QUOTING}), 400),
    "showing a message of what is no conversation": (
        SHOW_MESSAGE,
        _event(path={**MESSAGE_PATH, "message_group_uuid": QUOTING}),
        400,
    ),
    "showing a message that is not there": (SHOW_MESSAGE, _event(path={**MESSAGE_PATH, "message_uuid": GROUP}), 404),
    "showing a message of others": (SHOW_MESSAGE, _event(path=MESSAGE_PATH, user_uuid=STRANGER), 404),
    "editing without a token": (EDIT_MESSAGE, _event(EDIT, path=MESSAGE_PATH, user_uuid=None), 401),
    "editing what is no message": (EDIT_MESSAGE, _event(EDIT, path={**MESSAGE_PATH, "message_uuid": QUOTING}), 400),
    "editing to what is no text": (EDIT_MESSAGE, _event({**EDIT, "message": [TEXT]}, path=MESSAGE_PATH), 400),
    "editing what was changed": (EDIT_MESSAGE, _event({**EDIT, "change": 7}, path=MESSAGE_PATH), 412),
    "editing a message of the other": (EDIT_MESSAGE, _event(EDIT, path=MESSAGE_PATH, user_uuid=OTHER), 403),
    "unsending without a token": (DELETE_MESSAGE, _event(path=MESSAGE_PATH, query=EVERYONE, user_uuid=None), 401),
    "unsending for nobody": (DELETE_MESSAGE, _event(path=MESSAGE_PATH, query={"for": QUOTING}), 400),
    "unsending a message of the other": (
        DELETE_MESSAGE,
        _event(path=MESSAGE_PATH, query=EVERYONE, user_uuid=OTHER),
        403,
    ),
    "reacting without a token": (PUT_REACTION, _event(path=REACTION_PATH, user_uuid=None), 401),
    "reacting with what is no emoji": (PUT_REACTION, _event(path={**REACTION_PATH, "emoji": QUOTING}), 400),
    "reacting to a message of others": (PUT_REACTION, _event(path=REACTION_PATH, user_uuid=STRANGER), 404),
    "taking back what is no emoji": (DELETE_REACTION, _event(path={**REACTION_PATH, "emoji": QUOTING}), 400),
    "changes after what is no number": (
        LIST_CHANGES,
        _event(path={"message_group_uuid": GROUP}, query={"after": QUOTING}),
        400,
    ),
    "reporting for no known reason": (CREATE_REPORT, _event({**REPORT, "reason": TEXT}), 422),
    "reporting what is no message": (CREATE_REPORT, _event({**REPORT, "message_uuids": [TEXT]}), 400),
    "reporting messages of others": (CREATE_REPORT, _event(REPORT, user_uuid=STRANGER), 404),
    "changes of others": (LIST_CHANGES, _event(path={"message_group_uuid": GROUP}, user_uuid=STRANGER), 404),
    "an inbox without a token": (LIST_MESSAGE_GROUPS, _event(user_uuid=None), 401),
    "an inbox with what is no limit": (LIST_MESSAGE_GROUPS, _event(query={"limit": QUOTING}), 400),
    "an inbox with what is no cursor": (LIST_MESSAGE_GROUPS, _event(query={"cursor": QUOTING}), 400),
    "an inbox with the cursor of another": (
        LIST_MESSAGE_GROUPS,
        _event(query={"cursor": str(InboxCursor(OTHER, OLDER, TIME))}),
        400,
    ),
    "finding without a token": (FIND_MESSAGE_GROUP, _event(path={"message_group": f"@{HANDLE}"}, user_uuid=None), 401),
    "finding whom nobody can be": (FIND_MESSAGE_GROUP, _event(path={"message_group": QUOTING}), 404),
    "finding whom nobody is": (FIND_MESSAGE_GROUP, _event(path={"message_group": f"@{HANDLE}_2"}), 404),
    "archiving without a token": (CHANGE_MESSAGE_GROUP, _event(ARCHIVED, path=GROUP_PATH, user_uuid=None), 401),
    "archiving what is no conversation": (
        CHANGE_MESSAGE_GROUP,
        _event(ARCHIVED, path={"message_group_uuid": QUOTING}),
        400,
    ),
    "muting until what is no time": (CHANGE_MESSAGE_GROUP, _event({"muted_until": QUOTING}, path=GROUP_PATH), 422),
    "setting what is unknown": (CHANGE_MESSAGE_GROUP, _event({NAME: TEXT}, path=GROUP_PATH), 422),
    "archiving the conversation of others": (
        CHANGE_MESSAGE_GROUP,
        _event(ARCHIVED, path=GROUP_PATH, user_uuid=STRANGER),
        404,
    ),
    "leaving without a token": (LEAVE_MESSAGE_GROUP, _event(path=GROUP_PATH, user_uuid=None), 401),
    "leaving the conversation of others": (LEAVE_MESSAGE_GROUP, _event(path=GROUP_PATH, user_uuid=STRANGER), 404),
    "accepting what is no conversation": (ACCEPT_REQUEST, _event(path={"message_group_uuid": QUOTING}), 400),
    "accepting a request to others": (ACCEPT_REQUEST, _event(path=GROUP_PATH, user_uuid=STRANGER), 404),
    "declining a request to others": (DECLINE_REQUEST, _event(path=GROUP_PATH, user_uuid=STRANGER), 404),
    "declining what is no request": (DECLINE_REQUEST, _event(path=GROUP_PATH), 409),
    "marking without a token": (MARK_READ, _event({"seq": 1}, path={"message_group_uuid": GROUP}, user_uuid=None), 401),
    "marking in what is no conversation": (MARK_READ, _event({"seq": 1}, path={"message_group_uuid": QUOTING}), 400),
    "marking what is no number": (MARK_READ, _event({"seq": QUOTING}, path={"message_group_uuid": GROUP}), 400),
    "marking what is not there": (MARK_READ, _event({"seq": 9}, path={"message_group_uuid": GROUP}), 422),
    "marking where nobody converses": (
        MARK_READ,
        _event({"seq": 1}, path={"message_group_uuid": MESSAGE_UUID}),
        404,
    ),
    "counting without a token": (COUNT_UNREAD, _event(user_uuid=None), 401),
    "asking who one is without a token": (SHOW_ME, _event(user_uuid=None), 401),
    "asking who one is with no profile": (SHOW_ME, _event(user_uuid=MESSAGE_UUID), 404),
    "changing what is no setting": (UPDATE_ME, _event({"receipts": QUOTING}), 400),
    "changing with no profile": (UPDATE_ME, _event({"receipts": False}, user_uuid=MESSAGE_UUID), 404),
    "changing to a name that is none": (UPDATE_ME, _event({"display_name": [NAME]}), 400),
    "changing to a forbidden handle": (UPDATE_ME, _event({"handle": QUOTING, "avatar": TEXT}), 422),
    "making a profile without a token": (CREATE_ME, _event({"handle": HANDLE}, user_uuid=None), 401),
    "making a profile with a forbidden handle": (CREATE_ME, _event({"handle": QUOTING}), 422),
    "making a second profile": (CREATE_ME, _event({"handle": f"{HANDLE}_2"}), 409),
    "making a profile beside Cognito": (CREATE_ME, _event({"handle": HANDLE}, user_uuid=MESSAGE_UUID), 404),
    "blocking without a token": (BLOCK_USER, _event(path=BLOCKED, user_uuid=None), 401),
    "blocking what is nobody": (BLOCK_USER, _event(path={"user_uuid": QUOTING}), 400),
    "blocking oneself": (BLOCK_USER, _event(path=BLOCKED, user_uuid=OTHER), 422),
    "blocking without a profile": (BLOCK_USER, _event(path=BLOCKED, user_uuid=STRANGER), 404),
    "unblocking what is nobody": (UNBLOCK_USER, _event(path={"user_uuid": QUOTING}), 400),
    "unblocking whom nobody is": (UNBLOCK_USER, _event(path={"user_uuid": STRANGER}), 404),
    "blocked people after what is no cursor": (LIST_BLOCKS, _event(query={"cursor": QUOTING}), 400),
    "blocked people without a profile": (LIST_BLOCKS, _event(user_uuid=STRANGER), 404),
    "showing without a token": (SHOW_USER, _event(path={"handle": f"@{HANDLE}"}, user_uuid=None), 401),
    "showing whom nobody can be": (SHOW_USER, _event(path={"handle": f"@{QUOTING}"}), 404),
    "showing whom nobody is": (SHOW_USER, _event(path={"handle": f"@{HANDLE}_2"}), 404),
}

# One good request for each function, for tables that fail.
REQUESTS: dict[str, dict[str, Any]] = {
    CREATE_MESSAGE: _event(_sending(message_group_uuid=GROUP)),
    CREATE_MESSAGE_GROUP: _event(_sending()),
    LIST_MESSAGES: _event(path={"message_group_uuid": GROUP}),
    SHOW_MESSAGE: _event(path=MESSAGE_PATH),
    EDIT_MESSAGE: _event(EDIT, path=MESSAGE_PATH),
    DELETE_MESSAGE: _event(path=MESSAGE_PATH, query=EVERYONE),
    PUT_REACTION: _event(path=REACTION_PATH),
    DELETE_REACTION: _event(path=REACTION_PATH),
    LIST_CHANGES: _event(path={"message_group_uuid": GROUP}),
    LIST_MESSAGE_GROUPS: _event(),
    FIND_MESSAGE_GROUP: _event(path={"message_group": f"@{HANDLE}"}),
    CHANGE_MESSAGE_GROUP: _event({**ARCHIVED, "pinned": True}, path=GROUP_PATH),
    LEAVE_MESSAGE_GROUP: _event(path=GROUP_PATH),
    ACCEPT_REQUEST: _event(path=GROUP_PATH),
    DECLINE_REQUEST: _event(path=GROUP_PATH),
    MARK_READ: _event({"seq": 1}, path={"message_group_uuid": GROUP}),
    COUNT_UNREAD: _event(),
    SHOW_ME: _event(),
    UPDATE_ME: _event({"receipts": False}),
    CREATE_ME: _event({"handle": ME.handle, "display_name": NAME}),
    SHOW_USER: _event(path={"handle": f"@{HANDLE}"}),
    CREATE_REPORT: _event(REPORT),
    BLOCK_USER: _event(path=BLOCKED),
    UNBLOCK_USER: _event(path=BLOCKED),
    LIST_BLOCKS: _event(),
}


def test_every_route_is_among_the_requests_and_the_failures() -> None:
    routed = ROUTED.keys() - {"connections.create_ticket"}  # see test_receive.py

    assert REQUESTS.keys() == routed
    assert {name for name, _, _ in FAILURES.values()} == routed


def _function(name: str) -> ModuleType:
    return importlib.import_module(f"functions.{name}")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    def two_tries(*_: object, **__: object) -> Iterator[int]:
        return iter(range(2))

    monkeypatch.setattr(send, "attempts", two_tries)
    monkeypatch.setattr(rewrite_inbox, "attempts", two_tries)


@pytest.fixture
def table() -> FakeTable:
    """A table with the two people and one message from me."""
    table = FakeTable(ME, LONDO)
    send.send_to_handle(table, USER, HANDLE, Draft(MESSAGE_UUID, TEXT), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return table


def _assert_nothing_told(log: str) -> None:
    told = [secret for secret in SECRETS if secret in log]
    assert not told


@pytest.mark.parametrize(("name", "request_event", "status"), FAILURES.values(), ids=FAILURES)
def test_a_refusal_is_logged_by_ids(
    name: str,
    request_event: dict[str, Any],
    status: int,
    table: FakeTable,
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    function = _function(name)
    monkeypatch.setattr(function, "table", table)

    response = function.lambda_handler(request_event, None)

    log = written()
    assert response["statusCode"] == status
    entry = json.loads(log)
    assert (entry["message"], entry["request_id"], entry["status"]) == ("refused", "the-request-id", status)
    _assert_nothing_told(log)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(QUOTING),
        KeyError(QUOTING),
        UnicodeDecodeError("utf-8", QUOTING.encode(), 0, 1, QUOTING),
        ClientError({"Error": {"Code": "ValidationException", "Message": QUOTING}}, "PutItem"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_bug_is_logged_without_the_text_it_quotes(
    name: str, error: Exception, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = _function(name)
    monkeypatch.setattr(function, "table", FailingTable(error))

    response = function.lambda_handler(REQUESTS[name], None)

    log = written()
    assert response["statusCode"] == 500
    assert json.loads(log)["error"] == type(error).__name__
    _assert_nothing_told(log)
    _assert_nothing_told(response["body"])


@pytest.mark.parametrize("name", REQUESTS)
def test_a_table_that_is_busy_is_logged_by_ids(name: str, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    function = _function(name)
    monkeypatch.setattr(function, "table", FailingTable(Busy("DynamoDB is throttling.")))

    response = function.lambda_handler(REQUESTS[name], None)

    log = written()
    assert response["statusCode"] == 503
    assert json.loads(log.splitlines()[0])["status"] == 503
    _assert_nothing_told(log)


def test_sending_that_loses_every_race_is_logged_by_ids(
    table: FakeTable, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_: object) -> None:
        raise Busy("DynamoDB is throttling.")

    function = _function(CREATE_MESSAGE)
    monkeypatch.setattr(table, "append", throttled)
    monkeypatch.setattr(function, "table", table)

    response = function.lambda_handler(REQUESTS[CREATE_MESSAGE], None)

    log = written()
    assert response["statusCode"] == 503
    assert json.loads(log.splitlines()[0])["status"] == 503
    _assert_nothing_told(log)


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_are_counted_and_not_logged(
    name: str, table: FakeTable, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = _function(name)
    monkeypatch.setattr(function, "table", table)

    if name == DECLINE_REQUEST:
        asked = Membership(ask=Ask(0, TIME))
        table.heads[GROUP] = table.heads[GROUP].with_membership(USER, asked)
    response = function.lambda_handler(REQUESTS[name], None)

    log = written()
    assert response["statusCode"] == 200
    sending = dict.fromkeys((CREATE_MESSAGE, CREATE_MESSAGE_GROUP), "MessagesSent")
    metric = {**sending, CREATE_REPORT: "ReportsFiled"}.get(name)
    assert [json.loads(line)[metric] for line in log.splitlines()] == ([[1]] if metric else [])
    _assert_nothing_told(log)


def _record(sequence_number: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventName": "MODIFY",
        "dynamodb": {
            "ApproximateCreationDateTime": 1795464001,
            "SequenceNumber": sequence_number,
            "OldImage": old,
            "NewImage": new,
        },
    }


def test_a_stream_record_that_fails_is_logged_by_ids(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Message(GROUP, MESSAGE_UUID, TEXT, ME, TIME, 1)
    head = Head.of_first(first, LONDO)
    later = head.after(head.next_message(USER, Draft(MESSAGE_UUID, f"{TEXT}!"), datetime(2026, 2, 1, tzinfo=UTC)))
    function = _function("stream_handler.stream_handler")
    table = FailingTable(RuntimeError(QUOTING))
    # The requests get an answer, but each write fails.
    monkeypatch.setattr(table, "write_entries", lambda writes: [RuntimeError(QUOTING)] * len(writes), raising=False)
    monkeypatch.setattr(function, "table", table)
    records = [
        _record("1", first.item, first.item),
        _record("2", head.item, {**head.item, "last_seq": {"N": QUOTING}}),
        _record("3", head.item, later.item),
    ]

    answer = function.lambda_handler({"Records": records}, None)

    log = written()
    assert sorted(failure["itemIdentifier"] for failure in answer["batchItemFailures"]) == ["1", "2", "3"]
    *lines, metrics = map(json.loads, log.splitlines())
    assert sorted(line["sequence_number"] for line in lines) == ["1", "2", "3"]
    assert metrics["RecordsFailed"] == [3]
    _assert_nothing_told(log)


@pytest.mark.parametrize("error", [None, HandleTaken("It is taken."), RuntimeError("DynamoDB")], ids=repr)
def test_a_sign_up_is_logged_by_ids(error: Exception | None, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    function = _function("users.post_confirmation")
    people: list[Person] = []

    def register(person: Person, *, has_account: bool) -> None:
        assert has_account
        if error:
            raise error
        people.append(person)

    table = FakeTable()
    monkeypatch.setattr(table, "register", register)
    monkeypatch.setattr(function, "table", table)
    signing_up = {
        "triggerSource": "PostConfirmation_ConfirmSignUp",
        "request": {"userAttributes": {"sub": OTHER, "preferred_username": HANDLE, "name": NAME, "email": TEXT}},
    }

    if error:
        with pytest.raises(type(error)):
            function.lambda_handler(signing_up, None)
    else:
        assert function.lambda_handler(signing_up, None) == signing_up

    log = written()
    assert bool(people) == (error is None) == (OTHER in log)
    _assert_nothing_told(log)
