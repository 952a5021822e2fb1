"""Every sample event under `sam local invoke`: its answer, and its changes in the table."""

import hashlib
import json
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from dateutil.parser import isoparse

from local.stack import ROOT
from messaging.model import keys
from messaging.model.connection import Ticket
from messaging.model.membership import OUT_OF_SIGHT
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.rewrite_inbox import Change
from messaging.services.send import send_to_conversation
from messaging.storage.table import Delete, Insert, Table
from tests.sam_local.conftest import Sam
from tests.support.checks import assert_inboxes_stand_at_the_heads, read_all
from tests.support.functions import sample_event

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BAYKO = "0e4f6f0c-6c1e-4a43-9c3e-6f2a1f0b7d01"
LONDO = "7a3c2b1e-98d7-4f65-8a10-2b3c4d5e6f02"
BAYKO_AND_LONDO = keys.pair_uuid(BAYKO, LONDO)
UNREADABLE = "100000000000000000105"


# The stream, before anything else changes the heads of its records.


@pytest.mark.parametrize(
    ("event", "failed", "metrics"),
    [
        ("stream_handler", [], {"InboxRewrites": [1]}),
        ("stream_handler_hundred", [], {"InboxRewrites": [1]}),
        ("stream_handler_mixed", [UNREADABLE], {"InboxRewrites": [3], "RecordsFailed": [1]}),
        ("stream_handler_twice", [], {"InboxRewrites": [1]}),
    ],
    ids=["one message", "a hundred of one conversation", "a mixed batch", "a record twice"],
)
def test_the_stream_brings_inboxes_to_their_heads_and_reports_unreadable_records(
    sam: Sam,
    dynamodb: "DynamoDBClient",
    table: Table,
    table_name: str,
    event: str,
    failed: list[str],
    metrics: dict[str, list[float]],
) -> None:
    assert make_true(table, sample_event(event)["Records"]) == failed
    with pytest.raises(AssertionError):
        assert_inboxes_stand_at_the_heads(read_all(dynamodb, table_name))

    answer, logged = sam.invoke("StreamHandler", event)

    assert answer == {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
    assert logged == metrics
    assert_inboxes_stand_at_the_heads(read_all(dynamodb, table_name))


def make_true(table: Table, records: list[dict[str, Any]]) -> list[str]:
    """Send the records' messages, unless the demo has them, and reset both inboxes to before the first record.

    Returns the sequence numbers of unreadable records.
    """
    changes: dict[str, list[Change]] = defaultdict(list)
    unreadable = []
    for record in records:
        try:
            change = Change.from_record(record)
        except KeyError:
            unreadable.append(record["dynamodb"]["SequenceNumber"])
        else:
            changes[change.new.message_group_uuid].append(change)
    for message_group_uuid, told in changes.items():
        for new in (change.new for change in told):
            head = table.head(message_group_uuid, consistent=True)
            if head and head.last_seq < new.last_seq:
                send_to_conversation(
                    table,
                    new.last.sender.user_uuid,
                    message_group_uuid,
                    Draft(new.last.message_uuid, new.last.message),
                    lambda new=new: isoparse(new.created_at),  # type: ignore[misc]
                )
        assert table.head(message_group_uuid, consistent=True) == told[-1].new
        start = told[0].old or told[0].new
        noted = [unread for owner_uuid in told[-1].new.members for unread in table.unread(owner_uuid)]
        table.write_entries([Delete(one) for one in noted if one.message_group_uuid == message_group_uuid])
        table.write_entries([Delete(group) for group in told[-1].new.inbox_entries])
        table.write_entries([Insert(group) for group in start.inbox_entries])
        table.write_entries([Insert(unread) for unread in start.unread])
    return unreadable


# Reading


def test_show_user(sam: Sam) -> None:
    assert sam.request("ShowUser", "show_user") == (
        200,
        {"uuid": LONDO, "handle": "londo", "display_name": "Londo Mollari", "avatar": None},
    )


def test_find_message_group(sam: Sam) -> None:
    assert sam.request("FindMessageGroup", "find_message_group") == (
        200,
        {"message_group_uuid": BAYKO_AND_LONDO, "display_name": "Londo Mollari", "can_write": "yes"},
    )


def test_list_message_groups(sam: Sam, table: Table) -> None:
    status, inbox = sam.request("ListMessageGroups", "list_message_groups")

    assert status == 200
    assert [(group["uuid"], group["message"], group["created_at"]) for group in inbox] == [
        (group.message_group_uuid, group.message, group.created_at) for group in table.inbox(BAYKO, 20)
    ]
    assert {group["handle"] for group in inbox} == {"amara", "ines_c", "kenji", "londo", "tariq"}


def test_mark_read_and_count_unread(sam: Sam, table: Table) -> None:
    head = table.head(BAYKO_AND_LONDO, consistent=True)
    assert head
    marked = {"last_seq": head.last_seq, "read_seq": head.read_seqs[BAYKO]}
    unread_count = marked["last_seq"] - marked["read_seq"]
    assert sam.request("MarkRead", "mark_read") == (
        200,
        {"message_group_uuid": BAYKO_AND_LONDO, **marked, "unread_count": unread_count},
    )

    counts = [unread.count for unread in table.unread(BAYKO)]
    assert sam.request("CountUnread", "count_unread") == (
        200,
        {"message_groups": len(counts), "messages": sum(counts), "requests": 0},
    )


def test_settings_of_a_conversation(sam: Sam, table: Table) -> None:
    status, muted = sam.request("ChangeMessageGroup", "change_message_group")
    assert (status, muted["muted_until"], muted["folder"]) == (200, "forever", "inbox")
    assert sam.request("AcceptRequest", "accept_request") == (200, muted)
    assert sam.request("DeclineRequest", "decline_request")[0] == 409
    before = table.head(BAYKO_AND_LONDO, consistent=True)
    assert before
    assert sam.request("LeaveMessageGroup", "leave_message_group") == (200, {"message_group_uuid": BAYKO_AND_LONDO})
    left = table.head(BAYKO_AND_LONDO, consistent=True)
    assert left
    assert left.folder(BAYKO) == OUT_OF_SIGHT
    table.db.put(before.item)  # other events concern it, too


def test_block_user_list_blocks_and_unblock_user(sam: Sam) -> None:
    _, blocked = sam.request("BlockUser", "block_user")
    assert blocked["blocked_at"]
    assert sam.request("ListBlocks", "list_blocks") == (200, [blocked])
    assert sam.request("UnblockUser", "unblock_user") == (200, {**blocked, "blocked_at": None})


def test_show_me_and_update_me(sam: Sam) -> None:
    bayko = {
        "uuid": BAYKO,
        "handle": "bayko",
        "display_name": "Andrew Bayko",
        "avatar": None,
        "messages_from": "everyone",
    }
    assert sam.request("ShowMe", "show_me") == (200, {**bayko, "receipts": True})
    assert sam.request("UpdateMe", "update_me") == (200, {**bayko, "receipts": False})
    assert sam.request("ShowMe", "show_me") == (200, {**bayko, "receipts": False})
    assert sam.request("CreateMe", "create_me") == (200, {**bayko, "receipts": False})


def test_list_messages(sam: Sam, table: Table) -> None:
    status, page = sam.request("ListMessages", "list_messages")

    assert status == 200
    assert [message["seq"] for message in page] == list(range(79, 99))
    assert page[-1] == {
        "uuid": "fdcc54be-bffb-5b13-9890-302d560de9b4",
        "display_name": "Londo Mollari",
        "handle": "londo",
        "message": "Naturally. And nine onions.",
        "created_at": "2026-01-03T17:31:26.000000+00:00",
        "user_uuid": LONDO,
        "seq": 98,
        "change": 0,
    }


def test_show_message(sam: Sam) -> None:
    _, page = sam.request("ListMessages", "list_messages")

    assert sam.request("ShowMessage", "show_message") == (200, page[-1])


def test_create_report(sam: Sam) -> None:
    status, filed = sam.request("CreateReport", "create_report")

    assert (status, filed.keys()) == (200, {"report_uuid", "created_at"})


def test_changes_of_a_message(sam: Sam) -> None:
    status, message = sam.request("PutReaction", "put_reaction")
    assert (status, message["reactions"]) == (200, [{"emoji": "👍", "user_uuids": [BAYKO]}])
    _, feed = sam.request("ListChanges", "list_changes")
    assert feed == [{"change": 1, "kind": "reaction", "message": message}]
    status, message = sam.request("DeleteReaction", "delete_reaction")
    assert (status, message["change"], "reactions" in message) == (200, 2, False)
    # The message is the other's.
    assert sam.request("EditMessage", "edit_message")[0] == 403
    assert sam.request("DeleteMessage", "delete_message")[0] == 403


# Writing


@pytest.mark.parametrize(
    ("function", "event", "seq"),
    [("CreateMessageGroup", "create_message_group", 1), ("CreateMessage", "create_message", 99)],
    ids=["CreateMessageGroup", "CreateMessage"],
)
def test_a_message_is_sent_once_even_if_the_event_is_repeated(
    sam: Sam, table: Table, function: str, event: str, seq: int
) -> None:
    body = json.loads(sample_event(event)["body"])

    status, sent = sam.request(function, event)

    assert status == 200
    assert (sent["uuid"], sent["message"], sent["handle"], sent["seq"]) == (
        body["message_uuid"],
        body["message"],
        "bayko",
        seq,
    )
    stored = table.message(sent["message_group_uuid"], sent["created_at"])
    assert stored
    assert (stored.message, stored.sender.user_uuid, stored.seq) == (body["message"], BAYKO, seq)
    assert sam.request(function, event) == (200, sent)


def test_pre_sign_up(sam: Sam) -> None:
    assert sam.invoke("PreSignUp", "pre_sign_up")[0] == sample_event("pre_sign_up")


def test_post_confirmation(sam: Sam, table: Table) -> None:
    assert sam.invoke("PostConfirmation", "post_confirmation")[0] == sample_event("post_confirmation")

    attributes = sample_event("post_confirmation")["request"]["userAttributes"]
    assert table.person_by_handle("vir") == Person(attributes["sub"], "vir", "Vir Cotto")


# Sockets. No API Gateway answers here, so the other must have no connection to push to.


def test_a_socket_is_opened_with_a_ticket_and_closed_again(sam: Sam, table: Table) -> None:
    status, given = sam.request("CreateTicket", "create_ticket")
    assert (status, given.keys()) == (200, {"ticket", "expires_in"})

    ticket = sample_event("authorize")["queryStringParameters"]["ticket"]
    table.put_ticket(Ticket(hashlib.sha256(ticket.encode()).hexdigest(), BAYKO, int(time.time()) + 60))
    effects = []
    for _ in range(2):
        answer, _ = sam.invoke("Authorize", "authorize")
        effects += [(statement["Effect"], answer["context"]) for statement in answer["policyDocument"]["Statement"]]
    assert effects == [("Allow", {"user_uuid": BAYKO}), ("Deny", {})]

    assert sam.invoke("Connect", "connect")[0] == {"statusCode": 200}
    (connection,) = table.connections(BAYKO)
    assert connection.connection_id == sample_event("connect")["requestContext"]["connectionId"]
    assert sam.invoke("Receive", "receive")[0] == {"statusCode": 200}
    assert sam.invoke("Disconnect", "disconnect")[0] == {"statusCode": 200}
    assert table.connections(BAYKO) == []


def test_push(sam: Sam) -> None:
    assert sam.invoke("Push", "push") == (None, {})


def test_every_sample_event_was_invoked(sam: Sam) -> None:
    assert sam.invoked == {path.stem for path in (ROOT / "events").glob("*.json")} - {"env"}
