"""The real rewrite on inboxes in memory, in random histories: crashes between any two writes, records repeated.

A seed determines its history: `HISTORY=4711 pytest tests/unit/test_inbox_simulation.py -k replay` shows one.
"""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.services import rewrite_inbox
from messaging.services.rewrite_inbox import Change, rewrite
from messaging.storage.table import Write
from tests.conftest import examples
from tests.support.fake_table import FakeInboxes

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


class History:
    """One person's conversations with two others, and their stream records."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible
        self.now = _BEGINNING
        self.inboxes = CrashingInboxes()
        self.records: list[Change] = []
        self.log: list[str] = []
        for other in _PEOPLE[1:]:
            self._open(other)
        self.changes: dict[str, Callable[[Head], Head]] = {
            "send": self._send,
            "read": self._read,
            "receipts": self._receipts,
            "rename": self._rename,
        }

    def run(self) -> None:
        """Run the history. Raises AssertionError if an inbox is ever wrong."""
        for _ in range(self.random.randint(1, 8)):
            name = self.random.choice(["send", "send", "send", *self.changes])
            old = self.random.choice([*self.inboxes.heads.values()])
            new = self.changes[name](old)
            if new is not old:
                self._record(old, replace(new, version=old.version + 1))
            self.log.append(name)
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
        head = Head.of_first(Message(group, "", "0", sender, keys.format_time(self.now), 1), receiver)
        for entry in head.inbox_entries:
            opened = replace(entry, version=0)
            taken = (entry.owner_uuid, entry.sk) in self.inboxes.inbox_entries
            opened = opened.tiebroken() if taken else opened
            self.inboxes.inbox_entries[entry.owner_uuid, opened.sk] = opened
        self._record(None, head)

    def _record(self, old: Head | None, new: Head) -> None:
        self.inboxes.heads[new.message_group_uuid] = new
        self.records.append(Change(str(len(self.records)), old, new))

    def _send(self, head: Head) -> Head:
        self.now += timedelta(microseconds=self.random.randint(0, 2))
        sender = self.random.choice([*head.members])
        message = head.next_message(sender, Draft("", str(head.last_seq)), self.now)
        self.now = max(self.now, datetime.fromisoformat(message.created_at))
        return head.after(message)

    def _read(self, head: Head) -> Head:
        reader, seq = self.random.choice([*head.members]), self.random.randint(1, head.last_seq)
        return replace(head, read_seqs={**head.read_seqs, reader: seq}) if seq > head.read_seqs[reader] else head

    def _receipts(self, head: Head) -> Head:
        person = self.random.choice([*head.members.values()])
        return self._with_member(head, replace(person, read_receipts=not person.read_receipts))

    def _rename(self, head: Head) -> Head:
        person = self.random.choice([*head.members.values()])
        return self._with_member(head, replace(person, display_name=self.random.choice("AB")))

    def _with_member(self, head: Head, person: Person) -> Head:
        return replace(head, members={**head.members, person.user_uuid: person})

    def _assert_none_is_missing(self) -> None:
        listed = {(entry.owner_uuid, entry.message_group_uuid) for entry in self.inboxes.inbox_entries.values()}
        assert listed == {
            (owner, head.message_group_uuid) for head in self.inboxes.heads.values() for owner in head.members
        }

    def _assert_right(self) -> None:
        stored = sorted(self.inboxes.inbox_entries.values(), key=str)
        wanted = [entry for head in self.inboxes.heads.values() for entry in head.inbox_entries]
        assert len(stored) == len(wanted)
        assert all(entry in stored or entry.tiebroken() in stored for entry in wanted)
        unread = [entry for head in self.inboxes.heads.values() for entry in head.unread]
        assert sorted(self.inboxes.unread_entries.values(), key=str) == sorted(unread, key=str)


@pytest.fixture(autouse=True)
def _tries_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite_inbox, "attempts", lambda _: range(4))


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_inboxes_end_right_after_every_history(chunk: int) -> None:
    histories = examples(quick=100_000, soak=3_000_000) // _CHUNKS
    for seed in range(chunk * histories, (chunk + 1) * histories):
        history = History(seed)
        try:
            history.run()
        except AssertionError as error:
            raise AssertionError(f"HISTORY={seed}: {history.log}") from error


def test_replay_one_history() -> None:
    History(int(os.environ.get("HISTORY", "0"))).run()
