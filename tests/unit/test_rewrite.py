"""What the stream handler does with what it meets, on inboxes in memory; tests/integration rewrites real ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, repeat

import pytest

from messaging import inbox, keys
from messaging.errors import Busy
from messaging.inbox import Change, Rewritten, rebuild, rewrite
from messaging.items import Head, Message, MessageGroup, Person, Unread
from messaging.table import Delete, HeadMoved, PositionTaken, Write
from tests.unit.api import OTHER, STRANGER, USER
from tests.unit.fake_table import FakeInboxes

BAYKO = Person(USER, "bayko", "Andrew Bayko")
LONDO = Person(OTHER, "londo", "Londo Mollari")
DELENN = Person(STRANGER, "delenn", "Delenn")
VIR = Person("5a1e7f0c-33c5-4d19-a8b6-b0b8fd5f7005", "vir", "Vir Cotto")
TRIES = 4
NEVER = -100.0  # before the first record: nothing is in doubt


def _time(second: int) -> str:
    return f"2026-01-01T00:00:0{second}.000000+00:00"


def _head(second: int, *, other: Person = LONDO) -> Head:
    """A conversation's head when its last message came at this second."""
    group = keys.pair_uuid(USER, other.user_uuid)
    first = Head.of_first(Message(group, "", f"At {second}", BAYKO, _time(second), second), other)
    return replace(first, last_seq=second, read_seqs={USER: second, other.user_uuid: 0})


def _read(head: Head, *, other: int) -> Head:
    """The head when bayko's other has read so far."""
    (reader,) = (one for one in head.members if one != USER)
    return replace(head, read_seqs={USER: head.read_seqs[USER], reader: other})


def _changes(*stages: Head, at: float = 0.0) -> list[Change]:
    return [Change(str(number), at, old, new) for number, (old, new) in enumerate(pairwise(stages), stages[0].last_seq)]


class Watched(FakeInboxes):
    """Notes what is asked of it; the n-th write of a request fails as `faults` of its request, put or delete, say."""

    def __init__(self, *lying: MessageGroup) -> None:
        super().__init__()
        for group in lying:
            self.message_groups[group.owner_uuid, group.sk] = group
        self.asked: list[str] = []
        self.faults: dict[str, dict[int, Exception]] = {}
        self.refusals: Iterator[Exception] = iter(())

    @property
    def lying(self) -> set[tuple[str, str, str]]:
        """Who has which message where."""
        return {(owner, sk, group.message) for (owner, sk), group in self.message_groups.items()}

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        assert consistent, "what rebuilds an inbox must not be stale"
        self.asked.append("head")
        return super().head(message_group_uuid)

    def write_entries(self, writes: Sequence[Write]) -> list[bool | Exception]:
        if not writes:
            return []
        deletes = all(isinstance(write, Delete) and isinstance(write.entry, MessageGroup) for write in writes)
        request = "delete" if deletes else "put"
        self.asked.append(f"{request} {len(writes)}")
        faults = self.faults.get(request, {})
        return [faults[place] if place in faults else self._write(write) for place, write in enumerate(writes)]

    def place_entries(self, head: Head, groups: Sequence[MessageGroup]) -> None:
        self.asked.append("place")
        for refusal in self.refusals:
            raise refusal
        assert head == self.heads[head.message_group_uuid]
        super().place_entries(head, groups)


def _standing_at(*heads: Head, beside: Sequence[MessageGroup] = ()) -> Watched:
    """Inboxes that are as these heads say."""
    table = Watched(*(group for head in heads for group in head.message_groups), *beside)
    table.heads = {head.message_group_uuid: head for head in heads}
    table.noted = {(one.owner_uuid, one.message_group_uuid): one for head in heads for one in head.unread}
    return table


def _as_told_by(*heads: Head) -> set[tuple[str, str, str]]:
    return _standing_at(*heads).lying


@pytest.fixture(autouse=True)
def _tries_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "attempts", lambda: range(TRIES))


def test_new_message_groups_are_put_and_then_the_old_deleted_and_nothing_is_read() -> None:
    table = _standing_at(_head(1))

    assert rewrite(table, _changes(_head(1), _head(2)), NEVER) == Rewritten(1, 0, {})

    assert table.lying == _as_told_by(_head(2))
    assert list(table.noted.values()) == _head(2).unread
    assert table.asked == ["put 3", "delete 2"]


def test_a_batch_is_two_requests_for_all_its_conversations() -> None:
    table = _standing_at(_head(1), _head(2, other=DELENN))
    batch = [*_changes(_head(1), _head(3), _head(5)), *_changes(_head(2, other=DELENN), _head(4, other=DELENN))]

    assert rewrite(table, batch, NEVER) == Rewritten(2, 0, {})

    assert table.lying == _as_told_by(_head(5), _head(4, other=DELENN))
    assert table.asked == ["put 6", "delete 4"]


def test_what_no_inbox_shows_writes_nothing_and_does_not_hold_up_the_rest() -> None:
    unseen = replace(_head(1, other=DELENN), sender_uuid=STRANGER, message_uuid="another")
    table = _standing_at(_head(1))

    batch = [*_changes(_head(1, other=DELENN), unseen), *_changes(_head(1), _head(2))]

    assert rewrite(table, batch, NEVER) == Rewritten(1, 0, {})
    assert table.asked == ["put 3", "delete 2"]


@pytest.mark.parametrize("at", [9.0, 11.0], ids=["older than the doubt", "as old, for all that clocks differ"])
def test_what_a_try_that_was_cut_off_has_left_half_way_is_found(at: float) -> None:
    heads = [_head(second) for second in (1, 2, 3)]
    table = Watched(*heads[0].message_groups, *heads[1].message_groups)
    table.heads[heads[2].message_group_uuid] = heads[2]

    assert rewrite(table, _changes(*heads, at=at), 10.0) == Rewritten(0, 1, {})

    assert table.lying == _as_told_by(heads[2])


@pytest.mark.parametrize(
    ("stages", "at"), [((1, 2, 3), 11.5), ((1, 2), 0.0)], ids=["younger", "of one message, which passes over nothing"]
)
def test_a_move_that_no_try_can_have_cut_off_otherwise_is_trusted(stages: tuple[int, ...], at: float) -> None:
    heads = [_head(second) for second in stages]
    table = _standing_at(heads[0])

    assert rewrite(table, _changes(*heads, at=at), 10.0) == Rewritten(1, 0, {})


def test_a_conversation_in_whose_place_another_of_the_batch_moves_is_rebuilt() -> None:
    table = _standing_at(_head(1), _head(4, other=VIR), _head(2, other=DELENN))
    batch = [
        *_changes(_head(1), _head(3)),
        *_changes(_head(4, other=VIR), _head(5, other=VIR)),
        *_changes(_head(2, other=DELENN), _head(3, other=DELENN)),
    ]
    table.heads = {head.message_group_uuid: head for head in (_head(3), _head(5, other=VIR), _head(3, other=DELENN))}

    assert rewrite(table, batch, NEVER) == Rewritten(2, 1, {})

    (beside,) = (group.tiebroken() for group in _head(3, other=DELENN).message_groups if group.owner_uuid == USER)
    assert table.lying == {
        *_as_told_by(_head(3), _head(5, other=VIR)),
        (STRANGER, _time(3), "At 3"),
        (USER, beside.sk, "At 3"),
    }
    assert table.asked[:2] == ["put 6", "delete 4"]


def test_a_member_who_is_called_otherwise_is_shown_so_in_place() -> None:
    renamed = replace(_head(1), members={USER: BAYKO, OTHER: replace(LONDO, display_name="The Emperor")})
    table = _standing_at(_head(1))
    table.heads[renamed.message_group_uuid] = renamed

    assert rewrite(table, _changes(_head(1), renamed), NEVER) == Rewritten(0, 1, {})

    assert {group.other.display_name for group in table.message_groups.values()} == {"Andrew Bayko", "The Emperor"}
    assert table.asked == ["head", "place", "delete 2"]


def test_a_member_who_was_deleted_has_no_message_group_any_more() -> None:
    deleted = replace(_head(2), members={USER: BAYKO, OTHER: LONDO.deleted})
    table = _standing_at(_head(1))
    table.heads[deleted.message_group_uuid] = deleted

    assert rewrite(table, _changes(_head(1), deleted), NEVER) == Rewritten(0, 1, {})

    assert table.lying == {(USER, _time(2), "At 2")}


def test_a_record_seen_before_moves_nothing_back() -> None:
    table = _standing_at(_head(3))

    assert rewrite(table, _changes(_head(1), _head(2)), NEVER) == Rewritten(0, 1, {})

    assert table.lying == _as_told_by(_head(3))


def test_a_batch_seen_again_changes_nothing() -> None:
    table = _standing_at(_head(2), _head(4, other=DELENN))
    batch = [*_changes(_head(1), _head(2)), *_changes(_head(3, other=DELENN), _head(4, other=DELENN))]

    assert rewrite(table, batch, NEVER) == Rewritten(0, 2, {})

    assert table.lying == _as_told_by(_head(2), _head(4, other=DELENN))


@pytest.mark.parametrize(
    ("request_", "place"), [*(("put", place) for place in range(6)), *(("delete", place) for place in range(4))]
)
def test_a_record_that_fails_fails_alone(request_: str, place: int) -> None:
    table = _standing_at(_head(1), _head(2, other=DELENN))
    conversations = [
        [_head(1), _head(3), _head(5)],
        [_head(2, other=DELENN), _head(4, other=DELENN), _head(6, other=DELENN)],
    ]
    table.faults[request_] = {place: (error := Busy("Throttled."))}

    outcome = rewrite(table, [change for heads in conversations for change in _changes(*heads)], NEVER)

    number = place // (3 if request_ == "put" else 2)
    failing, moved = _changes(*conversations[number]), conversations[1 - number]
    assert outcome == Rewritten(1, 0, {change.sequence_number: error for change in failing})
    assert _as_told_by(moved[-1]) <= table.lying


@pytest.mark.parametrize("owner", [USER, OTHER])
def test_what_only_one_of_the_two_inboxes_has_is_rebuilt(owner: str) -> None:
    (put,) = (group for group in _head(2).message_groups if group.owner_uuid == owner)
    table = Watched(*_head(1).message_groups, put)
    table.heads[put.message_group_uuid] = _head(2)

    assert rewrite(table, _changes(_head(1), _head(2)), NEVER) == Rewritten(0, 1, {})

    assert table.lying == _as_told_by(_head(2))


def test_a_rebuild_that_fails_is_reported_and_the_next_is_done() -> None:
    table = _standing_at(_head(5), _head(6, other=DELENN))
    failing = _changes(_head(1), _head(2), _head(3))
    table.refusals = iter([error := RuntimeError("DynamoDB")])

    outcome = rewrite(table, [*failing, *_changes(_head(2, other=DELENN), _head(4, other=DELENN))], NEVER)

    assert outcome == Rewritten(0, 1, {change.sequence_number: error for change in failing})


@pytest.mark.parametrize("plain", [True, False], ids=["at a time", "beside one"])
def test_a_rebuild_deletes_what_lies_at_any_time_the_conversation_was_at(plain: bool) -> None:
    old = [group if plain else group.tiebroken() for group in _head(1).message_groups + _head(2).message_groups]
    now = [group.tiebroken() for group in _head(3).message_groups]
    table = _standing_at(_head(3), beside=[*old, *now])

    rebuild(table, _head(2), [_time(1), _time(2)])

    assert table.lying == _as_told_by(_head(3))


def test_a_rebuild_leaves_other_conversations_alone() -> None:
    others = _head(1, other=DELENN)
    table = _standing_at(_head(2), others)

    rebuild(table, _head(1), [_time(1)])

    assert table.lying == _as_told_by(_head(2), others)


def test_a_rebuild_lies_beside_who_has_its_place_in_that_inbox_only() -> None:
    others = _head(2, other=DELENN)
    table = _standing_at(_head(2), others)
    for owner in (USER, OTHER):
        table.message_groups.pop((owner, _time(2)))
    for group in others.message_groups:
        table.message_groups[group.owner_uuid, group.sk] = group

    rebuild(table, _head(1), [_time(1)])

    sk = keys.tiebroken_inbox_sk(_time(2), _head(2).message_group_uuid)
    assert table.lying == {*_as_told_by(others), (OTHER, _time(2), "At 2"), (USER, sk, "At 2")}


@pytest.mark.parametrize("refusal", [HeadMoved(None), Busy("Throttled.")], ids=["head moved", "throttled"])
def test_a_refused_rebuild_is_tried_again_with_the_head_as_it_is_and_at_its_plain_time(refusal: Exception) -> None:
    table = _standing_at(_head(3))
    table.refusals = iter([PositionTaken([USER]), refusal])

    rebuild(table, _head(1), [_time(1)])

    assert table.lying == _as_told_by(_head(3))
    assert table.asked == ["head", "place", "head", "place", "head", "place", "delete 6"]


def test_a_rebuild_that_is_refused_for_long_is_busy_and_deletes_nothing() -> None:
    table = _standing_at(_head(3))
    table.refusals = repeat(HeadMoved(None))

    with pytest.raises(Busy, match=r"^The head of a conversation keeps changing\.$"):
        rebuild(table, _head(1), [_time(1)])

    assert table.asked == ["head", "place"] * TRIES


def test_a_conversation_that_is_gone_has_no_message_groups() -> None:
    table = Watched(*_head(1).message_groups)

    rebuild(table, _head(1), [_time(1)])

    assert table.lying == set()
    assert table.asked == ["head", "delete 4"]


def test_a_rebuild_that_cannot_delete_fails() -> None:
    table = _standing_at(_head(2), beside=_head(1).message_groups)
    table.faults["delete"] = {1: RuntimeError("DynamoDB")}

    with pytest.raises(RuntimeError, match="DynamoDB"):
        rebuild(table, _head(1), [_time(1)])


def _marks(table: Watched) -> dict[str, tuple[int, int | None]]:
    """Of each owner, how far they and the other have read, as the inbox has it."""
    return {owner: (group.read_seq, group.other_read_seq) for (owner, _), group in table.message_groups.items()}


def test_a_mark_changes_both_message_groups_where_they_lie_and_what_is_unread() -> None:
    table = _standing_at(_head(3))

    assert rewrite(table, _changes(_head(3), _read(_head(3), other=2)), NEVER) == Rewritten(1, 0, {})

    assert _marks(table) == {USER: (3, 2), OTHER: (2, 3)}
    assert list(table.noted.values()) == [Unread(OTHER, _head(3).message_group_uuid, 3, 2)]
    assert table.asked == ["put 3"]


def test_who_has_read_all_has_nothing_unread() -> None:
    table = _standing_at(_head(3))

    assert rewrite(table, _changes(_head(3), _read(_head(3), other=3)), NEVER) == Rewritten(1, 0, {})

    assert table.noted == {}
    assert table.asked == ["put 3"]


def test_who_answers_has_read_what_was_there() -> None:
    group = _head(1).message_group_uuid
    answer = _head(1).after(Message(group, "", "Yes", LONDO, _time(2), 2))
    table = _standing_at(_head(1))

    assert rewrite(table, _changes(_head(1), answer), NEVER) == Rewritten(1, 0, {})

    assert _marks(table) == {USER: (1, 2), OTHER: (2, 1)}
    assert list(table.noted.values()) == [Unread(USER, group, 2, 1)]
    assert table.asked == ["put 4", "delete 2"]


@pytest.mark.parametrize("shown", [True, False])
def test_who_shows_no_receipts_is_not_seen_to_have_read(shown: bool) -> None:
    londo = replace(LONDO, receipts=not shown)
    before = replace(_read(_head(3), other=2), members={USER: BAYKO, OTHER: londo})
    after = replace(before, members={USER: BAYKO, OTHER: replace(LONDO, receipts=shown)})
    table = _standing_at(before)

    assert rewrite(table, _changes(before, after), NEVER) == Rewritten(1, 0, {})

    assert _marks(table) == {USER: (3, 2 if shown else None), OTHER: (2, 3)}
    assert table.asked == ["put 1"]


def _opened(head: Head) -> Change:
    return Change("0", 0.0, None, head)


def test_the_first_message_is_noted_as_unread_and_its_message_groups_are_there() -> None:
    table = _standing_at(_head(1))
    table.noted.clear()

    assert rewrite(table, [_opened(_head(1))], NEVER) == Rewritten(1, 0, {})

    assert table.noted == _standing_at(_head(1)).noted
    assert table.lying == _as_told_by(_head(1))
    assert table.asked == ["put 2"]


@pytest.mark.parametrize("later", [[], [_read(_head(1), other=1)]], ids=["alone", "with what came later"])
def test_an_opening_seen_again_does_not_bring_back_what_was_read(later: list[Head]) -> None:
    table = _standing_at(_read(_head(1), other=1))

    assert rewrite(table, [_opened(_head(1)), *_changes(_head(1), *later)], NEVER) == Rewritten(0, 1, {})

    assert table.noted == {}
    assert _marks(table) == {USER: (1, 1), OTHER: (1, 1)}


@pytest.mark.parametrize("old", [0, 2], ids=["the first mark", "a later mark"])
def test_a_mark_seen_before_moves_nothing_back(old: int) -> None:
    table = _standing_at(_read(_head(5), other=4))
    batch = _changes(_read(_head(5), other=old), _read(_head(5), other=3))

    assert rewrite(table, batch, NEVER) == Rewritten(0, 1, {})

    assert _marks(table) == {USER: (5, 4), OTHER: (4, 5)}
    assert list(table.noted.values()) == _read(_head(5), other=4).unread
