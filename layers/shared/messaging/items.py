"""The entities, and the only place where each becomes a DynamoDB item and is read from one.

An item is a DynamoDB attribute map, {"pk": {"S": "…"}, "seq": {"N": "7"}, …}, converted by hand: a page of twenty
messages costs a fraction of what boto3's general deserializer takes.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from messaging import keys

Item = dict[str, Any]

# What reading an item, or a record of the stream, raises if it has another form.
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)

SPREADING = "spreading"  # the attribute of a profile that conversations do not all show yet

# Nobody's: a handle begins with a letter or digit, see keys.is_handle.
_LEAVING_HANDLE = "_leaving"
_DELETED_HANDLE = "_deleted"
_DELETED_NAME = "deleted user"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a profile. `user_uuid` is the Cognito sub; `receipts`, if others learn what they have read.

    Every change of a profile adds 1 to its `version`, which orders the copies of it: in the heads of the person's
    conversations, and under the handle. A profile that was never changed has 0.
    """

    user_uuid: str
    handle: str
    display_name: str
    receipts: bool = field(default=True, compare=False)
    version: int = field(default=0, compare=False)

    @property
    def is_deleted(self) -> bool:
        """True for whom `deleted` has made."""
        return self.handle == _DELETED_HANDLE

    @property
    def deleted(self) -> "Person":
        """What conversations show of somebody who was erased: only that there was somebody."""
        return Person(self.user_uuid, _DELETED_HANDLE, _DELETED_NAME)

    @property
    def is_gone(self) -> bool:
        """True for whom `leaving` or `deleted` has made: they send and are sent nothing."""
        return self.handle in (_LEAVING_HANDLE, _DELETED_HANDLE)

    @property
    def leaving(self) -> "Person":
        """What a head shows of somebody whose messages are being rewritten, until they are `deleted`."""
        return Person(self.user_uuid, _LEAVING_HANDLE, _DELETED_NAME)

    @property
    def profile_item(self) -> Item:
        return {
            **keys.key(keys.profile_pk(self.user_uuid), keys.PROFILE),
            "handle": {"S": self.handle},
            "display_name": {"S": self.display_name},
            **_settings(self),
        }

    @property
    def handle_item(self) -> Item:
        return {
            **keys.key(keys.handle_pk(self.handle), keys.HANDLE),
            "user_uuid": {"S": self.user_uuid},
            "handle": {"S": self.handle},
            "display_name": {"S": self.display_name},
            **_settings(self),
        }

    @classmethod
    def from_profile_item(cls, item: Item) -> "Person":
        return cls._from_attributes(item["pk"]["S"].removeprefix(keys.profile_pk("")), item)

    @classmethod
    def from_handle_item(cls, item: Item) -> "Person":
        return cls._from_attributes(item["user_uuid"]["S"], item)

    @classmethod
    def from_member(cls, user_uuid: str, member: Item) -> "Person":
        """Who a head's map of members has under a user_uuid."""
        return cls._from_attributes(user_uuid, member["M"])

    @classmethod
    def _from_attributes(cls, user_uuid: str, attributes: Item) -> "Person":
        receipts = attributes.get("receipts", {"BOOL": True})["BOOL"]
        version = _number(attributes, "version") or 0
        return cls(user_uuid, attributes["handle"]["S"], attributes["display_name"]["S"], receipts, version)


@dataclass(frozen=True, slots=True)
class Profile:
    """A person's profile as stored. `changed_at` is the Unix time at which the person last changed it, 0 for never.

    `is_spreading` says that conversations may still show the person as before the last change.
    """

    person: Person
    changed_at: int
    is_spreading: bool

    @classmethod
    def from_item(cls, item: Item) -> "Profile":
        return cls(Person.from_profile_item(item), _number(item, "changed_at") or 0, SPREADING in item)


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `created_at` is its place in time, `seq` its number in the conversation, from 1."""

    message_group_uuid: str
    message_uuid: str
    message: str
    sender: Person
    created_at: str
    seq: int

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.conversation_pk(self.message_group_uuid), self.created_at),
            "message_uuid": {"S": self.message_uuid},
            "message": {"S": self.message},
            **_user_attributes(self.sender),
            "seq": {"N": str(self.seq)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Message":
        return cls(
            item["pk"]["S"].removeprefix(keys.conversation_pk("")),
            item["message_uuid"]["S"],
            item["message"]["S"],
            _user(item),
            item["sk"]["S"],
            int(item["seq"]["N"]),
        )


@dataclass(frozen=True, slots=True)
class MessageGroup:
    """A conversation as it stands in one person's inbox: the last message, and who the other person is.

    Its sort key is the time of the last message. Should another conversation of this inbox lie at that very
    microsecond, the message_group_uuid follows the time, which changes neither the order nor `created_at`.
    `last_seq` is the number of the last message, `read_seq` that of the last one the owner has read, `other_read_seq`
    the same of the other, None if they do not show it. `version` is that of the head it shows: 0 for the entries that
    open a conversation, and for those stored before there were versions.
    """

    owner_uuid: str
    message_group_uuid: str
    message: str
    other: Person
    sk: str
    last_seq: int
    read_seq: int
    other_read_seq: int | None
    version: int

    @property
    def created_at(self) -> str:
        return self.sk[: keys.TIME_LENGTH]

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.inbox_pk(self.owner_uuid), self.sk),
            "message_group_uuid": {"S": self.message_group_uuid},
            "message": {"S": self.message},
            **_user_attributes(self.other),
            "last_seq": {"N": str(self.last_seq)},
            "read_seq": {"N": str(self.read_seq)},
            "other_read_seq": {"NULL": True} if self.other_read_seq is None else {"N": str(self.other_read_seq)},
            "version": {"N": str(self.version)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "MessageGroup":
        return cls(
            item["pk"]["S"].removeprefix(keys.inbox_pk("")),
            item["message_group_uuid"]["S"],
            item["message"]["S"],
            _user(item),
            item["sk"]["S"],
            _number(item, "last_seq") or 0,
            _number(item, "read_seq") or 0,
            _number(item, "other_read_seq"),
            _number(item, "version") or 0,
        )

    def tiebroken(self) -> "MessageGroup":
        """The same, at the sort key to use when the plain time is taken by another conversation."""
        return replace(self, sk=keys.tiebroken_inbox_sk(self.created_at, self.message_group_uuid))


@dataclass(frozen=True, slots=True)
class Unread:
    """A conversation with messages its owner has not read: stored while `last_seq` is past `read_seq`.

    `version` is that of the head it shows.
    """

    owner_uuid: str
    message_group_uuid: str
    last_seq: int
    read_seq: int
    version: int

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.unread_pk(self.owner_uuid), self.message_group_uuid),
            "last_seq": {"N": str(self.last_seq)},
            "read_seq": {"N": str(self.read_seq)},
            "version": {"N": str(self.version)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Unread":
        return cls(
            item["pk"]["S"].removeprefix(keys.unread_pk("")),
            item["sk"]["S"],
            int(item["last_seq"]["N"]),
            int(item["read_seq"]["N"]),
            _number(item, "version") or 0,
        )


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a conversation: who is in it, its last message, and how far each has read.

    `read_seqs` are the members' marks by user_uuid: the number of the last message each has read, 0 for none. Every
    update of a head adds 1 to its `version`; a head stored before there were versions has 0. Members and marks are in
    the order of user_uuid, since a DynamoDB map has none. `wrote` are the user_uuids of those who have sent a message;
    a head stored before that was noted has none, until `repair` notes it.
    """

    message_group_uuid: str
    members: dict[str, Person]
    last_seq: int
    message: str
    sender_uuid: str
    created_at: str
    message_uuid: str
    read_seqs: dict[str, int]
    version: int
    wrote: frozenset[str]

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.conversation_pk(self.message_group_uuid), keys.HEAD),
            "members": {
                "M": {
                    person.user_uuid: {
                        "M": {
                            "handle": {"S": person.handle},
                            "display_name": {"S": person.display_name},
                            "read_seq": {"N": str(self.read_seqs[person.user_uuid])},
                            **({"wrote": {"BOOL": True}} if person.user_uuid in self.wrote else {}),
                            **_settings(person),
                        }
                    }
                    for person in self.members.values()
                }
            },
            "last_seq": {"N": str(self.last_seq)},
            "message": {"S": self.message},
            "user_uuid": {"S": self.sender_uuid},
            "created_at": {"S": self.created_at},
            "message_uuid": {"S": self.message_uuid},
            "version": {"N": str(self.version)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Head":
        """A head written before there were marks has none: nobody has read anything."""
        members = dict(sorted(item["members"]["M"].items()))
        return cls(
            item["pk"]["S"].removeprefix(keys.conversation_pk("")),
            {user_uuid: Person.from_member(user_uuid, member) for user_uuid, member in members.items()},
            int(item["last_seq"]["N"]),
            item["message"]["S"],
            item["user_uuid"]["S"],
            item["created_at"]["S"],
            item.get("message_uuid", {"S": ""})["S"],
            {user_uuid: _number(member["M"], "read_seq") or 0 for user_uuid, member in members.items()},
            _number(item, "version") or 0,
            frozenset(user_uuid for user_uuid, member in members.items() if "wrote" in member["M"]),
        )

    @classmethod
    def of_first(cls, message: Message, other: Person) -> "Head":
        """The head of a conversation that `message`, to `other`, opens."""
        sender = message.sender
        members = {person.user_uuid: person for person in (sender, other)}
        return cls(
            message.message_group_uuid,
            dict(sorted(members.items())),
            1,
            message.message,
            sender.user_uuid,
            message.created_at,
            message.message_uuid,
            {user_uuid: int(user_uuid == sender.user_uuid) for user_uuid in sorted(members)},
            1,
            frozenset({sender.user_uuid}),
        )

    def next_message(self, sender_uuid: str, message_uuid: str, text: str, now: datetime) -> Message:
        """The message that would follow: the next seq, at a later time. `sender_uuid` must be a member."""
        return Message(
            self.message_group_uuid,
            message_uuid,
            text,
            self.members[sender_uuid],
            keys.time_after(self.created_at, now),
            self.last_seq + 1,
        )

    def other(self, user_uuid: str) -> Person:
        """Whom this member converses with."""
        (other,) = (person for person in self.members.values() if person.user_uuid != user_uuid)
        return other

    def after(self, message: Message) -> "Head":
        """The head when `message` has followed. Who sends has read all there is."""
        return replace(
            self,
            last_seq=message.seq,
            message=message.message,
            sender_uuid=message.sender.user_uuid,
            created_at=message.created_at,
            message_uuid=message.message_uuid,
            read_seqs={**self.read_seqs, message.sender.user_uuid: message.seq},
            version=self.version + 1,
            wrote=self.wrote | {message.sender.user_uuid},
        )

    @property
    def is_mutual(self) -> bool:
        """True if both have written: only then does each learn what the other reads and whether they are there."""
        return len(self.wrote) == len(self.members)

    @property
    def message_groups(self) -> list[MessageGroup]:
        """Every message group there must be for this head, where it must lie: none for a member who was deleted."""
        return [group for group in self.both_message_groups if not self.members[group.owner_uuid].is_deleted]

    @property
    def both_message_groups(self) -> list[MessageGroup]:
        """The message groups of both members, as if none were deleted."""
        return [self.message_group(owner_uuid) for owner_uuid in self.members]

    def message_group(self, owner_uuid: str) -> MessageGroup:
        """The message group of one of the members."""
        other = self.other(owner_uuid)
        return MessageGroup(
            owner_uuid,
            self.message_group_uuid,
            self.message,
            other,
            self.created_at,
            self.last_seq,
            self.read_seqs[owner_uuid],
            self.read_seqs[other.user_uuid] if other.receipts and self.is_mutual else None,
            self.version,
        )

    @property
    def unread(self) -> list[Unread]:
        """The unread entries there must be: none for a member who has read all, or was deleted."""
        return [
            self.unread_of(owner_uuid)
            for owner_uuid, member in self.members.items()
            if self.has_unread(owner_uuid) and not member.is_deleted
        ]

    def has_unread(self, owner_uuid: str) -> bool:
        """True if this member has not read the last message."""
        return self.read_seqs[owner_uuid] < self.last_seq

    def unread_of(self, owner_uuid: str) -> Unread:
        """The unread entry of one of the members, as if there must be one."""
        return Unread(owner_uuid, self.message_group_uuid, self.last_seq, self.read_seqs[owner_uuid], self.version)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A record that a message_uuid was sent, kept for good: where its message is, and the digest of the request.

    `digest` is that of `request_digest`; None in a receipt stored before there were digests.
    """

    message_uuid: str
    message_group_uuid: str
    created_at: str
    digest: str | None

    @classmethod
    def of(cls, message: Message) -> "Receipt":
        """The receipt of a message as it was sent."""
        digest = request_digest(message.message_group_uuid, message.sender.user_uuid, message.message)
        return cls(message.message_uuid, message.message_group_uuid, message.created_at, digest)

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.receipt_pk(self.message_uuid), keys.RECEIPT),
            "message_group_uuid": {"S": self.message_group_uuid},
            "created_at": {"S": self.created_at},
            **({"digest": {"S": self.digest}} if self.digest else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Receipt":
        return cls(
            item["pk"]["S"].removeprefix(keys.receipt_pk("")),
            item["message_group_uuid"]["S"],
            item["created_at"]["S"],
            item.get("digest", {}).get("S"),
        )


def request_digest(message_group_uuid: str, sender_uuid: str, text: str) -> str:
    """32 hexadecimal digits that two requests to send share only if they ask for the same."""
    request = json.dumps([message_group_uuid, sender_uuid, text])
    return hashlib.sha256(request.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Ticket:
    """That whoever shows the ticket with this SHA-256 is `user_uuid`, once and until `expires`, a Unix time."""

    digest: str
    user_uuid: str
    expires: int

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.ticket_pk(self.digest), keys.TICKET),
            "user_uuid": {"S": self.user_uuid},
            "ttl": {"N": str(self.expires)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Ticket":
        return cls(item["pk"]["S"].removeprefix(keys.ticket_pk("")), item["user_uuid"]["S"], int(item["ttl"]["N"]))


@dataclass(frozen=True, slots=True)
class Connection:
    """A socket of a person's, gone at `expires`, a Unix time, at the latest. It watches the people in `watched`."""

    user_uuid: str
    connection_id: str
    connected_at: str
    expires: int
    watched: frozenset[str] = frozenset()

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.connections_pk(self.user_uuid), self.connection_id),
            "connected_at": {"S": self.connected_at},
            "ttl": {"N": str(self.expires)},
            **({"subscriptions": {"SS": sorted(self.watched)}} if self.watched else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Connection":
        return cls(
            item["pk"]["S"].removeprefix(keys.connections_pk("")),
            item["sk"]["S"],
            item["connected_at"]["S"],
            int(item["ttl"]["N"]),
            frozenset(item.get("subscriptions", {"SS": []})["SS"]),
        )


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a connection, `user_uuid`'s, is told whether `watched_uuid` is online, as long as it may last itself."""

    watched_uuid: str
    connection_id: str
    user_uuid: str
    message_group_uuid: str
    expires: int

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.subscriptions_pk(self.watched_uuid), self.connection_id),
            "user_uuid": {"S": self.user_uuid},
            "message_group_uuid": {"S": self.message_group_uuid},
            "ttl": {"N": str(self.expires)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Subscription":
        return cls(
            item["pk"]["S"].removeprefix(keys.subscriptions_pk("")),
            item["sk"]["S"],
            item["user_uuid"]["S"],
            item["message_group_uuid"]["S"],
            int(item["ttl"]["N"]),
        )


def _settings(person: Person) -> Item:
    receipts: Item = {} if person.receipts else {"receipts": {"BOOL": False}}
    return {**receipts, "version": {"N": str(person.version)}} if person.version else receipts


def _number(attributes: Item, name: str) -> int | None:
    """A number, None if there is none."""
    value = attributes.get(name, {}).get("N")
    return None if value is None else int(value)


def _user_attributes(person: Person) -> Item:
    return {
        "user_uuid": {"S": person.user_uuid},
        "user_display_name": {"S": person.display_name},
        "user_handle": {"S": person.handle},
    }


def _user(item: Item) -> Person:
    return Person(item["user_uuid"]["S"], item["user_handle"]["S"], item["user_display_name"]["S"])
