"""The demo people and their conversations, from demo.json."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dateutil.parser import isoparse

from messaging import keys
from messaging.send import send_to_conversation, send_to_handle
from messaging.table import Table
from operators.people import create_user
from operators.places import Place

_DEMO: dict[str, Any] = json.loads(Path(__file__).with_name("demo.json").read_text())
PEOPLE: list[dict[str, str]] = _DEMO["people"]


def load(place: Place, password: str) -> Iterator[str]:
    """Makes the people and what they have written to each other, and yields a line of progress for each step.

    Messages go through the use cases, at the times of the file, so the stream sees them too. What is there already
    stays as it is: a load that was cut off goes on where it ended.
    """
    uuids = {}
    for person in PEOPLE:
        uuids[person["handle"]] = create_user(place, person["handle"], person["name"], person["email"], password)
    yield f"{len(PEOPLE)} people"
    table = Table(place.client("dynamodb"), place.outputs["TableName"])
    for conversation in _DEMO["conversations"]:
        one, other = conversation["people"]
        _write(table, uuids, {one: other, other: one}, conversation["messages"])
        yield f"{len(conversation['messages'])} messages between @{one} and @{other}"


def _write(table: Table, uuids: dict[str, str], partner: dict[str, str], messages: list[dict[str, str]]) -> None:
    message_group_uuid = keys.pair_uuid(*(uuids[handle] for handle in partner))
    head = table.head(message_group_uuid, consistent=True)
    for seq, message in enumerate(messages, 1):
        if head and seq <= head.last_seq:
            continue
        sender = message["from"]
        at = partial(isoparse, message["at"])
        message_uuid = str(uuid5(NAMESPACE_URL, f"{message_group_uuid}/{seq}"))
        if seq == 1:
            send_to_handle(table, uuids[sender], partner[sender], message_uuid, message["message"], at)
        else:
            send_to_conversation(table, uuids[sender], message_group_uuid, message_uuid, message["message"], at)
