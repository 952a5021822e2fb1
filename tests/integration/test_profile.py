"""Settings in a profile and their copies in conversations, on a real engine: ordered, rate-limited, never partial."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model.errors import HandleTaken, NotFound
from messaging.model.message import Draft
from messaging.model.person import ClaimNames, Person, ProfileChange
from messaging.services.profile import change_profile
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.services.sign_ups import find_or_sign_up, sign_up
from messaging.storage.table import CHANGE_INTERVAL_SECONDS, Table
from operators.erasure import erase_from_table
from operators.people_table import PeopleTable
from operators.repair import Repair
from operators.verify import verify
from tests.support.fake_sockets import FakeSockets
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
        change_profile(table, self.person.user_uuid, ProfileChange(read_receipts=read_receipts))


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
    change_profile(londos.table, londos.person.user_uuid, ProfileChange(read_receipts=False))

    assert londos.shown() == [True] * (1 + CONVERSATIONS)


def test_of_many_equal_changes_at_once_one_writes(londos: Settings) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = [
            pool.submit(change_profile, londos.table, londos.person.user_uuid, ProfileChange(read_receipts=False))
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


# Handle, display name, avatar

NEW = {"handle": "emperor", "display_name": "Emperor Mollari", "avatar": "https://example.com/e.png"}
KEPT = {"handle": "londo", "display_name": "Londo", "avatar": None}


@pytest.fixture
def change(londos: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Any]]:
    """Change Londo's profile a minute later; return status and body."""
    functions = Functions(londos.table, monkeypatch)

    def update_me(**body: Any) -> tuple[int, Any]:
        londos.now += CHANGE_INTERVAL_SECONDS
        status, answer, _ = functions.update_me(londos.person.user_uuid, **body)
        return status, answer

    return update_me


def everywhere(londos: Settings, functions: Functions, stream: Stream) -> list[dict[str, Any]]:
    """Londo as the others' inboxes show him, and as his handle does; the stream is drained first."""
    assert functions.stream_handler(stream.records()) == []
    table = Table(londos.client, londos.name)
    heads = [table.head(group, consistent=True) for group in londos.groups]
    others = [head.other(londos.person.user_uuid) for head in heads if head]
    entries = [entry for other in others for entry in table.conversations(other.user_uuid)]
    profile = table.person(londos.person.user_uuid, consistent=True)
    assert profile
    owner = table.person_by_handle(profile.handle)
    assert owner
    return [
        *(
            {"handle": one.other.handle, "display_name": one.other.display_name, "avatar": one.other_avatar or None}
            for one in entries
        ),
        {"handle": owner.handle, "display_name": owner.display_name, "avatar": owner.avatar or None},
    ]


@pytest.mark.parametrize(
    "body", [{"handle": "emperor"}, {"display_name": "E"}, {"avatar": NEW["avatar"]}, NEW], ids=str
)
def test_a_change_reaches_every_inbox_and_is_undone_like_it(
    body: dict[str, Any],
    dynamodb: "DynamoDBClient",
    londos: Settings,
    change: Callable[..., tuple[int, Any]],
    functions: Functions,
    stream: Stream,
) -> None:
    for expected, wanted in ((KEPT | body, body), (KEPT, {name: KEPT[name] for name in body})):
        status, me = change(**wanted)

        assert (status, {name: me[name] for name in KEPT}) == (200, expected)
        assert everywhere(londos, functions, stream) == [expected] * (CONVERSATIONS + 1)
        assert verify(dynamodb, londos.name) == []


def test_a_profile_can_be_changed_after_the_first_choice_of_messages_from(
    londos: Settings, change: Callable[..., tuple[int, Any]]
) -> None:
    for choice in ("requests", "nobody", "everyone"):
        status, me = change(messages_from=choice)
        assert (status, me["messages_from"]) == (200, choice)

    assert change(receipts=False)[0] == 200

    assert londos.shown() == [False] * (CONVERSATIONS + 1)


def test_messages_to_come_have_the_new_name_and_old_ones_keep_theirs(
    londos: Settings, change: Callable[..., tuple[int, Any]]
) -> None:
    assert change(**NEW)[0] == 200

    sent = send_to_conversation(londos.table, londos.person.user_uuid, londos.groups[0], Draft(str(uuid4()), "Again"))

    messages = londos.table.after(londos.groups[0], "0", 10, consistent=True)
    assert [message.sender.display_name for message in messages] == ["Londo", "Emperor Mollari"]
    assert sent.message.sender.handle == "emperor"


def test_a_send_that_had_read_the_old_name_is_made_with_the_new(londos: Settings) -> None:
    def rename(_: int, run: Run, request: dict[str, Any]) -> Any:
        """Rename the sender when their message is about to be stored."""
        if "TransactItems" in request:
            londos.requests.hook = None
            table = Table(londos.client, londos.name, lambda: londos.now)
            change_profile(table, londos.person.user_uuid, ProfileChange(display_name="Emperor"))
        return run()

    londos.requests.hook = rename
    sent = send_to_conversation(londos.table, londos.person.user_uuid, londos.groups[0], Draft(str(uuid4()), "Again"))

    assert sent.message.sender.display_name == "Emperor"


def test_a_handle_that_somebody_has_is_refused_and_an_old_one_is_free(
    londos: Settings, change: Callable[..., tuple[int, Any]], register: Callable[[str], Person]
) -> None:
    register("vir")

    assert change(handle="VIR")[0] == 409
    assert change(**NEW)[0] == 200
    assert register("londo").handle == "londo"
    assert change(handle="londo")[0] == 409
    assert change(handle="Emperor")[1]["handle"] == "Emperor"


def test_of_many_who_want_a_handle_at_once_one_gets_it(
    londos: Settings, table: Table, register: Callable[[str], Person], functions: Functions, stream: Stream
) -> None:
    people = [register(f"wanting{number}") for number in range(8)]

    def take(person: Person) -> bool:
        try:
            change_profile(table, person.user_uuid, ProfileChange("centauri"))
        except HandleTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, people)) == 1
    assert functions.stream_handler(stream.records()) == []
    assert verify(londos.client, londos.name) == []


@pytest.mark.parametrize("number", range(1, 5 + CONVERSATIONS))
@pytest.mark.parametrize("extent", ["none", "whole"])
def test_a_change_that_was_cut_anywhere_is_finished_by_its_repetition(
    number: int,
    extent: str,
    londos: Settings,
    change: Callable[..., tuple[int, Any]],
    functions: Functions,
    stream: Stream,
) -> None:
    londos.requests.hook = Fault(number, extent, "killed")
    with pytest.raises(Killed):
        change(**NEW)
    londos.requests.hook = None

    assert change(**NEW)[0] == 200

    assert everywhere(londos, functions, stream) == [NEW] * (CONVERSATIONS + 1)
    assert verify(londos.client, londos.name) == []


@pytest.mark.parametrize("number", range(1, 4 + CONVERSATIONS))
def test_an_erasure_during_a_change_leaves_nothing_of_the_person(
    number: int, londos: Settings, functions: Functions, stream: Stream
) -> None:
    def erase(request_number: int, run: Run, _: dict[str, Any]) -> Any:
        if request_number == number:
            londos.requests.hook = None
            erase_from_table(PeopleTable(londos.client, londos.name), FakeSockets(), londos.person.user_uuid, ["londo"])
        return run()

    londos.requests.hook = erase
    with suppress(NotFound):
        change_profile(londos.table, londos.person.user_uuid, ProfileChange("emperor", "Emperor Mollari"))
    londos.requests.hook = None
    erase_from_table(PeopleTable(londos.client, londos.name), FakeSockets(), londos.person.user_uuid, ["londo"])

    assert functions.stream_handler(stream.records()) == []
    assert verify(londos.client, londos.name) == []
    left = str([item for page in londos.table.db.scan() for item in page])
    assert "mperor" not in left
    assert "ondo" not in left


def test_a_rename_during_an_erasure_leaves_no_handle(londos: Settings) -> None:
    def rename(_: int, run: Run, request: dict[str, Any]) -> Any:
        if "TransactItems" in request:
            londos.requests.hook = None
            change_profile(
                Table(londos.client, londos.name), londos.person.user_uuid, ProfileChange("emperor", "Emperor Mollari")
            )
        return run()

    londos.requests.hook = rename
    erase_from_table(PeopleTable(londos.requests, londos.name), FakeSockets(), londos.person.user_uuid, ["londo"])  # type: ignore[arg-type]

    left = str([item for page in londos.table.db.scan() for item in page])
    assert "mperor" not in left


# A profile of an issuer's person


def test_of_many_first_calls_at_once_one_makes_the_profile(table: Table, table_name: str, dynamodb: Any) -> None:
    names = ClaimNames("preferred_username", "name", "picture", "email")
    user_uuid, claims = str(uuid4()), {"preferred_username": "vir", "name": "Vir Cotto"}

    with ThreadPoolExecutor(8) as pool:
        people = list(pool.map(lambda _: find_or_sign_up(table, user_uuid, claims, names), range(8)))

    assert {person.shown for person in people} == {("vir", "Vir Cotto", "")}
    assert verify(dynamodb, table_name) == []


def test_of_many_who_choose_different_handles_at_once_one_gets_a_profile(
    table: Table, table_name: str, dynamodb: "DynamoDBClient"
) -> None:
    names, user_uuid = ClaimNames("preferred_username", "name", "picture", "email"), str(uuid4())

    def choose(number: int) -> str | None:
        try:
            return sign_up(table, user_uuid, ProfileChange(f"vir{number}"), {}, names).handle
        except HandleTaken:
            return None

    with ThreadPoolExecutor(8) as pool:
        chosen = [handle for handle in pool.map(choose, range(8)) if handle]

    profile = table.profile(user_uuid)
    assert profile
    assert chosen == [profile.person.handle]
    assert verify(dynamodb, table_name) == []


def test_an_erased_person_gets_no_profile_from_a_token_that_is_still_valid(
    dynamodb: "DynamoDBClient", table_name: str, table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ClaimNames("preferred_username", "name", "picture", "email")
    user_uuid, claims = str(uuid4()), {"preferred_username": "vir"}
    people = PeopleTable(dynamodb, table_name)
    find_or_sign_up(table, user_uuid, claims, names)
    people.note_erased(user_uuid)
    people.remove_person(user_uuid, ["vir"])

    with pytest.raises(NotFound, match="deleted"):
        find_or_sign_up(table, user_uuid, claims, names)
    with pytest.raises(NotFound, match="deleted"):
        sign_up(table, user_uuid, ProfileChange("vir"), claims, names)
    # The alarm that rolls deployments back counts failures: nobody must be able to cause one.
    assert "SignUpsFailed" not in capsys.readouterr().out
    assert verify(dynamodb, table_name) == []
    table.register(Person(user_uuid, "vir", "Vir"))
    assert [one.kind for one in verify(dynamodb, table_name)] == ["person"]
