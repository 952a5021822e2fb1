from dataclasses import replace
from typing import Any

import pytest

from messaging.api import views
from messaging.model.change import EDIT, MessageChange
from messaging.model.conversation import Head
from messaging.model.cursors import MessageCursor
from messaging.model.message import Message, Quote
from messaging.model.person import Person
from messaging.model.pins import Pins
from messaging.model.versions import Version
from messaging.services.blocks import Blocked
from messaging.services.read import Conversation, Feed, Found
from messaging.services.reports import Filed

BAYKO = Person("0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01", "bayko", "Andrew Bayko")
LONDO = Person("7c9a53de-2d0a-4a0e-9a3d-5b5c1b0f9e02", "londo", "Londo Mollari")
GROUP = "f2b5de61-1c68-4c2f-9f80-3ea0a2c3d404"
AVATAR = "https://example.com/londo.png"
AT = "2026-01-02T03:04:05.000006+00:00"
MESSAGE = Message(GROUP, "b1f0c2aa-90e4-4a7e-8f65-0c6c7d6f3e03", "Hello 👋", BAYKO, AT, 1)


def test_a_message_shows_its_sender() -> None:
    assert views.message(MESSAGE) == {
        "uuid": MESSAGE.message_uuid,
        "display_name": "Andrew Bayko",
        "handle": "bayko",
        "message": "Hello 👋",
        "created_at": AT,
        "user_uuid": BAYKO.user_uuid,
        "seq": 1,
        "change": 0,
    }


def test_a_sent_message_shows_all_that_the_list_does_and_where_it_went() -> None:
    assert views.sent_message(MESSAGE) == {
        "message_group_uuid": GROUP,
        "uuid": MESSAGE.message_uuid,
        "display_name": "Andrew Bayko",
        "handle": "bayko",
        "message": "Hello 👋",
        "created_at": AT,
        "user_uuid": BAYKO.user_uuid,
        "seq": 1,
        "change": 0,
    }


def test_a_message_group_shows_the_other_person_and_the_last_message() -> None:
    mine, _ = Head.of_first(MESSAGE, LONDO).inbox_entries

    assert views.message_group(mine) == {
        "uuid": GROUP,
        "message_group_uuid": GROUP,
        "display_name": "Londo Mollari",
        "handle": "londo",
        "avatar": None,
        "message": "Hello 👋",
        "created_at": AT,
        "user_uuid": LONDO.user_uuid,
        "last_seq": 1,
        "read_seq": 1,
        "unread_count": 0,
        "other_read_seq": None,
        "last_change": 0,
        "folder": "inbox",
        "muted_until": None,
        "marked_unread": False,
        "blocked": False,
        "begins_after": 0,
        "last_setting": 0,
    }


def test_marks_are_shown_with_their_unread_counts() -> None:
    head = Head.of_first(MESSAGE, LONDO)

    assert views.marks(head, LONDO.user_uuid) == {
        "message_group_uuid": GROUP,
        "last_seq": 1,
        "read_seq": 0,
        "unread_count": 1,
    }


def test_the_caller_sees_their_settings() -> None:
    person = replace(LONDO, read_receipts=False, messages_from="nobody")

    assert views.me(person) == {**views.user(LONDO), "receipts": False, "messages_from": "nobody"}


def test_a_tiebroken_entry_shows_a_time_like_any_other() -> None:
    mine, _ = Head.of_first(MESSAGE, LONDO).inbox_entries

    assert views.message_group(mine.tiebroken()) == views.message_group(mine)


def test_a_user_shows_no_more_than_everybody_may_know() -> None:
    shown = {"uuid": LONDO.user_uuid, "handle": "londo", "display_name": "Londo Mollari", "avatar": None}

    assert views.user(LONDO) == shown
    assert views.user(replace(LONDO, avatar=AVATAR)) == {**shown, "avatar": AVATAR}
    other = Head.of_first(MESSAGE, replace(LONDO, avatar=AVATAR)).inbox_entries[0]
    assert views.message_group(other)["avatar"] == AVATAR


def test_one_message_has_its_earlier_versions_if_there_are_some() -> None:
    page = Conversation([MESSAGE], None, None, ended=True)

    assert views.one_message(page, []) == views.message(MESSAGE)
    assert views.one_message(page, [Version("Helo", AT)]) == {
        **views.message(MESSAGE),
        "versions": [{"message": "Helo", "created_at": AT}],
    }


def test_a_change_shows_its_message_as_its_reader_may_see_it() -> None:
    change = MessageChange(3, EDIT, AT, AT)
    told = {"type": "change", "message_group_uuid": GROUP, "change": 3, "kind": "edit"}

    assert views.change_event(GROUP, change, None, {}) == told
    assert views.change_event(GROUP, change, MESSAGE, {}) == {**told, "message": views.message(MESSAGE)}
    assert views.change_event(GROUP, change, MESSAGE, {}, {1: 3}) == {**told, "message": views.hidden_message(1, 3)}


# Replies, reactions and hidden messages

QUOTE = Quote(MESSAGE.message_uuid, AT, 1)
ADDRESS = {"uuid": MESSAGE.message_uuid, "seq": 1}
REPLY = replace(MESSAGE, message_uuid="c2a1d3bb-01f5-4b8f-9076-1d7d8e704f14", seq=2, sender=LONDO, reply_to=QUOTE)
OTHER = replace(MESSAGE, message_uuid="d3b2e4cc-1206-4c90-a187-2e8e9f815025")


@pytest.mark.parametrize(
    ("quoted", "hidden", "shown"),
    [
        ({AT: MESSAGE}, {}, {"user_uuid": BAYKO.user_uuid, "message": "Hello 👋"}),
        ({AT: MESSAGE.unsent(AT, 4)}, {}, {"user_uuid": BAYKO.user_uuid, "unsent": True}),
        ({AT: MESSAGE}, {1: 0}, {"hidden": True}),
        ({AT: OTHER}, {}, {}),
        ({}, {}, {}),
    ],
    ids=["as it is", "unsent", "hidden", "another message there", "not read"],
)
def test_a_reply_shows_its_quoted_message(
    quoted: dict[str, Message], hidden: dict[int, int], shown: dict[str, Any]
) -> None:
    wanted = {**views.message(REPLY), "reply_to": {**ADDRESS, **shown}}
    head = Head.of_first(MESSAGE, LONDO).after(REPLY)
    change = MessageChange(3, EDIT, AT, AT)

    assert views.shown_message(REPLY, quoted, hidden) == wanted
    assert views.messages(Conversation([REPLY], None, None, ended=True, quoted=quoted, hidden=hidden)) == [wanted]
    assert views.changes(Feed([change], {AT: REPLY}, 3, True, hidden, quoted, frozenset())) == [
        {"change": 3, "kind": "edit", "message": wanted}
    ]
    assert views.change_event(GROUP, change, REPLY, quoted, hidden)["message"] == wanted
    assert views.message_event(head, REPLY, quoted, hidden) == {
        "type": "message",
        "message_group_uuid": GROUP,
        **wanted,
        "after": str(MessageCursor(GROUP, AT, 2)),
    }


def test_a_message_without_its_quotes_shows_their_addresses() -> None:
    assert views.message(REPLY)["reply_to"] == ADDRESS
    assert "reply_to" not in views.message(MESSAGE)


def test_reactions_are_shown_by_emoji() -> None:
    reactions = {BAYKO.user_uuid: ("👍", "❤️"), LONDO.user_uuid: ("❤️",)}

    assert views.message(replace(MESSAGE, reactions=reactions))["reactions"] == [
        {"emoji": "👍", "user_uuids": [BAYKO.user_uuid]},
        {"emoji": "❤️", "user_uuids": [BAYKO.user_uuid, LONDO.user_uuid]},
    ]


def test_a_hidden_message_shows_its_number_and_the_change_that_is_withheld() -> None:
    assert views.hidden_message(7) == {"seq": 7, "hidden": True}
    assert views.hidden_message(7, 3) == {"seq": 7, "hidden": True, "change": 3}


def test_a_feed_ends_with_the_messages_that_its_reader_has_hidden() -> None:
    change = MessageChange(3, EDIT, AT, AT)
    feed = Feed([change], {}, 3, True, {}, {}, frozenset({9, 2}))

    assert views.changes(feed) == [{"change": 3, "kind": "edit"}, {"kind": "hidden", "seqs": [2, 9]}]
    assert views.changes(feed._replace(ended=False)) == [{"change": 3, "kind": "edit"}]
    assert views.changes(feed._replace(hidden_by_reader=frozenset())) == [{"change": 3, "kind": "edit"}]


# Answers about people, and events


def test_answers_about_people_and_reports() -> None:
    here = {"message_group_uuid": GROUP, "display_name": "Londo Mollari", "can_write": "yes"}

    assert views.found_message_group(Found(LONDO, GROUP, "yes", ())) == here
    assert views.found_message_group(Found(LONDO, None, "request", ())) == {"can_write": "request"}
    assert views.blocked_user(Blocked(LONDO, AT)) == {**views.user(LONDO), "blocked_at": AT}
    assert views.filed_report(Filed("a uuid", AT)) == {"report_uuid": "a uuid", "created_at": AT}


def test_events_name_their_type() -> None:
    entry = Head.of_first(MESSAGE, LONDO).inbox_entries[0]
    group = {"message_group_uuid": GROUP}
    events: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("message_group", views.message_group_event(entry), views.message_group(entry)),
        ("settings", views.settings_event(entry), views.message_group(entry)),
        ("me", views.me_event(LONDO.with_default("everyone")), views.me(LONDO.with_default("everyone"))),
        ("hidden", views.hidden_event(GROUP, 7), {**group, "seq": 7}),
        ("pins", views.pins_event(Pins("", (GROUP,), 5)), {"number": 5, "message_group_uuids": [GROUP]}),
        ("read", views.read_event(GROUP, "u", 7), {**group, "user_uuid": "u", "read_seq": 7}),
        ("typing", views.typing_event(GROUP, "u"), {**group, "user_uuid": "u"}),
        ("presence", views.presence_event(GROUP, "u", online=False), {**group, "user_uuid": "u", "online": False}),
        ("pong", views.pong_event(), {}),
        ("error", views.error_event("a_code", "A sentence."), {"code": "a_code", "detail": "A sentence."}),
    ]
    for kind, event, wanted in events:
        assert event == {"type": kind, **wanted}
