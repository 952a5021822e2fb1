"""The table in memory, for the functions that the API calls, and one that always fails."""

# ruff: noqa: ARG002 - memory is always consistent

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from messaging import keys
from messaging.items import Head, Message, MessageGroup, Person, Receipt, Unread
from messaging.table import AlreadySent, Delete, HeadMoved, Insert, PositionTaken, Table, Update, Write


class FakeTable(Table):
    """Knows people and conversations. Nothing races, so conditions are looked up and not enforced."""

    def __init__(self, *people: Person) -> None:
        self.people = people
        self.heads: dict[str, Head] = {}
        self.messages: list[Message] = []

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        return self.heads.get(message_group_uuid)

    def message(self, message_group_uuid: str, created_at: str) -> Message | None:
        found = (message for message in self._of(message_group_uuid) if message.created_at == created_at)
        return next(found, None)

    def newest(self, message_group_uuid: str, limit: int, *, consistent: bool) -> tuple[Head | None, list[Message]]:
        return self.heads.get(message_group_uuid), self._of(message_group_uuid)[-limit:]

    def before(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        return [message for message in self._of(message_group_uuid) if message.created_at < created_at][-limit:]

    def after(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        return [message for message in self._of(message_group_uuid) if message.created_at > created_at][:limit]

    def inbox(self, user_uuid: str, limit: int, older_than: str | None = None) -> list[MessageGroup]:
        return [group for group in self._inbox(user_uuid) if group.sk < (older_than or keys.HEAD)][:limit]

    def inbox_above(
        self, user_uuid: str, limit: int, newer_than: str, *, consistent: bool = False
    ) -> list[MessageGroup]:
        return [group for group in self._inbox(user_uuid) if group.sk > newer_than][-limit:]

    def unread(self, user_uuid: str) -> Iterator[Unread]:
        return iter([one for head in self.heads.values() for one in head.unread if one.owner_uuid == user_uuid])

    def person(self, user_uuid: str) -> Person | None:
        return next((person for person in self.people if person.user_uuid == user_uuid), None)

    def person_by_handle(self, handle: str) -> Person | None:
        return next((person for person in self.people if person.handle == handle), None)

    def person_and_person_by_handle(self, user_uuid: str, handle: str) -> tuple[Person | None, Person | None]:
        return self.person(user_uuid), self.person_by_handle(handle)

    def move_mark(self, message_group_uuid: str, user_uuid: str, seq: int) -> Head:
        head = self.heads.get(message_group_uuid)
        if head is None or user_uuid not in head.members or not head.read_seqs[user_uuid] < seq <= head.last_seq:
            raise HeadMoved(head)
        self.heads[message_group_uuid] = replace(head, read_seqs={**head.read_seqs, user_uuid: seq})
        return self.heads[message_group_uuid]

    def show_receipts(self, person: Person) -> None:
        self.people = tuple(person if one == person else one for one in self.people)

    def show_receipts_in(self, message_group_uuid: str, person: Person) -> None:
        head = self.heads[message_group_uuid]
        self.heads[message_group_uuid] = replace(head, members={**head.members, person.user_uuid: person})

    def append(self, head: Head, message: Message) -> None:
        self._refuse_a_second(message)
        self.messages.append(message)
        self.heads[head.message_group_uuid] = head.after(message)

    def create(self, head: Head, message: Message) -> None:
        self._refuse_a_second(message)
        if head.message_group_uuid in self.heads:
            raise HeadMoved(self.heads[head.message_group_uuid])
        self.append(head, message)

    def _inbox(self, user_uuid: str) -> list[MessageGroup]:
        groups = [group for head in self.heads.values() for group in head.message_groups]
        mine = [group for group in groups if group.owner_uuid == user_uuid]
        return sorted(mine, key=lambda group: group.sk, reverse=True)

    def _of(self, message_group_uuid: str) -> list[Message]:
        return [message for message in self.messages if message.message_group_uuid == message_group_uuid]

    def _refuse_a_second(self, message: Message) -> None:
        for first in self.messages:
            if first.message_uuid == message.message_uuid:
                raise AlreadySent(Receipt(first.message_uuid, first.message_group_uuid, first.created_at, 0))


class FakeInboxes(FakeTable):
    """Holds message groups too, by owner and sort key, for the stream handler. `heads` are a test's to set.

    `noted` is what is noted as unread, by owner and conversation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.message_groups: dict[tuple[str, str], MessageGroup] = {}
        self.noted: dict[tuple[str, str], Unread] = {}

    def write_entries(self, writes: Sequence[Write]) -> list[bool | Exception]:
        return [self._write(write) for write in writes]

    def place_entries(self, head: Head, groups: Sequence[MessageGroup]) -> None:
        owners = [group.owner_uuid for group in groups if not self._is_free_for(group)]
        if owners:
            raise PositionTaken(owners)
        for group in groups:
            self.message_groups[group.owner_uuid, group.sk] = group
        for owner_uuid in head.members:
            self.noted.pop((owner_uuid, head.message_group_uuid), None)
        self.noted.update({_place(one): one for one in head.unread})

    def _write(self, write: Write) -> bool | Exception:
        entry = write.old if isinstance(write, Update) else write.entry
        entries: dict[tuple[str, str], Any] = self.noted if isinstance(entry, Unread) else self.message_groups
        place = _place(entry)
        if not _is_sort_key(place[1]):
            return RuntimeError("DynamoDB cannot run a statement: ValidationError")
        lying = entries.get(place)
        match write:
            case Insert():
                done = lying is None
                entries.setdefault(place, entry)
            case Update(_, new):
                if done := lying is not None and _marks(lying) == _marks(entry):
                    entries[place] = new
            case Delete():
                is_it = lying == entry if isinstance(entry, Unread) else self._is_free_for(entry)
                if done := lying is not None and is_it:
                    del entries[place]
        return done

    def _is_free_for(self, group: MessageGroup) -> bool:
        lying = self.message_groups.get((group.owner_uuid, group.sk), group)
        return lying.message_group_uuid == group.message_group_uuid


def _place(entry: MessageGroup | Unread) -> tuple[str, str]:
    return entry.owner_uuid, entry.message_group_uuid if isinstance(entry, Unread) else entry.sk


def _marks(entry: MessageGroup | Unread) -> tuple[Any, ...]:
    other = None if isinstance(entry, Unread) else entry.other_read_seq
    return entry.message_group_uuid, entry.last_seq, entry.read_seq, other


def _is_sort_key(text: str) -> bool:
    """As DynamoDB sees it."""
    return 0 < len(text.encode()) <= 1024


class FailingTable:
    """Every method raises the same error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> NoReturn:
            raise self._error

        return fail
