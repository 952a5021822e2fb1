"""Generated people and conversations in bulk, for tests of load and scale: always the same, so that runs can resume."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.items import Item
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.services.changes import Window, edit, react
from messaging.services.read import find_message
from messaging.services.rewrite_inbox import rebuild
from messaging.storage.dynamodb import MAX_BATCH_WRITES
from messaging.storage.table import Table
from operators.conversation_table import ConversationTable
from operators.repair import repair_inboxes
from operators.writing import MAX_CONCURRENCY, Line, continued, put_all

_NAMESPACE = UUID("5f0c1a5e-7f0b-4c53-9d55-8f3e6f6a3b10")
_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
_PARTNERS = 5  # conversations that each person begins; each is in twice as many
_IN_DOUBT = MAX_BATCH_WRITES * (MAX_CONCURRENCY + 2)  # items written last, of which an interrupted run may lack some
_EMOJI = "👍😂🎉🔥🙏"
MOST_CHANGES = len(_EMOJI)  # of a message
_SAYINGS = (
    "Are you there?",
    "Just arrived. Where are you?",
    "That is exactly what I thought, too.",
    "Could you send me the address again? I cannot find it anywhere.",
    "Haha 😂",
    "Não faz mal, fica para amanhã.",
    "The train is late again, so start without me. I will be there by eight, or half past at the very latest.",
    "ok",
)


@dataclass(frozen=True)
class _Conversation:
    """A conversation of a bulk: its members, its index, and its number of messages."""

    members: tuple[Person, Person]
    number: int
    of: int
    wanted: int

    @property
    def group(self) -> str:
        return keys.pair_uuid(*(person.user_uuid for person in self.members))

    def lines(self, after: int = 0) -> Iterator[Line]:
        """The messages beyond the first `after`."""
        for index in range(after, self.wanted):
            overall = index * self.of + self.number
            yield Line(
                Draft(str(uuid5(_NAMESPACE, f"message {self.group} {index}")), _SAYINGS[overall % len(_SAYINGS)]),
                self.members[(index + index // 7) % 2],
                _BEGINS + timedelta(seconds=overall),
            )


@dataclass(frozen=True)
class Bulk:
    """`messages` spread evenly over conversations of `people`, a second apart, from the beginning of 2026.

    A larger number of messages for the same people begins with the same messages.
    """

    people: int
    messages: int

    @property
    def items(self) -> int:
        """The number of items: profiles, handles; messages, sent records; heads, two entries and an unread one."""
        return 2 * self.people + 2 * self.messages + 4 * min(self._pairs, self.messages)

    @property
    def _pairs(self) -> int:
        return min(self.people * (self.people - 1) // 2, self.people * _PARTNERS)

    def write(self, client: Any, table_name: str, on_progress: Callable[[int], None]) -> None:
        """Write the missing items; `on_progress` gets the number of items written or found. Raises Busy.

        A head is put after its messages, their sent records and its entries, so its presence proves theirs. So an
        interrupted run can resume, and a half-written conversation has no head until then.
        """
        table = ConversationTable(client, table_name)
        people = map(_person, range(self.people))
        put_all(table.db, (item for one in people for item in (one.profile_item, one.handle_item)), on_progress)
        conversations = self._conversations()
        while chunk := list(islice(conversations, 100)):
            head_keys = [keys.key(keys.conversation_pk(one.group), keys.HEAD) for one in chunk]
            found = table.db.get_many(head_keys, consistent=True)
            there = {head.message_group_uuid: head for head in map(Head.from_item, found)}
            heads: list[Head] = []
            absent = [one for one in chunk if one.group not in there]
            put_all(table.db, (item for one in absent for item in _items(table, one, heads, on_progress)), on_progress)
            put_all(table.db, (head.item for head in heads), on_progress)
            for one in chunk:
                if one.group in there:
                    on_progress(4 + 2 * _extend(table, one, there[one.group]))

    def change(self, client: Any, table_name: str, changes: int, on_progress: Callable[[int], None]) -> None:
        """Change messages, at most MOST_CHANGES of each: every tenth is edited, the others get reactions.

        Changes that are made already stay as they are. Inboxes follow at once, since the stream may be off.
        """
        table = ConversationTable(client, table_name)
        more, extra = divmod(changes, min(self._pairs, self.messages))
        for one in self._conversations():
            wanted = more + (one.number < extra)
            for index in range(wanted):
                _change(table, one, index % one.wanted, index // one.wanted)
                on_progress(1)
            if wanted:
                repair_inboxes(table, one.group)

    def _conversations(self) -> Iterator[_Conversation]:
        pairs = self._pairs
        more, extra = divmod(self.messages, pairs)
        for number, (one, other) in enumerate(islice(self._members(), pairs)):
            if wanted := more + (number < extra):
                yield _Conversation((_person(one), _person(other)), number, pairs, wanted)

    def _members(self) -> Iterator[tuple[int, int]]:
        """Pairs of people: each with the next, then each with the one after the next, and so on, none twice."""
        for distance in range(1, self.people // 2 + 1):
            halfway = distance * 2 == self.people
            for one in range(self.people // 2 if halfway else self.people):
                yield one, (one + distance) % self.people


def _change(table: ConversationTable, one: _Conversation, index: int, number: int) -> None:
    """Make one of the changes of a message."""
    line = next(one.lines(index))
    address = one.group, line.draft.message_uuid
    reader = one.members[0 if line.sender == one.members[1] else 1].user_uuid
    if number or index % 10:
        react(table, reader, *address, _EMOJI[number])
        return
    _, message = find_message(table, line.sender.user_uuid, *address)
    edit(table, line.sender.user_uuid, *address, f"{line.draft.message} (edited)", message.change, Window(None))


def _person(number: int) -> Person:
    return Person(str(uuid5(_NAMESPACE, f"person {number}")), f"seed_{number:06}", f"Person {number}")


def _items(table: Table, one: _Conversation, heads: list[Head], on_progress: Callable[[int], None]) -> Iterator[Item]:
    """The messages, sent records and entries of a conversation without a head, which is added to `heads` at the end.

    For a long, interrupted one, only the items that may be missing.
    """
    newest = table.before(one.group, keys.HEAD, 1, consistent=True) if one.wanted > _IN_DOUBT else []
    after = max(0, newest[0].seq - _IN_DOUBT) if newest else 0
    last = None
    if after:
        ((_, opened),) = continued(one.members, islice(one.lines(after - 1), 1), None)
        wrote_first = {line.sender.user_uuid for line in islice(one.lines(), min(after, 2))}  # both, if two did
        last = replace(opened, version=after, wrote=frozenset(wrote_first), last=replace(opened.last, seq=after))
        on_progress(2 * after)
    for message, head in continued(one.members, one.lines(after), last):
        yield from _with_sent_record(message)
        last = head
    if last:
        yield from (group.item for group in last.inbox_entries)
        yield from (unread.item for unread in last.unread)
        heads.append(last)


def _with_sent_record(message: Message) -> tuple[Item, Item]:
    return message.item, SentRecord.of(message).item


def _extend(table: ConversationTable, one: _Conversation, old: Head) -> int:
    """Add the missing messages of a conversation; return the new total. Raises HeadChanged if it is in use."""
    added = list(continued(one.members, one.lines(old.last_seq), old))
    if added:
        put_all(table.db, (item for message, _ in added for item in _with_sent_record(message)))
        _, head = added[-1]
        table.put_head(head, old)
        rebuild(table, head, old.created_at)
    return max(one.wanted, old.last_seq)
