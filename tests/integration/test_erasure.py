"""Erasing a person on a real engine: their data goes and others' stays, even if the erasure is interrupted anywhere."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.change import EDIT, MessageChange
from messaging.model.connection import Connection, Subscription
from messaging.model.conversation import Head
from messaging.model.errors import Busy, NotFound, TooManyRequests
from messaging.model.inbox_entry import InboxEntry
from messaging.model.limits import tickets_per_hour
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services.blocks import block
from messaging.services.changes import hide, react
from messaging.services.limits import spend
from messaging.services.settings import leave
from messaging.storage.table import MessageChanged
from operators.erasure import erase_from_table
from operators.scan import kind_of
from operators.verify import verify
from tests.support.checks import assert_conversations_are_whole
from tests.support.fake_sockets import FakeSockets
from tests.support.functions import Functions

if TYPE_CHECKING:
    pass
from tests.support.erasure import World, archive_pin_and_block


def test_the_other_keeps_the_conversation_with_a_deleted_user(world: World, functions: Functions) -> None:
    bayko, londo, kenji = (world.person(handle) for handle in ("bayko", "londo", "kenji"))
    group, _ = world.open(bayko, londo, replies=120), world.open(kenji, londo)
    others = world.open(bayko, kenji, replies=2)

    world.erase(londo)

    world.assert_all_is_well_without(londo)
    status, messages, _ = functions.list_messages(bayko.user_uuid, group, limit="100")
    assert status == 200
    assert [message["seq"] for message in messages] == list(range(22, 122))
    assert {(message["handle"], message["display_name"]) for message in messages} == {
        ("bayko", "Bayko the Person"),
        ("_deleted", "deleted user"),
    }
    _, inbox, _ = functions.list_message_groups(bayko.user_uuid)
    assert [(one["uuid"], one["handle"]) for one in inbox] == [(others, "kenji"), (group, "_deleted")]


def test_an_erased_person_with_a_valid_token_can_neither_send_nor_receive(world: World, functions: Functions) -> None:
    bayko, londo = world.person("bayko"), world.person("londo")
    group = world.open(bayko, londo)

    world.erase(londo)

    answers = [
        functions.list_message_groups(londo.user_uuid),
        functions.find_message_group(londo.user_uuid, "@bayko"),
        functions.list_messages(londo.user_uuid, group),
        functions.create_message(londo.user_uuid, message_group_uuid=group, message="x"),
        functions.create_message_group(londo.user_uuid, handle="bayko", message="x"),
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="x"),
        functions.create_message_group(bayko.user_uuid, handle="londo", message="x"),
    ]
    assert [answer[0] for answer in answers] == [404] * 7


def test_a_handle_that_somebody_else_has_by_now_stays_theirs(world: World) -> None:
    londo, vir = world.person("londo"), world.person("vir")

    erase_from_table(world.table, FakeSockets(), londo.user_uuid, {"londo", "vir"})

    assert world.table.owners(["londo", "vir"]) == {"vir": vir}


def test_a_conversation_of_two_erased_people_is_deleted(world: World) -> None:
    bayko, londo, kenji = (world.person(handle) for handle in ("bayko", "londo", "kenji"))
    world.open(bayko, londo, replies=150)
    kept = world.open(kenji, londo)

    world.erase(londo)
    world.erase(bayko)

    world.assert_all_is_well_without(londo, bayko)
    assert {head.message_group_uuid for head in assert_conversations_are_whole(world.items())} == {kept}
    world.erase(kenji)
    assert world.items() == []


def test_nothing_more_is_pushed_to_them_or_about_them(world: World) -> None:
    bayko, londo = world.person("bayko"), world.person("londo")
    group = world.open(bayko, londo)
    expires = int(time.time()) + 3600
    for person, other in ((bayko, londo), (londo, bayko)):
        connection = Connection(person.user_uuid, f"of-{person.handle}", keys.FIRST_TIME, expires)
        world.put(connection._replace(subscriptions=frozenset({other.user_uuid})).item)
        world.put(Subscription(other.user_uuid, connection.connection_id, person.user_uuid, group, expires).item)

    spend(world.table, bayko, tickets_per_hour(120))

    world.erase(bayko)

    assert list(world.table.db.query_all(keys.limits_pk(bayko.user_uuid))) == []
    assert world.table.connections(bayko.user_uuid) == []
    assert world.table.subscriptions(bayko.user_uuid) == world.table.subscriptions(londo.user_uuid) == []
    assert len(world.table.connections(londo.user_uuid)) == 1


def test_two_simultaneous_erasures_leave_nothing(world: World) -> None:
    for number in range(5):
        bayko, londo = world.person(f"bayko{number}"), world.person(f"londo{number}")
        world.open(bayko, londo, replies=30)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(world.erase, (bayko, londo)))

        world.assert_all_is_well_without(bayko, londo)
        assert world.items() == []


def test_a_conversation_that_was_being_opened_is_found_by_the_second_look(world: World) -> None:
    bayko, londo = world.person("bayko"), world.person("londo")
    first = Message(keys.pair_uuid(bayko.user_uuid, londo.user_uuid), str(uuid4()), "1", bayko, _NOW, 1)
    world.erase(londo)
    world.table.create(Head.of_first(first, londo), first)

    world.erase(londo)

    world.assert_all_is_well_without(londo)


_NOW = "2026-11-24T00:00:00.000000+00:00"


def test_a_message_group_without_a_conversation_is_deleted(world: World) -> None:
    bayko, londo = world.person("bayko"), world.person("londo")
    world.put(InboxEntry(londo.user_uuid, str(uuid4()), "1", bayko, _NOW, 1, 0, 1, 1).item)

    world.erase(londo)

    world.assert_all_is_well_without(londo)


def test_nothing_is_lost_while_both_keep_sending(world: World) -> None:
    bayko, londo = world.person("bayko"), world.person("londo")
    group = world.open(bayko, londo, replies=60)
    accepted: list[str] = []
    deadline = time.monotonic() + 60

    def keep_sending(sender: Person) -> bool:
        """Send until a send is refused (True), or for too long."""
        while time.monotonic() < deadline:
            try:
                accepted.append(world.send(sender, group).message_uuid)
            except (Busy, TooManyRequests):
                pass
            except NotFound:
                return True
        return False

    with ThreadPoolExecutor(3) as threads:
        senders = [threads.submit(keep_sending, sender) for sender in (bayko, londo, bayko)]
        while len(accepted) < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        world.erase(londo)
    assert [sender.result() for sender in senders] == [True, True, True]

    world.assert_all_is_well_without(londo)
    sent = {
        item["message_uuid"]["S"]
        for item in world.items()
        if item["pk"]["S"] == keys.conversation_pk(group) and item["sk"]["S"] != keys.HEAD
    }
    assert len(sent) == 61 + len(accepted)
    assert set(accepted) <= sent


def test_settings_pins_and_blocks_go_and_others_blocks_stay(world: World) -> None:
    londo, bayko, kenji, vir, delenn = (world.person(handle) for handle in ("londo", "bayko", "kenji", "vir", "delenn"))
    blocked, left = world.open(bayko, londo, replies=3), world.open(kenji, londo, replies=1)
    archive_pin_and_block(world, londo, bayko)
    world.send(bayko, blocked)
    leave(world.table, londo.user_uuid, left)
    for blocker, other in ((kenji, londo), (londo, vir), (londo, delenn), (delenn, londo)):
        block(world.table, blocker.user_uuid, other.user_uuid)
    for group in (blocked, left):
        head = world.table.head(group)
        assert head
        world.table.copy_profile(
            group, replace(head.members[londo.user_uuid], avatar="https://example.com/londo.png", version=1)
        )
    seen = world.table.head(blocked)
    assert seen

    world.erase(londo)

    world.assert_all_is_well_without(londo)
    items = world.items()
    assert "londo.png" not in str(items)
    owners = {item["pk"]["S"] for item in items if kind_of(item) in ("block", "pins")}
    assert owners == {keys.blocks_pk(kenji.user_uuid), keys.blocks_pk(delenn.user_uuid)}
    heads = [Head.from_item(item) for item in items if item["sk"]["S"] == keys.HEAD]
    assert {one for head in heads for one in head.memberships} == {delenn.user_uuid, kenji.user_uuid}
    now = world.table.head(blocked)
    assert now
    assert now.other_read_seq(bayko.user_uuid) == seen.other_read_seq(bayko.user_uuid)


def test_reactions_hidden_messages_and_changed_conversations_go_too(world: World) -> None:
    bayko, londo = world.person("bayko"), world.person("londo")
    group = world.open(bayko, londo, replies=3)
    messages = [message for page in world.table.messages(group) for message in page]
    for message in messages:
        for person in (bayko, londo):
            react(world.table, person.user_uuid, group, message.message_uuid, "👍")
            hide(world.table, person.user_uuid, group, message.message_uuid)
    assert world.deliver() == []
    before = world.table.head(group)
    assert before

    world.erase(londo)

    for page in world.table.messages(group):
        assert all(message.reactions == {bayko.user_uuid: ("👍",)} for message in page)
    assert world.table.hidden(group).seqs == {bayko.user_uuid: frozenset(range(1, 5))}
    assert not [item for item in world.items() if item["pk"]["S"] == keys.changed_pk(londo.user_uuid)]
    # Somebody who read the head and a message before brings no reaction back.
    change = MessageChange(before.last_change + 1, EDIT, before.created_at, messages[0].created_at)
    old = world.table.message(group, messages[0].created_at)
    assert old
    with pytest.raises(MessageChanged):
        world.table.change_message(
            before, old, replace(old, message="!", change=change.number), change, bayko.user_uuid
        )
    react(world.table, bayko.user_uuid, group, messages[0].message_uuid, "👎")
    assert world.deliver() == []
    assert verify(world.client, world.table.db.table_name) == []

    world.erase(bayko)
    assert world.deliver() == []
    assert [item for item in world.items() if group in str(item)] == []
