"""Entries of folders, unread entries and changed conversations: one person's view of a conversation."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from messaging.model import keys
from messaging.model.items import Item, number
from messaging.model.membership import INBOX, REQUESTS, ClosedRange, count_skipped, format_range, parse_closed_range
from messaging.model.person import Person, person_attributes, person_of


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A conversation in one of a person's folders: the last message that they may see, and the other person.

    Its sort key is the time of that message. If another conversation of the folder has the same microsecond, the
    message_group_uuid follows the time, which changes neither the order nor `created_at`. Each conversation has one
    entry per member, in one `folder` (membership.FOLDERS), even if it is out of the member's sight.
    `last_seq` is the number of that message, `read_seq` that of the last one the owner has read, `other_read_seq`
    the other's, None if hidden. `version` is that of the head it shows: 0 for the entries that open a conversation, and
    for entries from before versions. `last_change` is the number of the conversation's last change of a message, 0
    for none; `unsent`: the last message was unsent. `other_avatar` is the URL of the other's picture, or "". Blocks
    have hidden the ranges `skipped` after the mark from the owner, perhaps also one after the last message. `message`
    is "" while the owner is `blocking`. The owner's history begins after the number `begins_after`; `last_setting` is
    the number of their last setting.
    """

    OPTIONAL: ClassVar = (
        "last_change",
        "unsent",
        "user_avatar",
        "muted_until",
        "marked_unread",
        "blocking",
        "skipped",
        "begins_after",
        "last_setting",
    )

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
    folder: str = INBOX
    muted_until: str = ""
    marked_unread: bool = False
    blocking: bool = False
    skipped: tuple[ClosedRange, ...] = ()
    begins_after: int = 0
    last_setting: int = 0

    @property
    def unread_count(self) -> int:
        return self.last_seq - self.read_seq - count_skipped(self.skipped, self.last_seq)

    @property
    def key(self) -> tuple[str, str]:
        """The partition and the sort key."""
        return keys.folder_pk(self.folder, self.owner_uuid), self.sk

    @property
    def created_at(self) -> str:
        return self.sk[: keys.TIME_LENGTH]

    @property
    def item(self) -> Item:
        return {
            **keys.key(*self.key),
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
            **({"muted_until": {"S": self.muted_until}} if self.muted_until else {}),
            **({"marked_unread": {"BOOL": True}} if self.marked_unread else {}),
            **({"blocking": {"BOOL": True}} if self.blocking else {}),
            **({"skipped": {"S": " ".join(map(format_range, self.skipped))}} if self.skipped else {}),
            **({"begins_after": {"N": str(self.begins_after)}} if self.begins_after else {}),
            **({"last_setting": {"N": str(self.last_setting)}} if self.last_setting else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "InboxEntry":
        folder, owner_uuid = keys.folder_of(item["pk"]["S"])
        return cls(
            owner_uuid,
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
            folder,
            item.get("muted_until", {"S": ""})["S"],
            "marked_unread" in item,
            "blocking" in item,
            tuple(map(parse_closed_range, item.get("skipped", {"S": ""})["S"].split())),
            number(item, "begins_after") or 0,
            number(item, "last_setting") or 0,
        )

    def tiebroken(self) -> "InboxEntry":
        """The same entry, at the sort key for the case that another conversation has the plain time."""
        return replace(self, sk=keys.tiebroken_inbox_sk(self.created_at, self.message_group_uuid))


@dataclass(frozen=True, slots=True)
class Unread:
    """A conversation with unread messages of its owner, or that the owner has marked as unread.

    `version` is that of the head it shows; the other fields are those of its entry.
    """

    OPTIONAL: ClassVar = ("folder", "muted_until", "marked_unread", "skipped")

    owner_uuid: str
    message_group_uuid: str
    last_seq: int
    read_seq: int
    version: int
    folder: str = INBOX
    muted_until: str = ""
    marked_unread: bool = False
    skipped: int = 0

    @property
    def count(self) -> int:
        """The number of unread messages, 0 if the conversation is only marked."""
        return self.last_seq - self.read_seq - self.skipped

    @property
    def key(self) -> tuple[str, str]:
        """The partition and the sort key."""
        return keys.unread_pk(self.owner_uuid), self.message_group_uuid

    @property
    def item(self) -> Item:
        return {
            **keys.key(*self.key),
            "last_seq": {"N": str(self.last_seq)},
            "read_seq": {"N": str(self.read_seq)},
            "version": {"N": str(self.version)},
            **({"folder": {"S": self.folder}} if self.folder != INBOX else {}),
            **({"muted_until": {"S": self.muted_until}} if self.muted_until else {}),
            **({"marked_unread": {"BOOL": True}} if self.marked_unread else {}),
            **({"skipped": {"N": str(self.skipped)}} if self.skipped else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Unread":
        return cls(
            item["pk"]["S"].removeprefix(keys.unread_pk("")),
            item["sk"]["S"],
            int(item["last_seq"]["N"]),
            int(item["read_seq"]["N"]),
            number(item, "version") or 0,
            item.get("folder", {"S": INBOX})["S"],
            item.get("muted_until", {"S": ""})["S"],
            "marked_unread" in item,
            number(item, "skipped") or 0,
        )

    def counts_at(self, time: str) -> bool:
        """True if it counts as unread at a time: in the inbox, and not muted then."""
        return self.folder == INBOX and self.muted_until <= time

    @property
    def is_request(self) -> bool:
        return self.folder == REQUESTS


class ChangedConversation(NamedTuple):
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
