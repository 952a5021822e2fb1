"""The bootcamp's table: reads its items."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from uuid import UUID, uuid5

from dateutil.parser import isoparse

from messaging.model import keys
from messaging.model.items import Item
from messaging.storage.dynamodb import DynamoDB

# The namespace of generated uuids. Changing it would import messages and people without a uuid a second time.
NAMESPACE = UUID("5d0c3c1e-8f0e-4b7e-9c52-6f2a0f6f1c7b")
LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """A message of the source. `sender` is a user of the source, None if unknown."""

    group: str
    sk: str
    at: datetime
    sender: str | None
    message_uuid: str | None
    text: str

    @property
    def where(self) -> str:
        return f"{keys.conversation_pk(self.group)} {self.sk}"


def scan(source: DynamoDB, on_progress: Callable[[int], None]) -> Iterator[Item]:
    """Every item; `on_progress` gets the number of items in each page."""
    for page in source.scan(ConsistentRead=True):
        on_progress(len(page))
        yield from page


def messages(source: DynamoDB, group: str) -> Iterator[SourceMessage]:
    """A message group's messages in the order of their keys.

    An unreadable time becomes the latest time before it.
    """
    last = LONG_AGO
    for item in source.query_all(keys.conversation_pk(group), consistent=True):
        sk = item["sk"]["S"]
        at = time_of(sk)
        last = max(at or last, last)
        message_uuid = keys.canonical_uuid(text_of(item, "message_uuid"))
        yield SourceMessage(group, sk, at or last, user_of(item), message_uuid, text_of(item, "message"))


def user_of(item: Item) -> str | None:
    """The user that an item names: by user_uuid, or by `@` and the handle if that is missing."""
    user_uuid, handle = text_of(item, "user_uuid").strip(), handle_of(item)
    return keys.canonical_uuid(user_uuid) or user_uuid or (f"@{handle.lower()}" if handle else None)


def _user_uuid(user: str) -> str:
    return keys.canonical_uuid(user) or made_uuid(user)


def made_uuid(name: str) -> str:
    return str(uuid5(NAMESPACE, name))


def handle_of(item: Item) -> str:
    return text_of(item, "user_handle").strip().removeprefix("@")


def text_of(item: Item, name: str) -> str:
    """A string or number attribute as text; "" if it is missing or of another type."""
    value = next(iter(item.get(name, {}).values()), "")
    return value if isinstance(value, str) else ""


def time_of(text: str) -> datetime | None:
    """Parse a time; None if it is unreadable. A naive time is UTC, as on the bootcamp's servers (Fargate, Gitpod)."""
    try:
        at = isoparse(text)
        at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return at if MINYEAR < at.year < MAXYEAR else None


def is_naive(text: str) -> bool:
    return isoparse(text).tzinfo is None
