"""Messages, before and after they are sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from messaging.model import keys
from messaging.model.items import Item, number
from messaging.model.person import Person, person_attributes, person_of

OPTIONAL_CONTENT = frozenset({"reply_to", "edited_at", "unsent_at"})  # attributes of Message.content


@dataclass(frozen=True, slots=True)
class Quote:
    """The address of a message that another one replies to, never its text, which may change or be unsent."""

    message_uuid: str
    created_at: str
    seq: int

    @property
    def attribute(self) -> Item:
        return {
            "M": {
                "message_uuid": {"S": self.message_uuid},
                "created_at": {"S": self.created_at},
                "seq": {"N": str(self.seq)},
            }
        }

    @classmethod
    def from_attribute(cls, attribute: Item) -> "Quote":
        quoted = attribute["M"]
        return cls(quoted["message_uuid"]["S"], quoted["created_at"]["S"], int(quoted["seq"]["N"]))


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as written by its sender, without a place in a conversation yet."""

    message_uuid: str
    message: str
    reply_to: Quote | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `created_at` is its place in time, `seq` its number in the conversation, from 1.

    `change` is the number of its last change, 0 for none (docs/changes.md). `reactions` are the emoji of each person,
    by user_uuid. `salt` is random and part of the sent record's digest, "" in messages from before salts. `versions`
    counts the stored earlier versions.
    """

    message_group_uuid: str
    message_uuid: str
    message: str
    sender: Person
    created_at: str
    seq: int
    reply_to: Quote | None = None
    edited_at: str = ""
    unsent_at: str = ""
    change: int = 0
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    salt: str = ""
    versions: int = 0

    @classmethod
    def of(cls, draft: Draft, message_group_uuid: str, sender: Person, created_at: str, seq: int) -> Self:
        """Make a message of a draft."""
        return cls(message_group_uuid, draft.message_uuid, draft.message, sender, created_at, seq, draft.reply_to)

    @property
    def draft(self) -> Draft:
        """The message as its sender wrote it."""
        return Draft(self.message_uuid, self.message, self.reply_to)

    @property
    def content(self) -> Item:
        """The attributes that a message shares with the head of its conversation while it is the last one."""
        return {
            "message_uuid": {"S": self.message_uuid},
            "message": {"S": self.message},
            **({"reply_to": self.reply_to.attribute} if self.reply_to else {}),
            **({"edited_at": {"S": self.edited_at}} if self.edited_at else {}),
            **({"unsent_at": {"S": self.unsent_at}} if self.unsent_at else {}),
        }

    @property
    def item(self) -> Item:
        reactions: Item = {user_uuid: {"L": [{"S": one} for one in mine]} for user_uuid, mine in self.reactions.items()}
        return {
            **keys.key(keys.conversation_pk(self.message_group_uuid), self.created_at),
            **self.content,
            **person_attributes(self.sender),
            "seq": {"N": str(self.seq)},
            **({"change": {"N": str(self.change)}} if self.change else {}),
            **({"reactions": {"M": reactions}} if reactions else {}),
            **({"salt": {"S": self.salt}} if self.salt else {}),
            **({"versions": {"N": str(self.versions)}} if self.versions else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> Self:
        return cls(
            message_group_uuid=item["pk"]["S"].removeprefix(keys.conversation_pk("")),
            sender=person_of(item),
            created_at=item["sk"]["S"],
            seq=int(item["seq"]["N"]),
            change=number(item, "change") or 0,
            reactions={
                user_uuid: tuple(one["S"] for one in mine["L"])
                for user_uuid, mine in sorted(item.get("reactions", {"M": {}})["M"].items())
            },
            salt=item.get("salt", {"S": ""})["S"],
            versions=number(item, "versions") or 0,
            **_read_content(item),
        )

    @classmethod
    def from_content(cls, content: Item, message_group_uuid: str, sender: Person, created_at: str, seq: int) -> Self:
        """Make a message from attributes that include its `content`."""
        return cls(
            message_group_uuid=message_group_uuid,
            sender=sender,
            created_at=created_at,
            seq=seq,
            **_read_content(content),
        )

    @property
    def is_as_sent(self) -> bool:
        """True if the text is the one that was sent."""
        return not (self.edited_at or self.unsent_at)

    def sent_by(self, sender: Person) -> Self:
        """The same message with its sender's current handle and name."""
        return replace(self, sender=sender)

    def as_last(self, sender: Person) -> Self:
        """The message as the head of its conversation shows it, with its sender's current handle and name."""
        return replace(self, sender=sender, change=0, reactions={}, salt="", versions=0)

    def edited(self, text: str, at: str, change: int) -> Self:
        """The message with another text."""
        return replace(self, message=text, edited_at=at, change=change)

    def reacted(self, user_uuid: str, emoji: tuple[str, ...], change: int) -> Self:
        """The message with these reactions of one person."""
        others = {one: theirs for one, theirs in self.reactions.items() if one != user_uuid}
        reactions = {**others, user_uuid: emoji} if emoji else others
        return replace(self, reactions=dict(sorted(reactions.items())), change=change)

    def without_reactions_of(self, user_uuids: Iterable[str]) -> Self:
        """The message without the reactions of these people."""
        gone = {*user_uuids}
        return replace(self, reactions={one: theirs for one, theirs in self.reactions.items() if one not in gone})

    def unsent(self, at: str, change: int) -> Self:
        """What remains of the message when its sender takes it back: its place."""
        return replace(
            self,
            message="",
            reply_to=None,
            edited_at="",
            unsent_at=at,
            change=change,
            reactions={},
            salt="",
            versions=0,
        )


def _read_content(content: Item) -> dict[str, Any]:
    return {
        "message_uuid": content["message_uuid"]["S"],
        "message": content["message"]["S"],
        "reply_to": Quote.from_attribute(content["reply_to"]) if "reply_to" in content else None,
        "edited_at": content.get("edited_at", {"S": ""})["S"],
        "unsent_at": content.get("unsent_at", {"S": ""})["S"],
    }
