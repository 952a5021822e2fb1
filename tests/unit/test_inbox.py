"""What can be said of a batch without a table; tests/integration rewrites real inboxes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.inbox import Change, fold
from messaging.items import Head, Message, Person
from tests.unit.strategies import heads, histories

BAYKO = Person("0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01", "bayko", "Andrew Bayko")
LONDO = Person("7c9a53de-2d0a-4a0e-9a3d-5b5c1b0f9e02", "londo", "Londo Mollari")
GROUP = "f2b5de61-1c68-4c2f-9f80-3ea0a2c3d404"
FIRST = Message(GROUP, "b1f0c2aa-90e4-4a7e-8f65-0c6c7d6f3e03", "Hello", BAYKO, "2026-01-01T00:00:01.000000+00:00", 1)
HEAD = Head.of_first(FIRST, LONDO)
LATER = HEAD.after(replace(FIRST, message="Hello again", created_at="2026-01-01T00:00:02.000000+00:00", seq=2))
LATEST = LATER.after(replace(FIRST, message="And again", created_at="2026-01-01T00:00:03.000000+00:00", seq=3))


def _renamed(head: Head) -> Head:
    return replace(head, members={**head.members, LONDO.user_uuid: replace(LONDO, display_name="The Emperor")})


def _read(head: Head) -> Head:
    return replace(head, read_seqs=dict.fromkeys(head.members, head.last_seq))


def _deleted(head: Head) -> Head:
    return replace(head, members={**head.members, LONDO.user_uuid: LONDO.deleted})


def _changes(*stages: Head) -> list[Change]:
    return [Change(str(place), float(place), old, new) for place, (old, new) in enumerate(pairwise(stages))]


def _record(old: Any, new: Any, **others: Any) -> dict[str, Any]:
    images = {"OldImage": old, "NewImage": new}
    return {
        "eventID": "1",
        "eventName": "MODIFY",
        "dynamodb": {
            "ApproximateCreationDateTime": 1795464001,
            "SequenceNumber": "300000000000000499659",
            "Keys": {"pk": {"S": f"MSG#{GROUP}"}, "sk": {"S": "HEAD"}},
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **{name: image for name, image in images.items() if image is not None},
            **others,
        },
    }


def test_the_record_of_a_first_message_has_no_head_before() -> None:
    record = {**_record(None, HEAD.item), "eventName": "INSERT"}

    assert Change.from_record(record) == Change("300000000000000499659", 1795464001.0, None, HEAD)


@given(heads(), heads())
def test_a_record_is_read_as_the_change_it_tells_of(old: Head, new: Head) -> None:
    record = json.loads(json.dumps(_record(old.item, new.item)))

    assert Change.from_record(record) == Change("300000000000000499659", 1795464001.0, old, new)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"dynamodb": None},
        _record(None, HEAD.item),
        _record(HEAD.item, None),
        {**_record(None, None), "eventName": "INSERT"},
        _record(FIRST.item, FIRST.item),
        _record(HEAD.item, "not an image"),
        _record(HEAD.item, {**HEAD.item, "members": {"L": []}}),
        _record(HEAD.item, {**HEAD.item, "members": {"M": []}}),
        _record(HEAD.item, {**HEAD.item, "members": {"M": {BAYKO.user_uuid: {"M": {}}}}}),
        _record(HEAD.item, {**HEAD.item, "last_seq": {"N": "many"}}),
        _record(HEAD.item, {**HEAD.item, "created_at": {"N": "1"}}),
        _record(HEAD.item, {**HEAD.item, "created_at": {"S": ""}}),
        _record({**HEAD.item, "created_at": {"S": "HEAD"}}, HEAD.item),
        _record(HEAD.item, {**HEAD.item, "pk": {"B": "AA=="}}),
        _record(HEAD.item, LATER.item, ApproximateCreationDateTime="yesterday"),
        _record(HEAD.item, LATER.item, ApproximateCreationDateTime=None),
    ],
    ids=[
        "nothing",
        "no images",
        "no head before",
        "a removal",
        "an insert of nothing",
        "a message",
        "text for an image",
        "a list of members",
        "members of another form",
        "a member without a name",
        "a number that is none",
        "a time that is a number",
        "a time that is empty",
        "a time that is none",
        "a binary key",
        "a day that is no number",
        "no time at all",
    ],
)
def test_what_is_not_a_change_of_a_head_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        Change.from_record(record)


@given(st.lists(histories(), max_size=4, unique_by=lambda history: history[0].new.message_group_uuid), st.data())
def test_a_batch_folds_to_the_same_moves_whatever_the_order_and_repetition(
    conversations: list[list[Change]], data: st.DataObject
) -> None:
    records = [change for history in conversations for change in history]
    repeated = data.draw(st.lists(st.sampled_from(records))) if records else []
    batch = data.draw(st.permutations(records + repeated))

    moves = {move.end.message_group_uuid: move for move in fold(batch)}

    assert len(fold(batch)) == len(moves) == len(conversations)
    for history in conversations:
        move = moves[history[0].new.message_group_uuid]
        assert move.start == history[0].old
        assert move.end == history[-1].new
        assert move.times == {history[0].start.created_at, *(change.new.created_at for change in history)}
        assert move.since == history[0].at
        assert set(move.sequence_numbers) == {change.sequence_number for change in history}


@given(histories(), st.data())
def test_part_of_a_history_folds_from_its_earliest_head_to_its_latest(
    history: list[Change], data: st.DataObject
) -> None:
    part = data.draw(st.lists(st.sampled_from(history), min_size=1))

    (move,) = fold(part)

    assert move.start.created_at == min(change.start.created_at for change in part)
    assert move.end.created_at == max(change.new.created_at for change in part)
    assert move.start.created_at < move.end.created_at
    assert move.since == min(change.at for change in part)
    assert len(move.sequence_numbers) == len(part)


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) == []


@pytest.mark.parametrize(
    ("stages", "writes", "in_place", "folded"),
    [
        ([HEAD, LATER], 5, False, False),
        ([HEAD, LATER, LATEST], 5, False, True),
        ([HEAD, _renamed(HEAD)], 1, True, False),
        ([HEAD, LATER, _renamed(LATER)], 5, False, True),
        ([HEAD, HEAD], 0, True, False),
        ([HEAD, replace(HEAD, sender_uuid=LONDO.user_uuid)], 0, True, False),
        ([HEAD, _renamed(HEAD), HEAD], 0, True, True),
        ([HEAD, _read(HEAD)], 3, True, False),
        ([HEAD, _read(HEAD), LATER], 5, False, True),
    ],
    ids=[
        "a message",
        "two messages",
        "a member renamed",
        "a message, then a member renamed",
        "nothing an inbox shows",
        "nothing an inbox shows, but another change",
        "a member renamed, and back",
        "a mark",
        "a mark, then a message",
    ],
)
def test_a_move_says_what_became_of_the_inboxes(
    stages: Sequence[Head], writes: int, in_place: bool, folded: bool
) -> None:
    (move,) = fold(_changes(*stages))

    assert len(move.first_writes) + len(move.last_writes) == writes
    assert (move.in_place, move.folded, move.shows_second_try) == (in_place, folded, True)


@pytest.mark.parametrize(("later", "shows"), [([], True), ([LATER], False)], ids=["alone", "with a message"])
def test_an_opening_with_more_is_not_seen_to_be_done_twice(later: Sequence[Head], shows: bool) -> None:
    (move,) = fold([Change("0", 0.0, None, HEAD), *(Change("1", 1.0, HEAD, head) for head in later)])

    assert move.opened
    assert move.start == HEAD
    assert move.shows_second_try is shows


@pytest.mark.parametrize("stages", [[HEAD, _deleted(LATER)], [_deleted(HEAD), LATER]], ids=["meanwhile", "before"])
def test_a_move_of_a_conversation_with_a_deleted_member_has_one_inbox(stages: Sequence[Head]) -> None:
    (move,) = fold(_changes(*stages))

    assert move.of_one


def test_the_last_of_several_heads_with_one_time_is_where_a_move_ends() -> None:
    (move,) = fold(_changes(HEAD, LATER, _renamed(LATER)))

    assert move.end == _renamed(LATER)


def test_the_first_of_several_heads_with_one_time_is_where_a_move_starts() -> None:
    (move,) = fold(_changes(HEAD, _renamed(HEAD), _renamed(LATER)))

    assert move.start == HEAD


def test_a_move_deletes_where_it_starts_and_puts_where_it_ends() -> None:
    (move,) = fold(_changes(HEAD, LATER, LATEST))

    assert move.places == {
        ("delete", BAYKO.user_uuid, HEAD.created_at),
        ("delete", LONDO.user_uuid, HEAD.created_at),
        ("put", BAYKO.user_uuid, LATEST.created_at),
        ("put", LONDO.user_uuid, LATEST.created_at),
    }


@pytest.mark.parametrize(
    ("start", "end", "meet"),
    [
        (HEAD.created_at, LATEST.created_at, True),
        ("2026-01-01T00:00:01.500000+00:00", LATER.created_at, True),
        ("2026-01-01T00:00:01.500000+00:00", LATEST.created_at, False),
        # Deleting where the other puts is done in another request.
        (LATER.created_at, LATEST.created_at, False),
    ],
    ids=["both delete", "both put", "at other times", "one after the other"],
)
def test_two_conversations_of_one_person_may_meet_in_a_place(start: str, end: str, meet: bool) -> None:
    delenn = Person("b1f0c2aa-90e4-4a7e-8f65-0c6c7d6f3e03", "delenn", "Delenn")
    another = replace(Head.of_first(FIRST, delenn), message_group_uuid="another")

    (one,) = fold(_changes(HEAD, LATER))
    (other,) = fold(_changes(replace(another, created_at=start), replace(another, created_at=end)))

    assert bool(one.places & other.places) is meet
