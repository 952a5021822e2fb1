"""The table: one method for each request that an access pattern makes.

Conditions hold the rules of docs/design.md. A refused condition becomes an error that says how to continue: HeadChanged
with the current head, AlreadySent with the record of the first send, PositionTaken. Methods raise Busy if DynamoDB
throttles, conflicts or does not answer.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.change import MessageChange
from messaging.model.connection import Connection, Subscription, Ticket
from messaging.model.conversation import AttributesUpdate, Head, last_message_attributes
from messaging.model.errors import HandleTaken, Invalid, NotFound, TooLarge, TooManyRequests
from messaging.model.hidden import MOST_HIDDEN, Hidden, ranges_attribute, unseen_attribute
from messaging.model.inbox_entry import ChangedConversation, InboxEntry, Unread
from messaging.model.items import Item
from messaging.model.membership import ARCHIVE, INBOX, OUT_OF_SIGHT, REQUESTS, Ask
from messaging.model.message import OPTIONAL_CONTENT, Message
from messaging.model.person import GONE_HANDLES, SPREADING, Person, Profile
from messaging.model.pins import Pins
from messaging.model.report import Report
from messaging.model.sent_record import SentRecord
from messaging.model.settings_change import SettingsChange
from messaging.model.versions import Versions
from messaging.retry import until_not_busy
from messaging.storage import aws_client
from messaging.storage.dynamodb import ABSENT, ConditionFailed, DynamoDB

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHANGE_INTERVAL_SECONDS = 60
MOST_AT_ONCE = 98  # messages in one request with a head and the hidden messages
MAX_STALE_ENTRIES = 90  # a transaction has 100 actions at most
_REGISTER_BUDGET_SECONDS = 2.0  # Cognito waits at most 5 s for the whole trigger
_PAGE = 100
BEFORE_ALL_TIMES = "0"
_AFTER_ALL_TIMES = "A"


class HeadChanged(Exception):
    """The head has changed since it was read. `head` is the current one, None if there is none."""

    def __init__(self, head: Head | None) -> None:
        self.head = head

    @classmethod
    def of(cls, item: Item | None) -> "HeadChanged":
        """The error for the item of the current head, None or empty if there is none."""
        return cls(Head.from_item(item) if item else None)


class MessageChanged(Exception):
    """A message, or the head of its conversation, has changed since they were read. Those that have are given."""

    def __init__(self, head: Head | None, message: Message | None) -> None:
        self.head = head
        self.message = message


class AlreadySent(Exception):
    """A message with this message_uuid was already sent."""

    def __init__(self, sent_record: SentRecord) -> None:
        self.sent_record = sent_record


class PinsChanged(Exception):
    """The pins have changed since they were read. `pins` are the current ones."""

    def __init__(self, pins: Pins) -> None:
        self.pins = pins


class ProfileChanged(Exception):
    """The profile, or its handle, has changed since it was read."""


class PositionTaken(Exception):
    """Another item already has this timestamp. `owners` are the people with the occupied inbox keys."""

    def __init__(self, owners: Sequence[str] = ()) -> None:
        self.owners = owners


class Insert(NamedTuple):
    """Put an entry at an empty key."""

    entry: InboxEntry | Unread


class Update(NamedTuple):
    """Update the stored entry of the same key and conversation, if its version is lower."""

    entry: InboxEntry | Unread


class Delete(NamedTuple):
    """Delete the stored entry of the same key and conversation, if its version is at most this one."""

    entry: InboxEntry | Unread


class Discard(NamedTuple):
    """Delete as `Delete` does; a missing entry is no refusal."""

    entry: InboxEntry | Unread


class Note(NamedTuple):
    """Put a changed conversation, which may be stored already."""

    entry: ChangedConversation


class Forget(NamedTuple):
    """Delete a changed conversation, which may be missing."""

    entry: ChangedConversation


Write = Insert | Update | Delete | Discard | Note | Forget


def open_table(name: str) -> "Table":
    """Open the table with a client of its own: one per process, made at init. No request takes longer than 8 s."""
    client: Any = aws_client.DynamoDBClient(aws_client.Limits(connect_seconds=1, read_seconds=3, attempts=2))
    return Table(client, name)


class Table:
    """Cruddur Messages' one table."""

    def __init__(self, client: "DynamoDBClient", name: str, now: Callable[[], float] = time.time) -> None:
        self.db = DynamoDB(client, name)
        self._now = now

    # Reading a conversation

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        """0.5 read units, 1 if consistent."""
        item = self.db.get(keys.key(keys.conversation_pk(message_group_uuid), keys.HEAD), consistent=consistent)
        return Head.from_item(item) if item else None

    def message(self, message_group_uuid: str, created_at: str, *, consistent: bool = True) -> Message | None:
        """The message of a sent record; a consistent read always finds it. 1 read unit, 0.5 if not consistent."""
        item = self.db.get(keys.key(keys.conversation_pk(message_group_uuid), created_at), consistent=consistent)
        return Message.from_item(item) if item else None

    def head_and_hidden(self, message_group_uuid: str, *, consistent: bool = False) -> tuple[Head | None, Hidden]:
        """A conversation's head and the hidden messages, in one Query. 0.5 read units per 4 KB, 1 if consistent."""
        pk = keys.conversation_pk(message_group_uuid)
        items = self.db.query(pk, 2, ">=", keys.HEAD, ascending=True, consistent=consistent)
        found = {item["sk"]["S"]: item for item in items}
        return _head_of(found), _hidden_of(found, message_group_uuid)

    def head_hidden_and_sent_record(
        self, message_group_uuid: str, message_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, Hidden, SentRecord | None]:
        """As `head_and_sent_record`, with the hidden messages. 1.5 read units, 3 if consistent."""
        head, hidden, records = self.head_hidden_and_sent_records(
            message_group_uuid, [message_uuid], consistent=consistent
        )
        return head, hidden, records.get(message_uuid)

    def head_hidden_and_sent_records(
        self, message_group_uuid: str, message_uuids: Sequence[str], *, consistent: bool
    ) -> tuple[Head | None, Hidden, dict[str, SentRecord]]:
        """As `head_hidden_and_sent_record`, with the sent records of several messages, by message_uuid."""
        pk = keys.conversation_pk(message_group_uuid)
        wanted = [
            keys.key(pk, keys.HEAD),
            keys.key(pk, keys.HIDDEN),
            *(keys.key(keys.sent_record_pk(one), keys.SENT_RECORD) for one in message_uuids),
        ]
        items = self.db.get_many(wanted, consistent=consistent)
        found = {item["sk"]["S"]: item for item in items}
        records = [SentRecord.from_item(item) for item in items if item["sk"]["S"] == keys.SENT_RECORD]
        return (
            _head_of(found),
            _hidden_of(found, message_group_uuid),
            {sent_record.message_uuid: sent_record for sent_record in records},
        )

    def head_hidden_and_messages(
        self, message_group_uuid: str, times: Collection[str], *, consistent: bool
    ) -> tuple[Head | None, Hidden, dict[str, Message]]:
        """The head, the hidden messages and the messages at these times, at most MOST_AT_ONCE, in one request."""
        pk = keys.conversation_pk(message_group_uuid)
        wanted = [keys.key(pk, sk) for sk in (keys.HEAD, keys.HIDDEN, *times)]
        found = {item["sk"]["S"]: item for item in self.db.get_many(wanted, consistent=consistent)}
        head, hidden = _head_of(found), _hidden_of(found, message_group_uuid)
        messages = {sk: Message.from_item(item) for sk, item in found.items() if keys.is_time(sk)}
        return head, hidden, messages

    def messages_at(
        self, wanted: Collection[tuple[str, str]], *, consistent: bool = False
    ) -> dict[tuple[str, str], Message]:
        """The messages with these message_group_uuids and times: a request per 100. 0.5 read units each."""
        if not wanted:
            return {}
        found = self.db.get_many(
            [keys.key(keys.conversation_pk(group), time) for group, time in wanted], consistent=consistent
        )
        messages = map(Message.from_item, found)
        return {(message.message_group_uuid, message.created_at): message for message in messages}

    def changes(
        self, message_group_uuid: str, after: int, limit: int, *, consistent: bool = False
    ) -> list[MessageChange]:
        """The changes after a number, in order. 0.5 read units per 30."""
        items = self.db.query(
            keys.changes_pk(message_group_uuid),
            limit,
            ">",
            keys.change_sk(after),
            ascending=True,
            consistent=consistent,
        )
        return [MessageChange.from_item(item) for item in items]

    def head_and_sent_record(
        self, message_group_uuid: str, message_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, SentRecord | None]:
        """A conversation's head and any message's sent record, in one request. 1 read unit, 2 if consistent."""
        head, sent_record = self.db.get_two(
            keys.key(keys.conversation_pk(message_group_uuid), keys.HEAD),
            keys.key(keys.sent_record_pk(message_uuid), keys.SENT_RECORD),
            consistent=consistent,
        )
        return Head.from_item(head) if head else None, SentRecord.from_item(sent_record) if sent_record else None

    def newest(
        self, message_group_uuid: str, limit: int, *, consistent: bool
    ) -> tuple[Head | None, Hidden, list[Message]]:
        """The head, the hidden messages and the newest messages, oldest first, in one Query.

        The first two sort after every time. The page does not show whether somebody has hidden something.
        """
        items = self.db.query(
            keys.conversation_pk(message_group_uuid), limit + 2, ascending=False, consistent=consistent
        )
        found = {item["sk"]["S"]: item for item in items}
        head, hidden = _head_of(found), _hidden_of(found, message_group_uuid)
        if head is None:
            return None, hidden, []
        newest = [Message.from_item(item) for sk, item in found.items() if sk not in keys.NO_MESSAGES][:limit]
        return head, hidden, newest[::-1]

    def around(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        """The messages next to a time, with the one at it, oldest first: at most half of them later. 2 requests."""
        pk, later = keys.conversation_pk(message_group_uuid), limit // 2
        items = self.db.query(pk, limit - later, "<=", created_at, ascending=False, consistent=consistent)
        messages = [Message.from_item(item) for item in reversed(items)]
        if later:
            messages += self.after(message_group_uuid, created_at, later, consistent=consistent)
        return messages

    def before(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        """The messages next before a time, oldest first."""
        items = self.db.query(
            keys.conversation_pk(message_group_uuid), limit, "<", created_at, ascending=False, consistent=consistent
        )
        return [Message.from_item(item) for item in reversed(items)]

    def after(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        """The messages next after a time, oldest first."""
        items = self.db.query(
            keys.conversation_pk(message_group_uuid), limit, ">", created_at, ascending=True, consistent=consistent
        )
        return [Message.from_item(item) for item in items if item["sk"]["S"] not in keys.NO_MESSAGES]

    # Reading an inbox

    def inbox(self, user_uuid: str, limit: int, older_than: str | None = None, folder: str = INBOX) -> list[InboxEntry]:
        """Entries of a folder, newest first, from the top or from below a sort key."""
        pk = keys.folder_pk(folder, user_uuid)
        items = self.db.query(pk, limit, "<", older_than or _AFTER_ALL_TIMES, ascending=False)
        return [InboxEntry.from_item(item) for item in items]

    def top_of_inbox(self, user_uuid: str, limit: int) -> tuple[list[InboxEntry], Pins]:
        """The newest entries of the inbox, and the pins, which sort above all of them, in one Query."""
        items = self.db.query(keys.inbox_pk(user_uuid), limit + 1, ascending=False)
        entries, pins = _entries_and_pins(items)
        return entries[:limit], pins or Pins(user_uuid)

    def inbox_above(
        self, user_uuid: str, limit: int, newer_than: str, folder: str = INBOX, *, consistent: bool = False
    ) -> tuple[list[InboxEntry], Pins | None]:
        """The entries of a folder next above a sort key, newest first.

        With the pins, if the Query reaches the top of the inbox, else None.
        """
        pk = keys.folder_pk(folder, user_uuid)
        items = self.db.query(pk, limit, ">", newer_than, ascending=True, consistent=consistent)
        entries, pins = _entries_and_pins(items[::-1])
        reaches_top = folder == INBOX and len(items) < limit
        return entries, pins or (Pins(user_uuid) if reaches_top else None)

    def pins(self, user_uuid: str) -> Pins:
        """A person's pinned conversations. 0.5 read units."""
        item = self.db.get(_pins_key(user_uuid))
        return Pins.from_item(item) if item else Pins(user_uuid)

    def head_and_pins(
        self, message_group_uuid: str, user_uuid: str, *, consistent: bool = False
    ) -> tuple[Head | None, Pins]:
        """A conversation's head and a person's pins, in one request. 1 read unit, 2 if consistent."""
        head, pins = self.db.get_two(
            keys.key(keys.conversation_pk(message_group_uuid), keys.HEAD),
            _pins_key(user_uuid),
            consistent=consistent,
        )
        return Head.from_item(head) if head else None, Pins.from_item(pins) if pins else Pins(user_uuid)

    def head_hidden_and_pins(
        self, message_group_uuid: str, user_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, Hidden, Pins]:
        """As `head_and_pins`, with the hidden messages. 1.5 read units, 3 if consistent."""
        pk = keys.conversation_pk(message_group_uuid)
        wanted = [keys.key(pk, keys.HEAD), keys.key(pk, keys.HIDDEN), _pins_key(user_uuid)]
        found = {item["sk"]["S"]: item for item in self.db.get_many(wanted, consistent=consistent)}
        pins = Pins.from_item(found[keys.PINS]) if keys.PINS in found else Pins(user_uuid)
        return _head_of(found), _hidden_of(found, message_group_uuid), pins

    def changed_conversations(self, user_uuid: str, after: str, limit: int) -> list[ChangedConversation]:
        """Conversations with changes, in the order of the hours of their last ones, after a sort key or an hour."""
        items = self.db.query(keys.changed_pk(user_uuid), limit, ">", after, ascending=True)
        return [ChangedConversation.from_item(item) for item in items]

    def heads_of(self, message_group_uuids: Sequence[str]) -> list[Head]:
        """The heads of different conversations. 0.5 read units each."""
        if not message_group_uuids:
            return []
        wanted = [keys.key(keys.conversation_pk(group), keys.HEAD) for group in message_group_uuids]
        return [Head.from_item(item) for item in self.db.get_many(wanted)]

    def conversations(self, user_uuid: str) -> Iterator[InboxEntry]:
        """All of a person's conversations, also those out of sight, each once.

        Even if some move up meanwhile: each folder is read upwards, and last the inbox, into which messages move
        conversations. Consistent. A page of 100 costs a request and about 7 read units; each folder at least a request
        and 1 read unit.
        """
        seen: set[str] = set()
        for folder in (OUT_OF_SIGHT, REQUESTS, ARCHIVE, INBOX):
            page, _ = self.inbox_above(user_uuid, _PAGE, BEFORE_ALL_TIMES, folder, consistent=True)
            while page:
                for group in reversed(page):
                    if group.message_group_uuid not in seen:
                        seen.add(group.message_group_uuid)
                        yield group
                page, _ = self.inbox_above(user_uuid, _PAGE, page[0].sk, folder, consistent=True)

    def entries_of(
        self, owner_uuid: str, message_group_uuid: str, folder: str, first: str, last: str = _AFTER_ALL_TIMES
    ) -> list[InboxEntry]:
        """One conversation's entries in a folder, with times from `first` to `last`; normally one or none.

        Consistent. Reads everything stored in between: a request per megabyte, a read unit per 4 KB.
        """
        items = self.db.query_all(
            keys.folder_pk(folder, owner_uuid),
            between=(first, f"{last}{keys.AFTER_TIEBREAKS}"),
            equal={"message_group_uuid": {"S": message_group_uuid}},
            consistent=True,
        )
        return [InboxEntry.from_item(item) for item in items]

    def unread(self, user_uuid: str) -> Iterator[Unread]:
        """A person's unread conversations: 0.5 read units for each 40, one request for some thousands."""
        return map(Unread.from_item, self.db.query_all(keys.unread_pk(user_uuid)))

    # People

    def person(self, user_uuid: str, *, consistent: bool = False) -> Person | None:
        """0.5 read units, 1 if consistent."""
        item = self.db.get(keys.key(keys.profile_pk(user_uuid), keys.PROFILE), consistent=consistent)
        return Person.from_profile_item(item) if item else None

    def people_by_uuid(self, user_uuids: Collection[str]) -> dict[str, Person]:
        """Those with a profile among these people, by user_uuid: a request per 100. 0.5 read units each."""
        wanted = [keys.key(keys.profile_pk(one), keys.PROFILE) for one in dict.fromkeys(user_uuids)]
        people = map(Person.from_profile_item, self.db.get_many(wanted))
        return {person.user_uuid: person for person in people}

    def person_by_handle(self, handle: str) -> Person | None:
        """0.5 read units."""
        item = self.db.get(keys.key(keys.handle_pk(handle), keys.HANDLE))
        return Person.from_handle_item(item) if item else None

    def sender_and_receiver(self, user_uuid: str, handle: str) -> tuple[Person | None, Person | None]:
        """The person with this user_uuid and the owner of this handle, in one request and 1 read unit."""
        profile, owner = self.db.get_two(
            keys.key(keys.profile_pk(user_uuid), keys.PROFILE), keys.key(keys.handle_pk(handle), keys.HANDLE)
        )
        return (
            Person.from_profile_item(profile) if profile else None,
            Person.from_handle_item(owner) if owner else None,
        )

    def register(self, person: Person, *, has_account: bool = False) -> None:
        """Put profile and handle together. A repetition changes nothing. Raises HandleTaken for another's handle.

        `has_account` notes for operators that there is a Cognito user: see operators.people_table.Profile.
        The error's text contains no name, because Lambda logs errors of post_confirmation.
        """
        names = "handle = :handle, display_name = :display_name"
        values = {
            ":handle": {"S": person.handle},
            ":display_name": {"S": person.display_name},
        }
        profile = self.db.update_action(
            keys.key(keys.profile_pk(person.user_uuid), keys.PROFILE),
            f"SET {names}{', has_account = :true' if has_account else ''}",
            f"{ABSENT} OR handle = :handle",
            {**values, **({":true": {"BOOL": True}} if has_account else {})},
        )
        handle = self.db.update_action(
            keys.key(keys.handle_pk(person.handle), keys.HANDLE),
            f"SET {names}, user_uuid = :user_uuid",
            f"{ABSENT} OR user_uuid = :user_uuid",
            {**values, ":user_uuid": {"S": person.user_uuid}},
        )
        refused = until_not_busy(lambda: self.db.transact(profile, handle), _REGISTER_BUDGET_SECONDS)
        if 1 in refused:
            raise HandleTaken("The handle is taken.")
        if 0 in refused:
            raise HandleTaken("This person already has another handle.")

    def create_profile(self, person: Person, email: str) -> None:
        """Put a new person's profile and handle together, with an address for operators, "" for none. 6 write units.

        Raises ProfileChanged if there is a profile, HandleTaken, and NotFound for an erased person.
        """
        profile = {**person.profile_item, **({"email": {"S": email}} if email else {})}
        erased = keys.key(keys.profile_pk(person.user_uuid), keys.ERASED)
        actions = (
            self.db.check_action(erased, ABSENT),
            self.db.put_action(profile, ABSENT),
            self.db.put_action(person.handle_item, *_is_of(person)),
        )
        refused = until_not_busy(lambda: self.db.transact(*actions))
        if 0 in refused:
            raise NotFound("This person was deleted.")
        if 1 in refused:
            raise ProfileChanged
        if refused:
            raise HandleTaken("The handle is taken.")

    def note_email(self, user_uuid: str, email: str) -> None:
        """Note a person's e-mail address for operators. 1 write unit."""
        with suppress(ConditionFailed):  # erased meanwhile
            key = keys.key(keys.profile_pk(user_uuid), keys.PROFILE)
            self.db.update(key, "SET email = :email", "attribute_exists(pk)", {":email": {"S": email}})

    # Sending

    def append(self, head: Head, message: Message, ask: Ask | None = None, sent: str = "") -> None:
        """Put the message that follows `head`, perhaps the first of a new request: 3 items, 6 write units.

        `sent` is the new count of its sender's messages, "" if they are not counted. Once a head says that a member was
        deleted or renamed, or that the sender blocks the other, nothing is stored that was meant for the head before.
        Raises HeadChanged, AlreadySent, PositionTaken.
        """
        other = head.other(message.sender.user_uuid)
        last = AttributesUpdate.of_last(message)
        sets = [last.set, "members.#sender.read_seq = :last_seq", "members.#sender.wrote = :true"]
        conditions = [
            "last_seq = :read AND members.#sender.handle = :handle AND members.#other.handle = :other",
            _has_version("members.#sender.version", message.sender),
            "attribute_not_exists(members.#sender.#block)",
        ]
        values = {
            **last.values,
            **_version_value(message.sender),
            ":read": {"N": str(head.last_seq)},
            ":handle": {"S": message.sender.handle},
            ":other": {"S": other.handle},
            ":true": {"BOOL": True},
        }
        names = {**last.names, "#sender": message.sender.user_uuid, "#other": other.user_uuid}
        names |= {"#block": "block", "#request": "request"}
        gone = [last.remove, "members.#sender.#request", "members.#sender.declined", "members.#sender.marked_unread"]
        if sent:
            sets.append("members.#sender.sent = :sent")
            values[":sent"] = {"S": sent}
        if ask:
            sets.append("members.#other.#request = :ask")
            conditions.append("attribute_exists(members.#other.#request)")  # not accepted meanwhile
            values[":ask"] = ask.attribute
            if head.membership(other.user_uuid).is_declined:
                sets.append("members.#other.begins_after = :read")
                gone.append("members.#other.declined")
        update = f"{', '.join(sets)} {', '.join(gone)}"
        self._send(
            message,
            self.db.update_action(
                *_head_update(head.message_group_uuid, update, " AND ".join(conditions), values, names)
            ),
        )

    def create(self, head: Head, message: Message, unopened: Head | None = None) -> None:
        """Open a conversation with its first message and both entries: 5 items, 10 write units.

        `unopened` is the head that keeps a block from before, if there is one. The entries have version 0, so that the
        stream handler's update distinguishes the first delivery of the opening from replays. Raises HeadChanged if the
        stored head is another, AlreadySent, PositionTaken.
        """
        entries = [replace(entry, version=0) for entry in head.inbox_entries]
        self._send(
            message,
            self.db.put_action(head.item, *_is_unchanged(unopened)),
            *(self.db.put_action(entry.item, ABSENT) for entry in entries),
        )

    def _send(self, message: Message, head: Item, *entries: Item) -> None:
        sent_record = SentRecord.of(message)
        refused = self.db.transact(
            head, self.db.put_action(message.item, ABSENT), self.db.put_action(sent_record.item, ABSENT), *entries
        )
        if 2 in refused:
            raise AlreadySent(SentRecord.from_item(refused[2]))
        if 0 in refused:
            raise HeadChanged.of(refused[0])
        if refused:
            raise PositionTaken

    def sent_record(self, message_uuid: str) -> SentRecord | None:
        """The sent record of a message. Consistent: 1 read unit."""
        item = self.db.get(keys.key(keys.sent_record_pk(message_uuid), keys.SENT_RECORD), consistent=True)
        return SentRecord.from_item(item) if item else None

    # Blocks

    def blocks(self, user_uuid: str, limit: int, after: str = "") -> list[BlockEntry]:
        """The people that a person blocks, after a user_uuid. 0.5 read units for each 40."""
        items = self.db.query(keys.blocks_pk(user_uuid), limit, ">" if after else None, after, ascending=True)
        return [BlockEntry.from_item(item) for item in items]

    def block(self, head: Head | None, new: Head, user_uuid: str) -> None:
        """Store a person's block with the head that keeps it, if the stored head is still `head`: 3 items.

        6 write units. Raises HeadChanged, and NotFound for an erased person.
        """
        entry = new.block_entry(user_uuid)
        self._change_block(user_uuid, self._new_side(head, new, user_uuid), self.db.put_action(entry.item))

    def unblock(self, head: Head, new: Head, user_uuid: str) -> None:
        """Delete a person's block and bring the head to `new`; delete it if it has neither messages nor blocks.

        Otherwise as `block`. 8 write units if a range has no room in the head. Raises Invalid if they have ended
        MOST_HIDDEN other blocks of the same person.
        """
        entry = self.db.delete_action(head.block_entry(user_uuid).item)
        if new.is_open or new.is_blocked:
            self._change_block(
                user_uuid, self._new_side(head, new, user_uuid), entry, *self._older_ranges(head, new, user_uuid)
            )
        else:
            self._change_block(user_uuid, self.db.delete_action(head.item, *_is_unchanged(head)), entry)

    def _older_ranges(self, head: Head, new: Head, user_uuid: str) -> Iterator[Item]:
        """For `transact`: add those ranges of a member to the hidden messages for which the head has no room."""
        older_unseen = new.membership(user_uuid).older_unseen
        ranges = [one for one in head.membership(user_uuid).unseen if one[1] and one[1] <= older_unseen]
        if ranges:
            yield self.db.update_action(
                Hidden(head.message_group_uuid).key,
                "SET #mine = list_append(if_not_exists(#mine, :none), :ranges)",
                "attribute_not_exists(#mine) OR size(#mine) < :most",
                {":none": {"L": []}, ":ranges": ranges_attribute(ranges), ":most": {"N": str(MOST_HIDDEN)}},
                {"#mine": unseen_attribute(user_uuid)},
            )

    def _new_side(self, head: Head | None, new: Head, user_uuid: str) -> Item:
        """For `transact`: bring a member's side of a head from one state to another."""
        if head is None:
            return self.db.put_action(new.item, ABSENT)
        side = AttributesUpdate.of_side(head.membership(user_uuid), new.membership(user_uuid))
        condition, values = _is_unchanged(head)
        return self.db.update_action(
            *_head_update(
                head.message_group_uuid,
                f"{side.set} {side.remove}",
                condition,
                {**side.values, **values},
                {**side.names, "#me": user_uuid},
            )
        )

    def _change_block(self, user_uuid: str, head: Item, entry: Item, *ranges: Item) -> None:
        profile = self.db.check_action(keys.key(keys.profile_pk(user_uuid), keys.PROFILE), "attribute_exists(pk)")
        refused = self.db.transact(head, entry, profile, *ranges)
        if 0 in refused:
            raise HeadChanged.of(refused[0])
        if 2 in refused:
            raise NotFound("You have no profile any more.")
        if refused:
            raise Invalid("unblocks_exceed_max")

    # Changing a message

    def versions(self, message_uuid: str) -> Versions:
        """The earlier versions of a message. Consistent: 1 read unit per 4 KB."""
        item = self.db.get(keys.key(keys.versions_pk(message_uuid), keys.VERSIONS), consistent=True)
        return Versions.from_item(item) if item else Versions(message_uuid)

    def change_message(
        self,
        head: Head,
        old: Message,
        new: Message,
        change: MessageChange,
        user_uuid: str,
        versions: Versions | None = None,
    ) -> None:
        """Write a member's change of a message, the next one after `head`: 3 items, 6 write units.

        With `versions` it puts them too. An unsend also deletes them, and the digest in a sent record from before
        salts. Each costs 2 write units. Raises MessageChanged.
        """
        is_last = old.seq >= head.last_seq  # above: the head is stale
        shown = last_message_attributes(new) if is_last else {}
        gone = OPTIONAL_CONTENT - new.content.keys() if is_last else ()
        of_head = AttributesUpdate.of({"last_change": change.in_head, **shown}, gone)
        other = head.other(user_uuid)
        conditions = [
            "members.#me.handle = :handle AND members.#other.handle = :other",
            f"attribute_{'' if head.is_blocking(user_uuid) else 'not_'}exists(members.#me.#block)",
            _is_number("#last_change.#number", head.last_change),
        ]
        of_message = AttributesUpdate.of_change(old, new)
        actions = [
            self.db.update_action(
                *_head_update(
                    head.message_group_uuid,
                    f"{of_head.set} {of_head.remove}",
                    " AND ".join([*conditions, *(["last_seq = :read"] if is_last else [])]),
                    {
                        **of_head.values,
                        ":handle": {"S": head.members[user_uuid].handle},
                        ":other": {"S": other.handle},
                        **({":number": {"N": str(head.last_change)}} if head.changed else {}),
                        **({":read": {"N": str(old.seq)}} if is_last else {}),
                    },
                    {
                        **of_head.names,
                        "#me": user_uuid,
                        "#other": other.user_uuid,
                        "#number": "number",
                        "#block": "block",
                    },
                )
            ),
            self.db.update_action(
                keys.of(old.item),
                f"{of_message.set} {of_message.remove}",
                f"attribute_exists(pk) AND {_is_number('#change', old.change)}",
                {**of_message.values, **({":number": {"N": str(old.change)}} if old.change else {})},
                of_message.names,
            ),
            self.db.put_action(change.item(head.message_group_uuid), ABSENT),
        ]
        if versions:
            actions.append(self.db.put_action(versions.item))  # the message's condition orders them
        if new.unsent_at and old.versions:
            actions.append(self.db.delete_action(Versions(old.message_uuid).item))
        if new.unsent_at and not old.salt:
            sent_record = keys.key(keys.sent_record_pk(old.message_uuid), keys.SENT_RECORD)
            actions.append(self.db.update_action(sent_record, "REMOVE digest", "", {}))
        refused = self.db.transact(*actions)
        if refused:
            raise MessageChanged(
                Head.from_item(refused[0]) if refused.get(0) else None,
                Message.from_item(refused[1]) if refused.get(1) else None,
            )

    def hide(self, message_group_uuid: str, user_uuid: str, seq: int) -> None:
        """Hide a message from a person. 1 write unit. Raises Invalid if they have hidden MOST_HIDDEN others here."""
        number = {"N": str(seq)}
        try:
            self.db.update(
                Hidden(message_group_uuid).key,
                "ADD #me :set",
                "attribute_not_exists(#me) OR contains(#me, :one) OR size(#me) < :most",
                {":set": {"NS": [str(seq)]}, ":one": number, ":most": {"N": str(MOST_HIDDEN)}},
                {"#me": user_uuid},
            )
        except ConditionFailed:
            raise Invalid("hidden_exceed_max") from None

    # Marks

    def advance_mark(self, message_group_uuid: str, user_uuid: str, seq: int, known: Head | None = None) -> Head:
        """Advance a member's read mark to `seq`; return the new head. 1 request and 1 write unit.

        Raises HeadChanged with the current head, or None, if this person is no member, `seq` is after the last
        message, the mark is not below `seq`, or the conversation is marked as unread; and if the head is not `known`,
        without which it must hide no messages from this member: they may not be marked.
        """
        condition, version = _is_unchanged(known) if known else ("attribute_not_exists(members.#me.unseen)", {})
        return self._changed_head(
            message_group_uuid,
            "SET members.#me.read_seq = :seq",
            "attribute_exists(members.#me) AND last_seq >= :seq AND attribute_not_exists(members.#me.marked_unread)"
            f" AND (attribute_not_exists(members.#me.read_seq) OR members.#me.read_seq < :seq) AND {condition}",
            {":seq": {"N": str(seq)}, **version},
            {"#me": user_uuid},
        )

    def _changed_head(
        self, message_group_uuid: str, update: str, condition: str, values: Item, names: dict[str, str]
    ) -> Head:
        """Update a head; return it. Raises HeadChanged."""
        try:
            return Head.from_item(self.update_head(message_group_uuid, update, condition, values, names))
        except ConditionFailed as failed:
            raise HeadChanged.of(failed.item) from None

    def end_marked_unread(self, message_group_uuid: str, user_uuid: str, seq: int, at: str) -> Head:
        """Advance a member's mark as `advance_mark` does, also to where it is, in a conversation marked as unread."""
        return self._change_member(
            message_group_uuid,
            user_uuid,
            at,
            {"read_seq": ":seq"},
            ["marked_unread"],
            "last_seq >= :seq AND attribute_exists(members.#me.#marked_unread) AND "
            "(attribute_not_exists(members.#me.#read_seq) OR members.#me.#read_seq <= :seq)",
            {":seq": {"N": str(seq)}},
        )

    # Settings of a conversation: each is 1 request and 1 write unit, counts in the member's `settings`, notes the hour
    # of `at`, and returns the new head. HeadChanged has the current head, None if there is none.

    def change_settings(
        self, message_group_uuid: str, user_uuid: str, change: SettingsChange, at: str, known: Head | None = None
    ) -> Head:
        """Change a member's settings, if the head is still as `known`.

        Raises HeadChanged, also for a mute without `archived` if the conversation was archived: a mute alone must not
        move it, see `Membership.folder`.
        """
        wanted = {
            "muted_until": change.muted_until,
            "archived": change.archived,
            "marked_unread": change.marked_unread,
        }
        expressions = {"muted_until": ":muted_until", "archived": "last_seq", "marked_unread": ":true"}
        sets = {name: expressions[name] for name, value in wanted.items() if value}
        removes = [name for name, value in wanted.items() if value is not None and not value]
        values: Item = {
            **({":muted_until": {"S": change.muted_until}} if change.muted_until else {}),
            **({":true": {"BOOL": True}} if change.marked_unread else {}),
        }
        mutes_only = change.archived is None and change.muted_until is not None
        condition = "attribute_not_exists(members.#me.archived)" if mutes_only else ""
        if known:
            condition, version = _is_unchanged(known)
            values |= version
        return self._change_member(message_group_uuid, user_uuid, at, sets, removes, condition, values)

    def leave(self, message_group_uuid: str, user_uuid: str, at: str) -> Head:
        """End a member's history here. A request that waits goes on waiting."""
        removes = ["archived", "marked_unread"]
        return self._change_member(message_group_uuid, user_uuid, at, {"begins_after": "last_seq"}, removes)

    def accept_request(self, message_group_uuid: str, user_uuid: str, at: str) -> Head:
        """Accept the request that waits for a member, even a declined one. Raises HeadChanged if none waits."""
        waits = "attribute_exists(members.#me.#request)"
        return self._change_member(message_group_uuid, user_uuid, at, {}, ["request", "declined", "archived"], waits)

    def decline_request(self, message_group_uuid: str, user_uuid: str, at: str) -> Head:
        """Decline the request that waits for a member: their history ends here. Raises HeadChanged if none waits."""
        return self._change_member(
            message_group_uuid,
            user_uuid,
            at,
            {"declined": "members.#me.#request.#after", "begins_after": "last_seq"},
            ["archived", "marked_unread"],
            "attribute_exists(members.#me.#request)",
            names=["request", "after"],
        )

    def _change_member(
        self,
        message_group_uuid: str,
        user_uuid: str,
        at: str,
        sets: Mapping[str, str],
        removes: Sequence[str],
        condition: str = "",
        values: Item | None = None,
        names: Sequence[str] = (),
    ) -> Head:
        """Set attributes of a member to expressions, and remove others, as a setting of this member.

        `names` are those of more attributes in the expressions.
        """
        counted = {
            **sets,
            "set_at": ":hour",
            "settings": "if_not_exists(members.#me.#settings, :zero) + :one",
        }
        update = "SET " + ", ".join(f"members.#me.#{name} = {value}" for name, value in counted.items())
        if removes:
            update += " REMOVE " + ", ".join(f"members.#me.#{name}" for name in removes)
        may = "attribute_exists(members.#me) AND last_seq > :zero AND NOT members.#me.handle IN (:leaving, :deleted)"
        leaving, deleted = GONE_HANDLES
        fixed: Item = {
            ":hour": {"S": at[: keys.HOUR_LENGTH]},
            ":zero": {"N": "0"},
            ":leaving": {"S": leaving},
            ":deleted": {"S": deleted},
        }
        return self._changed_head(
            message_group_uuid,
            update,
            f"{may} AND {condition}" if condition else may,
            {**fixed, **(values or {})},
            {"#me": user_uuid, **{f"#{name}": name for name in (*counted, *removes, *names)}},
        )

    def change_pins(self, old: Pins, new: Pins) -> None:
        """Replace a person's pins. 1 write unit. Raises PinsChanged if they are not `old` any more."""
        item = new.item
        condition, number = ("#number = :old", {":old": {"N": str(old.number)}}) if old.number else (ABSENT, {})
        try:
            self.db.update(
                keys.of(item),
                "SET pins = :pins, #number = :number",
                condition,
                {":pins": item["pins"], ":number": item["number"], **number},
                {"#number": "number"},
            )
        except ConditionFailed as failed:
            raise PinsChanged(Pins.from_item(failed.item) if failed.item else Pins(old.owner_uuid)) from None

    # Settings of a person

    def profile(self, user_uuid: str) -> Profile | None:
        """Consistent: 1 read unit."""
        item = self.db.get(keys.key(keys.profile_pk(user_uuid), keys.PROFILE), consistent=True)
        return Profile.from_item(item) if item else None

    def change_profile(self, profile: Profile, new: Person) -> Person:
        """Change a profile on behalf of its person; return it with its version. 4 write units, 6 with another handle.

        Raises TooManyRequests if the person changed it less than a minute ago, and as `write_profile`.
        """
        now, old = int(self._now()), profile.person
        wait = profile.changed_at + CHANGE_INTERVAL_SECONDS - now
        if wait > 0:
            raise TooManyRequests("A profile can be changed once a minute.", wait)
        is_renamed = (new.handle, new.display_name) != (old.handle, old.display_name)
        renamed: Item = {"renamed_by_person": {"BOOL": True}} if is_renamed else {}
        return self.write_profile(old, new, {"changed_at": {"N": str(now)}, **renamed})

    def write_profile(self, old: Person, new: Person, notes: Item) -> Person:
        """Change profile and handle together; return the person with the next version. 4 write units, 6 at most.

        Conversations show the new values once they are copied into them; until then the profile has a mark. A change of
        `messages_from` alone, which they do not show, needs neither. `notes` are more attributes of the profile. Raises
        ProfileChanged if it has changed since it was read, and HandleTaken.
        """
        noted = notes
        if old.copied != new.copied or old.messages_from == new.messages_from:
            new, noted = replace(new, version=old.version + 1), {**notes, SPREADING: {"BOOL": True}}
        condition, condition_values = is_unchanged(old)
        gone = [] if new.suspended else ["suspended_for"]
        values = _profile_values(new)
        actions = [
            self.db.update_action(
                keys.key(keys.profile_pk(old.user_uuid), keys.PROFILE),
                _profile_update(new, "", [f"{name} = :{name}" for name in noted], gone),
                condition,
                {**values, **{f":{name}": value for name, value in noted.items()}, **condition_values},
            )
        ]
        if keys.handle_pk(old.handle) == keys.handle_pk(new.handle):
            handle = keys.key(keys.handle_pk(old.handle), keys.HANDLE)
            mine = {":user_uuid": {"S": old.user_uuid}}
            actions.append(
                self.db.update_action(handle, _profile_update(new), "user_uuid = :user_uuid", {**values, **mine})
            )
        else:
            actions.append(self.db.put_action(new.handle_item, *_is_of(new)))
            actions.append(self.db.delete_action(old.handle_item, *_is_of(old)))
        refused = self.db.transact(*actions)
        if 1 in refused and 0 not in refused and len(actions) > 2:
            raise HandleTaken("The handle is taken.")
        if refused:
            raise ProfileChanged
        return new

    def copy_profile(self, message_group_uuid: str, person: Person) -> bool:
        """Copy this version of a profile to a member of a conversation's head. 1 write unit.

        False if the head has this version or a later one, or the person is no longer a member.
        """
        person = replace(person, messages_from="")
        try:
            self.update_head(
                message_group_uuid,
                _profile_update(person, "members.#me."),
                "attribute_exists(members.#me) AND NOT members.#me.handle IN (:leaving, :deleted) AND "
                "(attribute_not_exists(members.#me.version) OR members.#me.version < :version)",
                {
                    **_profile_values(person),
                    ":leaving": {"S": person.leaving.handle},
                    ":deleted": {"S": person.deleted.handle},
                },
                {"#me": person.user_uuid},
            )
        except ConditionFailed:
            return False
        return True

    def end_spreading(self, person: Person) -> None:
        """Takes the mark from a profile, unless it has changed again. 1 write unit."""
        condition, values = is_unchanged(person)
        with suppress(ConditionFailed):
            self.db.update(
                keys.key(keys.profile_pk(person.user_uuid), keys.PROFILE), f"REMOVE {SPREADING}", condition, values
            )

    # Limits and reports

    def spend(self, user_uuid: str, counter: str, quota: int, expires: int) -> int | None:
        """Add 1 to a person's counter; return its value, None if it has reached the quota. 1 write unit."""
        try:
            item = self.db.update(
                keys.key(keys.limits_pk(user_uuid), counter),
                "ADD #count :one SET #ttl = :ttl",
                "attribute_not_exists(#count) OR #count < :quota",
                {":one": {"N": "1"}, ":quota": {"N": str(quota)}, ":ttl": {"N": str(expires)}},
                {"#count": "count", "#ttl": "ttl"},
            )
        except ConditionFailed:
            return None
        return int(item["count"]["N"])

    def give_back(self, user_uuid: str, counter: str) -> None:
        """Take 1 from a person's counter, if it is above 0. 1 write unit."""
        with suppress(ConditionFailed):
            self.db.update(
                keys.key(keys.limits_pk(user_uuid), counter),
                "ADD #count :less",
                "#count > :none",
                {":less": {"N": "-1"}, ":none": {"N": "0"}},
                {"#count": "count"},
            )

    def put_report(self, report: Report, condition: str = ABSENT) -> str:
        """Put a report; return its time, or that of the stored one with the same key. 1 write unit per KB."""
        try:
            self.db.put(report.item, condition)
        except ConditionFailed as failed:
            first: str = failed.item["created_at"]["S"] if failed.item else ""
            return first
        return report.created_at

    def reported_at(self, report: Report) -> str:
        """The time of the stored report with the same key, "" for none. As `put_report`, which may do no more."""
        return self.put_report(report, f"{ABSENT} AND attribute_exists(pk)")

    # Sockets

    def put_ticket(self, ticket: Ticket) -> None:
        """1 write unit."""
        self.db.put(ticket.item)

    def consume_ticket(self, digest: str) -> Ticket | None:
        """Delete a ticket and return it; None if it was missing or expired. 1 write unit."""
        try:
            item = self.db.delete(
                keys.key(keys.ticket_pk(digest), keys.TICKET),
                "#ttl > :now",
                {":now": {"N": str(self._now())}},
                {"#ttl": "ttl"},
            )
        except ConditionFailed:
            return None
        return Ticket.from_item(item) if item else None

    def put_connection(self, connection: Connection) -> None:
        """1 write unit."""
        self.db.put(connection.item)

    def connections(self, user_uuid: str, *, consistent: bool = False) -> list[Connection]:
        """A person's connections, without those that DynamoDB has yet to delete. 0.5 read units, 1 if consistent."""
        found = map(Connection.from_item, self.db.query_all(keys.connections_pk(user_uuid), consistent=consistent))
        return [connection for connection in found if connection.expires > self._now()]

    def delete_connection(self, user_uuid: str, connection_id: str) -> Connection | None:
        """The connection, which is there no more; None if it was not there. 1 write unit."""
        item = self.db.delete(keys.key(keys.connections_pk(user_uuid), connection_id))
        return Connection.from_item(item) if item else None

    def subscribe(self, user_uuid: str, connection_id: str, subject_uuid: str, most: int) -> Connection | None:
        """Add a subscription to a connection; return the connection. 1 write unit.

        None if there is no such connection. Raises TooLarge if it has `most` other subscriptions.
        """
        try:
            item = self.db.update(
                keys.key(keys.connections_pk(user_uuid), connection_id),
                "ADD subscriptions :set",
                "attribute_exists(pk) AND (attribute_not_exists(subscriptions) OR "
                "contains(subscriptions, :one) OR size(subscriptions) < :most)",
                {":set": {"SS": [subject_uuid]}, ":one": {"S": subject_uuid}, ":most": {"N": str(most)}},
            )
        except ConditionFailed as failed:
            if failed.item:
                raise TooLarge(f"A connection can subscribe to at most {most} people.") from None
            return None
        return Connection.from_item(item)

    def unsubscribe(self, user_uuid: str, connection_id: str, subject_uuid: str) -> None:
        """Remove a subscription from a connection, if it exists. 1 write unit."""
        with suppress(ConditionFailed):
            self.db.update(
                keys.key(keys.connections_pk(user_uuid), connection_id),
                "DELETE subscriptions :set",
                "attribute_exists(pk)",
                {":set": {"SS": [subject_uuid]}},
            )

    def put_subscription(self, subscription: Subscription) -> None:
        """1 write unit."""
        self.db.put(subscription.item)

    def delete_subscription(self, subject_uuid: str, connection_id: str) -> None:
        """1 write unit."""
        self.db.delete(keys.key(keys.subscriptions_pk(subject_uuid), connection_id))

    def subscriptions(self, subject_uuid: str) -> list[Subscription]:
        """The subscriptions to a person's presence. 0.5 read units per 30."""
        return [
            subscription
            for subscription in map(Subscription.from_item, self.db.query_all(keys.subscriptions_pk(subject_uuid)))
            if subscription.expires > self._now()
        ]

    # Rewriting inboxes

    def write_entries(self, writes: Sequence[Write]) -> list[bool | Exception]:
        """Run each write. Outcome: True, False if the stored entry is not as expected, or an error. 1 write unit each.

        25 writes per request. No two may concern the same item.
        """
        outcomes = self.db.execute([self._statement(write) for write in writes])
        return [
            outcome if isinstance(outcome, Exception) else _is_done(write, outcome)
            for write, outcome in zip(writes, outcomes, strict=True)
        ]

    def replace_entries(
        self, known: Head, head: Head | None, entries: Sequence[InboxEntry], stale: Sequence[InboxEntry]
    ) -> None:
        """Put a conversation's entries and delete its `stale` ones, all or nothing, if the head is still as read.

        `known` is any head the conversation has had, `head` the current one, None if there is none. Unread entries are
        put, or deleted if nothing is unread. 10 write units, and 2 per stale entry, at most MAX_STALE_ENTRIES. Raises
        HeadChanged, or PositionTaken if another conversation's entry occupies a key.
        """
        unread = {entry.owner_uuid: entry for entry in head.unread} if head else {}
        is_mine = (f"{ABSENT} OR message_group_uuid = :mine", {":mine": {"S": known.message_group_uuid}})
        refused = self.db.transact(
            self.db.check_action(known.item, *_is_unchanged(head)),
            *(self.db.put_action(entry.item, *is_mine) for entry in entries),
            *(self.db.delete_action(entry.item, *is_mine) for entry in stale),
            *(
                self.db.put_action(unread[owner_uuid].item)
                if owner_uuid in unread
                else self.db.delete_action(known.unread_of(owner_uuid).item)
                for owner_uuid in known.members
            ),
        )
        if 0 in refused:
            raise HeadChanged.of(refused[0])
        if refused:
            raise PositionTaken([entry.owner_uuid for index, entry in enumerate(entries, 1) if index in refused])

    def update_head(
        self, message_group_uuid: str, update: str, condition: str, values: Item, names: dict[str, str]
    ) -> Item:
        """Update a head; return its new item. Raises ConditionFailed with the current item."""
        return self.db.update(*_head_update(message_group_uuid, update, condition, values, names))

    def _statement(self, write: Write) -> Item:
        item = write.entry.item
        if isinstance(write, Note):
            return self.db.insert_statement(item)
        if isinstance(write, Forget):
            return {
                "Statement": f'DELETE FROM "{self.db.table_name}" WHERE pk = ? AND sk = ?',
                "Parameters": [item["pk"], item["sk"]],
            }
        identity = {name: value for name, value in item.items() if name in _IDENTITY}
        shown = {name: value for name, value in item.items() if name not in _IDENTITY}
        where = " AND ".join(f"{name} = ?" for name in identity)
        table = f'"{self.db.table_name}"'
        match write:
            case Insert():
                return self.db.insert_statement(item)
            case Update():
                changes = ", ".join(f"{name} = ?" for name in shown)
                gone = "".join(f" REMOVE {name}" for name in write.entry.OPTIONAL if name not in item)
                return {
                    "Statement": f"UPDATE {table} SET {changes}{gone} WHERE {where} AND version < ?",
                    "Parameters": [*shown.values(), *identity.values(), item["version"]],
                }
            case Delete() | Discard():
                return {
                    "Statement": f"DELETE FROM {table} WHERE {where} AND version <= ? RETURNING ALL OLD *",
                    "Parameters": [*identity.values(), item["version"]],
                }


_IDENTITY = ("pk", "sk", "message_group_uuid")  # an unread entry has the last one as its sk


def _pins_key(user_uuid: str) -> Item:
    return keys.key(keys.inbox_pk(user_uuid), keys.PINS)


def _entries_and_pins(items: Sequence[Item]) -> tuple[list[InboxEntry], Pins | None]:
    """The entries among items of a folder, and the pins, None if they are not among them."""
    pins = next((Pins.from_item(item) for item in items if item["sk"]["S"] == keys.PINS), None)
    return [InboxEntry.from_item(item) for item in items if item["sk"]["S"] != keys.PINS], pins


def _head_of(found: Mapping[str, Item]) -> Head | None:
    """The head among items by sort key."""
    return Head.from_item(found[keys.HEAD]) if keys.HEAD in found else None


def _hidden_of(found: Mapping[str, Item], message_group_uuid: str) -> Hidden:
    """The hidden messages among items by sort key."""
    return Hidden.from_item(found[keys.HIDDEN]) if keys.HIDDEN in found else Hidden(message_group_uuid)


def is_unchanged(person: Person) -> tuple[str, Item]:
    """A condition that a profile is as it was read, and its values."""
    version = "version = :read" if person.version else "attribute_not_exists(version)"
    taken = "messages_from = :read_from" if person.messages_from else "attribute_not_exists(messages_from)"
    values: Item = {":read_handle": {"S": person.handle}, ":read_name": {"S": person.display_name}}
    if person.version:
        values[":read"] = {"N": str(person.version)}
    if person.messages_from:
        values[":read_from"] = {"S": person.messages_from}
    return f"{version} AND {taken} AND handle = :read_handle AND display_name = :read_name", values


def _is_of(person: Person) -> tuple[str, Item]:
    """A condition that a handle is free or this person's, and its values."""
    return f"{ABSENT} OR user_uuid = :user_uuid", {":user_uuid": {"S": person.user_uuid}}


_OPTIONAL = ("avatar", "suspended", "lifted", "messages_from")  # attributes of a profile that not every one has


def _profile_update(person: Person, path: str = "", more: Sequence[str] = (), gone: Sequence[str] = ()) -> str:
    """An update of everything that a copy of a profile shows, at a path; `more` is set, too, and `gone` removed."""
    names = [name.removeprefix(":") for name in _profile_values(person)]
    sets = ", ".join([*(f"{path}{name} = :{name}" for name in names), *more])
    removed = ", ".join([*(f"{path}{name}" for name in _OPTIONAL if name not in names), *gone])
    return f"SET {sets} REMOVE {removed}" if removed else f"SET {sets}"


def _profile_values(person: Person) -> Item:
    """The values of `_profile_update`."""
    return {
        ":handle": {"S": person.handle},
        ":display_name": {"S": person.display_name},
        ":receipts": {"BOOL": person.read_receipts},
        **({":version": {"N": str(person.version)}} if person.version else {}),
        **{f":{name}": value for name, value in person.profile_item.items() if name in _OPTIONAL},
    }


def _has_version(path: str, person: Person) -> str:
    """A condition that a copy of a profile at a path has this person's version."""
    return f"{path} = :person_version" if person.version else f"attribute_not_exists({path})"


def _version_value(person: Person) -> Item:
    """The value of `_has_version`."""
    return {":person_version": {"N": str(person.version)}} if person.version else {}


def _head_update(
    message_group_uuid: str, update: str, condition: str, values: Item, names: dict[str, str]
) -> tuple[Item, str, str, Item, dict[str, str]]:
    """An update of a head that counts in its `version`, for DynamoDB.update and update_action."""
    key = keys.key(keys.conversation_pk(message_group_uuid), keys.HEAD)
    return key, f"{update} ADD version :one", condition, {**values, ":one": {"N": "1"}}, names


def _is_unchanged(head: Head | None) -> tuple[str, Item]:
    """A condition that a head has not changed since it was read, and its values."""
    if head is None:
        return ABSENT, {}
    if not head.version:  # from before versions
        return "attribute_exists(pk) AND attribute_not_exists(version)", {}
    version: Item = {":version": {"N": str(head.version)}}
    if not head.is_open:  # it may have been deleted, and another one stored with the same version
        return "version = :version AND created_at = :created", {**version, ":created": {"S": head.created_at}}
    return "version = :version", version


def _is_number(path: str, read: int) -> str:
    """A condition that a number is as it was read, :number, or 0 for none."""
    return f"{path} = :number" if read else f"attribute_not_exists({path})"


def _is_done(write: Write, outcome: Item | None) -> bool:
    """False if a statement was refused. A DELETE at an empty key is not refused, but returns nothing."""
    match write:
        case Delete():
            return bool(outcome)
        case Discard() | Note() | Forget():
            return True
    return outcome is not None
