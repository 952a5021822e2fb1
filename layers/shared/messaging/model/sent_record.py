"""Records of sent messages, by message_uuid: they make a send happen once."""

import hashlib
import json
from dataclasses import dataclass

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.message import Message


@dataclass(frozen=True, slots=True)
class SentRecord:
    """A permanent record that a message_uuid was sent: the key of its message, and the digest of the request.

    `digest` comes from `request_digest`; None in a sent record from before digests.
    """

    message_uuid: str
    message_group_uuid: str
    created_at: str
    digest: str | None

    @classmethod
    def of(cls, message: Message) -> "SentRecord":
        """The record of a message as it was sent."""
        return cls(message.message_uuid, message.message_group_uuid, message.created_at, request_digest(message))

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.sent_record_pk(self.message_uuid), keys.SENT_RECORD),
            "message_group_uuid": {"S": self.message_group_uuid},
            "created_at": {"S": self.created_at},
            **({"digest": {"S": self.digest}} if self.digest else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "SentRecord":
        return cls(
            item["pk"]["S"].removeprefix(keys.sent_record_pk("")),
            item["message_group_uuid"]["S"],
            item["created_at"]["S"],
            item.get("digest", {}).get("S"),
        )


def request_digest(message: Message) -> str:
    """32 hexadecimal digits that two requests to send share only if they ask for the same.

    An attribute that a message lacks leaves no trace, so the digests of older requests stay when messages get more.
    """
    others = sorted((name, value) for name, value in message.content.items() if name not in _IN_EVERY_DIGEST)
    request = [message.message_group_uuid, message.sender.user_uuid, message.message, *others]
    return hashlib.sha256(json.dumps(request).encode()).hexdigest()[:32]


_IN_EVERY_DIGEST = ("message_uuid", "message")  # the first is the key of the record
