"""Records of sent messages, by message_uuid: they make a send happen once."""

import hashlib
import json
from dataclasses import replace
from typing import NamedTuple

from messaging.model import keys
from messaging.model.items import Item, number
from messaging.model.message import Message


class SentRecord(NamedTuple):
    """A permanent record that a message_uuid was sent: the key and number of its message, and a digest of the request.

    `digest` comes from `request_digest`. It is None in a sent record from before digests, and if the text that was sent
    is known no more. `seq` is None in a sent record from before changes.
    """

    message_uuid: str
    message_group_uuid: str
    created_at: str
    digest: str | None
    seq: int | None = None

    @classmethod
    def of(cls, message: Message) -> "SentRecord":
        """The record of a message; without a digest if its text is no longer the one that was sent."""
        digest = request_digest(message) if message.is_as_sent else None
        return cls(message.message_uuid, message.message_group_uuid, message.created_at, digest, message.seq)

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.sent_record_pk(self.message_uuid), keys.SENT_RECORD),
            "message_group_uuid": {"S": self.message_group_uuid},
            "created_at": {"S": self.created_at},
            **({"digest": {"S": self.digest}} if self.digest else {}),
            **({"seq": {"N": str(self.seq)}} if self.seq else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "SentRecord":
        return cls(
            item["pk"]["S"].removeprefix(keys.sent_record_pk("")),
            item["message_group_uuid"]["S"],
            item["created_at"]["S"],
            item.get("digest", {}).get("S"),
            number(item, "seq"),
        )

    def is_of_request(self, message: Message, first: Message) -> bool:
        """True if `message` asks for the same as the request that sent `first`, the message of this record.

        If the text that was sent is known no more, only conversation and sender are compared.
        """
        if first.is_as_sent or (self.digest and not first.unsent_at):
            again = replace(message, salt=first.salt)
            return (self.digest or request_digest(first)) == request_digest(again)
        asked = (message.message_group_uuid, message.sender.user_uuid)
        return asked == (first.message_group_uuid, first.sender.user_uuid)


def request_digest(message: Message) -> str:
    """32 hexadecimal digits that two requests to send share only if they ask for the same.

    They include the salt, without which a short text could be guessed from them. An attribute that a message lacks
    leaves no trace, so older digests stay when messages get more.
    """
    asked = [message.message_group_uuid, message.sender.user_uuid, message.message]
    replied = [message.reply_to.message_uuid] if message.reply_to else []
    salt = [message.salt] if message.salt else []
    return hashlib.sha256(json.dumps([*salt, *asked, *replied]).encode()).hexdigest()[:32]
