"""Sockets: tickets to open one, connections, subscriptions to a person's presence."""

from dataclasses import dataclass

from messaging.model import keys
from messaging.model.items import Item


@dataclass(frozen=True, slots=True)
class Ticket:
    """That whoever shows the ticket with this SHA-256 is `user_uuid`, once and until `expires`, a Unix time."""

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


@dataclass(frozen=True, slots=True)
class Connection:
    """A socket of a person's, gone at `expires`, a Unix time, at the latest. It watches the people in `watched`."""

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


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a connection, `user_uuid`'s, is told whether `watched_uuid` is online, as long as it may last itself."""

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
