"""The rewrite of inboxes in memory; tests/integration rewrites real ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, repeat

import pytest

from messaging import retry
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.membership import ARCHIVE, FOREVER, INBOX, REQUESTS, Ask, Block
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services import rewrite_inbox
from messaging.services.rewrite_inbox import Change, Rewritten, rebuild, rewrite
from messaging.storage.table import MAX_STALE_ENTRIES, Delete, Discard, HeadChanged, PositionTaken, Write
from tests.support.api import OTHER, STRANGER, USER
from tests.support.fake_table import FakeInboxes, entry_key

BAYKO = Person(USER, "bayko", "Andrew Bayko")
LONDO = Person(OTHER, "londo", "Londo Mollari")
DELENN = Person(STRANGER, "delenn", "Delenn")
VIR = Person("5a1e7f0c-33c5-4d19-a8b6-b0b8fd5f7005", "vir", "Vir Cotto")
TRIES = 4


def _time(second: int) -> str:
    return f"2026-01-01T00:00:0{second}.000000+00:00"


def _head(second: int, *, other: Person = LONDO) -> Head:
    """A conversation's head after a last message at this second, with only messages before."""
    group = keys.pair_uuid(USER, other.user_uuid)
    first = Head.of_first(Message(group, "", f"At {second}", BAYKO, _time(second), second), other)
    return _next(first, read_seqs={**first.read_seqs, USER: second}, version=second)


def _next(head: Head, **changes: object) -> Head:
    """The head after an update."""
    return replace(head, **{"version": head.version + 1, **changes})  # type: ignore[arg-type]


def _read(head: Head, *, other: int) -> Head:
    """The head after the other member has read up to `other`."""
    (reader,) = (one for one in head.members if one != USER)
    return _next(head, read_seqs={**head.read_seqs, reader: other})


def _renamed(head: Head, name: str) -> Head:
    return _next(head, members={**head.members, OTHER: replace(LONDO, display_name=name)})


def _showing(head: Head, read_receipts: bool) -> Head:
    return _next(head, members={**head.members, OTHER: replace(LONDO, read_receipts=read_receipts)})


def _set(head: Head, owner: str, **settings: object) -> Head:
    """The head after a setting of a member."""
    return _next(head.with_membership(owner, replace(head.membership(owner), **settings)))  # type: ignore[arg-type]


def _blocked(head: Head, *, second: int = 9) -> Head:
    """The head after Londo has blocked Bayko."""
    block = Block(_time(second), head.read_seqs[OTHER], head.read_seqs[USER])
    blocking = head.membership(OTHER).blocking(block, head.last_seq, head.created_at)
    return _next(head.with_membership(OTHER, blocking))


def _after(head: Head, second: int) -> Head:
    """The head after another message of Bayko."""
    return head.after(Message(head.message_group_uuid, "", f"At {second}", BAYKO, _time(second), head.last_seq + 1))


def _changes(*stages: Head) -> list[Change]:
    return [Change(str(number), old, new) for number, (old, new) in enumerate(pairwise(stages), stages[0].last_seq)]


def _opened(head: Head) -> Change:
    return Change("0", None, head)


class Watched(FakeInboxes):
    """Records its requests; the n-th write of a request fails as in `faults` of its name."""

    def __init__(self, *stored: InboxEntry) -> None:
        super().__init__()
        self.inbox_entries = {entry_key(entry): entry for entry in stored}
        self.requests: list[str] = []
        self.faults: dict[str, dict[int, Exception]] = {}
        self.query_error: Exception | None = None
        self.ranges: list[tuple[str, str]] = []
        self.refusals: Iterator[Exception] = iter(())

    @property
    def stored(self) -> set[tuple[str, str, str]]:
        """The stored entries: owner, key and message."""
        return {(owner, sk, entry.message) for (owner, sk), entry in self.inbox_entries.items()}

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        assert consistent, "a rebuild must not read a stale head"
        self.requests.append("head")
        return super().head(message_group_uuid)

    def entries_of(
        self, owner_uuid: str, message_group_uuid: str, folder: str, first: str, last: str = "A"
    ) -> list[InboxEntry]:
        self.requests.append("query")
        self.ranges.append((first, last))
        if self.query_error:
            raise self.query_error
        return super().entries_of(owner_uuid, message_group_uuid, folder, first, last)

    def write_entries(self, writes: Sequence[Write]) -> list[bool | Exception]:
        if not writes:
            return []
        name = "put"
        if all(isinstance(write.entry, InboxEntry) for write in writes):
            names: dict[type, str] = {Delete: "delete", Discard: "discard"}
            name = names.get(type(writes[0]), "put")
        self.requests.append(f"{name} {len(writes)}")
        faults = self.faults.get(name, {})
        return [faults[index] if index in faults else self._write(write) for index, write in enumerate(writes)]

    def replace_entries(
        self, known: Head, head: Head | None, groups: Sequence[InboxEntry], stale: Sequence[InboxEntry]
    ) -> None:
        self.requests.append("replace")
        assert len(stale) <= MAX_STALE_ENTRIES
        for refusal in self.refusals:
            raise refusal
        super().replace_entries(known, head, groups, stale)


REBUILD = ["query", "query", "head", "replace"]


def _showing_heads(*heads: Head, more: Sequence[InboxEntry] = ()) -> Watched:
    """Inboxes that show these heads, and `more` entries."""
    table = Watched(*(entry for head in heads for entry in head.inbox_entries), *more)
    table.heads = {head.message_group_uuid: head for head in heads}
    table.unread_entries = {(one.owner_uuid, one.message_group_uuid): one for head in heads for one in head.unread}
    return table


def _before(start: Head, end: Head) -> Watched:
    """Inboxes that show an earlier head of a conversation."""
    table = _showing_heads(start)
    table.heads[end.message_group_uuid] = end
    return table


def _assert_shows(table: Watched, *heads: Head) -> None:
    """Assert that exactly the entries of these heads are stored, once each."""
    wanted = _showing_heads(*heads)
    assert table.inbox_entries == wanted.inbox_entries
    assert table.unread_entries == wanted.unread_entries


@pytest.fixture(autouse=True)
def _tries_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite_inbox, "attempts", lambda _: range(TRIES))


def test_new_entries_are_put_and_then_the_old_deleted_and_nothing_is_read() -> None:
    table = _before(_head(1), _head(2))

    assert rewrite(table, _changes(_head(1), _head(2))) == Rewritten(1, 0, {})

    _assert_shows(table, _head(2))
    assert table.requests == ["put 3", "delete 2"]


def test_a_batch_is_two_requests_for_all_its_conversations() -> None:
    table = _showing_heads(_head(1), _head(2, other=DELENN))
    batch = [*_changes(_head(1), _head(3)), *_changes(_head(2, other=DELENN), _head(4, other=DELENN))]

    assert rewrite(table, batch) == Rewritten(2, 0, {})

    _assert_shows(table, _head(3), _head(4, other=DELENN))
    assert table.requests == ["put 6", "delete 4"]


def test_a_burst_is_one_rewrite_and_a_query_of_the_skipped_times() -> None:
    heads = [_head(second) for second in range(1, 9)]
    table = _before(heads[0], heads[-1])

    assert rewrite(table, _changes(*heads)) == Rewritten(1, 0, {})

    _assert_shows(table, heads[-1])
    assert table.requests == ["put 3", "delete 2", "query", "query"]
    assert table.ranges == [(_time(1), _time(8))] * 2


@pytest.mark.parametrize("tiebroken", [False, True], ids=["at a time", "tiebroken"])
def test_an_entry_that_an_interrupted_attempt_left_at_a_time_in_between_is_deleted(tiebroken: bool) -> None:
    heads = [_head(second) for second in (1, 2, 3)]
    left = [entry.tiebroken() if tiebroken else entry for entry in heads[1].inbox_entries]
    table = _showing_heads(heads[0], more=left)

    assert rewrite(table, _changes(*heads)) == Rewritten(1, 0, {})

    _assert_shows(table, heads[2])
    assert table.requests == ["put 3", "delete 2", "query", "query", "discard 2"]


def test_a_conversation_is_rebuilt_if_another_of_the_batch_takes_its_key() -> None:
    table = _showing_heads(_head(1), _head(4, other=VIR), _head(2, other=DELENN))
    batch = [
        *_changes(_head(1), _head(3)),
        *_changes(_head(4, other=VIR), _head(5, other=VIR)),
        *_changes(_head(2, other=DELENN), _head(3, other=DELENN)),
    ]
    table.heads = {head.message_group_uuid: head for head in (_head(3), _head(5, other=VIR), _head(3, other=DELENN))}

    assert rewrite(table, batch) == Rewritten(2, 1, {})

    tiebroken = _head(3, other=DELENN).inbox_entry(USER).tiebroken()
    assert table.stored == {
        *_showing_heads(_head(3), _head(5, other=VIR)).stored,
        (STRANGER, _time(3), "At 3"),
        (USER, tiebroken.sk, "At 3"),
    }
    assert table.requests[:2] == ["put 6", "delete 4"]


def test_a_new_name_is_shown_in_place() -> None:
    renamed = _renamed(_head(1), "The Emperor")
    table = _before(_head(1), renamed)

    assert rewrite(table, _changes(_head(1), renamed)) == Rewritten(1, 0, {})

    _assert_shows(table, renamed)
    assert table.requests == ["put 3"]


@pytest.mark.parametrize("before", [False, True], ids=["meanwhile", "before"])
def test_a_deleted_member_has_no_entries(before: bool) -> None:
    deleted = _next(_head(2), members={**_head(2).members, OTHER: LONDO.deleted})
    later = _next(deleted, read_seqs={USER: 2, OTHER: 2})
    table = _before(_head(2) if before else _head(1), later)

    assert rewrite(table, _changes(deleted if before else _head(1), later)) == Rewritten(0, 1, {})

    _assert_shows(table, later)
    assert table.stored == {(USER, _time(2), "At 2")}


def test_a_replayed_record_moves_nothing_back() -> None:
    table = _showing_heads(_head(3))

    assert rewrite(table, _changes(_head(1), _head(2))) == Rewritten(0, 1, {})

    _assert_shows(table, _head(3))


def test_a_batch_seen_again_changes_nothing() -> None:
    table = _showing_heads(_head(2), _head(4, other=DELENN))
    batch = [*_changes(_head(1), _head(2)), *_changes(_head(3, other=DELENN), _head(4, other=DELENN))]

    assert rewrite(table, batch) == Rewritten(0, 2, {})

    _assert_shows(table, _head(2), _head(4, other=DELENN))


def test_returning_values_are_distinguished_by_their_versions() -> None:
    """Receipts go off and on in two conversations; the first half is delivered again, with the second."""
    shown = [_head(1), _head(2, other=DELENN)]
    hidden = [_next(head, members={**head.members, USER: replace(BAYKO, read_receipts=False)}) for head in shown]
    again = [_next(head, members={**head.members, USER: BAYKO}) for head in hidden]
    off = [change for heads in zip(shown, hidden, strict=True) for change in _changes(*heads)]
    on = [change for heads in zip(hidden, again, strict=True) for change in _changes(*heads)]
    table = _showing_heads(*shown)
    table.heads = {head.message_group_uuid: head for head in again}

    assert rewrite(table, off) == Rewritten(2, 0, {})
    _assert_shows(table, *hidden)
    assert rewrite(table, [*off, *on]) == Rewritten(2, 0, {})
    _assert_shows(table, *again)
    assert rewrite(table, off) == Rewritten(0, 2, {})
    _assert_shows(table, *again)


def test_each_owner_keeps_their_own_marks_in_any_order_of_the_members() -> None:
    start, end = _head(3), _read(_head(3), other=2)
    reversed_start = replace(
        start,
        members=dict(reversed(start.members.items())),
        read_seqs=dict(reversed(start.read_seqs.items())),
    )
    table = _before(start, end)

    assert rewrite(table, _changes(reversed_start, end)) == Rewritten(1, 0, {})

    _assert_shows(table, end)


@pytest.mark.parametrize(
    ("request_", "index"), [*(("put", index) for index in range(6)), *(("delete", index) for index in range(4))]
)
def test_a_record_that_fails_fails_alone(request_: str, index: int) -> None:
    table = _showing_heads(_head(1), _head(2, other=DELENN))
    conversations = [[_head(1), _head(3), _head(5)], [_head(second, other=DELENN) for second in (2, 4, 6)]]
    table.faults[request_] = {index: (error := Busy("Throttled."))}

    outcome = rewrite(table, [change for heads in conversations for change in _changes(*heads)])

    number = index // (3 if request_ == "put" else 2)
    failing, moved = _changes(*conversations[number]), conversations[1 - number]
    assert outcome == Rewritten(1, 0, {change.sequence_number: error for change in failing})
    assert _showing_heads(moved[-1]).stored <= table.stored


def test_a_query_that_fails_fails_its_records() -> None:
    heads = [_head(second) for second in (1, 2, 3)]
    table = _before(heads[0], heads[2])
    table.query_error = error = Busy("Throttled.")

    outcome = rewrite(table, _changes(*heads))

    assert outcome == Rewritten(0, 0, {change.sequence_number: error for change in _changes(*heads)})


@pytest.mark.parametrize("owner", [USER, OTHER])
def test_a_conversation_of_which_one_inbox_was_rewritten_is_rebuilt(owner: str) -> None:
    table = _showing_heads(_head(1), more=[_head(2).inbox_entry(owner)])
    table.heads[_head(2).message_group_uuid] = _head(2)

    assert rewrite(table, _changes(_head(1), _head(2))) == Rewritten(0, 1, {})

    _assert_shows(table, _head(2))


@pytest.mark.parametrize("stored", ["heads", "entries"])
def test_entries_from_before_versions_are_rebuilt(stored: str) -> None:
    old, end = replace(_head(1), version=0), replace(_head(2), version=0 if stored == "heads" else 1)
    table = _before(old, end)

    assert rewrite(table, _changes(old, end)).rebuilt == (stored == "heads")

    _assert_shows(table, end)


def test_a_rebuild_that_fails_is_reported_and_the_next_is_done() -> None:
    table = _showing_heads(_head(5), _head(6, other=DELENN))
    failing = _changes(_head(1), _head(2), _head(3))
    table.refusals = iter([error := RuntimeError("DynamoDB")])

    outcome = rewrite(table, [*failing, *_changes(_head(2, other=DELENN), _head(4, other=DELENN))])

    assert outcome == Rewritten(0, 1, {change.sequence_number: error for change in failing})


@pytest.mark.parametrize("plain", [True, False], ids=["at a time", "tiebroken"])
def test_a_rebuild_deletes_every_other_entry_of_the_conversation(plain: bool) -> None:
    old = [entry if plain else entry.tiebroken() for entry in _head(1).inbox_entries + _head(2).inbox_entries]
    now = [entry.tiebroken() for entry in _head(3).inbox_entries]
    table = _showing_heads(_head(3), more=[*old, *now])

    rebuild(table, _head(2), _time(1), folders=[INBOX])

    _assert_shows(table, _head(3))
    assert table.requests == REBUILD


def test_a_rebuild_deletes_more_entries_than_one_transaction_can() -> None:
    stray = [replace(_head(1).inbox_entry(USER), sk=f"2026-01-01T00:00:01.{number:06}+00:00") for number in range(200)]
    table = _showing_heads(_head(3), more=stray)

    rebuild(table, _head(3), _time(1), folders=[INBOX])

    _assert_shows(table, _head(3))
    assert table.requests == REBUILD * 3


def test_a_rebuild_leaves_other_conversations_and_earlier_entries_alone() -> None:
    others = _head(2, other=DELENN)
    table = _showing_heads(_head(4), others, more=_head(1).inbox_entries)

    rebuild(table, _head(4), _time(3), folders=[INBOX])

    assert table.stored == _showing_heads(_head(4), others, _head(1)).stored | _showing_heads(_head(4)).stored


def test_a_rebuild_breaks_a_tie_in_that_inbox_only_where_another_conversation_has_the_time() -> None:
    others = _head(2, other=DELENN)
    table = _showing_heads(_head(1), others)
    table.heads[_head(2).message_group_uuid] = _head(2)

    rebuild(table, _head(1), _time(1), folders=[INBOX])

    sk = keys.tiebroken_inbox_sk(_time(2), _head(2).message_group_uuid)
    assert table.stored == {*_showing_heads(others).stored, (OTHER, _time(2), "At 2"), (USER, sk, "At 2")}


@pytest.mark.parametrize("refusal", [HeadChanged(None), Busy("Throttled.")], ids=["head changed", "throttled"])
def test_a_refused_rebuild_is_tried_again_with_the_head_as_it_is_and_at_its_plain_time(refusal: Exception) -> None:
    table = _showing_heads(_head(3))
    table.refusals = iter([PositionTaken([USER]), refusal])

    rebuild(table, _head(1), _time(1), folders=[INBOX])

    _assert_shows(table, _head(3))
    assert table.requests == REBUILD * 3


def test_a_rebuild_that_is_refused_for_long_is_busy() -> None:
    table = _showing_heads(_head(3))
    table.refusals = repeat(HeadChanged(None))

    with pytest.raises(Busy, match=r"^The head of a conversation keeps changing\.$"):
        rebuild(table, _head(1), _time(1), folders=[INBOX])

    assert table.requests == REBUILD * TRIES


def test_all_rebuilds_of_a_batch_share_a_time_and_each_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[float] = []

    def one_attempt(budget: float) -> Iterator[int]:
        budgets.append(budget)
        retry.sleep(budget)
        return iter([0])

    monkeypatch.setattr(rewrite_inbox, "attempts", one_attempt)
    table = _showing_heads(*(_head(5, other=other) for other in (LONDO, DELENN, VIR)))
    table.refusals = repeat(HeadChanged(None))
    changes = [
        change for other in (LONDO, DELENN, VIR) for change in _changes(_head(2, other=other), _head(4, other=other))
    ]

    assert len(rewrite(table, changes).failed) == len({change.sequence_number for change in changes})
    assert budgets == pytest.approx([retry.RETRY_BUDGET_SECONDS, retry.RETRY_BUDGET_SECONDS, 0])


def test_a_deleted_conversation_has_no_entries() -> None:
    table = _showing_heads(_head(1))
    del table.heads[_head(1).message_group_uuid]

    rebuild(table, _head(1), _time(1), folders=[INBOX])

    assert (table.inbox_entries, table.unread_entries) == ({}, {})
    assert table.requests == REBUILD


@pytest.mark.parametrize("seq", [2, 3], ids=["some", "all"])
def test_a_mark_changes_both_entries_in_place_and_the_unread_entry(seq: int) -> None:
    read = _read(_head(3), other=seq)
    table = _before(_head(3), read)

    assert rewrite(table, _changes(_head(3), read)) == Rewritten(1, 0, {})

    _assert_shows(table, read)
    assert table.requests == ["put 3"]


def test_an_answer_marks_earlier_messages_as_read() -> None:
    group = _head(1).message_group_uuid
    answer = _head(1).after(Message(group, "", "Yes", LONDO, _time(2), 2))
    table = _before(_head(1), answer)

    assert rewrite(table, _changes(_head(1), answer)) == Rewritten(1, 0, {})

    _assert_shows(table, answer)
    assert list(table.unread_entries.values()) == [Unread(USER, group, 2, 1, 2)]
    assert table.requests == ["put 4", "delete 2"]


@pytest.mark.parametrize("shown", [True, False])
def test_a_member_with_hidden_receipts_is_not_seen_to_have_read(shown: bool) -> None:
    both = frozenset({USER, OTHER})
    before = _showing(replace(_read(_head(3), other=2), wrote=both), not shown)
    after = _showing(before, shown)
    table = _before(before, after)

    assert rewrite(table, _changes(before, after)) == Rewritten(1, 0, {})

    _assert_shows(table, after)
    assert table.inbox_entries[USER, _time(3)].other_read_seq == (2 if shown else None)


def test_archiving_moves_the_entry_of_its_owner_only() -> None:
    archived = _set(_head(2), OTHER, archived=2)
    table = _before(_head(2), archived)

    assert rewrite(table, _changes(_head(2), archived)) == Rewritten(1, 0, {})

    _assert_shows(table, archived)
    assert {entry.key for entry in table.inbox_entries.values()} == {
        (f"GRP#{USER}", _time(2)),
        (f"ARC#{OTHER}", _time(2)),
    }
    assert table.requests == ["put 3", "delete 1"]


@pytest.mark.parametrize("done", [0, 1], ids=["for the first time", "after the first record"])
def test_an_entry_that_returns_within_a_batch_is_written_in_place_and_its_folder_in_between_is_searched(
    done: int,
) -> None:
    archived = _set(_head(2), OTHER, archived=2)
    stages = [_head(2), archived, _set(archived, OTHER, archived=None)]
    table = _before(stages[done], stages[-1])
    left = archived.inbox_entry(OTHER)
    table.inbox_entries[entry_key(left)] = left

    assert rewrite(table, _changes(*stages)) == Rewritten(1 - done, done, {})

    _assert_shows(table, stages[-1])


def test_replayed_settings_move_nothing_back() -> None:
    archived = _set(_head(2), OTHER, archived=2)
    shown = _set(archived, OTHER, archived=None)
    table = _showing_heads(shown)

    assert rewrite(table, _changes(_head(2), archived)) == Rewritten(0, 1, {})

    _assert_shows(table, shown)


@pytest.mark.parametrize("muted", [True, False])
def test_an_archived_conversation_comes_back_with_the_next_message_unless_muted(muted: bool) -> None:
    archived = _set(_head(2), OTHER, archived=2, muted_until=FOREVER if muted else "")
    later = _after(archived, 3)
    table = _before(archived, later)

    assert rewrite(table, _changes(archived, later)) == Rewritten(1, 0, {})

    _assert_shows(table, later)
    assert later.folder(OTHER) == (ARCHIVE if muted else INBOX)


def test_a_hidden_message_moves_and_counts_nothing_for_the_blocker() -> None:
    blocked = _blocked(_head(2))
    later = _after(blocked, 3)
    table = _before(blocked, later)

    assert rewrite(table, _changes(blocked, later)) == Rewritten(1, 0, {})

    _assert_shows(table, later)
    entry = table.inbox_entries[OTHER, _time(2)]
    assert (entry.last_seq, entry.unread_count, entry.message) == (2, 2, "")
    assert table.requests == ["put 3", "delete 1"]


def test_a_hidden_message_after_a_mute_does_not_move_the_blockers_entry_out_of_the_archive() -> None:
    archived = _set(_head(2), OTHER, archived=1, muted_until=_time(3))
    later = _after(_blocked(archived), 4)

    assert (archived.folder(OTHER), later.folder(OTHER)) == (ARCHIVE, ARCHIVE)


@pytest.mark.parametrize("declined", [True, False])
def test_a_new_request_shows_what_came_before_it_unless_that_was_declined(declined: bool) -> None:
    asked = _set(_head(1), OTHER, ask=Ask(0, _time(1)))
    answered = _set(asked, OTHER, declined=0, begins_after=1) if declined else asked
    ignored = _after(answered, 2)
    mine = ignored.membership(OTHER).asking(Ask(2, _time(3)))

    again = _after(ignored, 3).with_membership(OTHER, mine)

    assert again.folder(OTHER) == REQUESTS
    assert [seq for seq in (1, 2, 3) if not mine.hides(seq)] == ([3] if declined else [1, 2, 3])
    assert again.unread_of(OTHER).count == (1 if declined else 3)


def test_a_head_without_messages_has_no_entries() -> None:
    head = _head(1)
    unopened = _blocked(replace(head, last=replace(head.last, seq=0)))
    changes = [Change("1", None, replace(unopened, version=1)), Change("2", replace(unopened, version=1), unopened)]

    assert rewrite(Watched(), changes) == Rewritten(0, 0, {})


def _just_opened() -> Watched:
    """Inboxes as the transaction that opens a conversation leaves them."""
    table = Watched(*(replace(entry, version=0) for entry in _head(1).inbox_entries))
    table.heads[_head(1).message_group_uuid] = _head(1)
    return table


def test_the_first_message_is_unread_for_the_other() -> None:
    table = _just_opened()

    assert rewrite(table, [_opened(_head(1))]) == Rewritten(1, 0, {})

    _assert_shows(table, _head(1))
    assert table.requests == ["put 3"]


def test_an_opening_with_its_answer_leaves_nothing_unread_for_its_receiver() -> None:
    answer = _head(1).after(Message(_head(1).message_group_uuid, "", "Yes", LONDO, _time(2), 2))
    table = _just_opened()
    rewrite(table, [_opened(_head(1))])
    table.heads[answer.message_group_uuid] = answer

    assert rewrite(table, [_opened(_head(1)), *_changes(_head(1), answer)]) == Rewritten(1, 0, {})

    _assert_shows(table, answer)


@pytest.mark.parametrize("later", [[], [_read(_head(1), other=1)]], ids=["alone", "with what came later"])
def test_a_replayed_opening_does_not_make_read_messages_unread(later: list[Head]) -> None:
    table = _showing_heads(_read(_head(1), other=1))

    assert rewrite(table, [_opened(_head(1)), *_changes(_head(1), *later)]) == Rewritten(0, 1, {})

    _assert_shows(table, _read(_head(1), other=1))


@pytest.mark.parametrize("old", [0, 2], ids=["the first mark", "a later mark"])
def test_a_replayed_mark_moves_nothing_back(old: int) -> None:
    marks = [_read(_head(5), other=old)]
    marks += [_read(marks[0], other=3)]
    now = _read(marks[1], other=4)
    table = _showing_heads(now)

    assert rewrite(table, _changes(*marks)) == Rewritten(0, 1, {})

    _assert_shows(table, now)
