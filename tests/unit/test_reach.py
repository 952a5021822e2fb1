"""The rules of who reaches whom, and the state of a member through blocks."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Forbidden, MessagingError, Prevented
from messaging.model.membership import MOST_RANGES, NO_SETTINGS, Ask, Block, Membership, Range
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.reach import EVERYONE, NO, NOBODY, REQUEST, REQUESTS, YES, Reach, refusal
from tests.support.api import OTHER, USER

BAYKO = Person(USER, "bayko", "Andrew Bayko")
LONDO = Person(OTHER, "londo", "Londo Mollari")
GROUP = keys.pair_uuid(USER, OTHER)
AT = "2026-01-01T00:00:00.000000+00:00"
RESTED = "2026-01-31T00:00:00.000000+00:00"
HEAD = Head.of_first(Message(GROUP, "first", "Hello", BAYKO, AT, 1), LONDO)
UNOPENED = Head.unopened(GROUP, (USER, OTHER), AT)
REACH = Reach(EVERYONE, timedelta(days=30))


@pytest.mark.parametrize("head", [None, UNOPENED, UNOPENED.blocked_by(OTHER, AT)], ids=["none", "empty", "blocked"])
@pytest.mark.parametrize(
    ("chosen", "default", "can_write"),
    [
        ("", EVERYONE, YES),
        ("", REQUESTS, REQUEST),
        ("", NOBODY, NO),
        (EVERYONE, NOBODY, YES),
        (REQUESTS, EVERYONE, REQUEST),
        (NOBODY, EVERYONE, NO),
    ],
)
def test_the_receiver_decides_who_opens_a_conversation(
    head: Head | None, chosen: str, default: str, can_write: str
) -> None:
    receiver = replace(LONDO, messages_from=chosen)

    assert Reach(default, REACH.pause).can_write(head, USER, receiver, AT) == can_write


@pytest.mark.parametrize("chosen", ["", EVERYONE, REQUESTS, NOBODY])
@pytest.mark.parametrize("head", [HEAD, HEAD.blocked_by(OTHER, AT)], ids=["open", "blocked by the receiver"])
def test_in_a_conversation_the_choice_decides_nothing(head: Head, chosen: str) -> None:
    assert REACH.can_write(head, USER, replace(LONDO, messages_from=chosen), AT) == YES


@pytest.mark.parametrize(
    ("messages", "at", "can_write"),
    [(1, AT, REQUEST), (2, AT, REQUEST), (3, AT, NO), (3, RESTED, REQUEST), (4, RESTED, REQUEST)],
)
@pytest.mark.parametrize("declined", [None, 0])
def test_a_request_has_three_messages_and_rests(messages: int, at: str, can_write: str, declined: int | None) -> None:
    waiting = Membership(Ask(0, AT), declined, begins_after=0 if declined is None else 1)
    head = replace(HEAD.with_membership(OTHER, waiting), last=replace(HEAD.last, seq=messages))

    assert REACH.can_write(head, USER, LONDO, at) == can_write
    assert REACH.can_write(head, OTHER, BAYKO, at) == YES


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (HEAD.blocked_by(USER, AT), Prevented),
        (UNOPENED.blocked_by(USER, AT), Prevented),
        (HEAD.blocked_by(OTHER, AT), Forbidden),
        (UNOPENED.blocked_by(OTHER, AT), Forbidden),
        (None, Forbidden),
    ],
)
def test_only_the_blocker_is_told_of_a_block(head: Head | None, kind: type[MessagingError]) -> None:
    assert type(refusal(head, USER)) is kind
    if head and kind is Prevented:
        assert REACH.can_write(head, USER, LONDO, AT) == NO
    unblocked = HEAD if head and head.is_open else None
    if kind is Forbidden:
        assert str(refusal(head, USER)) == str(refusal(unblocked, USER))


def test_marks_stay_where_they_were_for_both_while_one_blocks_the_other() -> None:
    before = replace(HEAD, wrote=frozenset({USER, OTHER}), read_seqs={USER: 1, OTHER: 0})
    blocked = replace(before.blocked_by(USER, AT), read_seqs={USER: 9, OTHER: 8})
    both = replace(blocked.blocked_by(OTHER, AT), read_seqs={USER: 11, OTHER: 10})

    def marks(head: Head) -> tuple[int | None, int | None]:
        return head.other_read_seq(USER), head.other_read_seq(OTHER)

    assert marks(blocked) == marks(both) == (0, 1)
    assert marks(both.unblocked_by(USER, AT)) == (8, 1)  # the mark that the other had at their own block
    assert marks(both.unblocked_by(OTHER, AT)) == (0, 1)
    assert marks(both.unblocked_by(USER, AT).unblocked_by(OTHER, AT)) == (10, 11)


@given(st.lists(st.sampled_from(["message", "block", "unblock"]), max_size=80))
def test_exactly_the_messages_of_blocks_are_hidden(steps: list[str]) -> None:
    mine, last_seq, hidden = NO_SETTINGS, 0, set[int]()
    older: list[Range] = []
    for step in steps:
        if step == "message":
            last_seq += 1
            if mine.block:
                hidden.add(last_seq)
        elif step == "block" and not mine.block:
            mine = mine.blocking(Block(AT, 0, 0), last_seq, AT)
        elif step == "unblock" and mine.block:
            before, mine = mine, mine.without_block(last_seq)
            older += [one for one in before.unseen if one[1] and one[1] <= mine.older_unseen]

        ranges = [*older, *mine.unseen]
        assert {seq for seq in range(1, last_seq + 1) if mine.hides(seq)} == {
            seq for seq in hidden if seq > mine.older_unseen
        }
        assert all(any(first <= seq <= (last or seq) for first, last in ranges) for seq in hidden)
        assert ranges == sorted(ranges, key=lambda one: one[0])
        assert len(mine.unseen) <= MOST_RANGES + bool(mine.block)
        shown = [seq for seq in range(1, last_seq + 1) if seq not in hidden]
        assert mine.shown_seq(last_seq) == (shown[-1] if shown else 0)
        assert Membership.from_attributes(mine.attributes) == mine


def test_a_new_request_after_a_decline_shows_nothing_from_before() -> None:
    first, second = Ask(0, AT), Ask(3, AT)

    assert Membership().asking(first) == Membership(ask=first)
    assert Membership(ask=first, declined=0).asking(second) == Membership(ask=second, begins_after=3)
