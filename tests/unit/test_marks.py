"""Read marks: a mark only rises, never past the last message, and only members have one."""

from dataclasses import replace
from datetime import datetime

import pytest

from messaging.model.conversation import Head
from messaging.model.errors import Busy, Invalid, NotFound
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services.marks import mark_read
from tests.support.api import MESSAGE_GROUP, OTHER, USER
from tests.support.fake_table import FakeTable

BAYKO, LONDO = Person(USER, "bayko", "Bayko"), Person(OTHER, "londo", "Londo")
STRANGER = "9d6e2f0c-33c5-4d19-a8b6-b0b8fd5f7099"
MESSAGE_UUID = "5a1e7f0c-33c5-4d19-a8b6-b0b8fd5f7005"
LAST = Message(MESSAGE_GROUP, MESSAGE_UUID, "Hello", LONDO, "2026-01-01T00:00:00.000000+00:00", 7)


class Throttled(FakeTable):
    """Refuses the first requests."""

    def __init__(self, refusals: int = 0) -> None:
        super().__init__(BAYKO, LONDO)
        self.heads[MESSAGE_GROUP] = Head.of_first(LAST, BAYKO)
        self.refusals = refusals

    def advance_mark(self, message_group_uuid: str, user_uuid: str, seq: int, known: Head | None = None) -> Head:
        if self.refusals:
            self.refusals -= 1
            raise Busy("Throttled.")
        return super().advance_mark(message_group_uuid, user_uuid, seq, known)


def test_a_mark_rises_to_the_last_message() -> None:
    table = Throttled()

    assert mark_read(table, USER, MESSAGE_GROUP, 3).read_seqs[USER] == 3
    assert mark_read(table, USER, MESSAGE_GROUP, 7).read_seqs[USER] == 7


def test_an_earlier_mark_changes_nothing() -> None:
    table = Throttled()
    stored = mark_read(table, USER, MESSAGE_GROUP, 5)

    assert mark_read(table, USER, MESSAGE_GROUP, 5) == mark_read(table, USER, MESSAGE_GROUP, 1) == stored


def test_a_mark_past_the_last_message_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        mark_read(Throttled(), USER, MESSAGE_GROUP, 8)

    assert refused.value.codes == ("seq_past_last_message",)


@pytest.mark.parametrize(("who", "where"), [(STRANGER, MESSAGE_GROUP), (USER, MESSAGE_UUID)])
def test_a_stranger_and_a_missing_conversation_are_refused_alike(who: str, where: str) -> None:
    with pytest.raises(NotFound, match="There is no such conversation"):
        mark_read(Throttled(), who, where, 1)


def test_a_member_who_is_leaving_is_refused() -> None:
    table = Throttled()
    head = table.heads[MESSAGE_GROUP]
    table.heads[MESSAGE_GROUP] = Head(
        head.message_group_uuid,
        {**head.members, USER: BAYKO.leaving},
        head.last,
        head.read_seqs,
        head.version,
        head.wrote,
    )

    with pytest.raises(NotFound):
        mark_read(table, USER, MESSAGE_GROUP, 7)


def test_a_throttled_mark_is_tried_again() -> None:
    table = Throttled(refusals=2)

    assert mark_read(table, USER, MESSAGE_GROUP, 7).read_seqs[USER] == 7
    assert table.refusals == 0


@pytest.mark.parametrize(("read", "seq", "mark"), [(0, 2, 2), (3, 2, 3), (3, 3, 3)])
def test_a_mark_ends_marked_unread_and_never_falls(read: int, seq: int, mark: int) -> None:
    table = Throttled()
    head = replace(table.heads[MESSAGE_GROUP], read_seqs={USER: read, OTHER: 7})
    unread = replace(head.membership(USER), marked_unread=True)
    table.heads[MESSAGE_GROUP] = head.with_membership(USER, unread)
    now = datetime.fromisoformat("2026-01-03T10:20:30+00:00")

    marked = mark_read(table, USER, MESSAGE_GROUP, seq, lambda: now)

    assert marked == table.heads[MESSAGE_GROUP]
    assert marked.read_seqs == {USER: mark, OTHER: 7}
    assert (marked.membership(USER).marked_unread, marked.membership(USER).set_at) == (False, "2026-01-03T10")
