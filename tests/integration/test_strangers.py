"""Every route and frame refuses somebody else's conversation and a missing one alike: same requests, same time."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.cursors import MessageCursor
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services import refusals
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.schema import template
from tests.support.asyncapi import ASYNCAPI
from tests.support.functions import Functions, sample_event
from tests.support.socket_functions import SocketFunctions
from tests.support.world import Requests, Run

FRAMES = ASYNCAPI["components"]["schemas"]["Frame"]["oneOf"]
KINDS = [kind for frame in FRAMES for kind in frame["properties"]["type"].get("enum", ())]
STRANGER = str(uuid4())


def _functions() -> Iterator[str]:
    """The functions of the API, as folder.module."""
    for resource in template()["Resources"].values():
        for event in resource["Properties"].get("Events", {}).values() if "Properties" in resource else ():
            if event["Type"] == "HttpApi":
                folder = resource["Properties"]["CodeUri"].removeprefix("functions/")
                yield f"{folder}.{resource['Properties']['Handler'].removesuffix('.lambda_handler')}"


def _asking(path: str, message_group_uuid: str) -> list[dict[str, Any]]:
    """The requests of a function that name a conversation by its uuid; none if it takes no uuid."""
    event = sample_event(path.partition(".")[2])
    event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = STRANGER
    body = json.loads(event.get("body", "{}"))
    (name, *_) = [*(one for one in event.get("pathParameters", ()) if one.startswith("message_group")), ""]
    if "message_group_uuid" in body:
        return [{**event, "body": json.dumps({**body, "message_group_uuid": message_group_uuid})}]
    if not name:
        return []
    event["pathParameters"] |= {name: message_group_uuid}
    cursor = str(MessageCursor(message_group_uuid, keys.FIRST_TIME, 1))
    queries: list[dict[str, str]] = [{}]
    if path == "messages.list_messages":
        queries += [{"before": cursor}, {"after": cursor}, {"limit": "100"}, {"around": STRANGER}]
    if path == "messages.list_changes":
        queries += [{"after": "1"}, {"limit": "100"}]
    if path == "messages.delete_message":
        queries = [{"for": "everyone"}, {"for": "me"}]
    return [{**event, "queryStringParameters": query} for query in queries]


NAMING = [path for path in _functions() if _asking(path, "")]


class Clock:
    """A clock that only requests and sleeps advance: a request by a second, plus a second per returned item."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def hook(self, _: int, run: Run, __: dict[str, Any]) -> Any:
        answer = run()
        self.now += 1 + len(answer.get("Items", ())) + ("Item" in answer)
        return answer


@pytest.fixture
def group(table: Table, bayko: Person, londo: Person) -> str:
    """A conversation of two others with enough messages for a long page."""
    uuid = send_to_handle(table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "Hello")).message.message_group_uuid
    for _ in range(20):
        send_to_conversation(table, londo.user_uuid, uuid, Draft(str(uuid4()), "Hello again"))
    return uuid


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(refusals, "time", clock)
    monkeypatch.setattr(refusals, "MIN_REFUSAL_SECONDS", 1000.0)
    return clock


@pytest.fixture
def requests(table: Table, clock: Clock) -> Requests:
    requests = Requests(table.db.client)
    requests.hook = clock.hook
    return requests


def test_the_routes_that_name_a_conversation_are_known() -> None:
    assert {"messages.list_messages", "message_groups.mark_read", "messages.create_message"} <= set(NAMING)
    assert {"typing", "subscribe", "unsubscribe"} <= set(KINDS)


@pytest.mark.parametrize("path", NAMING)
def test_a_route_refuses_both_alike(
    table_name: str, monkeypatch: pytest.MonkeyPatch, group: str, clock: Clock, requests: Requests, path: str
) -> None:
    handler = Functions(Table(requests, table_name), monkeypatch).handler(path).lambda_handler  # type: ignore[arg-type]

    def refused(event: dict[str, Any]) -> tuple[Any, ...]:
        """Everything that a stranger can see or measure."""
        clock.now, requests.names = 0.0, []
        answer = handler(event, None)
        assert answer["statusCode"] == 404
        return answer, requests.names, clock.now

    for others, none in zip(_asking(path, group), _asking(path, str(uuid4())), strict=True):
        assert refused(others) == refused(none)


def test_a_refusal_reads_others_messages_once(
    table_name: str, monkeypatch: pytest.MonkeyPatch, group: str, clock: Clock, requests: Requests
) -> None:
    """The longest page takes a function some tens of milliseconds, and a refusal has a tenth of a second."""
    functions = Functions(Table(requests, table_name), monkeypatch)  # type: ignore[arg-type]

    assert functions.list_messages(STRANGER, group, limit="100")[0] == 404

    assert requests.names == ["query", "get_item"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_refuses_both_alike(
    table_name: str, monkeypatch: pytest.MonkeyPatch, group: str, clock: Clock, requests: Requests, kind: str
) -> None:
    functions = Functions(Table(requests, table_name), monkeypatch)  # type: ignore[arg-type]
    client = SocketFunctions(functions, monkeypatch)

    def refused(message_group_uuid: str) -> tuple[Any, ...]:
        clock.now, requests.names = 0.0, []
        answers = client.send(STRANGER, "connection", type=kind, message_group_uuid=message_group_uuid)
        assert [answer["code"] for answer in answers] == ["not_found"]
        return answers, requests.names, clock.now

    assert refused(group) == refused(str(uuid4()))
