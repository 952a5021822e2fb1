"""The table in memory, for the functions that the API calls, and one that always fails."""

# ruff: noqa: ARG002 - memory is always consistent

from typing import Any, NoReturn

from messaging import keys
from messaging.items import Head, Message, MessageGroup, Person, Receipt
from messaging.table import AlreadySent, HeadMoved, Table


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

    def inbox(self, user_uuid: str, limit: int, older_than: str | None = None) -> list[MessageGroup]:
        groups = [group for head in self.heads.values() for group in head.message_groups]
        mine = [group for group in groups if group.owner_uuid == user_uuid and group.sk < (older_than or keys.HEAD)]
        return sorted(mine, key=lambda group: group.sk, reverse=True)[:limit]

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

    def _of(self, message_group_uuid: str) -> list[Message]:
        return [message for message in self.messages if message.message_group_uuid == message_group_uuid]

    def _refuse_a_second(self, message: Message) -> None:
        for first in self.messages:
            if first.message_uuid == message.message_uuid:
                raise AlreadySent(Receipt(first.message_uuid, first.message_group_uuid, first.created_at, 0))


class FailingTable:
    """Every method raises the same error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> NoReturn:
            raise self._error

        return fail
