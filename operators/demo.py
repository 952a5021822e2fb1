"""The demo people and their conversations, from demo.json."""

import json
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dateutil.parser import isoparse

from messaging.model import keys
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.environments import LOCAL_DATA, Environment
from operators.people import UserPool, create_user
from operators.repair import repair_inboxes

_DEMO: dict[str, Any] = json.loads(Path(__file__).with_name("demo.json").read_text())
PEOPLE: list[dict[str, str]] = _DEMO["people"]


def local_password() -> str:
    """The password of all demo people of the local system, generated the first time and kept with its data."""
    kept = LOCAL_DATA / "demo-password"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(new_password())
    return kept.read_text()


def new_password() -> str:
    """Generate a password that the user pool accepts."""
    return f"Demo-{secrets.token_hex(6)}-1"


def load(environment: Environment, password: str) -> Iterator[str]:
    """Create the people and their messages; yield a line of progress for each step.

    Messages go through the use cases, at the times of the file, so the stream gets them, too. Existing items stay
    unchanged: an interrupted load resumes. Without a user pool, on DynamoDB Local and with another issuer, people have
    the user_uuids of the file and no password. On DynamoDB Local, without a stream handler, inboxes are written here.
    """
    table = Table(environment.client("dynamodb"), environment.table_name)
    uuids = {}
    for person in PEOPLE:
        uuids[person["handle"]] = (
            _register(table, person)
            if environment.is_table_only or environment.issuer
            else _sign_up(environment, table, person, password)
        )
    yield f"{len(PEOPLE)} people"
    for conversation in _DEMO["conversations"]:
        one, other = conversation["people"]
        message_group_uuid = keys.pair_uuid(uuids[one], uuids[other])
        wrote = _write(table, message_group_uuid, uuids, {one: other, other: one}, conversation["messages"])
        if environment.is_table_only:
            repair_inboxes(table, message_group_uuid)
        are_there = "" if wrote else " are there already"
        yield f"{len(conversation['messages'])} messages between @{one} and @{other}{are_there}"


def first_conversation(environment: Environment) -> str:
    """The message_group_uuid of the first two people, who can sign in."""
    accounts = [UserPool(environment).get(person["email"]) for person in PEOPLE[:2]]
    one, other = [account.user_uuid for account in accounts if account]
    return keys.pair_uuid(one, other)


def _register(table: Table, person: dict[str, str]) -> str:
    table.register(Person(person["user_uuid"], person["handle"], person["name"]))
    return person["user_uuid"]


def _sign_up(environment: Environment, table: Table, person: dict[str, str], password: str) -> str:
    account = UserPool(environment).get(person["email"])
    profile = table.person(account.user_uuid, consistent=True) if account else None
    if profile and profile.handle != person["handle"]:  # they have changed it since
        return profile.user_uuid
    return create_user(environment, person["handle"], person["name"], person["email"], password, reset_password=True)


def _write(
    table: Table,
    message_group_uuid: str,
    uuids: dict[str, str],
    partner: dict[str, str],
    messages: list[dict[str, str]],
) -> int:
    """Send the messages that are not there yet; return their number."""
    head = table.head(message_group_uuid, consistent=True)
    there = head.last_seq if head else 0
    for seq, message in enumerate(messages[there:], there + 1):
        sender = message["from"]
        at = partial(isoparse, message["at"])
        draft = Draft(str(uuid5(NAMESPACE_URL, f"{message_group_uuid}/{seq}")), message["message"])
        if seq == 1:
            send_to_handle(table, uuids[sender], partner[sender], draft, at)
        else:
            send_to_conversation(table, uuids[sender], message_group_uuid, draft, at)
    return len(messages[there:])
