"""The table: every request to DynamoDB that serves an access pattern is made here. Only `sockets` knows botocore too.

Conditions hold the rules of docs/design.md. What a refused condition returns tells the caller how to go on: HeadMoved
with the head as it is now, AlreadySent with the receipt of the first sending, PositionTaken. Throttling, conflicts and
lost connections become Busy. Anything else is a mistake of ours and is raised as it is.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from messaging.model import keys
from messaging.model.connection import Connection, Subscription, Ticket
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Conflict, HandleTaken, TooLarge, TooManyRequests
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.items import Item
from messaging.model.message import Message
from messaging.model.person import SPREADING, Person, Profile
from messaging.model.sent_record import SentRecord
from messaging.retry import attempts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BUSY = {
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionInProgressException",
}
_CONFLICT = {"TransactionConflict", "TransactionConflictException"}
CHANGE_INTERVAL_SECONDS = 60
_PARTIQL_BATCH = 25  # statements in one BatchExecuteStatement
_PAGE = 100
MAX_STALE_ENTRIES = 90  # a transaction has 100 actions at most
_BEFORE_ALL_TIMES = "0"
_AFTER_ALL_TIMES = "A"


class HeadChanged(Exception):
    """The head is not as it was read. `head` is what it is now, None if there is none."""

    def __init__(self, head: Head | None) -> None:
        self.head = head


class AlreadySent(Exception):
    """There is a receipt with this message_uuid."""

    def __init__(self, sent_record: SentRecord) -> None:
        self.sent_record = sent_record


class ProfileChanged(Exception):
    """The profile, or its handle, is not as it was read."""


class PositionTaken(Exception):
    """At this very microsecond lies something else. `owners` are the people in whose inbox that is."""

    def __init__(self, owners: Sequence[str] = ()) -> None:
        self.owners = owners


class ConditionFailed(Exception):
    """A write's condition refused it. `item` is what lies there, if the write asked for that and there is anything."""

    def __init__(self, item: Item | None) -> None:
        self.item = item


@dataclass(frozen=True, slots=True)
class Insert:
    """Put an entry at a key where nothing is stored."""

    entry: InboxEntry | Unread


@dataclass(frozen=True, slots=True)
class Update:
    """Bring the stored entry of the same key and conversation, of a lower version, to this one."""

    entry: InboxEntry | Unread


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the stored entry of the same key and conversation, of this version or a lower one."""

    entry: InboxEntry | Unread


@dataclass(frozen=True, slots=True)
class Discard:
    """Delete as `Delete` does; it is no refusal if there is no such entry."""

    entry: InboxEntry | Unread


Write = Insert | Update | Delete | Discard


def open_table(name: str) -> "Table":
    """The table with a client of its own: one for each process, made at init. No request takes longer than 8 s."""
    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 2},
        tcp_keepalive=True,
    )
    # The client that boto3 would make, without the time that importing boto3 takes.
    client: Any = botocore.session.get_session().create_client("dynamodb", config=config)
    return Table(client, name)


class Table:
    """Cruddur Messages' one table."""

    def __init__(self, client: "DynamoDBClient", name: str, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._name = name
        self._now = now

    # Reading a conversation

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        """0.5 read units, 1 if consistent."""
        item = self._get(keys.conversation_pk(message_group_uuid), keys.HEAD, consistent=consistent)
        return Head.from_item(item) if item else None

    def message(self, message_group_uuid: str, created_at: str, *, consistent: bool = True) -> Message | None:
        """The message that a receipt points to: always there if consistent. 1 read unit, 0.5 if not."""
        item = self._get(keys.conversation_pk(message_group_uuid), created_at, consistent=consistent)
        return Message.from_item(item) if item else None

    def head_and_sent_record(
        self, message_group_uuid: str, message_uuid: str, *, consistent: bool
    ) -> tuple[Head | None, SentRecord | None]:
        """The head of a conversation and the receipt of any message, in one request. 1 read unit, 2 if consistent."""
        head, sent_record = self._get_two(
            keys.key(keys.conversation_pk(message_group_uuid), keys.HEAD),
            keys.key(keys.sent_record_pk(message_uuid), keys.SENT_RECORD),
            consistent=consistent,
        )
        return Head.from_item(head) if head else None, SentRecord.from_item(sent_record) if sent_record else None

    def newest(self, message_group_uuid: str, limit: int, *, consistent: bool) -> tuple[Head | None, list[Message]]:
        """The head and the newest messages, oldest first, in one Query: the head sorts after every time."""
        items = self._query(keys.conversation_pk(message_group_uuid), limit + 1, ascending=False, consistent=consistent)
        if not items or items[0]["sk"]["S"] != keys.HEAD:
            return None, []
        return Head.from_item(items[0]), [Message.from_item(item) for item in reversed(items[1:])]

    def before(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        """The messages next before a time, oldest first."""
        items = self._query(
            keys.conversation_pk(message_group_uuid), limit, "<", created_at, ascending=False, consistent=consistent
        )
        return [Message.from_item(item) for item in reversed(items)]

    def after(self, message_group_uuid: str, created_at: str, limit: int, *, consistent: bool) -> list[Message]:
        """The messages next after a time, oldest first."""
        items = self._query(
            keys.conversation_pk(message_group_uuid), limit, ">", created_at, ascending=True, consistent=consistent
        )
        return [Message.from_item(item) for item in items if item["sk"]["S"] != keys.HEAD]

    # Reading an inbox

    def inbox(self, user_uuid: str, limit: int, older_than: str | None = None) -> list[InboxEntry]:
        """Message groups, newest first, from the top or from below a sort key."""
        operator = "<" if older_than else None
        items = self._query(keys.inbox_pk(user_uuid), limit, operator, older_than, ascending=False)
        return [InboxEntry.from_item(item) for item in items]

    def inbox_above(self, user_uuid: str, limit: int, newer_than: str, *, consistent: bool = False) -> list[InboxEntry]:
        """The message groups next above a sort key, newest first."""
        items = self._query(keys.inbox_pk(user_uuid), limit, ">", newer_than, ascending=True, consistent=consistent)
        return [InboxEntry.from_item(item) for item in reversed(items)]

    def conversations(self, user_uuid: str) -> Iterator[InboxEntry]:
        """A whole inbox, each conversation once, however they move meanwhile: they move up, and it is read upwards.

        Consistent. A page of 100 costs a request and some 7 read units.
        """
        seen: set[str] = set()
        page = self.inbox_above(user_uuid, _PAGE, _BEFORE_ALL_TIMES, consistent=True)
        while page:
            for group in reversed(page):
                if group.message_group_uuid not in seen:
                    seen.add(group.message_group_uuid)
                    yield group
            page = self.inbox_above(user_uuid, _PAGE, page[0].sk, consistent=True)

    def entries_of(
        self, owner_uuid: str, message_group_uuid: str, first: str, last: str = _AFTER_ALL_TIMES
    ) -> list[InboxEntry]:
        """One conversation's entries in an inbox with sort keys from `first` to `last`; there must be one or none.

        Consistent. Reads all that is stored between: a request for each megabyte, a read unit for each 4 KB.
        """
        items = self._whole(
            keys.inbox_pk(owner_uuid),
            consistent=True,
            between=(first, last),
            message_group_uuid=message_group_uuid,
        )
        return [InboxEntry.from_item(item) for item in items]

    def unread(self, user_uuid: str) -> Iterator[Unread]:
        """A person's unread conversations: 0.5 read units for each 40, one request for some thousands."""
        return map(Unread.from_item, self._whole(keys.unread_pk(user_uuid)))

    # People

    def person(self, user_uuid: str, *, consistent: bool = False) -> Person | None:
        """0.5 read units, 1 if consistent."""
        item = self._get(keys.profile_pk(user_uuid), keys.PROFILE, consistent=consistent)
        return Person.from_profile_item(item) if item else None

    def person_by_handle(self, handle: str) -> Person | None:
        """0.5 read units."""
        item = self._get(keys.handle_pk(handle), keys.HANDLE)
        return Person.from_handle_item(item) if item else None

    def sender_and_receiver(self, user_uuid: str, handle: str) -> tuple[Person | None, Person | None]:
        """Who has this user_uuid and who has this handle, in one request and 1 read unit."""
        profile, owner = self._get_two(
            keys.key(keys.profile_pk(user_uuid), keys.PROFILE), keys.key(keys.handle_pk(handle), keys.HANDLE)
        )
        return (
            Person.from_profile_item(profile) if profile else None,
            Person.from_handle_item(owner) if owner else None,
        )

    def register(self, person: Person, *, has_account: bool = False) -> None:
        """Puts profile and handle together. Doing it again changes nothing; HandleTaken if it is somebody else's.

        `has_account`, that there is a Cognito user, is noted for operators: see operators.people_table.Profile.
        The error's text holds no name: Lambda logs what post_confirmation raises.
        """
        names = "handle = :handle, display_name = :display_name"
        values = {
            ":handle": {"S": person.handle},
            ":display_name": {"S": person.display_name},
        }
        profile = self._update(
            keys.key(keys.profile_pk(person.user_uuid), keys.PROFILE),
            f"SET {names}{', has_account = :true' if has_account else ''}",
            f"{_ABSENT} OR handle = :handle",
            {**values, **({":true": {"BOOL": True}} if has_account else {})},
        )
        handle = self._update(
            keys.key(keys.handle_pk(person.handle), keys.HANDLE),
            f"SET {names}, user_uuid = :user_uuid",
            f"{_ABSENT} OR user_uuid = :user_uuid",
            {**values, ":user_uuid": {"S": person.user_uuid}},
        )
        for _ in attempts(give_up_after=2):  # Cognito waits no longer than 5 s for all of it
            try:
                refused = self._transact(profile, handle)
                break
            except Busy:
                pass
        else:
            raise Busy("DynamoDB is throttling writes.")
        if 1 in refused:
            raise HandleTaken("The handle is taken.")
        if 0 in refused:
            raise HandleTaken("This person has another handle already.")

    # Sending

    def append(self, head: Head, message: Message) -> None:
        """Puts the message that follows `head`: 3 items, 6 write units.

        Once a head says that a member was deleted or renamed, nothing lands that was meant for the head before. Raises
        HeadMoved, AlreadySent, PositionTaken.
        """
        other = head.other(message.sender.user_uuid)
        advance = self._head_update(
            head.message_group_uuid,
            "SET last_seq = :seq, message = :message, user_uuid = :sender, created_at = :at, message_uuid = :uuid, "
            "members.#sender.read_seq = :seq, members.#sender.wrote = :true",
            "last_seq = :read AND members.#sender.handle = :handle AND members.#other.handle = :other",
            {
                ":read": {"N": str(head.last_seq)},
                ":handle": {"S": message.sender.handle},
                ":other": {"S": other.handle},
                ":seq": {"N": str(message.seq)},
                ":message": {"S": message.message},
                ":sender": {"S": message.sender.user_uuid},
                ":at": {"S": message.created_at},
                ":uuid": {"S": message.message_uuid},
                ":true": {"BOOL": True},
            },
            {"#sender": message.sender.user_uuid, "#other": other.user_uuid},
        )
        self._send(message, {"Update": {"TableName": self._name, **advance}})

    def create(self, head: Head, message: Message) -> None:
        """Opens a conversation with its first message and both message groups: 5 items, 10 write units.

        The message groups have version 0, so that the stream handler's update of them tells the first delivery of the
        opening from later ones. Raises HeadChanged if there is a conversation already, AlreadySent, PositionTaken.
        """
        groups = [replace(group, version=0) for group in head.inbox_entries]
        self._send(message, self._put(head.item, _ABSENT), *(self._put(group.item, _ABSENT) for group in groups))

    def _send(self, message: Message, head: Item, *message_groups: Item) -> None:
        sent_record = SentRecord.of(message)
        refused = self._transact(
            head, self._put(message.item, _ABSENT), self._put(sent_record.item, _ABSENT), *message_groups
        )
        if 2 in refused:
            raise AlreadySent(SentRecord.from_item(refused[2]))
        if 0 in refused:
            raise HeadChanged(Head.from_item(refused[0]) if refused[0] else None)
        if refused:
            raise PositionTaken

    # Marks

    def advance_mark(self, message_group_uuid: str, user_uuid: str, seq: int) -> Head:
        """Moves a member's mark forward to `seq`: the head with it, in 1 request and 1 write unit.

        Raises HeadChanged with the head as it is, None if there is none, if this person is no member, `seq` is past the
        last message, or the mark is there already or further.
        """
        try:
            answer = self._update_head(
                message_group_uuid,
                "SET members.#me.read_seq = :seq",
                "attribute_exists(members.#me) AND last_seq >= :seq AND "
                "(attribute_not_exists(members.#me.read_seq) OR members.#me.read_seq < :seq)",
                {":seq": {"N": str(seq)}},
                {"#me": user_uuid},
            )
        except ConditionFailed as failed:
            raise HeadChanged(Head.from_item(failed.item) if failed.item else None) from None
        return Head.from_item(answer["Attributes"])

    # Settings

    def profile(self, user_uuid: str) -> Profile | None:
        """Consistent: 1 read unit."""
        item = self._get(keys.profile_pk(user_uuid), keys.PROFILE, consistent=True)
        return Profile.from_item(item) if item else None

    def change_read_receipts(self, profile: Profile, *, read_receipts: bool) -> Person:
        """Writes into profile and handle whether others learn what this person has read. 4 write units.

        Conversations show it once it is copied into them: until then the profile is marked. Raises TooManyRequests if
        the person has changed it less than a minute ago, and ProfileChanged if it is not as it was read.
        """
        now, old = int(self._now()), profile.person
        wait = profile.changed_at + CHANGE_INTERVAL_SECONDS - now
        if wait > 0:
            raise TooManyRequests("Settings can be changed once a minute.", wait)
        new = replace(old, read_receipts=read_receipts, version=old.version + 1)
        names = "receipts = :receipts, version = :version"
        values = {":receipts": {"BOOL": new.read_receipts}, ":version": {"N": str(new.version)}}
        condition, condition_values = unchanged(old)
        if self._transact(
            self._update(
                keys.key(keys.profile_pk(old.user_uuid), keys.PROFILE),
                f"SET {names}, changed_at = :now, {SPREADING} = :true",
                condition,
                {**values, ":now": {"N": str(now)}, ":true": {"BOOL": True}, **condition_values},
            ),
            self._update(
                keys.key(keys.handle_pk(old.handle), keys.HANDLE),
                f"SET {names}",
                "user_uuid = :user_uuid",
                {**values, ":user_uuid": {"S": old.user_uuid}},
            ),
        ):
            raise ProfileChanged
        return new

    def copy_profile(self, message_group_uuid: str, person: Person) -> bool:
        """Makes a conversation's head show a member as this version of the profile does. 1 write unit.

        False if it shows this version or a later one, or there is no such member any more.
        """
        try:
            self._update_head(
                message_group_uuid,
                "SET members.#me.handle = :handle, members.#me.display_name = :display_name, "
                "members.#me.receipts = :receipts, members.#me.version = :version",
                "attribute_exists(members.#me) AND NOT members.#me.handle IN (:leaving, :deleted) AND "
                "(attribute_not_exists(members.#me.version) OR members.#me.version < :version)",
                {
                    ":handle": {"S": person.handle},
                    ":display_name": {"S": person.display_name},
                    ":receipts": {"BOOL": person.read_receipts},
                    ":version": {"N": str(person.version)},
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
        condition, values = unchanged(person)
        with suppress(ConditionFailed):
            self._write_if(
                self._client.update_item,
                Key=keys.key(keys.profile_pk(person.user_uuid), keys.PROFILE),
                UpdateExpression=f"REMOVE {SPREADING}",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )

    # Sockets

    def put_ticket(self, ticket: Ticket) -> None:
        """1 write unit."""
        self._call(self._client.put_item, TableName=self._name, Item=ticket.item)

    def consume_ticket(self, digest: str) -> Ticket | None:
        """The ticket, which is there no more; None if it was not there, or is late. 1 write unit."""
        try:
            answer = self._write_if(
                self._client.delete_item,
                Key=keys.key(keys.ticket_pk(digest), keys.TICKET),
                ConditionExpression="#ttl > :now",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues={":now": {"N": str(self._now())}},
                ReturnValues="ALL_OLD",
            )
        except ConditionFailed:
            return None
        return Ticket.from_item(answer["Attributes"])

    def put_connection(self, connection: Connection) -> None:
        """1 write unit."""
        self._call(self._client.put_item, TableName=self._name, Item=connection.item)

    def connections(self, user_uuid: str, *, consistent: bool = False) -> list[Connection]:
        """A person's connections, without those that DynamoDB has yet to delete. 0.5 read units, 1 if consistent."""
        found = map(Connection.from_item, self._whole(keys.connections_pk(user_uuid), consistent=consistent))
        return [connection for connection in found if connection.expires > self._now()]

    def delete_connection(self, user_uuid: str, connection_id: str) -> Connection | None:
        """The connection, which is there no more; None if it was not there. 1 write unit."""
        item = self._delete_returning(keys.key(keys.connections_pk(user_uuid), connection_id))
        return Connection.from_item(item) if item else None

    def subscribe(self, user_uuid: str, connection_id: str, subject_uuid: str, most: int) -> Connection | None:
        """Notes that a connection watches somebody: the connection with that, in 1 write unit.

        None if there is no such connection. Raises TooLarge if it watches `most` others.
        """
        try:
            answer = self._write_if(
                self._client.update_item,
                Key=keys.key(keys.connections_pk(user_uuid), connection_id),
                UpdateExpression="ADD subscriptions :set",
                ConditionExpression=(
                    "attribute_exists(pk) AND (attribute_not_exists(subscriptions) OR "
                    "contains(subscriptions, :one) OR size(subscriptions) < :most)"
                ),
                ExpressionAttributeValues={
                    ":set": {"SS": [subject_uuid]},
                    ":one": {"S": subject_uuid},
                    ":most": {"N": str(most)},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as failed:
            if failed.item:
                raise TooLarge(f"A connection can watch {most} people.") from None
            return None
        return Connection.from_item(answer["Attributes"])

    def unsubscribe(self, user_uuid: str, connection_id: str, subject_uuid: str) -> None:
        """Takes that back, if the connection is there. 1 write unit."""
        with suppress(ConditionFailed):
            self._write_if(
                self._client.update_item,
                Key=keys.key(keys.connections_pk(user_uuid), connection_id),
                UpdateExpression="DELETE subscriptions :set",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":set": {"SS": [subject_uuid]}},
            )

    def put_subscription(self, subscription: Subscription) -> None:
        """1 write unit."""
        self._call(self._client.put_item, TableName=self._name, Item=subscription.item)

    def delete_subscription(self, subject_uuid: str, connection_id: str) -> None:
        """1 write unit."""
        self._delete_returning(keys.key(keys.subscriptions_pk(subject_uuid), connection_id))

    def subscriptions(self, subject_uuid: str) -> list[Subscription]:
        """Those who watch a person. 0.5 read units for each 30."""
        return [
            subscription
            for subscription in map(Subscription.from_item, self._whole(keys.subscriptions_pk(subject_uuid)))
            if subscription.expires > self._now()
        ]

    # Rewriting inboxes

    def write_entries(self, writes: Sequence[Write]) -> list[bool | Exception]:
        """Does each: True, False if what is stored is not as it says, or an error. 1 write unit each.

        25 make a request. No two may be of one item.
        """
        outcomes = self._execute([_statement(self._name, write) for write in writes])
        return [
            outcome if isinstance(outcome, Exception) else _is_done(write, outcome)
            for write, outcome in zip(writes, outcomes, strict=True)
        ]

    def replace_entries(
        self, known: Head, head: Head | None, groups: Sequence[InboxEntry], stale: Sequence[InboxEntry]
    ) -> None:
        """Puts a conversation's entries and deletes its `stale` ones, all or nothing, if the head is still as read.

        `known` is any head the conversation has had, `head` the present one, None if there is none. An unread entry is
        put, or deleted where nothing is unread. 10 write units, and 2 for each stale entry, of which there may be
        MOST_STALE. Raises HeadChanged, or PositionTaken where another conversation's entry is stored.
        """
        unread = {entry.owner_uuid: entry for entry in head.unread} if head else {}
        is_mine = (f"{_ABSENT} OR message_group_uuid = :mine", {":mine": {"S": known.message_group_uuid}})
        refused = self._transact(
            self._check_unchanged(known, head),
            *(self._put(group.item, *is_mine) for group in groups),
            *(self._delete(group.item, *is_mine) for group in stale),
            *(
                {"Put": {"TableName": self._name, "Item": unread[owner_uuid].item}}
                if owner_uuid in unread
                else self._delete(known.unread_of(owner_uuid).item)
                for owner_uuid in known.members
            ),
        )
        if 0 in refused:
            raise HeadChanged(Head.from_item(refused[0]) if refused[0] else None)
        if refused:
            raise PositionTaken([group.owner_uuid for index, group in enumerate(groups, 1) if index in refused])

    def _check_unchanged(self, known: Head, head: Head | None) -> Item:
        check: Item = {
            "TableName": self._name,
            "Key": _key_of(known.item),
            "ConditionExpression": _ABSENT,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if head and head.version:
            check["ConditionExpression"] = "version = :version"
            check["ExpressionAttributeValues"] = {":version": {"N": str(head.version)}}
        elif head:  # stored before there were versions
            check["ConditionExpression"] = "attribute_exists(pk) AND attribute_not_exists(version)"
        return {"ConditionCheck": check}

    # Requests

    def get_many(self, wanted: Sequence[Item], *, consistent: bool = False) -> list[Item]:
        """The items that lie at these keys, at most 100, in one request. Raises Busy."""
        pending: Any = {self._name: {"Keys": wanted, "ConsistentRead": consistent}}
        found: list[Item] = []
        for _ in attempts():
            answer = self._call(self._client.batch_get_item, RequestItems=pending)
            found += answer["Responses"].get(self._name, [])
            pending = answer.get("UnprocessedKeys")
            if not pending:
                return found
        raise Busy("DynamoDB is throttling reads.")

    def _get_two(self, one: Item, other: Item, *, consistent: bool = False) -> tuple[Item | None, Item | None]:
        """The items at two keys, whose sort keys differ, in one request."""
        found = {item["sk"]["S"]: item for item in self.get_many([one, other], consistent=consistent)}
        return found.get(one["sk"]["S"]), found.get(other["sk"]["S"])

    def _get(self, pk: str, sk: str, *, consistent: bool = False) -> Item | None:
        answer = self._call(
            self._client.get_item, TableName=self._name, Key=keys.key(pk, sk), ConsistentRead=consistent
        )
        item: Item | None = answer.get("Item")
        return item

    def _write_if(self, operation: Callable[..., Any], **request: Any) -> Any:
        """A write with a condition. Raises ConditionFailed."""
        try:
            return self._call(operation, TableName=self._name, **request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            item: Any = error.response.get("Item")
            raise ConditionFailed(item) from None

    def _update_head(
        self, message_group_uuid: str, update: str, condition: str, values: Item, names: dict[str, str]
    ) -> Any:
        """Updates a head and answers with it as it is then. Raises ConditionFailed with the head as it is."""
        return self._write_if(
            self._client.update_item,
            **self._head_update(message_group_uuid, update, condition, values, names),
            ReturnValues="ALL_NEW",
        )

    def _delete_returning(self, key: Item) -> Item | None:
        answer = self._call(self._client.delete_item, TableName=self._name, Key=key, ReturnValues="ALL_OLD")
        item: Item | None = answer.get("Attributes")
        return item

    def _whole(
        self,
        pk: str,
        *,
        consistent: bool = False,
        between: tuple[str, str] | None = None,
        message_group_uuid: str | None = None,
    ) -> Iterator[Item]:
        """Items of a partition: all, between two sort keys, of one conversation. A request for each megabyte."""
        values: Item = {":pk": {"S": pk}}
        request: Item = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": values,
            "ConsistentRead": consistent,
        }
        if between:
            request["KeyConditionExpression"] += " AND sk BETWEEN :first AND :last"
            values |= {":first": {"S": between[0]}, ":last": {"S": between[1]}}
        if message_group_uuid:
            request["FilterExpression"] = "message_group_uuid = :group"
            values[":group"] = {"S": message_group_uuid}
        while True:
            answer = self._call(self._client.query, **request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _query(
        self,
        pk: str,
        limit: int,
        operator: str | None = None,
        sk: str | None = None,
        *,
        ascending: bool,
        consistent: bool = False,
    ) -> list[Item]:
        """At most `limit` items. 101 of the largest (MessageMaxChars) fit into the megabyte that one Query reads."""
        values: Item = {":pk": {"S": pk}}
        condition = "pk = :pk"
        if operator:
            condition += f" AND sk {operator} :sk"
            values[":sk"] = {"S": sk}
        answer = self._call(
            self._client.query,
            TableName=self._name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=ascending,
            Limit=limit,
            ConsistentRead=consistent,
        )
        items: list[Item] = answer["Items"]
        return items

    def _put(self, item: Item, condition: str, values: Item | None = None) -> Item:
        put: Item = {
            "TableName": self._name,
            "Item": item,
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            put["ExpressionAttributeValues"] = values
        return {"Put": put}

    def _delete(self, item: Item, condition: str = "", values: Item | None = None) -> Item:
        delete: Item = {"TableName": self._name, "Key": _key_of(item)}
        if condition:
            delete |= {"ConditionExpression": condition, "ExpressionAttributeValues": values}
        return {"Delete": delete}

    def _head_update(
        self, message_group_uuid: str, update: str, condition: str, values: Item, names: dict[str, str]
    ) -> Item:
        """An update of a head, counted in its `version`, for UpdateItem or a transaction; TableName is to be added."""
        return {
            "Key": keys.key(keys.conversation_pk(message_group_uuid), keys.HEAD),
            "UpdateExpression": f"{update} ADD version :one",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**values, ":one": {"N": "1"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _update(
        self, key: Item, update: str, condition: str, values: Item, names: dict[str, str] | None = None
    ) -> Item:
        request: Item = {
            "TableName": self._name,
            "Key": key,
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if names:
            request["ExpressionAttributeNames"] = names
        return {"Update": request}

    def _transact(self, *writes: Item) -> dict[int, Item]:
        """Writes all or nothing. Returns, for each write whose condition refused it, what lies there ({}: nothing)."""
        try:
            self._call(self._client.transact_write_items, TransactItems=writes)
        except ClientError as error:
            reasons: list[Item] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
            refused = {
                index: reason.get("Item", {})
                for index, reason in enumerate(reasons)
                if reason["Code"] == "ConditionalCheckFailed"
            }
            if refused:
                return refused
            if any(reason["Code"] in _CONFLICT for reason in reasons):
                raise Conflict("Another request is writing the same items.") from error
            if any(reason["Code"] in _BUSY for reason in reasons):
                raise Busy("DynamoDB throttled a transaction.") from error
            raise
        return {}

    def _execute(self, statements: Sequence[Item]) -> list[Item | Exception | None]:
        """Runs PartiQL statements, retrying those that are throttled.

        For each: the item it returned ({}: none), None if its condition refused it, or the error, which is Busy if it
        was throttled to the end.
        """
        outcomes: list[Item | Exception | None] = [Busy("not run")] * len(statements)
        pending = list(range(len(statements)))
        for _ in attempts():
            for start in range(0, len(pending), _PARTIQL_BATCH):
                indexes = pending[start : start + _PARTIQL_BATCH]
                try:
                    answer = self._call(
                        self._client.batch_execute_statement, Statements=[statements[index] for index in indexes]
                    )
                except Busy as busy:
                    outcomes_here: list[Item | Exception | None] = [busy] * len(indexes)
                else:
                    outcomes_here = [_outcome(response) for response in answer["Responses"]]
                for index, outcome in zip(indexes, outcomes_here, strict=True):
                    outcomes[index] = outcome
            pending = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Busy)]
            if not pending:
                break
        return outcomes

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        try:
            return operation(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] in _CONFLICT:
                raise Conflict("Another request is writing the same items.") from error
            if error.response["Error"]["Code"] in _BUSY:
                raise Busy("DynamoDB is throttling or not available.") from error
            raise
        except (HTTPClientError, NoConnection) as error:
            raise Busy("DynamoDB did not answer.") from error


_ABSENT = "attribute_not_exists(pk)"
_REFUSED = {"ConditionalCheckFailed", "DuplicateItem"}
_IDENTITY = ("pk", "sk", "message_group_uuid")  # an unread entry has the last one as its sk


def unchanged(person: Person) -> tuple[str, Item]:
    """A condition that a profile is as it was read, and its values."""
    version = "version = :read" if person.version else "attribute_not_exists(version)"
    values: Item = {":read_handle": {"S": person.handle}, ":read_name": {"S": person.display_name}}
    if person.version:
        values[":read"] = {"N": str(person.version)}
    return f"{version} AND handle = :read_handle AND display_name = :read_name", values


def _key_of(item: Item) -> Item:
    return {name: item[name] for name in ("pk", "sk")}


def insert_statement(table_name: str, item: Item) -> Item:
    """PartiQL that puts an item where nothing is stored."""
    attributes = ", ".join(f"'{name}': ?" for name in item)
    return {"Statement": f'INSERT INTO "{table_name}" VALUE {{{attributes}}}', "Parameters": [*item.values()]}


def _statement(table_name: str, write: Write) -> Item:
    item = write.entry.item
    identity = {name: value for name, value in item.items() if name in _IDENTITY}
    shown = {name: value for name, value in item.items() if name not in _IDENTITY}
    where = " AND ".join(f"{name} = ?" for name in identity)
    match write:
        case Insert():
            return insert_statement(table_name, item)
        case Update():
            changes = ", ".join(f"{name} = ?" for name in shown)
            return {
                "Statement": f'UPDATE "{table_name}" SET {changes} WHERE {where} AND version < ?',
                "Parameters": [*shown.values(), *identity.values(), item["version"]],
            }
        case Delete() | Discard():
            return {
                "Statement": f'DELETE FROM "{table_name}" WHERE {where} AND version <= ? RETURNING ALL OLD *',
                "Parameters": [*identity.values(), item["version"]],
            }


def _is_done(write: Write, outcome: Item | None) -> bool:
    """False if a statement was refused. A DELETE of a key that nothing is stored at is not, but returns nothing."""
    match write:
        case Delete():
            return bool(outcome)
        case Discard():
            return True
    return outcome is not None


def _outcome(response: Item) -> Item | Exception | None:
    error = response.get("Error")
    if not error:
        item: Item = response.get("Item", {})
        return item
    if error["Code"] in _REFUSED:
        return None
    if error["Code"] in _BUSY | _CONFLICT:
        return Busy("DynamoDB throttled a statement.")
    return RuntimeError(f"DynamoDB cannot run a statement: {error['Code']}")
