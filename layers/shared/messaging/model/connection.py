"""Sockets: tickets to open one, connections, subscriptions to a person's presence."""

from typing import NamedTuple

from messaging.model import keys
from messaging.model.items import Item


class Ticket(NamedTuple):
    """Permission of `user_uuid` to open one socket by the ticket with this SHA-256, until `expires`, a Unix time."""

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


class Connection(NamedTuple):
    """A person's socket, closed at the latest at `expires`, a Unix time. It follows the people in `subscriptions`."""

    user_uuid: str
    connection_id: str
    connected_at: str
    expires: int
    subscriptions: frozenset[str] = frozenset()

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.connections_pk(self.user_uuid), self.connection_id),
            "connected_at": {"S": self.connected_at},
            "ttl": {"N": str(self.expires)},
            **({"subscriptions": {"SS": sorted(self.subscriptions)}} if self.subscriptions else {}),
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


class Subscription(NamedTuple):
    """A connection of `user_uuid` follows the presence of `subject_uuid`; it expires with the connection."""

    subject_uuid: str
    connection_id: str
    user_uuid: str
    message_group_uuid: str
    expires: int

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.subscriptions_pk(self.subject_uuid), self.connection_id),
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
