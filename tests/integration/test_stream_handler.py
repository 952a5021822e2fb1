"""The stream handler on a real engine: every possible answer, and docs/design.md#rule-5 as a property."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.errors import Changed, Forbidden, Gone, NotFound, Prevented
from messaging.model.membership import FOLDERS, FOREVER
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.model.settings_change import SettingsChange
from messaging.services import changes
from messaging.services.blocks import block, unblock
from messaging.services.changes import Window
from messaging.services.marks import mark_read
from messaging.services.read import list_message_groups
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.services.settings import change_settings, leave
from messaging.storage.table import Table
from operators.people_table import PeopleTable
from tests.conftest import examples
from tests.support.checks import assert_inboxes_stand_at_the_heads, read_all
from tests.support.faults import TRANSIENT, Killed
from tests.support.functions import Functions, Stream
from tests.support.strategies import shuffled
from tests.support.world import Requests, World, faults

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


ALWAYS = Window(None)


@pytest.fixture
def requests(functions_dynamodb: Any) -> Requests:
    return Requests(functions_dynamodb)


@pytest.fixture
def functions(requests: Requests, table_name: str, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Functions with counted requests."""
    return Functions(Table(requests, table_name), monkeypatch)  # type: ignore[arg-type]


@pytest.fixture
def send(table: Table, bayko: Person, londo: Person) -> Callable[..., str]:
    """Send `count` messages from bayko to londo, or between others; return the message_group_uuid."""

    def send(count: int = 1, sender: Person = bayko, receiver: Person = londo) -> str:
        for number in range(count):
            sent = send_to_handle(table, sender.user_uuid, receiver.handle, Draft(str(uuid4()), f"Message {number}"))
        return sent.message.message_group_uuid

    return send


@pytest.fixture
def is_right(dynamodb: "DynamoDBClient", table_name: str) -> Callable[[], None]:
    """Check that the stored inbox entries are exactly those of docs/design.md#rule-4."""
    return lambda: assert_inboxes_stand_at_the_heads(read_all(dynamodb, table_name))


def test_one_message_moves_both_message_groups_in_two_requests(
    functions: Functions, requests: Requests, stream: Stream, send: Callable[..., str], is_right: Callable[[], None]
) -> None:
    send(2)
    opened, sent = stream.records()
    functions.stream_handler([opened])
    requests.names.clear()

    assert functions.stream_handler([sent]) == []
    assert requests.names == ["batch_execute_statement"] * 2
    is_right()


def test_a_hundred_messages_of_a_conversation_are_one_rewrite(
    functions: Functions, requests: Requests, stream: Stream, send: Callable[..., str], is_right: Callable[[], None]
) -> None:
    send(101)
    opened, *records = stream.records()
    assert len(records) == 100
    functions.stream_handler([opened])
    requests.names.clear()

    assert functions.stream_handler(records) == []
    assert requests.names == ["batch_execute_statement"] * 2 + ["query"] * 2
    is_right()


def test_records_of_many_conversations_are_done_together(
    functions: Functions,
    requests: Requests,
    stream: Stream,
    send: Callable[..., str],
    is_right: Callable[[], None],
    register: Callable[[str], Person],
    bayko: Person,
) -> None:
    for number in range(30):
        send(2, sender=bayko, receiver=register(f"person{number}"))
    records = stream.records()
    opened = [record for record in records if record["eventName"] == "INSERT"]
    assert functions.stream_handler(opened) == []
    assert requests.names == ["batch_execute_statement"] * 4  # 90 statements, 25 in a request
    requests.names.clear()

    assert functions.stream_handler([record for record in records if record not in opened]) == []
    assert requests.names == ["batch_execute_statement"] * 7  # 90 statements, then 60
    is_right()


def test_a_bad_record_is_reported_by_itself_and_the_rest_goes_on(
    functions: Functions,
    stream: Stream,
    send: Callable[..., str],
    is_right: Callable[[], None],
    register: Callable[[str], Person],
    bayko: Person,
) -> None:
    send(3)
    send(3, receiver=register("kenji"))
    records = stream.records()
    bad = json.loads(json.dumps(records[1], default=str))
    del bad["dynamodb"]["NewImage"]["members"]
    bad["dynamodb"]["SequenceNumber"] = "4711"

    assert functions.stream_handler([records[0], bad, *records[1:]]) == ["4711"]
    is_right()


@pytest.mark.parametrize("member_count", [0, 1, 3])
def test_a_head_with_any_other_number_of_members_is_reported_by_itself(
    functions: Functions, stream: Stream, send: Callable[..., str], is_right: Callable[[], None], member_count: int
) -> None:
    send(3)
    records = stream.records()
    bad = json.loads(json.dumps(records[1]))
    member = {"M": {"handle": {"S": "x"}, "display_name": {"S": "X"}}}
    bad["dynamodb"]["NewImage"]["members"]["M"] = {str(uuid4()): member for _ in range(member_count)}
    bad["dynamodb"]["SequenceNumber"] = "4711"

    assert functions.stream_handler([bad, *records]) == ["4711"]
    is_right()


def test_a_record_with_an_invalid_number_is_reported_by_itself(
    functions: Functions, stream: Stream, send: Callable[..., str], is_right: Callable[[], None]
) -> None:
    send(3)
    records = stream.records()
    bad = json.loads(json.dumps(records[1]))
    bad["dynamodb"]["SequenceNumber"] = "not a number"

    assert functions.stream_handler([bad, *records]) == ["not a number"]
    is_right()


@pytest.mark.parametrize("image", [None, {}, [], "text", {"pk": {"S": "MSG#x"}}, {"pk": "not an attribute"}])
def test_a_record_with_any_other_image_is_reported(functions: Functions, image: object) -> None:
    images = {"OldImage": image, "NewImage": image}
    record = {"dynamodb": {"SequenceNumber": "1", "ApproximateCreationDateTime": 1795464001, **images}}

    assert functions.stream_handler([record]) == ["1"]


@pytest.mark.parametrize("repeat_whole_batch", [False, True])
def test_records_seen_twice_change_nothing(
    functions: Functions,
    stream: Stream,
    send: Callable[..., str],
    is_right: Callable[[], None],
    repeat_whole_batch: bool,
) -> None:
    send(5)
    records = stream.records()

    if repeat_whole_batch:
        assert functions.stream_handler(records) == []
        assert functions.stream_handler(records) == []
    else:
        assert functions.stream_handler([record for record in records for _ in range(2)]) == []
    is_right()


def test_an_old_batch_again_changes_nothing(
    functions: Functions, stream: Stream, send: Callable[..., str], is_right: Callable[[], None]
) -> None:
    send(10)
    records = stream.records()
    for record in records:
        functions.stream_handler([record])

    for first in range(9):
        assert functions.stream_handler(records[first : first + 3]) == []
        is_right()


def test_an_inbox_item_that_was_lost_comes_back_with_the_next_message(
    functions: Functions,
    stream: Stream,
    dynamodb: "DynamoDBClient",
    table_name: str,
    send: Callable[..., str],
    is_right: Callable[[], None],
    londo: Person,
) -> None:
    send(1)
    (lost,) = Table(dynamodb, table_name).inbox(londo.user_uuid, 1)
    dynamodb.delete_item(TableName=table_name, Key={name: lost.item[name] for name in ("pk", "sk")})
    send(1)

    assert functions.stream_handler(stream.records()) == []
    is_right()


def test_conversations_with_last_messages_in_one_microsecond_are_both_listed(
    functions: Functions,
    table: Table,
    stream: Stream,
    is_right: Callable[[], None],
    register: Callable[[str], Person],
    bayko: Person,
    londo: Person,
) -> None:
    kenji = register("kenji")
    groups = [
        send_to_handle(table, bayko.user_uuid, other.handle, Draft(str(uuid4()), "Hello")).message.message_group_uuid
        for other in (londo, kenji)
    ]
    for later in (1, 2):
        at = datetime.now(UTC) + timedelta(hours=later)
        for group in groups:
            send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), "At once"), lambda at=at: at)  # type: ignore[misc]
        assert functions.stream_handler(stream.records()) == []
        is_right()
        _, inbox, _ = functions.list_message_groups(bayko.user_uuid)
        assert {group["uuid"] for group in inbox} == set(groups)
        assert {group["created_at"] for group in inbox} == {keys.format_time(at)}


def test_a_new_name_is_shown_in_place(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    table: Table,
    stream: Stream,
    send: Callable[..., str],
    bayko: Person,
    londo: Person,
) -> None:
    head = table.head(send(1))
    assert head
    renamed = replace(head, members={**head.members, londo.user_uuid: replace(londo, display_name="Emperor Mollari")})
    dynamodb.put_item(TableName=table_name, Item=renamed.item)

    assert functions.stream_handler(stream.records()) == []
    _, (group,), _ = functions.list_message_groups(bayko.user_uuid)
    assert group["display_name"] == "Emperor Mollari"
    assert_inboxes_stand_at_the_heads(read_all(dynamodb, table_name))


@pytest.mark.parametrize("records_come", ["one by one", "in one batch"])
def test_a_deleted_member_leaves_the_inbox_of_the_other(
    functions: Functions,
    dynamodb: "DynamoDBClient",
    table_name: str,
    table: Table,
    stream: Stream,
    send: Callable[..., str],
    bayko: Person,
    londo: Person,
    records_come: str,
) -> None:
    head = table.head(send(3))
    assert head
    erased = replace(head, members={**head.members, londo.user_uuid: londo.deleted})
    dynamodb.put_item(TableName=table_name, Item=erased.item)

    records = stream.records()
    for batch in [[record] for record in records] if records_come == "one by one" else [records]:
        assert functions.stream_handler(batch) == []
    _, (group,), _ = functions.list_message_groups(bayko.user_uuid)
    assert (group["handle"], group["display_name"]) == ("_deleted", "deleted user")
    assert functions.list_message_groups(londo.user_uuid)[1] == []
    assert_inboxes_stand_at_the_heads(read_all(dynamodb, table_name))


def test_an_update_of_a_head_that_was_not_counted_leads_to_a_rebuild(
    functions: Functions,
    requests: Requests,
    stream: Stream,
    send: Callable[..., str],
    dynamodb: "DynamoDBClient",
    table_name: str,
    is_right: Callable[[], None],
) -> None:
    group = send(1)
    key = {"pk": {"S": keys.conversation_pk(group)}, "sk": {"S": keys.HEAD}}
    functions.stream_handler(stream.records())
    dynamodb.update_item(
        TableName=table_name, Key=key, UpdateExpression="SET later = :x", ExpressionAttributeValues={":x": {"S": "x"}}
    )
    changed = stream.records()[-1]
    requests.names.clear()

    assert functions.stream_handler([changed]) == []
    assert requests.names == ["query", "query", "get_item", "transact_write_items"]
    is_right()


def test_throttled_statements_are_tried_again(
    functions: Functions, requests: Requests, stream: Stream, send: Callable[..., str], is_right: Callable[[], None]
) -> None:
    send(2)
    opened, *records = stream.records()
    functions.stream_handler([opened])
    requests.names.clear()
    throttled = {"Error": {"Code": "ThrottlingError", "Message": ""}}

    def throttle(number: int, run: Callable[..., Any], request: dict[str, Any]) -> Any:
        return {"Responses": [throttled] * len(request["Statements"])} if number in (1, 3) else run()

    requests.hook = throttle

    assert functions.stream_handler(records) == []
    assert len(requests.names) == 4
    is_right()


def test_a_throttled_record_is_reported_and_done_by_the_next_attempt(
    functions: Functions,
    requests: Requests,
    stream: Stream,
    send: Callable[..., str],
    is_right: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(4)
    records = stream.records()
    monkeypatch.setattr("messaging.storage.dynamodb.attempts", lambda: repeat(0, 2))

    def throttle_deletes(_: int, run: Callable[..., Any], request: dict[str, Any]) -> Any:
        if request["Statements"][0]["Statement"].startswith("DELETE"):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "BatchExecuteStatement")
        return run()

    requests.hook = throttle_deletes
    assert functions.stream_handler(records) == [record["dynamodb"]["SequenceNumber"] for record in records]
    requests.hook = None
    assert functions.stream_handler(records) == []
    is_right()


# docs/design.md#rule-5 as a property.
# Two people converse with a third, so that one inbox holds two conversations. They write, read,
# show or hide their marks, change settings, leave, block,
# are renamed and erased; the clock may stand still, so that last messages share a time. The
# stream is delivered in batches of any size, with every map in another order, from the checkpoint or again from any
# earlier record, as after a lost acknowledgement. A request may fail at any place, before or after it took effect or
# half-way; failed records are redelivered, in other batches. All ids come from the history.


class TwoConversations(World):
    """Two people with one conversation each with a third."""

    def __init__(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(endpoint, monkeypatch)
        self.people_table = PeopleTable(self.dynamodb, self.table_name)
        self.sent = 0
        self.join("bayko", "londo", "kenji")
        self.conversations = [self._open(other) for other in self.people[1:]]

    def _open(self, other: Person) -> str:
        sent = send_to_handle(
            self.table, self.people[0].user_uuid, other.handle, Draft(self._uuid(), "0"), lambda: self.now
        )
        return sent.message.message_group_uuid

    def _uuid(self) -> str:
        self.sent += 1
        return str(UUID(int=self.sent))

    def send(self, conversation: int, microseconds: int, member: int = 0) -> None:
        self.now += timedelta(microseconds=microseconds)
        group, sender = self.conversations[conversation], self._member(conversation, member)
        with suppress(NotFound, Prevented):  # one of the two was erased, or the sender blocks the other
            send_to_conversation(
                self.table, sender.user_uuid, group, Draft(self._uuid(), str(self.now)), lambda: self.now
            )

    def read(self, conversation: int, back: int, member: int) -> None:
        """Mark all but the last `back` messages as read by a member, unless they have read more."""
        group, reader = self.conversations[conversation], self._member(conversation, member)
        head = self.table.head(group, consistent=True)
        assert head
        with suppress(NotFound):
            mark_read(self.table, reader.user_uuid, group, max(1, head.shown_seq(reader.user_uuid) - back))

    def show(self, conversation: int, read_receipts: int, member: int) -> None:
        """Let a member show their marks to the other, or hide them."""
        self._change(conversation, member, read_receipts=bool(read_receipts))

    def rename(self, conversation: int, name: int, member: int) -> None:
        self._change(conversation, member, display_name=("Anna", "Berta")[name])

    def _change(self, conversation: int, member: int, **changes: Any) -> None:
        """Copy the next version of a profile to a conversation."""
        head = self.table.head(self.conversations[conversation], consistent=True)
        assert head
        person = head.members[self._member(conversation, member).user_uuid]
        self.table.copy_profile(head.message_group_uuid, replace(person, version=person.version + 1, **changes))

    def edit(self, conversation: int, text: int, member: int) -> None:
        """Let a member edit their newest message."""
        self._change_newest(
            conversation,
            member,
            partial(changes.edit, text=("A", "B")[text], seen=0, window=ALWAYS, now=lambda: self.now),
        )

    def unsend(self, conversation: int, _: int, member: int) -> None:
        """Let a member take their newest message back."""
        self._change_newest(conversation, member, partial(changes.unsend, window=ALWAYS, now=lambda: self.now))

    def react(self, conversation: int, later: int, member: int) -> None:
        """Let a member react to the other's or their own newest message, perhaps an hour later."""
        self.now += timedelta(hours=later)
        self._change_newest(conversation, member, partial(changes.react, emoji="👍", now=lambda: self.now))

    def archive(self, conversation: int, archived: int, member: int) -> None:
        self._set(conversation, member, SettingsChange(archived=bool(archived)))

    def mute(self, conversation: int, muted: int, member: int) -> None:
        """Let a member mute a conversation for ever, or until a microsecond later."""
        until = FOREVER if muted else keys.format_time(self.now + timedelta(microseconds=1))
        self._set(conversation, member, SettingsChange(muted_until=until))

    def mark_unread(self, conversation: int, marked: int, member: int) -> None:
        self._set(conversation, member, SettingsChange(marked_unread=bool(marked)))

    def _set(self, conversation: int, member: int, change: SettingsChange) -> None:
        group, person = self.conversations[conversation], self._member(conversation, member)
        with suppress(NotFound):
            change_settings(self.table, person.user_uuid, group, change, lambda: self.now)

    def leave(self, conversation: int, _: int, member: int) -> None:
        with suppress(NotFound):
            leave(
                self.table,
                self._member(conversation, member).user_uuid,
                self.conversations[conversation],
                lambda: self.now,
            )

    def block(self, conversation: int, blocks: int, member: int) -> None:
        """Let a member block the other, or end that."""
        one, other = (self._member(conversation, number).user_uuid for number in (member, 1 - member))
        with suppress(NotFound):
            (block if blocks else unblock)(self.table, one, other, lambda: self.now)

    def _change_newest(self, conversation: int, member: int, change: Callable[..., Any]) -> None:
        group, person = self.conversations[conversation], self._member(conversation, member)
        _, _, messages = self.table.newest(group, 100, consistent=True)
        mine = [message for message in messages if message.sender.user_uuid == person.user_uuid] or messages
        with suppress(NotFound, Forbidden, Gone, Changed, Prevented):
            change(self.table, person.user_uuid, group, mine[-1].message_uuid)

    def erase(self, conversation: int, whole: int, member: int) -> None:
        """Let a member begin to leave a conversation or, if the other is there, leave it."""
        group, person = self.conversations[conversation], self._member(conversation, member)
        head = self.table.head(group, consistent=True)
        assert head
        if whole and not head.other(person.user_uuid).is_gone:
            self.people_table.erase_member(head, person.user_uuid)
        else:
            self.people_table.close(head, person.user_uuid)

    def _member(self, conversation: int, member: int) -> Person:
        return self.people[0 if member == 0 else conversation + 1]

    def check_listings(self) -> None:
        """Check at any moment: each conversation is in a person's folders, once in each, unless they were erased."""
        heads = [self.table.head(group, consistent=True) for group in self.conversations]
        for person in self.people:
            mine = [head for head in heads if head and person.user_uuid in head.members]
            listed: set[str] = set()
            for folder in FOLDERS:
                entries = list_message_groups(self.table, person.user_uuid, 100, folder=folder).entries
                groups = [entry.message_group_uuid for entry in entries]
                assert len(groups) == len(set(groups))
                listed |= set(groups)
            must = {head.message_group_uuid for head in mine if not head.members[person.user_uuid].is_deleted}
            assert must <= listed <= {head.message_group_uuid for head in mine}


@pytest.fixture
def world_of(
    dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractContextManager[TwoConversations]]:
    """A factory of worlds that are deleted at the end."""

    @contextmanager
    def make() -> Iterator[TwoConversations]:
        world = TwoConversations(dynamodb_endpoint, monkeypatch)
        try:
            yield world
        finally:
            world.delete()

    return make


_steps = st.tuples(
    st.sampled_from(
        [
            *("send", "send", "send", "send", "read", "read", "show", "rename", "edit", "unsend", "react", "erase"),
            *("archive", "archive", "mute", "mute", "mark_unread", "leave", "block", "block"),
        ]
    ),
    *[st.integers(0, 1)] * 3,
)


@settings(
    max_examples=examples(quick=15, soak=200),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(_steps, min_size=2, max_size=10),
    troubles=st.lists(st.one_of(faults(*TRANSIENT, "AccessDeniedException"), st.just("again")), min_size=1, max_size=5),
    data=st.data(),
)
def test_inboxes_end_up_right_after_any_faults_of_the_stream(
    world_of: Callable[[], AbstractContextManager[TwoConversations]],
    steps: list[tuple[str, int, int, int]],
    troubles: list[Any],
    data: st.DataObject,
) -> None:
    with world_of() as world:
        for step, *how in steps:
            getattr(world, step)(*how)
        records = world.stream.records()
        assert len(records) >= 2
        order = data.draw(st.randoms(use_true_random=False))

        checkpoint = 0
        while checkpoint < len(records):
            fault = troubles.pop() if troubles else None
            if fault == "again":
                checkpoint = data.draw(st.integers(0, checkpoint), label="from")
                fault = None
            size = data.draw(st.integers(1, len(records) - checkpoint), label="batch")
            batch = [shuffled(record, order) for record in records[checkpoint : checkpoint + size]]
            done = world.deliver(batch, fault) == size
            note(f"{checkpoint}+{size}: {'done' if done else 'failed'}, {world.requests.names}")
            world.check_listings()
            if done:
                checkpoint += size
            else:
                assert fault, "nothing went wrong, and yet it failed"

        assert_inboxes_stand_at_the_heads(read_all(world.dynamodb, world.table_name))


@pytest.mark.parametrize("image", ["OldImage", "NewImage"])
def test_a_mark_goes_to_its_owner_in_any_order_of_the_members_in_a_record(
    world_of: Callable[[], AbstractContextManager[TwoConversations]], image: str
) -> None:
    """Regression: a map has no order, and each person was given the other's marks."""
    with world_of() as world:
        world.send(0, 1)
        done = world.stream.records()
        assert world.deliver(done, None) == len(done)
        world.read(0, 0, member=1)
        (marked,) = world.stream.records()[len(done) :]
        members = marked["dynamodb"][image]["members"]["M"]
        marked["dynamodb"][image]["members"]["M"] = dict(reversed(members.items()))

        assert world.deliver([marked], None) == 1

        for person, unread in zip(world.people, (0, 0, 1), strict=True):
            _, totals, _ = world.functions.count_unread(person.user_uuid)
            assert totals["messages"] == unread
        assert_inboxes_stand_at_the_heads(read_all(world.dynamodb, world.table_name))


def test_a_setting_that_returns_to_an_earlier_value_is_shown_after_a_replay(
    world_of: Callable[[], AbstractContextManager[TwoConversations]],
) -> None:
    """Regression: receipts were off, then on, and the records of off came again with those of on."""
    with world_of() as world:
        for conversation in (0, 1):
            world.send(conversation, 1, member=1)  # a mark is shown once both have written
        opened = world.stream.records()
        assert world.deliver(opened, None) == len(opened)
        for read_receipts in (0, 1):
            for conversation in (0, 1):
                world.show(conversation, read_receipts, member=0)
        records = world.stream.records()[len(opened) :]

        assert world.deliver(records[:2], None) == 2
        assert world.deliver(records, None) == 4

        for other in world.people[1:]:
            _, (group,), _ = world.functions.list_message_groups(other.user_uuid)
            assert group["other_read_seq"] == 1
        assert_inboxes_stand_at_the_heads(read_all(world.dynamodb, world.table_name))


def test_the_first_messages_unread_entry_goes_when_its_record_is_replayed_with_the_answer(
    world_of: Callable[[], AbstractContextManager[TwoConversations]],
) -> None:
    """Found by the property above: a conversation's opening moves nothing, so a replay of it went undetected."""
    with world_of() as world:
        opened = world.stream.records()
        assert world.deliver(opened, None) == len(opened)
        world.send(0, 1, member=1)
        assert world.deliver(world.stream.records(), None) == len(opened) + 1

        assert_inboxes_stand_at_the_heads(read_all(world.dynamodb, world.table_name))


def kill_before_the_deletes(number: int, run: Callable[..., Any], _: dict[str, Any]) -> Any:
    if number == 2:
        raise Killed
    return run()


@pytest.mark.parametrize(
    "batches",
    [
        pytest.param([(0, 1), (0, 3)], id="then with more records"),
        pytest.param([(0, 2), (0, 1), (1, 3)], id="then with fewer, then with more"),
    ],
)
def test_an_interrupted_attempt_leaves_nothing_behind_when_the_batches_differ(
    world_of: Callable[[], AbstractContextManager[TwoConversations]], batches: list[tuple[int, int]]
) -> None:
    """Found by the property above: a later batch skips the time at which the first one had put an entry."""
    with world_of() as world:
        opened = world.stream.records()
        assert world.deliver(opened, None) == len(opened)
        for _ in range(3):
            world.send(0, 1)
        records = world.stream.records()[len(opened) :]
        (first, end), *others = batches

        assert not world.deliver(records[first:end], kill_before_the_deletes)
        world.check_listings()
        for first, end in others:
            assert world.deliver(records[first:end], None) == end - first
            world.check_listings()

        assert_inboxes_stand_at_the_heads(read_all(world.dynamodb, world.table_name))
