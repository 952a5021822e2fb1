"""A table with people to erase."""

from typing import Any
from uuid import uuid4

from messaging.model import keys
from messaging.model.membership import FOREVER
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.settings_change import SettingsChange
from messaging.services.blocks import block
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.services.settings import change_settings
from operators.erasure import erase_from_table
from operators.people_table import PeopleTable
from operators.verify import verify
from tests.support import dynamodb_local
from tests.support.checks import assert_inboxes_stand_at_the_heads, read_all
from tests.support.fake_sockets import FakeSockets
from tests.support.functions import Functions, Stream


class CutOff(Exception):
    """Stands for Ctrl-C, a lost network or a power failure."""


class World:
    """A table, with helpers to send messages, to erase people and to inspect all items."""

    def __init__(self, endpoint: str, name: str, functions: Functions, stream: Stream) -> None:
        self.client = dynamodb_local.client(endpoint)
        self.table = PeopleTable(self.client, name)
        self._name, self._functions, self._stream = name, functions, stream
        self.requests = 0
        self.cut_off_at: int | None = None
        self.client.meta.events.register("before-call.dynamodb", self._count)

    def _count(self, **_: Any) -> None:
        self.requests += 1
        if self.requests == self.cut_off_at:
            raise CutOff

    def person(self, handle: str) -> Person:
        person = Person(str(uuid4()), handle, f"{handle.title()} the Person")
        self.table.register(person)
        return person

    def open(self, sender: Person, receiver: Person, replies: int = 0) -> str:
        """Open a conversation where both have written; return its message_group_uuid."""
        group = send_to_handle(self.table, sender.user_uuid, receiver.handle, Draft(str(uuid4()), "1")).message
        for number in range(replies):
            self.send((receiver, sender)[number % 2], group.message_group_uuid)
        return group.message_group_uuid

    def send(self, sender: Person, group: str) -> Message:
        return send_to_conversation(self.table, sender.user_uuid, group, Draft(str(uuid4()), "…")).message

    def erase(self, person: Person) -> None:
        erase_from_table(self.table, FakeSockets(), person.user_uuid, {person.handle})

    def deliver(self) -> list[str]:
        """Deliver the whole stream again; return the records that failed."""
        return self._functions.stream_handler(self._stream.records())

    def items(self) -> list[dict[str, Any]]:
        return read_all(self.client, self._name)

    def put(self, item: dict[str, Any]) -> None:
        self.client.put_item(TableName=self._name, Item=item)

    def assert_all_is_well_without(self, *erased: Person) -> None:
        """Drain the stream; check that there is no violation, no inbox of theirs, and no trace of their names."""
        assert self._functions.stream_handler(self._stream.records()) == []
        assert verify(self.client, self._name) == []
        items = self.items()
        assert_inboxes_stand_at_the_heads(items)
        text = str(items)
        for person in erased:
            assert person.handle not in text
            assert person.display_name not in text
            assert list(self.table.conversations(person.user_uuid)) == []


def archive_pin_and_block(world: World, person: Person, other: Person) -> None:
    """Let a person archive, mute and pin a conversation, and block the other."""
    group = keys.pair_uuid(person.user_uuid, other.user_uuid)
    change = SettingsChange(archived=True, muted_until=FOREVER, pinned=True, marked_unread=True)
    change_settings(world.table, person.user_uuid, group, change)
    block(world.table, person.user_uuid, other.user_uuid)
