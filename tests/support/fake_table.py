"""A table in memory for the API's functions, and one that always fails."""

# ruff: noqa: ARG002 - memory is always consistent

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.change import MessageChange
from messaging.model.conversation import Head
from messaging.model.hidden import Hidden
from messaging.model.inbox_entry import ChangedConversation, InboxEntry, Unread
from messaging.model.membership import INBOX, Ask, Membership
from messaging.model.message import Message
from messaging.model.person import Person, Profile
from messaging.model.pins import Pins
from messaging.model.report import Report
from messaging.model.sent_record import SentRecord
from messaging.model.settings_change import SettingsChange
from messaging.model.versions import Versions
from messaging.storage.table import (
    AlreadySent,
    Discard,
    Forget,
    HeadChanged,
    Insert,
    Note,
    PositionTaken,
    Table,
    Update,
    Write,
)


class FakeTable(Table):
    """A table of people and conversations. Nothing races, so conditions are simple look-ups."""

    def __init__(self, *people: Person) -> None:
        self.people = people
        self.heads: dict[str, Head] = {}
        self.messages: list[Message] = []
        self.changed: dict[str, list[MessageChange]] = {}
        self.hidden: set[tuple[str, str, int]] = set()
        self.all_pins: dict[str, Pins] = {}
        self.counters: dict[tuple[str, str], int] = {}
        self.reports: dict[str, Report] = {}

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        return self.heads.get(message_group_uuid)

    def message(self, message_group_uuid: str, created_at: str, *, consistent: bool = True) -> Message | None:
        found = (message for message in self._of(message_group_uuid) if message.created_at == created_at)
        return next(found, None)

    def head_and_sent_record(
        self, message_group_uuid: str, message_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, SentRecord | None]:
        return self.heads.get(message_group_uuid), self.sent_record(message_uuid)

    def head_and_hidden(self, message_group_uuid: str, *, consistent: bool = False) -> tuple[Head | None, Hidden]:
        return self.head(message_group_uuid, consistent=consistent), Hidden(message_group_uuid)

    def head_hidden_and_sent_record(
        self, message_group_uuid: str, message_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, Hidden, SentRecord | None]:
        head, sent_record = self.head_and_sent_record(message_group_uuid, message_uuid, consistent=consistent)
        return head, Hidden(message_group_uuid), sent_record

    def head_hidden_and_sent_records(
        self, message_group_uuid: str, message_uuids: Sequence[str], *, consistent: bool
    ) -> tuple[Head | None, Hidden, dict[str, SentRecord]]:
        records = map(SentRecord.of, self.messages)
        head, hidden = self.head_and_hidden(message_group_uuid)
        return head, hidden, {one.message_uuid: one for one in records if one.message_uuid in message_uuids}

    def head_hidden_and_messages(
        self, message_group_uuid: str, times: Collection[str], *, consistent: bool
    ) -> tuple[Head | None, Hidden, dict[str, Message]]:
        messages = {message.created_at: message for message in self._of(message_group_uuid)}
        found = {time: messages[time] for time in times if time in messages}
        return self.heads.get(message_group_uuid), Hidden(message_group_uuid), found

    def messages_at(
        self, wanted: Collection[tuple[str, str]], *, consistent: bool = False
    ) -> dict[tuple[str, str], Message]:
        messages = {(message.message_group_uuid, message.created_at): message for message in self.messages}
        return {place: messages[place] for place in wanted if place in messages}

    def changes(
        self, message_group_uuid: str, after: int, limit: int, *, consistent: bool = False
    ) -> list[MessageChange]:
        return self.changed.get(message_group_uuid, [])[after : after + limit]

    def change_message(
        self,
        head: Head,
        old: Message,
        new: Message,
        change: MessageChange,
        user_uuid: str,
        versions: Versions | None = None,
    ) -> None:
        group = head.message_group_uuid
        self.messages[self.messages.index(old)] = new
        last = new.as_last(new.sender) if old.seq == head.last_seq else head.last
        self.heads[group] = replace(head, last=last, changed=change, version=head.version + 1)
        self.changed.setdefault(group, []).append(change)

    def hide(self, message_group_uuid: str, user_uuid: str, seq: int) -> None:
        self.hidden.add((message_group_uuid, user_uuid, seq))

    def changed_conversations(self, user_uuid: str, after: str, limit: int) -> list[ChangedConversation]:
        return []

    def newest(
        self, message_group_uuid: str, limit: int, *, consistent: bool
    ) -> tuple[Head | None, Hidden, list[Message]]:
        return self.heads.get(message_group_uuid), Hidden(message_group_uuid), self._of(message_group_uuid)[-limit:]

    def before(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        return [message for message in self._of(message_group_uuid) if message.created_at < created_at][-limit:]

    def after(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        return [message for message in self._of(message_group_uuid) if message.created_at > created_at][:limit]

    def inbox(self, user_uuid: str, limit: int, older_than: str | None = None, folder: str = INBOX) -> list[InboxEntry]:
        return [group for group in self._inbox(user_uuid, folder) if group.sk < (older_than or keys.HEAD)][:limit]

    def inbox_above(
        self, user_uuid: str, limit: int, newer_than: str, folder: str = INBOX, *, consistent: bool = False
    ) -> tuple[list[InboxEntry], Pins | None]:
        found = [group for group in self._inbox(user_uuid, folder) if group.sk > newer_than]
        return found[-limit:], self.pins(user_uuid) if folder == INBOX and len(found) < limit else None

    def top_of_inbox(self, user_uuid: str, limit: int) -> tuple[list[InboxEntry], Pins]:
        return self._inbox(user_uuid, INBOX)[:limit], self.pins(user_uuid)

    def heads_of(self, message_group_uuids: Sequence[str]) -> list[Head]:
        return [self.heads[one] for one in message_group_uuids if one in self.heads]

    def pins(self, user_uuid: str) -> Pins:
        return self.all_pins.get(user_uuid, Pins(user_uuid))

    def change_pins(self, old: Pins, new: Pins) -> None:
        self.all_pins[new.owner_uuid] = new

    def head_and_pins(
        self, message_group_uuid: str, user_uuid: str, *, consistent: bool = False
    ) -> tuple[Head | None, Pins]:
        return self.head(message_group_uuid, consistent=consistent), self.pins(user_uuid)

    def head_hidden_and_pins(
        self, message_group_uuid: str, user_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, Hidden, Pins]:
        head, hidden = self.head_and_hidden(message_group_uuid, consistent=consistent)
        return head, hidden, self.pins(user_uuid)

    def unread(self, user_uuid: str) -> Iterator[Unread]:
        return iter([one for head in self.heads.values() for one in head.unread if one.owner_uuid == user_uuid])

    def person(self, user_uuid: str, *, consistent: bool = False) -> Person | None:
        return next((person for person in self.people if person.user_uuid == user_uuid), None)

    def person_by_handle(self, handle: str) -> Person | None:
        return next((person for person in self.people if person.handle == handle), None)

    def sender_and_receiver(self, user_uuid: str, handle: str) -> tuple[Person | None, Person | None]:
        return self.person(user_uuid), self.person_by_handle(handle)

    def advance_mark(self, message_group_uuid: str, user_uuid: str, seq: int, known: Head | None = None) -> Head:
        head = self.heads.get(message_group_uuid)
        if head is None or user_uuid not in head.members or not head.read_seqs[user_uuid] < seq <= head.last_seq:
            raise HeadChanged(head)
        if head.membership(user_uuid).marked_unread or (head.membership(user_uuid).unseen and head != known):
            raise HeadChanged(head)
        read_seqs = {**head.read_seqs, user_uuid: seq}
        self.heads[message_group_uuid] = replace(head, read_seqs=read_seqs, version=head.version + 1)
        return self.heads[message_group_uuid]

    def end_marked_unread(self, message_group_uuid: str, user_uuid: str, seq: int, at: str) -> Head:
        head = self._member_of(message_group_uuid, user_uuid)
        self.heads[message_group_uuid] = replace(head, read_seqs={**head.read_seqs, user_uuid: seq})
        return self._set(message_group_uuid, user_uuid, at, marked_unread=False)

    def change_settings(
        self, message_group_uuid: str, user_uuid: str, change: SettingsChange, at: str, known: Head | None = None
    ) -> Head:
        head = self._member_of(message_group_uuid, user_uuid)
        mine = head.membership(user_uuid)
        if mine.archived is not None and change.archived is None and change.muted_until is not None:
            raise HeadChanged(head)
        return self._set(
            message_group_uuid,
            user_uuid,
            at,
            muted_until=mine.muted_until if change.muted_until is None else change.muted_until,
            archived={None: mine.archived, True: head.last_seq, False: None}[change.archived],
            marked_unread=mine.marked_unread if change.marked_unread is None else change.marked_unread,
        )

    def leave(self, message_group_uuid: str, user_uuid: str, at: str) -> Head:
        last_seq = self._member_of(message_group_uuid, user_uuid).last_seq
        gone = {"archived": None, "marked_unread": False}
        return self._set(message_group_uuid, user_uuid, at, begins_after=last_seq, **gone)

    def accept_request(self, message_group_uuid: str, user_uuid: str, at: str) -> Head:
        if not self._member_of(message_group_uuid, user_uuid).membership(user_uuid).ask:
            raise HeadChanged(self.heads[message_group_uuid])
        return self._set(message_group_uuid, user_uuid, at, ask=None, declined=None, archived=None)

    def decline_request(self, message_group_uuid: str, user_uuid: str, at: str) -> Head:
        head = self._member_of(message_group_uuid, user_uuid)
        ask = head.membership(user_uuid).ask
        if not ask:
            raise HeadChanged(head)
        return self._set(message_group_uuid, user_uuid, at, declined=ask.after, begins_after=head.last_seq)

    def _member_of(self, message_group_uuid: str, user_uuid: str) -> Head:
        head = self.heads.get(message_group_uuid)
        if head is None or user_uuid not in head.members:
            raise HeadChanged(head)
        return head

    def _set(self, message_group_uuid: str, user_uuid: str, at: str, **values: Any) -> Head:
        head = self.heads[message_group_uuid]
        mine: Membership = head.membership(user_uuid)
        new = replace(mine, **values, set_at=at[: keys.HOUR_LENGTH], settings=mine.settings + 1)
        self.heads[message_group_uuid] = replace(head.with_membership(user_uuid, new), version=head.version + 1)
        return self.heads[message_group_uuid]

    def profile(self, user_uuid: str) -> Profile | None:
        person = self.person(user_uuid)
        return Profile(person, 0, False) if person else None

    def change_profile(self, profile: Profile, new: Person) -> Person:
        person = replace(new, version=profile.person.version + 1)
        self.people = tuple(person if one.user_uuid == person.user_uuid else one for one in self.people)
        return person

    def copy_profile(self, message_group_uuid: str, person: Person) -> bool:
        head = self.heads[message_group_uuid]
        members = {**head.members, person.user_uuid: person}
        self.heads[message_group_uuid] = replace(head, members=members, version=head.version + 1)
        return True

    def end_spreading(self, person: Person) -> None:
        pass

    def people_by_uuid(self, user_uuids: Collection[str]) -> dict[str, Person]:
        return {person.user_uuid: person for person in self.people if person.user_uuid in user_uuids}

    def blocks(self, user_uuid: str, limit: int, after: str = "") -> list[BlockEntry]:
        found = [head.block_entry(user_uuid) for head in self.heads.values() if head.is_blocking(user_uuid)]
        return sorted((one for one in found if one.user_uuid > after), key=lambda one: one.user_uuid)[:limit]

    def block(self, head: Head | None, new: Head, user_uuid: str) -> None:
        assert self.heads.get(new.message_group_uuid) == head
        self.heads[new.message_group_uuid] = new

    def unblock(self, head: Head, new: Head, user_uuid: str) -> None:
        assert self.heads.pop(head.message_group_uuid) == head
        if new.is_open or new.is_blocked:
            self.heads[new.message_group_uuid] = new

    def sent_record(self, message_uuid: str) -> SentRecord | None:
        found = (SentRecord.of(message) for message in self.messages if message.message_uuid == message_uuid)
        return next(found, None)

    def spend(self, user_uuid: str, counter: str, quota: int, expires: int) -> int | None:
        count = self.counters.get((user_uuid, counter), 0)
        if count >= quota:
            return None
        self.counters[user_uuid, counter] = count + 1
        return count + 1

    def put_report(self, report: Report, condition: str = "") -> str:
        return self.reports.setdefault(report.item["sk"]["S"], report).created_at

    def give_back(self, user_uuid: str, counter: str) -> None:
        if self.counters.get((user_uuid, counter)):
            self.counters[user_uuid, counter] -= 1

    def append(self, head: Head, message: Message, ask: Ask | None = None, sent: str = "") -> None:
        self._refuse_a_second(message)
        self.messages.append(message)
        after, sender_uuid = head.after(message, ask), message.sender.user_uuid
        if sent:
            after = after.with_membership(sender_uuid, replace(after.membership(sender_uuid), sent=sent))
        self.heads[head.message_group_uuid] = after

    def create(self, head: Head, message: Message, unopened: Head | None = None) -> None:
        self._refuse_a_second(message)
        if self.heads.get(head.message_group_uuid) != unopened:
            raise HeadChanged(self.heads.get(head.message_group_uuid))
        self.messages.append(message)
        self.heads[head.message_group_uuid] = head

    def _inbox(self, user_uuid: str, folder: str) -> list[InboxEntry]:
        groups = [group for head in self.heads.values() for group in head.inbox_entries]
        mine = [group for group in groups if (group.owner_uuid, group.folder) == (user_uuid, folder)]
        return sorted(mine, key=lambda group: group.sk, reverse=True)

    def _of(self, message_group_uuid: str) -> list[Message]:
        return [message for message in self.messages if message.message_group_uuid == message_group_uuid]

    def _refuse_a_second(self, message: Message) -> None:
        for first in self.messages:
            if first.message_uuid == message.message_uuid:
                raise AlreadySent(SentRecord.of(first))


class FakeInboxes(FakeTable):
    """A table that also stores entries, by owner and sort key, for the stream handler. Tests set `heads`.

    `unread_entries` are stored by owner and conversation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.inbox_entries: dict[tuple[str, str], InboxEntry] = {}
        self.unread_entries: dict[tuple[str, str], Unread] = {}
        self.noted: set[tuple[str, str]] = set()

    def write_entries(self, writes: Sequence[Write]) -> list[bool | Exception]:
        assert len({(type(write.entry), *entry_key(write.entry)) for write in writes}) == len(writes), (
            "one key, two writes"
        )
        return [self._write(write) for write in writes]

    def entries_of(
        self, owner_uuid: str, message_group_uuid: str, folder: str, first: str, last: str = "A"
    ) -> list[InboxEntry]:
        return [
            entry
            for _, entry in sorted(self.inbox_entries.items())
            if (entry.owner_uuid, entry.message_group_uuid) == (owner_uuid, message_group_uuid)
            and entry.folder == folder
            and first <= entry.sk <= f"{last}{keys.AFTER_TIEBREAKS}"
        ]

    def replace_entries(
        self, known: Head, head: Head | None, groups: Sequence[InboxEntry], stale: Sequence[InboxEntry]
    ) -> None:
        if head != self.heads.get(known.message_group_uuid):
            raise HeadChanged(self.heads.get(known.message_group_uuid))
        taken = [
            entry for entry in (*groups, *stale) if not self._is_of(entry, self.inbox_entries.get(entry_key(entry)))
        ]
        if taken:
            raise PositionTaken([entry.owner_uuid for entry in taken])
        for entry in stale:
            self.inbox_entries.pop(entry_key(entry), None)
        self.inbox_entries.update({entry_key(entry): entry for entry in groups})
        for owner_uuid in known.members:
            self.unread_entries.pop((owner_uuid, known.message_group_uuid), None)
        self.unread_entries.update({entry_key(entry): entry for entry in (head.unread if head else ())})

    def _write(self, write: Write) -> bool | Exception:
        match write:
            case Note():
                self.noted.add(entry_key(write.entry))
                return True
            case Forget():
                self.noted.discard(entry_key(write.entry))
                return True
        entry = write.entry
        entries: dict[tuple[str, str], Any] = self.unread_entries if isinstance(entry, Unread) else self.inbox_entries
        key = entry_key(entry)
        if not _is_sort_key(key[1]):
            return RuntimeError("DynamoDB cannot run a statement: ValidationError")
        stored = entries.get(key)
        match write:
            case Insert():
                entries.setdefault(key, entry)
                return stored is None
            case Update():
                if done := stored is not None and self._is_of(entry, stored) and stored.version < entry.version:
                    entries[key] = entry
                return done
            case _:
                if done := stored is not None and self._is_of(entry, stored) and stored.version <= entry.version:
                    del entries[key]
                return done or isinstance(write, Discard)

    def _is_of(self, entry: InboxEntry | Unread, stored: InboxEntry | Unread | None) -> bool:
        return stored is None or stored.message_group_uuid == entry.message_group_uuid


def entry_key(entry: InboxEntry | Unread | ChangedConversation) -> tuple[str, str]:
    """The owner and the sort key; entries of other folders than the inbox have their partition for the owner."""
    if isinstance(entry, InboxEntry) and entry.folder != INBOX:
        return entry.key
    return entry.owner_uuid, entry.message_group_uuid if isinstance(entry, Unread) else entry.sk


def _is_sort_key(text: str) -> bool:
    """True if DynamoDB would accept it."""
    return 0 < len(text.encode()) <= 1024


class FailingTable:
    """Every method raises the same error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> NoReturn:
            raise self._error

        return fail
