"""The real rewrite on inboxes in memory, in random histories: crashes between any two writes, records repeated.

Settings toggle, so folders and sort keys return to earlier ones. `Side` says what each member has to see.

A seed determines its history: `HISTORY=4711 pytest tests/unit/test_inbox_simulation.py -k replay` shows one.
"""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.membership import ARCHIVE, FOREVER, INBOX, OUT_OF_SIGHT, REQUESTS, Ask
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.services import rewrite_inbox
from messaging.services.rewrite_inbox import Change, rewrite
from messaging.storage.table import Write
from tests.conftest import examples
from tests.support.fake_table import FakeInboxes, entry_key

_CHUNKS = 20  # run in parallel
_PEOPLE = [Person(f"00000000-0000-4000-8000-00000000000{number}", f"p{number}", f"P {number}") for number in range(3)]
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Crash(BaseException):
    """The process is gone."""


class CrashingInboxes(FakeInboxes):
    """Inboxes that crash after `writes_left` writes; a transaction is one write."""

    writes_left: int | None = None

    def _write(self, write: Write) -> bool | Exception:
        self._count()
        return super()._write(write)

    def replace_entries(
        self, known: Head, head: Head | None, groups: Sequence[InboxEntry], stale: Sequence[InboxEntry]
    ) -> None:
        self._count()
        super().replace_entries(known, head, groups, stale)

    def _count(self) -> None:
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise Crash
            self.writes_left -= 1


@dataclass
class Side:
    """One member's view of a conversation, told event by event, without the formulas of Membership.

    `seen` are the numbers of messages in sight, `held` those of a declined request, which only an answer shows.
    `shown_read_seq` is their mark when they blocked, `other_read_seq` the other's as they see it.
    """

    folder: str = OUT_OF_SIGHT
    seen: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    is_asked: bool = False
    is_declined: bool = False
    is_blocking: bool = False
    is_marked: bool = False
    muted_until: str = ""
    read_seq: int = 0
    shown_read_seq: int = 0
    other_read_seq: int = 0

    def sends(self, seq: int, at: str) -> None:
        """They send: this accepts a request and reads everything."""
        self.is_asked = self.is_declined = self.is_marked = False
        self.read_seq = seq
        self.seen, self.held = sorted({*self.seen, *self.held}), []
        self._shows(seq, at)

    def receives(self, seq: int, at: str) -> None:
        """They receive a message, which they may not see."""
        if self.is_blocking:
            return
        if self.is_declined:
            self.held.append(seq)
        else:
            self._shows(seq, at)

    def is_asked_now(self) -> None:
        """A request begins with the next message; a declined one before is gone."""
        self.held, self.is_asked, self.is_declined = [], True, False

    def leaves(self) -> None:
        """They see nothing of what there was."""
        self.seen, self.folder, self.is_marked = [], OUT_OF_SIGHT, False

    @property
    def count(self) -> int:
        """The number of unread messages."""
        return sum(seq > self.read_seq for seq in self.seen)

    def _shows(self, seq: int, at: str) -> None:
        self.seen.append(seq)
        if self.is_asked:
            self.folder = REQUESTS
        elif self.folder != ARCHIVE or self.muted_until <= at:
            self.folder = INBOX


class History:
    """One person's conversations with two others, and their stream records."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible
        self.now = _BEGINNING
        self.hour = 0
        self.inboxes = CrashingInboxes()
        self.records: list[Change] = []
        self.log: list[str] = []
        self.sides: dict[tuple[str, str], Side] = {}
        for other in _PEOPLE[1:]:
            self._open(other)
        self.changes: dict[str, Callable[[Head, str], Head]] = {
            "send": self._send,
            "read": self._read,
            "receipts": self._receipts,
            "rename": self._rename,
            "archive": self._archive,
            "mute": self._mute,
            "mark": self._mark,
            "leave": self._leave,
            "answer": self._answer,
            "block": self._block,
            "erase": self._erase,
        }

    def run(self) -> None:
        """Run the history. Raises AssertionError if an inbox is ever wrong."""
        for _ in range(self.random.randint(1, 12)):
            name = self.random.choice(["send", "send", "send", "send", "block", *self.changes])
            old = self.random.choice([*self.inboxes.heads.values()])
            member = self.random.choice([*old.members])
            new = old if old.members[member].is_deleted else self.changes[name](old, member)
            if new is not old:
                self._record(old, replace(new, version=old.version + 1))
            self.log.append(f"{name} {member[-1]} {old.message_group_uuid[:2]}")
        self._deliver()

    def _deliver(self) -> None:
        done, troubles = 0, self.random.randint(0, 5)
        while done < len(self.records):
            trouble = self.random.choice(["crash", "again", "none"]) if troubles else "none"
            troubles -= trouble != "none"
            if trouble == "again":
                done = self.random.randint(0, done)
            size = self.random.randint(1, len(self.records) - done)
            self.inboxes.writes_left = self.random.randint(0, 8) if trouble == "crash" else None
            batch = self.records[done : done + size]
            try:
                assert rewrite(self.inboxes, self.random.sample(batch, size)).failed == {}
            except Crash:
                self.log.append(f"crash in {done}+{size}")
            else:
                self.log.append(f"{done}+{size}")
                done += size
            self._assert_none_is_missing()
        self._assert_right()

    def _open(self, other: Person) -> None:
        self.now += timedelta(microseconds=self.random.randint(0, 1))
        sender, receiver = self.random.sample([_PEOPLE[0], other], 2)
        group = keys.pair_uuid(sender.user_uuid, receiver.user_uuid)
        unopened = self._blocked_before(group, sender, receiver)
        message = Message(group, "", "1", sender, keys.format_time(self.now), 1)
        is_request = self.random.random() < 0.3
        head = Head.of_first(message, receiver, unopened=unopened, is_request=is_request)
        mine, theirs = self.sides[group, sender.user_uuid], self.sides[group, receiver.user_uuid]
        if is_request:
            theirs.is_asked_now()
        mine.sends(1, message.created_at)
        theirs.receives(1, message.created_at)
        self._see_reads(group)
        for entry in head.inbox_entries:
            opened = replace(entry, version=0)
            taken = entry_key(opened) in self.inboxes.inbox_entries
            opened = opened.tiebroken() if taken else opened
            self.inboxes.inbox_entries[entry_key(opened)] = opened
        self._record(unopened, head)

    def _blocked_before(self, group: str, sender: Person, receiver: Person) -> Head | None:
        """The head after the receiver, and perhaps also the sender, has blocked the other before the first message."""
        for person in (sender, receiver):
            self.sides[group, person.user_uuid] = Side()
        if self.random.random() < 0.8:
            return None
        members = (sender.user_uuid, receiver.user_uuid)
        head = self._block(Head.unopened(group, members, keys.format_time(self.now)), receiver.user_uuid)
        if self.random.random() < 0.3:
            head = self._block(head, sender.user_uuid)
            head = self._block(head, sender.user_uuid)
        if self.random.random() < 0.3:
            head = self._block(head, receiver.user_uuid)
        return head

    def _record(self, old: Head | None, new: Head) -> None:
        self.inboxes.heads[new.message_group_uuid] = new
        self.records.append(Change(str(len(self.records)), old if old and old.is_open else None, new))

    def _send(self, head: Head, sender: str) -> Head:
        group, receiver = head.message_group_uuid, head.other(sender).user_uuid
        mine, theirs = self.sides[group, sender], self.sides[group, receiver]
        if mine.is_blocking or head.other(sender).is_deleted:
            return head
        self.now += timedelta(microseconds=self.random.randint(0, 2))
        message = head.next_message(sender, Draft("", str(head.last_seq + 1)), self.now)
        self.now = max(self.now, datetime.fromisoformat(message.created_at))
        membership, ask = head.membership(receiver), None
        if membership.ask and self.random.random() < 0.3:  # after a pause
            theirs.is_asked_now()
            ask = Ask(head.last_seq, message.created_at)
        mine.sends(message.seq, message.created_at)
        theirs.receives(message.seq, message.created_at)
        self._see_reads(group)
        if ask and membership.begins_after == head.last_seq and self.random.random() < 0.5:
            # The sender had read the head before the receiver declined.
            return head.after(message).with_membership(receiver, replace(membership, ask=ask))
        return head.after(message, ask)

    def _read(self, head: Head, reader: str) -> Head:
        mine = self.sides[head.message_group_uuid, reader]
        if not mine.seen:
            return head
        seq = max(head.read_seqs[reader], self.random.choice(mine.seen))
        mine.read_seq, mine.is_marked = seq, False
        self._see_reads(head.message_group_uuid)
        read = replace(head, read_seqs={**head.read_seqs, reader: seq})
        return read.with_membership(reader, replace(read.membership(reader), marked_unread=False))

    def _receipts(self, head: Head, member: str) -> Head:
        person = head.members[member]
        return self._with_member(head, replace(person, read_receipts=not person.read_receipts))

    def _rename(self, head: Head, member: str) -> Head:
        return self._with_member(head, replace(head.members[member], display_name=self.random.choice("AB")))

    def _erase(self, head: Head, member: str) -> Head:
        return self._with_member(head, head.members[member].deleted) if self.random.random() < 0.3 else head

    def _with_member(self, head: Head, person: Person) -> Head:
        return replace(head, members={**head.members, person.user_uuid: person})

    def _archive(self, head: Head, member: str) -> Head:
        mine = self.sides[head.message_group_uuid, member]
        if mine.folder not in (INBOX, ARCHIVE):
            return head
        mine.folder = self.random.choice((INBOX, ARCHIVE))
        return self._set(head, member, archived=head.last_seq if mine.folder == ARCHIVE else None)

    def _mute(self, head: Head, member: str) -> Head:
        mine = self.sides[head.message_group_uuid, member]
        soon = keys.format_time(self.now + timedelta(microseconds=self.random.randint(1, 4)))
        mine.muted_until = self.random.choice(("", FOREVER, soon))
        archived = head.last_seq if mine.folder == ARCHIVE else None  # a mute moves nothing
        return self._set(head, member, muted_until=mine.muted_until, archived=archived)

    def _mark(self, head: Head, member: str) -> Head:
        mine = self.sides[head.message_group_uuid, member]
        if mine.folder == OUT_OF_SIGHT:
            return head
        mine.is_marked = not mine.is_marked
        return self._set(head, member, marked_unread=mine.is_marked)

    def _leave(self, head: Head, member: str) -> Head:
        mine = self.sides[head.message_group_uuid, member]
        if mine.folder == OUT_OF_SIGHT:
            return head
        mine.leaves()
        return self._set(head, member, begins_after=head.last_seq, archived=None, marked_unread=False)

    def _answer(self, head: Head, member: str) -> Head:
        mine, membership = self.sides[head.message_group_uuid, member], head.membership(member)
        if mine.folder != REQUESTS or membership.ask is None:
            return head
        if self.random.random() < 0.5:
            mine.is_asked, mine.folder = False, INBOX
            return self._set(head, member, ask=None, declined=None)
        mine.leaves()
        mine.is_declined = True
        return self._set(head, member, declined=membership.ask.after, begins_after=head.last_seq, marked_unread=False)

    def _block(self, head: Head, member: str) -> Head:
        mine = self.sides[head.message_group_uuid, member]
        mine.is_blocking, mine.shown_read_seq = not mine.is_blocking, mine.read_seq
        self._see_reads(head.message_group_uuid)
        at = f"{self._next_hour()}:00:00.000000+00:00"
        return head.blocked_by(member, at) if mine.is_blocking else head.unblocked_by(member, at)

    def _set(self, head: Head, member: str, **settings: object) -> Head:
        mine = head.membership(member)
        counted = replace(mine, set_at=self._next_hour(), settings=mine.settings + 1, **settings)  # type: ignore[arg-type]
        return head.with_membership(member, counted)

    def _next_hour(self) -> str:
        self.hour += self.random.randint(0, 1)
        return f"2026-01-01T{self.hour:02}"

    def _see_reads(self, group: str) -> None:
        """Let each who does not block the other see how far the other has read, or had before they blocked."""
        one, other = (side for (conversation, _), side in self.sides.items() if conversation == group)
        for mine, theirs in ((one, other), (other, one)):
            if not mine.is_blocking:
                mine.other_read_seq = theirs.shown_read_seq if theirs.is_blocking else theirs.read_seq

    def _assert_none_is_missing(self) -> None:
        listed = {(entry.owner_uuid, entry.message_group_uuid) for entry in self.inboxes.inbox_entries.values()}
        assert listed >= {
            (entry.owner_uuid, entry.message_group_uuid)
            for head in self.inboxes.heads.values()
            for entry in head.inbox_entries
        }

    def _assert_right(self) -> None:
        stored = sorted(self.inboxes.inbox_entries.values(), key=str)
        wanted = [entry for head in self.inboxes.heads.values() for entry in head.inbox_entries]
        assert len(stored) == len(wanted)
        assert all(entry in stored or entry.tiebroken() in stored for entry in wanted)
        unread = [entry for head in self.inboxes.heads.values() for entry in head.unread]
        assert sorted(self.inboxes.unread_entries.values(), key=str) == sorted(unread, key=str)
        for entry in stored:
            self._assert_shows(entry, self.inboxes.unread_entries.get((entry.owner_uuid, entry.message_group_uuid)))
        noted = {(one.owner_uuid, one.sk) for head in self.inboxes.heads.values() for one in head.changed_conversations}
        assert noted <= self.inboxes.noted

    def _assert_shows(self, entry: InboxEntry, unread: Unread | None) -> None:
        """Assert that an entry is in the right folder, with the right counts."""
        head, side = (
            self.inboxes.heads[entry.message_group_uuid],
            self.sides[entry.message_group_uuid, entry.owner_uuid],
        )
        assert entry.folder == side.folder
        assert entry.blocking == side.is_blocking
        if side.folder == OUT_OF_SIGHT:
            assert unread is None
            return
        shows_last = side.seen[-1] == head.last_seq and not side.is_blocking
        assert (entry.last_seq, entry.message) == (side.seen[-1], str(head.last_seq) if shows_last else "")
        assert entry.other_read_seq in (None, min(side.other_read_seq, side.seen[-1]))
        assert entry.unread_count == side.count
        assert (unread.count if unread else 0) == side.count
        assert (unread is not None) == (side.count > 0 or side.is_marked)


@pytest.fixture(autouse=True)
def _tries_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite_inbox, "attempts", lambda _: range(4))


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_inboxes_end_right_after_every_history(chunk: int) -> None:
    histories = examples(quick=3_000, soak=100_000) // _CHUNKS
    for seed in range(chunk * histories, (chunk + 1) * histories):
        history = History(seed)
        try:
            history.run()
        except AssertionError as error:
            raise AssertionError(f"HISTORY={seed}: {history.log}") from error


def test_replay_one_history() -> None:
    History(int(os.environ.get("HISTORY", "0"))).run()
