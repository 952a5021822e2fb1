"""Delivery through sockets: events of a change, packing into frames, failed deliveries."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.api import views
from messaging.live import delivery
from messaging.live.connections import LIFETIME, MAX_CONNECTIONS, RateLimit, connect
from messaging.live.delivery import DeliveryReport, Post, deliver, push
from messaging.live.events import FRAME_BYTES, PersonChange, events_of, is_changed, pack, read_change
from messaging.model import keys
from messaging.model.change import REACTION, UNSEND, MessageChange
from messaging.model.connection import Connection, Subscription
from messaging.model.conversation import Head
from messaging.model.errors import Busy, NotFound
from messaging.model.hidden import Hidden
from messaging.model.items import Item
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.pins import Pins
from messaging.services.rewrite_inbox import Change
from messaging.storage.sockets import NoAnswer
from tests.support.api import MESSAGE_GROUP, OTHER, USER
from tests.support.fake_sockets import FakeConnections, FakeSockets, StuckSockets
from tests.support.strategies import heads

BAYKO = Person(USER, "bayko", "Andrew Bayko")
LONDO = Person(OTHER, "londo", "Londo Mollari")
LONG_AGO = keys.FIRST_TIME
MESSAGE_UUID = str(UUID(int=1))
FIRST = Head.of_first(
    Message(MESSAGE_GROUP, MESSAGE_UUID, "Hello", BAYKO, "2026-01-02T03:04:05.000006+00:00", 1), LONDO
)


def _change(old: Head | None, new: Head) -> Change:
    return Change("1", old, new)


def _next(head: Head, sender: Person = BAYKO, text: str = "More") -> Head:
    message = head.next_message(
        sender.user_uuid, Draft(str(UUID(int=head.last_seq + 1)), text), datetime(2026, 2, 1, tzinfo=UTC)
    )
    return head.after(message)


ANSWERED = _next(FIRST, LONDO)


def _kinds(events: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {user_uuid: [event["type"] for event in mine] for user_uuid, mine in events.items()}


def _connection(user_uuid: str, connection_id: str, connected_at: str = LONG_AGO) -> Connection:
    return Connection(user_uuid, connection_id, connected_at, 2**40)


# Events


def test_a_first_message_is_a_conversation_and_a_message_to_both() -> None:
    events = events_of(_change(None, FIRST), {})

    assert _kinds(events) == {USER: ["message_group", "message"], OTHER: ["message_group", "message"]}
    assert (events[USER][0]["handle"], events[OTHER][0]["handle"]) == ("londo", "bayko")
    assert (events[USER][0]["unread_count"], events[OTHER][0]["unread_count"]) == (0, 1)
    assert events[USER][1] == events[OTHER][1]


def test_a_message_goes_to_both_and_moves_its_senders_mark_silently() -> None:
    events = events_of(_change(ANSWERED, _next(ANSWERED, LONDO)), {})

    assert _kinds(events) == {USER: ["message"], OTHER: ["message"]}
    assert events[USER][0]["user_uuid"] == OTHER


def test_the_first_answer_is_a_message_and_reveals_the_marks_of_both() -> None:
    events = events_of(_change(FIRST, ANSWERED), {})

    assert _kinds(events) == {USER: ["message", "message_group"], OTHER: ["message", "message_group"]}
    assert [events[one][1]["other_read_seq"] for one in (USER, OTHER)] == [2, 1]


def test_nothing_that_a_blocked_person_does_reaches_the_blocker() -> None:
    before = ANSWERED.blocked_by(USER, ANSWERED.created_at)
    reacted = replace(before, changed=MessageChange(1, REACTION, before.created_at, before.created_at))
    renamed = replace(before, members={USER: BAYKO, OTHER: replace(LONDO, display_name="I hate you")})

    assert _kinds(events_of(_change(before, reacted), {})) == {OTHER: ["change"]}
    assert _kinds(events_of(_change(before, renamed), {})) == {}
    assert _kinds(events_of(_change(before, _next(before, LONDO)), {})) == {OTHER: ["message"]}


@pytest.mark.parametrize(("sender", "told"), [(BAYKO, {USER, OTHER}), (LONDO, {OTHER})])
def test_a_blocker_learns_of_their_own_unsends_only(sender: Person, told: set[str]) -> None:
    before = _next(ANSWERED, sender).blocked_by(USER, ANSWERED.created_at)
    message = before.last.unsent(before.created_at, 1)
    unsent = replace(before, changed=MessageChange(1, UNSEND, message.unsent_at, message.created_at))

    events = events_of(_change(before, unsent), {(MESSAGE_GROUP, message.created_at): message})

    assert _kinds(events) == {one: ["change"] for one in told}


def test_a_mark_goes_to_its_owner_only_until_both_have_written() -> None:
    read = replace(FIRST, read_seqs={**FIRST.read_seqs, OTHER: 1})

    assert _kinds(events_of(_change(FIRST, read), {})) == {OTHER: ["read"]}


def test_a_mark_goes_to_its_owner_and_to_the_other_if_shown() -> None:
    before = _next(ANSWERED)
    read = replace(before, read_seqs={**before.read_seqs, OTHER: 3})
    hiding = {USER: BAYKO, OTHER: replace(LONDO, read_receipts=False)}

    assert _kinds(events_of(_change(before, read), {})) == {USER: ["read"], OTHER: ["read"]}
    hidden = replace(read, members=hiding)
    assert _kinds(events_of(_change(before, hidden), {})) == {USER: ["message_group"], OTHER: ["read"]}
    assert _kinds(events_of(_change(hidden, read), {})) == {USER: ["message_group"]}


@pytest.mark.parametrize(
    "change", [{"handle": "emperor"}, {"display_name": "Emperor"}, {"avatar": "https://a.example/b"}]
)
def test_the_other_learns_a_new_handle_name_or_avatar(change: dict[str, Any]) -> None:
    renamed = replace(FIRST, members={USER: BAYKO, OTHER: replace(LONDO, **change)})

    ((user_uuid, (told,)),) = events_of(_change(FIRST, renamed), {}).items()

    assert (user_uuid, told["type"]) == (USER, "message_group")
    assert change.items() <= told.items()


def test_a_changed_profile_is_told_to_its_person_once() -> None:
    hiding = replace(LONDO, read_receipts=False, version=1)

    assert events_of(PersonChange(LONDO, hiding), {}) == {OTHER: [views.me_event(hiding)]}
    assert events_of(PersonChange(hiding, hiding), {}) == {}  # its copies are complete
    assert events_of(PersonChange(LONDO, LONDO), {}) == {}


@pytest.mark.parametrize(("chosen", "shown"), [("nobody", "nobody"), ("requests", None)])
def test_a_choice_of_who_may_write_is_told_to_its_person_unless_it_is_the_default(
    chosen: str, shown: str | None
) -> None:
    choosing = replace(LONDO, messages_from=chosen)  # has the same version: conversations do not show it
    images = {"OldImage": LONDO.profile_item, "NewImage": choosing.profile_item}

    events = events_of(read_change({"eventName": "MODIFY", "dynamodb": images}, "requests"), {})

    assert [one["messages_from"] for one in events.get(OTHER, [])] == ([shown] if shown else [])


def _record(new: Item, old: Item | None = None) -> Item:
    return {"eventName": "MODIFY", "dynamodb": {"NewImage": new, **({"OldImage": old} if old else {})}}


def test_a_new_profile_is_told_to_nobody() -> None:
    assert events_of(read_change(_record(LONDO.profile_item), "requests"), {}) == {}


def test_each_hidden_message_is_told_once_to_the_one_who_hides_it() -> None:
    first = Hidden(MESSAGE_GROUP, {USER: frozenset({1})})
    more = Hidden(MESSAGE_GROUP, {USER: frozenset({1, 3, 2}), OTHER: frozenset({4})})

    assert events_of(read_change(_record(first.item), "everyone"), {}) == {USER: [views.hidden_event(MESSAGE_GROUP, 1)]}
    assert events_of(read_change(_record(more.item, first.item), "everyone"), {}) == {
        USER: [views.hidden_event(MESSAGE_GROUP, 2), views.hidden_event(MESSAGE_GROUP, 3)],
        OTHER: [views.hidden_event(MESSAGE_GROUP, 4)],
    }


def test_pins_are_told_to_the_one_who_has_them() -> None:
    pins = Pins(USER, (MESSAGE_GROUP,), 3)

    assert events_of(read_change(_record(pins.item), "everyone"), {}) == {USER: [views.pins_event(pins)]}


def test_a_head_is_changed_by_the_change_of_a_message_only() -> None:
    reacted = replace(ANSWERED, changed=MessageChange(1, REACTION, ANSWERED.created_at, ANSWERED.created_at))

    assert is_changed(_change(ANSWERED, reacted))
    assert is_changed(_change(None, reacted))
    assert not is_changed(_change(None, FIRST))
    assert not is_changed(_change(reacted, _next(reacted)))


def test_a_new_setting_makes_no_event_and_a_deleted_person_gets_none() -> None:
    hiding = replace(FIRST, members={USER: BAYKO, OTHER: replace(LONDO, read_receipts=False)})
    deleted = replace(FIRST, members={USER: BAYKO, OTHER: LONDO.deleted})

    assert events_of(_change(FIRST, hiding), {}) == {}
    assert events_of(_change(FIRST, FIRST), {}) == {}
    assert events_of(_change(None, deleted), {}).keys() == {USER}


@given(heads(), st.data())
def test_any_change_hides_hidden_marks_and_tells_everything_new(old: Head, data: st.DataObject) -> None:
    new = replace(
        old,
        last=replace(
            old.last,
            seq=old.last_seq + data.draw(st.integers(0, 2)),
            sender=data.draw(st.sampled_from([*old.members.values()])),
        ),
        members={
            user_uuid: replace(person, read_receipts=data.draw(st.booleans()))
            for user_uuid, person in old.members.items()
        },
        read_seqs={user_uuid: seq + data.draw(st.integers(0, 2)) for user_uuid, seq in old.read_seqs.items()},
    )
    events = events_of(_change(old, new), {})

    for user_uuid in new.members:
        mine = events.get(user_uuid, [])
        assert [event["seq"] for event in mine if event["type"] == "message"] == (
            [new.last_seq] if new.last_seq > old.last_seq else []
        )
        report = {event["user_uuid"]: event["read_seq"] for event in mine if event["type"] == "read"}
        for reader_uuid, person in new.members.items():
            moved = new.read_seqs[reader_uuid] > old.read_seqs[reader_uuid]
            by_sending = new.last_seq > old.last_seq and (reader_uuid, new.read_seqs[reader_uuid]) == (
                new.last.sender.user_uuid,
                new.last_seq,
            )
            shown = (person.read_receipts and len(new.wrote) == 2) or reader_uuid == user_uuid
            assert report.get(reader_uuid) == (
                new.read_seqs[reader_uuid] if moved and shown and not by_sending else None
            )


# Packing


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=3000), max_size=2), max_size=40))
def test_frames_hold_all_events_in_order_and_none_is_too_large_or_empty(events: list[dict[str, str]]) -> None:
    frames = pack(events)

    assert [event for frame in frames for event in json.loads(frame)] == events
    sizes = [len(frame.encode()) for frame in frames]
    assert all(size <= FRAME_BYTES for size in sizes)
    for frame, following in zip(sizes, frames[1:], strict=False):
        first = json.dumps(json.loads(following)[0], ensure_ascii=False, separators=(",", ":"))
        assert frame + 1 + len(first.encode()) > FRAME_BYTES


def test_a_hundred_of_the_longest_messages_fit_into_frames() -> None:
    head = FIRST
    changes = []
    for _ in range(100):
        changes.append(_change(head, _next(head, text="\x00" * 2048)))
        head = changes[-1].new
    table, sockets = FakeConnections(_connection(OTHER, "1")), FakeSockets()

    push(table, sockets, changes)

    assert [event["seq"] for event in sockets.events("1")] == list(range(2, 102))
    assert max(len(frame.encode()) for frame in sockets.frames["1"]) <= FRAME_BYTES


# Pushing


def test_a_batch_asks_once_for_each_persons_connections() -> None:
    second = _next(FIRST)
    changes = [_change(None, FIRST), _change(FIRST, second), _change(second, _next(second, LONDO))]
    table = FakeConnections(_connection(USER, "1"), _connection(USER, "2"), _connection(OTHER, "3"))
    sockets = FakeSockets()

    assert push(table, sockets, changes) == DeliveryReport(delivered=3)
    assert sorted(table.queries) == sorted([USER, OTHER])
    for connection_id in "123":
        kinds = [event["type"] for event in sockets.events(connection_id)]
        assert kinds == ["message_group", "message", "message", "message", "message_group"]
        assert len(sockets.frames[connection_id]) == 1


def test_of_two_hundred_connections_half_of_them_dead_or_slow_no_other_waits_and_only_those_go() -> None:
    people = [str(UUID(int=number)) for number in range(100, 140)]
    everyone = [_connection(user_uuid, f"{user_uuid}/{number}") for user_uuid in people for number in range(5)]
    ids = [connection.connection_id for connection in everyone]
    dead, slow, well = ids[0::4], ids[1::4], {*ids[2::4], *ids[3::4]}
    events = [{"type": "message", "seq": number, "message": "x" * 10_000} for number in range(12)]
    sockets = StuckSockets(slow, len(well), gone=dead, failing=dict.fromkeys(slow, NoAnswer()))
    table = FakeConnections(*everyone)

    report = deliver(
        table,
        sockets,
        [Post(one.user_uuid, one.connection_id, pack(events), one.connected_at) for one in everyone],
    )

    assert len(ids) == 200
    assert report == DeliveryReport(delivered=100, gone=50, disconnected=50)
    assert {connection_id: sockets.events(connection_id) for connection_id in well} == dict.fromkeys(well, events)
    assert {connection.connection_id for connection in table.held.values()} == well
    assert sockets.closed == set(slow)


def test_a_throttled_connection_is_retried_and_gets_everything_in_order() -> None:
    class Throttled(FakeSockets):
        tries = 0

        def post(self, connection_id: str, frame: str) -> None:
            self.tries += 1
            if self.tries % 3:
                raise Busy("throttled")
            super().post(connection_id, frame)

    sockets, table = Throttled(), FakeConnections(_connection(OTHER, "1"))
    frames = [f'[{{"n":{number}}}]' for number in range(3)]

    assert deliver(table, sockets, [Post(OTHER, "1", frames, LONG_AGO)]) == DeliveryReport(delivered=1)
    assert sockets.frames["1"] == frames
    assert table.held


@pytest.mark.parametrize("error", [Busy("throttled"), NoAnswer()])
def test_a_connection_that_accepts_no_frame_is_closed_so_that_its_client_catches_up(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "DELIVERY_BUDGET_SECONDS", 0.05)
    sockets, table = (
        FakeSockets(failing={"1": error}),
        FakeConnections(_connection(OTHER, "1"), _connection(OTHER, "2")),
    )

    assert push(table, sockets, [_change(None, FIRST)]) == DeliveryReport(delivered=1, disconnected=1)
    assert sockets.closed == {"1"}
    assert [one.connection_id for one in table.held.values()] == ["2"]


def test_a_socket_that_may_be_opening_is_not_removed_on_410() -> None:
    now = datetime.now(UTC)
    opening, older = keys.format_time(now), keys.format_time(now - timedelta(minutes=1))
    table = FakeConnections(_connection(OTHER, "opening", opening), _connection(OTHER, "older", older))

    assert push(table, FakeSockets(gone=["opening", "older"]), [_change(None, FIRST)]) == DeliveryReport(gone=2)
    assert [one.connection_id for one in table.held.values()] == ["opening"]


def test_bugs_and_a_silent_table_delay_nobody_else(written: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Table(FakeConnections):
        def connections(self, user_uuid: str, *, consistent: bool = False) -> list[Connection]:
            if user_uuid == USER:
                raise Busy("Hello")
            return super().connections(user_uuid, consistent=consistent)

    monkeypatch.setattr(delivery, "DELIVERY_BUDGET_SECONDS", 0.05)
    sockets = FakeSockets(failing={"1": RuntimeError("Hello")})
    table = Table(_connection(OTHER, "1"), _connection(OTHER, "2"))

    assert push(table, sockets, [_change(None, FIRST)]) == DeliveryReport(delivered=1, failed=2)
    assert len(table.held) == 2
    log = written()
    assert "events not delivered" in log
    assert OTHER in log
    assert "Hello" not in log


# Presence


def test_the_end_of_the_last_connection_goes_to_subscribers_if_shown() -> None:
    table = FakeConnections(_connection(OTHER, "1"), _connection(OTHER, "2"), _connection(USER, "3"), people=[LONDO])
    table.watching[OTHER, "3"] = Subscription(OTHER, "3", USER, MESSAGE_GROUP, 2**40)
    sockets = FakeSockets(gone=["1", "2"])

    delivery.remove_connection(table, sockets, OTHER, "1")
    assert sockets.frames == {}
    deliver(table, sockets, [Post(OTHER, "2", ["[]"], LONG_AGO)])
    offline = {"type": "presence", "message_group_uuid": MESSAGE_GROUP, "user_uuid": OTHER, "online": False}
    assert sockets.events("3") == [offline]

    delivery.remove_connection(table, sockets, OTHER, "2")
    assert sockets.events("3") == [offline]


def test_a_person_with_hidden_receipts_is_not_seen_to_come_or_go() -> None:
    table = FakeConnections(_connection(USER, "3"), people=[replace(LONDO, read_receipts=False)])
    table.watching[OTHER, "3"] = Subscription(OTHER, "3", USER, MESSAGE_GROUP, 2**40)
    sockets = FakeSockets()

    delivery.deliver_presence(table, sockets, OTHER, online=True)
    assert sockets.frames == {}


def test_dead_connections_of_two_mutual_subscribers_are_removed() -> None:
    one = _connection(USER, "1")._replace(subscriptions=frozenset({OTHER}))
    two = _connection(OTHER, "2")._replace(subscriptions=frozenset({USER}))
    table = FakeConnections(one, two, people=[BAYKO, LONDO])
    table.watching[OTHER, "1"] = Subscription(OTHER, "1", USER, MESSAGE_GROUP, 2**40)
    table.watching[USER, "2"] = Subscription(USER, "2", OTHER, MESSAGE_GROUP, 2**40)

    delivery.remove_connection(table, FakeSockets(gone=["1", "2"]), USER, "1")

    assert table.held == {}
    assert table.watching == {}


# The pace of typing and of frames


def test_events_are_counted_for_three_seconds_from_the_first() -> None:
    times = [0.0, 1.0, 1.5, 2.9, 3.0, 3.1, 6.0]
    pace = RateLimit(3, iter(times).__next__)

    counts = [pace.count(user_uuid) for user_uuid in (USER, USER, OTHER, USER, USER, OTHER, USER)]

    assert counts == [1, 2, 1, 3, 1, 2, 1]


# Opening


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _opened(table: FakeConnections, sockets: FakeSockets, *connection_ids: str) -> None:
    for number, connection_id in enumerate(connection_ids):
        connect(table, sockets, USER, connection_id, lambda at=NOON + timedelta(seconds=number): at)  # type: ignore[misc]


def test_a_connection_is_stored_with_its_time_and_its_end() -> None:
    table = FakeConnections(people=[BAYKO])
    _opened(table, FakeSockets(), "1")

    expires = int((NOON + LIFETIME).timestamp())
    assert table.held == {(USER, "1"): Connection(USER, "1", "2026-01-01T12:00:00.000000+00:00", expires)}


def test_the_first_connection_of_a_person_makes_them_online_and_the_second_changes_nothing() -> None:
    table, sockets = FakeConnections(people=[BAYKO]), FakeSockets()
    table.put_subscription(Subscription(USER, "theirs", OTHER, "group", 0))

    _opened(table, sockets, "1", "2")

    assert sockets.events("theirs") == [
        {"type": "presence", "message_group_uuid": "group", "user_uuid": USER, "online": True}
    ]


def test_the_oldest_of_eleven_connections_is_told_why_it_is_closed() -> None:
    table, sockets = FakeConnections(people=[BAYKO]), FakeSockets()

    _opened(table, sockets, *map(str, range(MAX_CONNECTIONS + 1)))

    assert sockets.closed == {"0"}
    assert [event["code"] for event in sockets.events("0")] == ["too_many_connections"]
    assert {connection_id for _, connection_id in table.held} == set(map(str, range(1, MAX_CONNECTIONS + 1)))


def test_an_erased_person_opens_no_connection() -> None:
    table = FakeConnections()

    with pytest.raises(NotFound):
        _opened(table, FakeSockets(), "1")
    assert table.held == {}
