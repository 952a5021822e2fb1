from dataclasses import replace

from messaging.api import views
from messaging.model.change import EDIT, MessageChange
from messaging.model.conversation import Head
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.versions import Version
from messaging.services.read import Conversation

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
