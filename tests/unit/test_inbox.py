"""Rules of a stream batch that need no table; tests/integration rewrites real inboxes."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.inbox_entry import Unread
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services.rewrite_inbox import Change, fold
from messaging.storage.table import Discard
from tests.support.strategies import histories, shuffled

BAYKO = Person("0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01", "bayko", "Andrew Bayko")
LONDO = Person("7c9a53de-2d0a-4a0e-9a3d-5b5c1b0f9e02", "londo", "Londo Mollari")
GROUP = keys.pair_uuid(BAYKO.user_uuid, LONDO.user_uuid)
FIRST = Message(GROUP, "b1f0c2aa-90e4-4a7e-8f65-0c6c7d6f3e03", "Hello", BAYKO, "2026-01-01T00:00:01.000000+00:00", 1)
HEAD = Head.of_first(FIRST, LONDO)
LATER = HEAD.after(replace(FIRST, message="Hello again", created_at="2026-01-01T00:00:02.000000+00:00", seq=2))
LATEST = LATER.after(replace(FIRST, message="And again", created_at="2026-01-01T00:00:03.000000+00:00", seq=3))


def _next(head: Head, **changes: Any) -> Head:
    """The head after an update."""
    return replace(head, **{"version": head.version + 1, **changes})


def _renamed(head: Head) -> Head:
    return _next(head, members={**head.members, LONDO.user_uuid: replace(LONDO, display_name="The Emperor")})


def _read(head: Head) -> Head:
    return _next(head, read_seqs=dict.fromkeys(head.members, head.last_seq))


def _deleted(head: Head) -> Head:
    return _next(head, members={**head.members, LONDO.user_uuid: LONDO.deleted})


def _changes(*stages: Head) -> list[Change]:
    return [Change(str(index), old, new) for index, (old, new) in enumerate(pairwise(stages))]


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

    assert Change.from_record(record) == Change("300000000000000499659", None, HEAD)


@given(histories(), st.randoms(use_true_random=False))
def test_a_record_is_read_as_its_change_in_any_order_of_its_maps(history: list[Change], random: random.Random) -> None:
    (old, new) = history[0].old, history[0].new
    assert old
    record = shuffled(json.loads(json.dumps(_record(old.item, new.item))), random)

    assert Change.from_record(record) == Change("300000000000000499659", old, new)
    change = Change.from_record(record)
    assert list(change.new.members) == list(change.new.read_seqs) == sorted(new.members)


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
        _record(HEAD.item, {**LATER.item, "pk": {"S": f"MSG#{FIRST.message_uuid}"}}),
        _record(HEAD.item, LATER.item, SequenceNumber="first"),
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
        "another conversation than the members'",
        "a sequence number that is none",
    ],
)
def test_a_record_that_is_no_change_of_a_head_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        Change.from_record(record)


@given(st.lists(histories(), max_size=4, unique_by=lambda history: history[0].new.message_group_uuid), st.data())
def test_a_batch_folds_to_the_same_rewrites_in_any_order_and_repetition(
    conversations: list[list[Change]], data: st.DataObject
) -> None:
    records = [change for history in conversations for change in history]
    repeated = data.draw(st.lists(st.sampled_from(records))) if records else []
    batch = data.draw(st.permutations(records + repeated))

    rewrites = {one.end.message_group_uuid: one for one in fold(batch)}

    assert len(fold(batch)) == len(rewrites) == len(conversations)
    for history in conversations:
        one = rewrites[history[0].new.message_group_uuid]
        assert one.start == history[0].old
        assert one.end == history[-1].new
        assert one.first == history[0]
        times = {head.created_at for change in history for head in (change.old, change.new) if head}
        assert one.since == min(times)
        assert one.keys == {owner: {(f"GRP#{owner}", time) for time in times} for owner in history[0].new.members}
        assert set(one.sequence_numbers) == {change.sequence_number for change in history}


@given(histories(), st.data())
def test_part_of_a_history_folds_from_its_earliest_head_to_its_latest(
    history: list[Change], data: st.DataObject
) -> None:
    part = data.draw(st.lists(st.sampled_from(history), min_size=1))

    (one,) = fold(part)

    assert one.start.version == min(change.old.version for change in part if change.old)
    assert one.end.version == max(change.new.version for change in part)
    assert len(one.sequence_numbers) == len(part)


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) == []


@pytest.mark.parametrize(
    ("stages", "first", "last", "passes"),
    [
        ([HEAD, LATER], 3, 2, False),
        ([HEAD, LATER, LATEST], 3, 2, True),
        ([HEAD, _renamed(HEAD)], 3, 0, False),
        ([HEAD, LATER, _renamed(LATER)], 3, 2, False),
        ([HEAD, _renamed(HEAD), _next(HEAD, version=3)], 3, 0, False),
        ([HEAD, _read(HEAD)], 3, 0, False),
        ([HEAD, _read(HEAD), LATER], 3, 2, False),
        ([_read(HEAD), _renamed(_read(HEAD))], 2, 0, False),
    ],
    ids=[
        "a message",
        "two messages",
        "a member renamed",
        "a message, then a member renamed",
        "a member renamed, and back",
        "a mark",
        "a mark, then a message",
        "a member renamed, and nothing unread",
    ],
)
def test_a_rewrite_is_so_many_writes(stages: Sequence[Head], first: int, last: int, passes: bool) -> None:
    (one,) = fold(_changes(*stages))

    assert one.is_counted
    assert (len([*one.first_writes()]), len([*one.last_writes()])) == (first, last)
    assert any(known - one.ends for known in one.keys.values()) is passes


def test_unread_messages_that_came_and_were_read_in_one_batch_leave_no_unread_entry() -> None:
    stages = [
        _read(HEAD),
        _next(_read(HEAD), last=replace(FIRST, seq=2)),
        _read(_next(_read(HEAD), last=replace(FIRST, seq=2))),
    ]

    (one,) = fold(_changes(*stages))

    assert [write for write in one.first_writes() if isinstance(write.entry, Unread)] == [
        Discard(one.end.unread_of(owner)) for owner in one.end.members
    ]


@pytest.mark.parametrize(
    ("stages", "counted"),
    [
        ([HEAD, LATER], True),
        ([HEAD, _deleted(LATER)], False),
        ([_deleted(HEAD), _next(_deleted(LATER))], False),
        ([replace(HEAD, version=0), replace(LATER, version=0)], False),
        ([replace(HEAD, version=0), replace(LATER, version=1)], True),
        ([HEAD, replace(LATER, version=HEAD.version)], False),
    ],
    ids=[
        "as usual",
        "a member deleted meanwhile",
        "a member deleted before",
        "stored before there were versions",
        "the first version",
        "a change that was not counted",
    ],
)
def test_ambiguous_versions_cause_a_rebuild(stages: Sequence[Head], counted: bool) -> None:
    (one,) = fold(_changes(*stages))

    assert one.is_counted is counted


@pytest.mark.parametrize(("version", "counted"), [(0, False), (1, True)])
def test_an_opening_is_counted_from_nothing(version: int, counted: bool) -> None:
    (one,) = fold([Change("0", None, replace(HEAD, version=version))])

    assert one.start == replace(HEAD, version=version)
    assert one.is_counted is counted


def test_a_rewrite_writes_at_its_first_and_last_time() -> None:
    (one,) = fold(_changes(HEAD, LATER, LATEST))

    assert one.ends == {
        (f"GRP#{person.user_uuid}", head.created_at) for person in (BAYKO, LONDO) for head in (HEAD, LATEST)
    }
