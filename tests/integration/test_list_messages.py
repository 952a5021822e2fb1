"""Pattern A on a real engine: no page skips or repeats a message, and history has no end."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.services.read import newest_messages
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from tests.support.functions import Functions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def links(headers: dict[str, str]) -> dict[str, dict[str, str]]:
    """Parse a Link header: the query of each relation."""
    found = re.findall(r'<\?([^>]*)>; rel="(\w+)"', headers.get("link", ""))
    return {relation: dict(parse_qsl(query)) for query, relation in found}


def write_history(
    dynamodb: "DynamoDBClient", table_name: str, bayko: Person, londo: Person, count: int, start: datetime
) -> str:
    """Write a conversation of `count` messages an hour apart."""
    group = keys.pair_uuid(bayko.user_uuid, londo.user_uuid)
    messages = [
        Message(group, str(uuid4()), f"Message {seq}", bayko, keys.format_time(start + timedelta(hours=seq)), seq)
        for seq in range(1, count + 1)
    ]
    last = messages[-1]
    head = Head.of_first(last, londo)
    items = [head.item, *(message.item for message in messages)]
    for first in range(0, len(items), 25):
        dynamodb.batch_write_item(
            RequestItems={table_name: [{"PutRequest": {"Item": item}} for item in items[first : first + 25]]}
        )
    return group


def page_through(
    functions: Functions, user_uuid: str, group: str, relation: str, **query: str
) -> list[list[dict[str, Any]]]:
    """Yield all pages from a first one, in the direction of `relation`."""
    pages = []
    while True:
        status, page, headers = functions.list_messages(user_uuid, group, **query)
        assert status == 200
        pages.append(page)
        if relation not in links(headers):
            return pages
        query = links(headers)[relation]


@pytest.fixture
def history(dynamodb: "DynamoDBClient", table_name: str, bayko: Person, londo: Person) -> str:
    """120 messages an hour apart, from 2025-12-29 on: across a New Year."""
    return write_history(dynamodb, table_name, bayko, londo, 120, datetime(2025, 12, 29, tzinfo=UTC))


def test_the_newest_page_comes_first_oldest_message_at_its_top(
    functions: Functions, londo: Person, history: str
) -> None:
    status, page, headers = functions.list_messages(londo.user_uuid, history)

    assert status == 200
    assert [message["seq"] for message in page] == list(range(101, 121))
    assert list(page[0]) == ["uuid", "display_name", "handle", "message", "created_at", "user_uuid", "seq", "change"]
    assert set(links(headers)) == {"prev", "monitor"}


@pytest.mark.parametrize("limit", ["1", "7", "20", "100"])
def test_paging_back_reaches_the_first_message_of_last_year(
    functions: Functions, londo: Person, history: str, limit: str
) -> None:
    pages = page_through(functions, londo.user_uuid, history, "prev", limit=limit)

    assert [message["seq"] for page in reversed(pages) for message in page] == list(range(1, 121))
    assert pages[-1][0]["created_at"].startswith("2025-12-29")


@pytest.mark.parametrize("limit", ["1", "7", "100"])
def test_paging_forward_again_ends_at_the_newest(functions: Functions, londo: Person, history: str, limit: str) -> None:
    oldest_query: dict[str, str] = {"limit": limit}
    while "prev" in (found := links(functions.list_messages(londo.user_uuid, history, **oldest_query)[2])):
        oldest_query = found["prev"]

    pages = page_through(functions, londo.user_uuid, history, "next", **oldest_query)

    assert [message["seq"] for page in pages for message in page] == list(range(1, 121))


def test_paging_after_a_cursor_gets_everything_once_while_others_write(
    functions: Functions, table: Table, bayko: Person, londo: Person
) -> None:
    first = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "1")).message
    group = first.message_group_uuid
    _, page, headers = functions.list_messages(londo.user_uuid, group)
    seen = [message["seq"] for message in page]

    def write(sender: Person) -> None:
        for number in range(60):
            send_to_conversation(table, sender.user_uuid, group, Draft(str(uuid4()), str(number)))

    with ThreadPoolExecutor(2) as threads:
        writing = [threads.submit(write, person) for person in (bayko, londo)]
        while len(seen) < 121:
            found = links(headers)
            _, page, headers = functions.list_messages(
                londo.user_uuid, group, **{**found.get("next", found.get("monitor", {})), "limit": "7"}
            )
            seen += [message["seq"] for message in page]
        for one in writing:
            one.result()

    assert seen == list(range(1, 122))


def test_paging_back_is_not_disturbed_by_new_messages(
    functions: Functions, table: Table, bayko: Person, londo: Person, history: str
) -> None:
    seen: list[int] = []
    query: dict[str, str] | None = {"limit": "9"}
    while query:
        _, page, headers = functions.list_messages(londo.user_uuid, history, **query)
        seen = [message["seq"] for message in page] + seen
        query = links(headers).get("prev")
        send_to_conversation(table, bayko.user_uuid, history, Draft(str(uuid4()), "Meanwhile"))

    assert seen == list(range(1, 121))


def test_the_ten_thousandth_message_is_reachable(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, bayko: Person, londo: Person
) -> None:
    group = write_history(dynamodb, table_name, bayko, londo, 10_000, datetime(2025, 1, 1, tzinfo=UTC))

    pages = page_through(functions, bayko.user_uuid, group, "prev", limit="100")

    assert len(pages) == 100
    assert [message["seq"] for page in reversed(pages) for message in page] == list(range(1, 10_001))


def test_a_stranger_gets_the_same_answer_as_for_no_conversation(
    functions: Functions, register: Callable[[str], Person], londo: Person, history: str
) -> None:
    eve = register("eve")
    before = links(functions.list_messages(londo.user_uuid, history)[2])["prev"]

    foreign = [functions.list_messages(eve.user_uuid, history, **query)[:2] for query in ({}, before)]
    missing = functions.list_messages(eve.user_uuid, str(uuid4()))[:2]

    assert missing[0] == 404
    assert foreign == [missing, missing]


def test_a_cursor_of_another_conversation_is_refused(
    functions: Functions, table: Table, register: Callable[[str], Person], londo: Person, history: str
) -> None:
    kenji = register("kenji")
    other = send_to_handle(
        table, kenji.user_uuid, londo.handle, Draft(str(uuid4()), "Hello")
    ).message.message_group_uuid
    cursor = links(functions.list_messages(londo.user_uuid, history)[2])["prev"]

    assert functions.list_messages(londo.user_uuid, other, **cursor)[0] == 400


def test_the_same_page_is_not_sent_twice(functions: Functions, table: Table, londo: Person, history: str) -> None:
    _, _, headers = functions.list_messages(londo.user_uuid, history)
    parameters = {"message_group_uuid": history}
    known = {"if-none-match": headers["etag"]}

    unchanged = functions.call("messages.list_messages", londo.user_uuid, parameters=parameters, headers=known)
    send_to_conversation(table, londo.user_uuid, history, Draft(str(uuid4()), "New"))
    changed = functions.call("messages.list_messages", londo.user_uuid, parameters=parameters, headers=known)

    assert (unchanged[0], unchanged[1], unchanged[2]["etag"]) == (304, None, headers["etag"])
    assert changed[0] == 200


class StaleReplica:
    """A DynamoDB client with eventually consistent reads that lack some items."""

    def __init__(self, client: "DynamoDBClient", unknown: Callable[[dict[str, Any]], bool]) -> None:
        self._client = client
        self._unknown = unknown

    def query(self, **request: Any) -> dict[str, Any]:
        if request["ConsistentRead"]:
            return dict(self._client.query(**request))
        answer = self._client.query(**{**request, "Limit": 1000})
        return {"Items": [item for item in answer["Items"] if not self._unknown(dict(item))][: request["Limit"]]}

    def get_item(self, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = {**self._client.get_item(**request)}
        return {} if not request["ConsistentRead"] and self._unknown(answer.get("Item", {})) else answer

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        answer = self._client.batch_get_item(**request)
        ((table_name, asked),) = request["RequestItems"].items()
        items = [dict(item) for item in answer["Responses"][table_name]]
        known = [item for item in items if asked["ConsistentRead"] or not self._unknown(item)]
        return {**answer, "Responses": {table_name: known}}


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(lambda item: item.get("seq") == {"N": "120"}, id="the newest message"),
        pytest.param(lambda item: item.get("seq") == {"N": "110"}, id="one in the middle"),
        pytest.param(lambda item: int(item.get("seq", {"N": "0"})["N"]) > 90, id="the last thirty"),
        pytest.param(lambda item: item.get("sk") == {"S": "HEAD"}, id="the head"),
        pytest.param(lambda _: True, id="the conversation"),
    ],
)
def test_a_stale_replica_hides_no_message(
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    functions_dynamodb: Any,
    table_name: str,
    londo: Person,
    history: str,
    unknown: Callable[[dict[str, Any]], bool],
) -> None:
    stale = Table(StaleReplica(functions_dynamodb, unknown), table_name)  # type: ignore[arg-type]

    page = newest_messages(stale, londo.user_uuid, history, 20)
    assert [message.seq for message in page.messages] == list(range(101, 121))

    pages = page_through(Functions(stale, monkeypatch), londo.user_uuid, history, "prev", limit="7")
    assert [message["seq"] for page in reversed(pages) for message in page] == list(range(1, 121))


def test_a_real_gap_does_not_hide_the_messages_after_it(
    functions: Functions, dynamodb: "DynamoDBClient", table_name: str, londo: Person, history: str
) -> None:
    """An item was deleted by hand: `bin/ddb/verify` reports it, and the rest stays readable."""
    _, (lost, *_), _ = functions.list_messages(londo.user_uuid, history, limit="10")
    dynamodb.delete_item(TableName=table_name, Key={"pk": {"S": f"MSG#{history}"}, "sk": {"S": lost["created_at"]}})

    pages = page_through(functions, londo.user_uuid, history, "prev", limit="7")

    seen = [message["seq"] for page in reversed(pages) for message in page]
    assert seen == [seq for seq in range(1, 121) if seq != lost["seq"]]
