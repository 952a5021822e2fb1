"""DynamoDB items, as attribute maps, and the attributes that several entities share.

An item is {"pk": {"S": "…"}, "seq": {"N": "7"}, …}, converted by hand: for a page of twenty messages this takes a
fraction of the time of boto3's general deserializer.
"""

from typing import Any

Item = dict[str, Any]


# The errors of reading an item or a stream record of another form.
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)


def number(attributes: Item, name: str) -> int | None:
    """A number attribute, or None."""
    value = attributes.get(name, {}).get("N")
    return None if value is None else int(value)
