"""The entities, and the only place where each becomes a DynamoDB item and is read from one.

An item is a DynamoDB attribute map, {"pk": {"S": "…"}, "seq": {"N": "7"}, …}, converted by hand: a page of twenty
messages costs a fraction of what boto3's general deserializer takes.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from messaging import keys

Item = dict[str, Any]

# Nobody's: a handle begins with a letter or digit, see keys.is_handle.
_LEAVING_HANDLE = "_leaving"
_DELETED_HANDLE = "_deleted"
_DELETED_NAME = "deleted user"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a profile. `user_uuid` is the Cognito sub."""

    user_uuid: str
    handle: str
    display_name: str

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
        }

    @property
    def handle_item(self) -> Item:
        return {
            **keys.key(keys.handle_pk(self.handle), keys.HANDLE),
            "user_uuid": {"S": self.user_uuid},
            "handle": {"S": self.handle},
            "display_name": {"S": self.display_name},
        }

    @classmethod
    def from_profile_item(cls, item: Item) -> "Person":
        return cls(item["pk"]["S"].removeprefix(keys.profile_pk("")), item["handle"]["S"], item["display_name"]["S"])

    @classmethod
    def from_handle_item(cls, item: Item) -> "Person":
        return cls(item["user_uuid"]["S"], item["handle"]["S"], item["display_name"]["S"])


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
    """

    owner_uuid: str
    message_group_uuid: str
    message: str
    other: Person
    sk: str

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
        }

    @classmethod
    def from_item(cls, item: Item) -> "MessageGroup":
        return cls(
            item["pk"]["S"].removeprefix(keys.inbox_pk("")),
            item["message_group_uuid"]["S"],
            item["message"]["S"],
            _user(item),
            item["sk"]["S"],
        )

    def beside(self) -> "MessageGroup":
        """The same, at the sort key to use when the plain time is taken by another conversation."""
        return replace(self, sk=keys.inbox_sk_beside(self.created_at, self.message_group_uuid))


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a conversation: who is in it, and its last message."""

    message_group_uuid: str
    members: dict[str, Person]
    last_seq: int
    message: str
    sender_uuid: str
    created_at: str

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.conversation_pk(self.message_group_uuid), keys.HEAD),
            "members": {
                "M": {
                    person.user_uuid: {
                        "M": {"handle": {"S": person.handle}, "display_name": {"S": person.display_name}}
                    }
                    for person in self.members.values()
                }
            },
            "last_seq": {"N": str(self.last_seq)},
            "message": {"S": self.message},
            "user_uuid": {"S": self.sender_uuid},
            "created_at": {"S": self.created_at},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Head":
        return cls(
            item["pk"]["S"].removeprefix(keys.conversation_pk("")),
            {
                user_uuid: Person(user_uuid, member["M"]["handle"]["S"], member["M"]["display_name"]["S"])
                for user_uuid, member in item["members"]["M"].items()
            },
            int(item["last_seq"]["N"]),
            item["message"]["S"],
            item["user_uuid"]["S"],
            item["created_at"]["S"],
        )

    @classmethod
    def of_first(cls, message: Message, other: Person) -> "Head":
        """The head of a conversation that `message`, to `other`, opens."""
        members = {person.user_uuid: person for person in (message.sender, other)}
        return cls(
            message.message_group_uuid, members, 1, message.message, message.sender.user_uuid, message.created_at
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
        """The head when `message` has followed."""
        return replace(
            self,
            last_seq=message.seq,
            message=message.message,
            sender_uuid=message.sender.user_uuid,
            created_at=message.created_at,
        )

    @property
    def message_groups(self) -> list[MessageGroup]:
        """Every message group there must be for this head, where it must lie: none for a member who was deleted."""
        return [group for group in self.both_message_groups if not self.members[group.owner_uuid].is_deleted]

    @property
    def both_message_groups(self) -> list[MessageGroup]:
        """The message groups of both members, as if none were deleted."""
        return [
            MessageGroup(owner_uuid, self.message_group_uuid, self.message, self.other(owner_uuid), self.created_at)
            for owner_uuid in self.members
        ]


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a message_uuid was sent, and where its message lies. DynamoDB may delete it after `expires`, a Unix time."""

    message_uuid: str
    message_group_uuid: str
    created_at: str
    expires: int

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.receipt_pk(self.message_uuid), keys.RECEIPT),
            "message_group_uuid": {"S": self.message_group_uuid},
            "created_at": {"S": self.created_at},
            "ttl": {"N": str(self.expires)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Receipt":
        return cls(
            item["pk"]["S"].removeprefix(keys.receipt_pk("")),
            item["message_group_uuid"]["S"],
            item["created_at"]["S"],
            int(item["ttl"]["N"]),
        )


def _user_attributes(person: Person) -> Item:
    return {
        "user_uuid": {"S": person.user_uuid},
        "user_display_name": {"S": person.display_name},
        "user_handle": {"S": person.handle},
    }


def _user(item: Item) -> Person:
    return Person(item["user_uuid"]["S"], item["user_handle"]["S"], item["user_display_name"]["S"])
