"""Settings in a profile and their copies in conversations, on a real engine: ordered, rate-limited, never partial."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.profile import set_read_receipts
from messaging.services.send import send_to_handle
from messaging.storage.table import CHANGE_INTERVAL_SECONDS, Table
from operators.repair import Repair
from operators.verify import verify
from tests.support.faults import Killed
from tests.support.functions import Functions, Stream
from tests.support.world import Fault, Requests, Run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONVERSATIONS = 5


class Settings:
    """Londo's settings, in some conversations, and the requests of a change. `now` is the current time."""

    def __init__(self, client: "DynamoDBClient", name: str, person: Person, groups: list[str]) -> None:
        self.client, self.name, self.person, self.groups = client, name, person, groups
        self.requests = Requests(client)
        self.now = 1_800_000_000.0
        self.table = Table(self.requests, name, lambda: self.now)  # type: ignore[arg-type]

    def shown(self) -> list[bool]:
        """The setting in the profile, and in each conversation."""
        table = Table(self.client, self.name)
        heads = [table.head(group, consistent=True) for group in self.groups]
        profile = table.profile(self.person.user_uuid)
        assert profile
        return [
            profile.person.read_receipts,
            *(head.members[self.person.user_uuid].read_receipts for head in heads if head),
        ]

    def change(self, read_receipts: bool) -> None:
        """Change the setting as another process would, a minute later."""
        self.now += CHANGE_INTERVAL_SECONDS
        table = Table(self.client, self.name, lambda: self.now)
        set_read_receipts(table, self.person.user_uuid, read_receipts=read_receipts)


@pytest.fixture
def londos(
    dynamodb: "DynamoDBClient", table_name: str, table: Table, londo: Person, register: Callable[[str], Person]
) -> Settings:
    groups = [
        send_to_handle(table, londo.user_uuid, register(f"person{number}").handle, Draft(str(uuid4()), "Hello")).message
        for number in range(CONVERSATIONS)
    ]
    return Settings(dynamodb, table_name, londo, [message.message_group_uuid for message in groups])


@pytest.fixture
def update_me(londos: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], tuple[int, Any, dict[str, str]]]:
    functions = Functions(londos.table, monkeypatch)
    return lambda read_receipts: functions.update_me(londos.person.user_uuid, receipts=read_receipts)


def test_of_two_changes_at_once_the_later_is_shown_everywhere(londos: Settings) -> None:
    def change_back(_: int, run: Run, request: dict[str, Any]) -> Any:
        """Make the whole second change when the first one reaches the first conversation."""
        if "members.#me.receipts" in request.get("UpdateExpression", ""):
            londos.requests.hook = None
            londos.change(True)
        return run()

    londos.requests.hook = change_back
    set_read_receipts(londos.table, londos.person.user_uuid, read_receipts=False)

    assert londos.shown() == [True] * (1 + CONVERSATIONS)


def test_of_many_equal_changes_at_once_one_writes(londos: Settings) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = [
            pool.submit(set_read_receipts, londos.table, londos.person.user_uuid, read_receipts=False)
            for _ in range(20)
        ]

    refused = [answer for answer in answers if answer.exception()]
    assert {type(answer.exception()).__name__ for answer in refused} <= {"TooManyRequests"}
    assert len(refused) < 20
    assert londos.shown() == [False] * (1 + CONVERSATIONS)
    assert londos.requests.names.count("update_item") == CONVERSATIONS + 1


def test_an_unchanged_setting_is_not_written(londos: Settings, update_me: Callable[[bool], Any]) -> None:
    londos.change(False)
    londos.requests.names.clear()

    assert update_me(False)[0] == 200

    assert londos.requests.names == ["get_item"]


def test_a_second_change_within_a_minute_is_refused_with_the_time_to_wait(
    londos: Settings, update_me: Callable[[bool], tuple[int, Any, dict[str, str]]]
) -> None:
    assert update_me(False)[0] == 200
    londos.now += 20

    status, body, headers = update_me(True)

    assert (status, body["status"], headers["content-type"]) == (429, 429, "application/problem+json")
    assert headers["retry-after"] == str(CHANGE_INTERVAL_SECONDS - 20)
    assert londos.shown() == [False] * (1 + CONVERSATIONS)
    londos.now += CHANGE_INTERVAL_SECONDS - 20
    assert update_me(True)[0] == 200
    assert londos.shown() == [True] * (1 + CONVERSATIONS)


def test_an_interrupted_change_is_finished_by_the_same_request(
    londos: Settings, update_me: Callable[[bool], tuple[int, Any, dict[str, str]]]
) -> None:
    # Read, write, and the inbox: then the first conversation.
    londos.requests.hook = Fault(5, "none", "killed")
    with pytest.raises(Killed):
        update_me(False)
    londos.requests.hook = None
    assert londos.shown()[0] is False

    assert update_me(False)[0] == 429
    londos.now += CHANGE_INTERVAL_SECONDS
    assert update_me(False)[0] == 200

    assert londos.shown() == [False] * (1 + CONVERSATIONS)
    londos.requests.names.clear()
    assert update_me(False)[0] == 200
    assert londos.requests.names == ["get_item"]


def test_a_change_with_a_lost_answer_is_made_once(
    londos: Settings, update_me: Callable[[bool], tuple[int, Any, dict[str, str]]]
) -> None:
    londos.requests.hook = Fault(2, "whole", "timed out")

    assert update_me(False)[0] == 200

    assert londos.shown() == [False] * (1 + CONVERSATIONS)


def test_verify_finds_a_conversation_with_other_settings_and_repair_fixes_it(
    dynamodb: "DynamoDBClient",
    table_name: str,
    table: Table,
    londos: Settings,
    functions: Functions,
    stream: Stream,
) -> None:
    def drain() -> None:
        assert functions.stream_handler(stream.records()) == []

    londos.change(False)
    drain()
    assert [one.kind for one in verify(dynamodb, table_name)] == []
    # The result of two simultaneous changes before versions.
    dynamodb.update_item(
        TableName=table_name,
        Key={"pk": {"S": f"MSG#{londos.groups[0]}"}, "sk": {"S": "HEAD"}},
        UpdateExpression="SET members.#me.receipts = :true, version = version + :one REMOVE members.#me.version",
        ExpressionAttributeNames={"#me": londos.person.user_uuid},
        ExpressionAttributeValues={":true": {"BOOL": True}, ":one": {"N": "1"}},
    )
    drain()

    violations = verify(dynamodb, table_name)
    assert [(one.kind, one.where) for one in violations] == [("copy", londos.groups[0])]

    assert Repair(dynamodb, table_name, None).fix(violations) == []
    drain()
    assert verify(dynamodb, table_name) == []
    assert londos.shown() == [False] * (1 + CONVERSATIONS)
