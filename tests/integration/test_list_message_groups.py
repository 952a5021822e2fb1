"""Pattern B on a real engine: an inbox of any length, each conversation once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.inbox_entry import InboxEntry
from messaging.model.person import Person
from tests.integration.test_list_messages import links
from tests.support.functions import Functions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_START = datetime(2025, 12, 31, 12, tzinfo=UTC)


def write_inbox(dynamodb: "DynamoDBClient", table_name: str, owner: Person, count: int) -> list[InboxEntry]:
    """Write an inbox of `count` conversations an hour apart, the newest first."""
    groups = []
    for number in range(count):
        other = Person(str(uuid4()), f"person{number}", f"Person {number}")
        at = keys.format_time(_START + timedelta(hours=number))
        group = keys.pair_uuid(owner.user_uuid, other.user_uuid)
        groups.append(
            InboxEntry(owner.user_uuid, group, "Hi", other, at, last_seq=1, read_seq=0, other_read_seq=1, version=1)
        )
    for first in range(0, count, 25):
        dynamodb.batch_write_item(
            RequestItems={
                table_name: [{"PutRequest": {"Item": group.item}} for group in groups[first : first + 25]],
            }
        )
    return groups[::-1]


@pytest.mark.parametrize(("limit", "pages"), [("1", 45), ("20", 3), ("44", 2), ("45", 1), ("100", 1)])
def test_the_whole_inbox_is_reachable_and_back_again(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, bayko: Person, limit: str, pages: int
) -> None:
    groups = write_inbox(dynamodb, table_name, bayko, 45)

    down: list[list[str]] = []
    query: dict[str, str] | None = {"limit": limit}
    while query:
        _, page, headers = functions.list_message_groups(bayko.user_uuid, **query)
        down.append([group["uuid"] for group in page])
        query = links(headers).get("next")
    up: list[list[str]] = [down[-1]]
    query = links(headers).get("prev")
    while query:
        _, page, headers = functions.list_message_groups(bayko.user_uuid, **query)
        up.append([group["uuid"] for group in page])
        query = links(headers).get("prev")

    expected = [group.message_group_uuid for group in groups]
    assert len(down) == pages
    assert [uuid for page in down for uuid in page] == expected
    assert [uuid for page in reversed(up) for uuid in page] == expected


def test_an_empty_inbox_is_an_empty_list(functions: Functions, bayko: Person) -> None:
    status, page, headers = functions.list_message_groups(bayko.user_uuid)

    assert (status, page) == (200, [])
    assert links(headers).keys() == {"monitor", "first"}


def test_a_conversation_being_moved_is_listed_once_at_its_newer_place(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, bayko: Person
) -> None:
    """Between the two requests of a rewrite both items exist."""
    newest, *_, oldest = write_inbox(dynamodb, table_name, bayko, 5)
    at = keys.format_time(datetime.fromisoformat(newest.created_at) + timedelta(seconds=1))
    moved = replace(oldest, message="Newer", sk=at)
    dynamodb.put_item(TableName=table_name, Item=moved.item)

    _, page, _ = functions.list_message_groups(bayko.user_uuid)

    assert len(page) == 5
    assert (page[0]["uuid"], page[0]["message"]) == (oldest.message_group_uuid, "Newer")


def test_a_page_still_leads_up_when_all_its_conversations_moved_up(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, bayko: Person
) -> None:
    """Read as in test_state_machine: down to the last page, and up again for conversations that moved meanwhile."""
    _, oldest = write_inbox(dynamodb, table_name, bayko, 2)
    _, _, headers = functions.list_message_groups(bayko.user_uuid, limit="1")
    moved = replace(oldest, sk=keys.format_time(_START + timedelta(days=9)))
    dynamodb.put_item(TableName=table_name, Item=moved.item)
    dynamodb.delete_item(TableName=table_name, Key={name: oldest.item[name] for name in ("pk", "sk")})

    _, below, headers = functions.list_message_groups(bayko.user_uuid, **links(headers)["next"])
    _, above, headers = functions.list_message_groups(bayko.user_uuid, **links(headers)["prev"])

    assert below == []
    assert [group["uuid"] for group in above] == [moved.message_group_uuid]
    assert "prev" not in links(headers)


def test_somebody_elses_cursor_is_refused(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, bayko: Person, londo: Person
) -> None:
    write_inbox(dynamodb, table_name, bayko, 3)
    cursor = links(functions.list_message_groups(bayko.user_uuid, limit="1")[2])["next"]

    assert functions.list_message_groups(londo.user_uuid, **cursor)[0] == 400


def test_a_conversation_that_is_stored_twice_is_shown_once_and_counted(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    bayko: Person,
    capsys: pytest.CaptureFixture[str],
) -> None:
    newest, older, _ = write_inbox(dynamodb, table_name, bayko, 3)
    dynamodb.put_item(TableName=table_name, Item=replace(newest, sk=keys.FIRST_TIME).item)

    _, groups, _ = functions.list_message_groups(bayko.user_uuid, limit="2")
    assert [group["uuid"] for group in groups] == [newest.message_group_uuid, older.message_group_uuid]
    assert "InboxDuplicates" not in capsys.readouterr().out
    _, groups, _ = functions.list_message_groups(bayko.user_uuid)
    assert [group["uuid"] for group in groups].count(newest.message_group_uuid) == 1
    assert '"InboxDuplicates":[1]' in capsys.readouterr().out


def test_the_same_inbox_is_not_sent_twice(functions: Functions, bayko: Person, londo: Person) -> None:
    functions.create_message_group(bayko.user_uuid, handle="londo", message="Hello")
    _, _, headers = functions.list_message_groups(bayko.user_uuid)

    status, body, _ = functions.call(
        "message_groups.list_message_groups", bayko.user_uuid, headers={"if-none-match": headers["etag"]}
    )

    assert (status, body) == (304, None)
