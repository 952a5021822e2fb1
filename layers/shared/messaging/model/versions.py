"""The texts that an edited message had before, kept only if the parameter KeepVersions asks for it."""

from typing import NamedTuple

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.message import Message


class Version(NamedTuple):
    """An earlier text of a message, and the time since when it was its text."""

    message: str
    created_at: str


class Versions(NamedTuple):
    """The earlier texts of a message, oldest first."""

    message_uuid: str
    versions: tuple[Version, ...] = ()

    def followed_by(self, message: Message, most: int) -> "Versions":
        """These and the present text of the message, at most the `most` last ones."""
        last = Version(message.message, message.edited_at or message.created_at)
        return Versions(self.message_uuid, (*self.versions, last)[-most:])

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.versions_pk(self.message_uuid), keys.VERSIONS),
            "versions": {
                "L": [
                    {"M": {"message": {"S": one.message}, "created_at": {"S": one.created_at}}} for one in self.versions
                ]
            },
        }

    @classmethod
    def from_item(cls, item: Item) -> "Versions":
        return cls(
            item["pk"]["S"].removeprefix(keys.versions_pk("")),
            tuple(Version(one["M"]["message"]["S"], one["M"]["created_at"]["S"]) for one in item["versions"]["L"]),
        )
