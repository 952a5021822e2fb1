"""The table in memory, for the functions that the API calls, and one that always fails."""

# ruff: noqa: ARG002 - memory is always consistent

from collections.abc import Sequence
from typing import Any, NoReturn

from messaging import keys
from messaging.items import Head, Message, MessageGroup, Person, Receipt
from messaging.table import AlreadySent, HeadMoved, PositionTaken, Table


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

    def person_by_handle(self, handle: str) -> Person | None:
        return next((person for person in self.people if person.handle == handle), None)

    def person_and_person_by_handle(self, user_uuid: str, handle: str) -> tuple[Person | None, Person | None]:
        person = next((person for person in self.people if person.user_uuid == user_uuid), None)
        return person, self.person_by_handle(handle)

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
    """Holds message groups too, by owner and sort key, for the stream handler. `heads` are a test's to set."""

    def __init__(self) -> None:
        super().__init__()
        self.message_groups: dict[tuple[str, str], MessageGroup] = {}

    def insert_message_groups(self, groups: Sequence[MessageGroup]) -> list[bool | Exception]:
        return [self._insert(group) for group in groups]

    def delete_message_groups(self, groups: Sequence[MessageGroup]) -> list[bool | Exception]:
        return [self._delete(group) for group in groups]

    def place_message_groups(self, head: Head, groups: Sequence[MessageGroup]) -> None:
        owners = [group.owner_uuid for group in groups if not self._is_free_for(group)]
        if owners:
            raise PositionTaken(owners)
        for group in groups:
            self.message_groups[group.owner_uuid, group.sk] = group

    def _insert(self, group: MessageGroup) -> bool | Exception:
        if not _is_sort_key(group.sk):
            return RuntimeError("DynamoDB cannot run a statement: ValidationError")
        if (group.owner_uuid, group.sk) in self.message_groups:
            return False
        self.message_groups[group.owner_uuid, group.sk] = group
        return True

    def _delete(self, group: MessageGroup) -> bool | Exception:
        if not _is_sort_key(group.sk):
            return RuntimeError("DynamoDB cannot run a statement: ValidationError")
        if (group.owner_uuid, group.sk) not in self.message_groups or not self._is_free_for(group):
            return False
        del self.message_groups[group.owner_uuid, group.sk]
        return True

    def _is_free_for(self, group: MessageGroup) -> bool:
        lying = self.message_groups.get((group.owner_uuid, group.sk), group)
        return lying.message_group_uuid == group.message_group_uuid


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
