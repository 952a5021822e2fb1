"""Messages, before and after they are sent."""

from dataclasses import dataclass, replace
from typing import Self

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.person import Person, person_attributes, person_of


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as written by its sender, without a place in a conversation yet."""

    message_uuid: str
    message: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `created_at` is its place in time, `seq` its number in the conversation, from 1."""

    message_group_uuid: str
    message_uuid: str
    message: str
    sender: Person
    created_at: str
    seq: int

    @classmethod
    def of(cls, draft: Draft, message_group_uuid: str, sender: Person, created_at: str, seq: int) -> Self:
        """Make a message of a draft."""
        return cls(message_group_uuid, draft.message_uuid, draft.message, sender, created_at, seq)

    @property
    def draft(self) -> Draft:
        """The message as its sender wrote it."""
        return Draft(self.message_uuid, self.message)

    @property
    def content(self) -> Item:
        """The attributes that a message shares with the head of its conversation while it is the last one."""
        return {"message_uuid": {"S": self.message_uuid}, "message": {"S": self.message}}

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.conversation_pk(self.message_group_uuid), self.created_at),
            **self.content,
            **person_attributes(self.sender),
            "seq": {"N": str(self.seq)},
        }

    @classmethod
    def from_item(cls, item: Item) -> Self:
        message_group_uuid = item["pk"]["S"].removeprefix(keys.conversation_pk(""))
        return cls.from_content(item, message_group_uuid, person_of(item), item["sk"]["S"], int(item["seq"]["N"]))

    @classmethod
    def from_content(cls, content: Item, message_group_uuid: str, sender: Person, created_at: str, seq: int) -> Self:
        """Make a message from attributes that include its `content`."""
        draft = Draft(content["message_uuid"]["S"], content["message"]["S"])
        return cls.of(draft, message_group_uuid, sender, created_at, seq)

    def sent_by(self, sender: Person) -> Self:
        """The same message with its sender's current handle and name."""
        return replace(self, sender=sender)
