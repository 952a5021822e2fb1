"""DynamoDB items, as attribute maps, and the attributes that several entities share.

An item is {"pk": {"S": "…"}, "seq": {"N": "7"}, …}, converted by hand: a page of twenty messages costs a fraction of
what boto3's general deserializer takes.
"""

from typing import Any

Item = dict[str, Any]


# What reading an item, or a record of the stream, raises if it has another form.
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)


def number(attributes: Item, name: str) -> int | None:
    """A number, None if there is none."""
    value = attributes.get(name, {}).get("N")
    return None if value is None else int(value)
