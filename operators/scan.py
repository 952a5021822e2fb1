"""Reading every item of a table."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.membership import ARCHIVE, INBOX, OUT_OF_SIGHT, REQUESTS
from messaging.storage.dynamodb import DynamoDB

# The kinds of items, by the prefix of the partition key; a head and hidden messages are stored among the messages.
_PREFIXES = {
    "message": keys.conversation_pk(""),
    "head": keys.conversation_pk(""),
    "hidden": keys.conversation_pk(""),
    "change": keys.changes_pk(""),
    "message-group": keys.folder_pk(INBOX, ""),
    "request": keys.folder_pk(REQUESTS, ""),
    "archived": keys.folder_pk(ARCHIVE, ""),
    "out-of-sight": keys.folder_pk(OUT_OF_SIGHT, ""),
    "pins": keys.inbox_pk(""),
    "block": keys.blocks_pk(""),
    "changed": keys.changed_pk(""),
    "versions": keys.versions_pk(""),
    "unread": keys.unread_pk(""),
    "sent-record": keys.sent_record_pk(""),
    "profile": keys.profile_pk(""),
    "erased": keys.profile_pk(""),
    "handle": keys.handle_pk(""),
    "ticket": keys.ticket_pk(""),
    "connection": keys.connections_pk(""),
    "subscription": keys.subscriptions_pk(""),
    "counter": keys.limits_pk(""),
    "report": "RPT#",
}
KINDS = tuple(_PREFIXES)


def scan(db: DynamoDB, kinds: Sequence[str]) -> Iterator[Item]:
    """Every item of these kinds, or of all kinds if there are none, page by page, eventually consistent."""
    request: dict[str, Any] = {}
    if kinds:
        prefixes = {f":{number}": {"S": _PREFIXES[kind]} for number, kind in enumerate(kinds)}
        request["FilterExpression"] = " OR ".join(f"begins_with(pk, {name})" for name in prefixes)
        request["ExpressionAttributeValues"] = prefixes
    for page in db.scan(**request):
        yield from (item for item in page if not kinds or kind_of(item) in kinds)


def kind_of(item: Item) -> str:
    """One of KINDS, or `unknown`."""
    if item["sk"]["S"] in (keys.HEAD, keys.HIDDEN, keys.ERASED, keys.PINS):
        return str(item["sk"]["S"]).lower()
    return next((kind for kind, prefix in _PREFIXES.items() if item["pk"]["S"].startswith(prefix)), "unknown")


def plain(item: Item) -> dict[str, Any]:
    """The item's attributes as Python values, the keys first; numbers are Decimal, sets are sorted lists."""
    deserialize = _deserializer()
    attributes = {name: deserialize(item[name]) for name in ("pk", "sk", *sorted(item.keys() - {"pk", "sk"}))}
    return {name: sorted(value) if isinstance(value, set) else value for name, value in attributes.items()}


@cache
def _deserializer() -> Callable[[Any], Any]:
    from boto3.dynamodb.types import TypeDeserializer  # boto3 takes longer than the rest of a script's start

    return TypeDeserializer().deserialize
