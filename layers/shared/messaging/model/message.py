"""Messages."""

from dataclasses import dataclass

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.person import Person, person_attributes, person_of


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
            **person_attributes(self.sender),
            "seq": {"N": str(self.seq)},
        }

    @classmethod
    def from_item(cls, item: Item) -> "Message":
        return cls(
            item["pk"]["S"].removeprefix(keys.conversation_pk("")),
            item["message_uuid"]["S"],
            item["message"]["S"],
            person_of(item),
            item["sk"]["S"],
            int(item["seq"]["N"]),
        )
