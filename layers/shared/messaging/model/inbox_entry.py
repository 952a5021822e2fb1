"""Inbox entries, unread entries and changed conversations: one person's view of a conversation."""

from dataclasses import dataclass, replace

from messaging.model import keys
from messaging.model.items import Item, number
from messaging.model.person import Person, person_attributes, person_of


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A conversation in one person's inbox: the last message and the other person.

    Its sort key is the time of the last message. If another conversation of this inbox has the same microsecond, the
    message_group_uuid follows the time, which changes neither the order nor `created_at`.
    `last_seq` is the number of the last message, `read_seq` that of the last one the owner has read, `other_read_seq`
    the other's, None if hidden. `version` is that of the head it shows: 0 for the entries that open a conversation, and
    for entries from before versions. `last_change` is the number of the conversation's last change of a message, 0
    for none; `unsent`: the last message was unsent. `other_avatar` is the URL of the other's picture, or "".
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
    last_change: int = 0
    unsent: bool = False
    other_avatar: str = ""

    @property
    def created_at(self) -> str:
        return self.sk[: keys.TIME_LENGTH]

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.inbox_pk(self.owner_uuid), self.sk),
            "message_group_uuid": {"S": self.message_group_uuid},
            "message": {"S": self.message},
            **person_attributes(self.other),
            "last_seq": {"N": str(self.last_seq)},
            "read_seq": {"N": str(self.read_seq)},
            "other_read_seq": {"NULL": True} if self.other_read_seq is None else {"N": str(self.other_read_seq)},
            "version": {"N": str(self.version)},
            **({"last_change": {"N": str(self.last_change)}} if self.last_change else {}),
            **({"unsent": {"BOOL": True}} if self.unsent else {}),
            **({"user_avatar": {"S": self.other_avatar}} if self.other_avatar else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "InboxEntry":
        return cls(
            item["pk"]["S"].removeprefix(keys.inbox_pk("")),
            item["message_group_uuid"]["S"],
            item["message"]["S"],
            person_of(item),
            item["sk"]["S"],
            number(item, "last_seq") or 0,
            number(item, "read_seq") or 0,
            number(item, "other_read_seq"),
            number(item, "version") or 0,
            number(item, "last_change") or 0,
            "unsent" in item,
            item.get("user_avatar", {"S": ""})["S"],
        )

    def tiebroken(self) -> "InboxEntry":
        """The same entry, at the sort key for the case that another conversation has the plain time."""
        return replace(self, sk=keys.tiebroken_inbox_sk(self.created_at, self.message_group_uuid))


@dataclass(frozen=True, slots=True)
class Unread:
    """A conversation with unread messages of its owner: stored while `last_seq` is above `read_seq`.

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
            number(item, "version") or 0,
        )


@dataclass(frozen=True, slots=True)
class ChangedConversation:
    """A conversation of its owner with changed messages, at the hour of the last change; `at` is a time of it."""

    owner_uuid: str
    message_group_uuid: str
    at: str

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_uuid, self.sk

    @property
    def sk(self) -> str:
        return keys.changed_sk(self.at, self.message_group_uuid)

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.changed_pk(self.owner_uuid), self.sk),
            "message_group_uuid": {"S": self.message_group_uuid},
        }

    @classmethod
    def from_item(cls, item: Item) -> "ChangedConversation":
        """Raises ValueError if the sort key is not an hour and the conversation."""
        entry = cls(item["pk"]["S"].removeprefix(keys.changed_pk("")), item["message_group_uuid"]["S"], item["sk"]["S"])
        if not keys.is_changed_sk(entry.at) or entry.sk != entry.at:
            raise ValueError("A changed conversation must have the key of its hour.")
        return entry
