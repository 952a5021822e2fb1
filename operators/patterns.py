"""Access patterns by hand: a client that shows each request and its consumption, and look-ups of handles."""

import json
from typing import Any

from messaging.model import keys
from messaging.model.errors import NotFound, Unreadable
from messaging.model.person import Person
from messaging.storage.table import Table
from operators.cli import say
from operators.environments import Environment


def observed_client(environment: Environment) -> Any:
    """A DynamoDB client that prints each request and its consumed capacity units."""
    client = environment.client("dynamodb")
    events = client.meta.events
    events.register("provide-client-params.dynamodb", _ask_for_capacity)
    events.register("before-parameter-build.dynamodb", _print_request)
    events.register("after-call.dynamodb", _print_capacity)
    return client


def _ask_for_capacity(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "ReturnConsumedCapacity": "TOTAL"}


def _print_request(params: dict[str, Any], model: Any, **_: Any) -> None:
    for line in f"{model.name} {json.dumps(params, indent=2, ensure_ascii=False)}".split("\n"):
        say(line)


def _print_capacity(parsed: dict[str, Any], **_: Any) -> None:
    consumed = parsed.get("ConsumedCapacity")
    for one in consumed if isinstance(consumed, list) else [consumed] if consumed else []:
        say(f"consumed {one['CapacityUnits']:g} capacity units")
        say("")


def find_person(table: Table, handle: str) -> Person:
    """The owner of this handle, with or without the @. Raises NotFound."""
    person = table.person_by_handle(handle.removeprefix("@"))
    if person is None:
        raise NotFound(f"Nobody has the handle {handle}.")
    return person


def find_conversation(table: Table, conversation: str) -> str:
    """The message_group_uuid, given directly or as two handles: `bayko,londo`. Raises NotFound and Unreadable."""
    if group := keys.canonical_uuid(conversation):
        return group
    handles = conversation.split(",")
    if len(handles) != 2:
        raise Unreadable("CONVERSATION must be a message_group_uuid, or two handles with a comma: bayko,londo")
    return keys.pair_uuid(*(find_person(table, handle).user_uuid for handle in handles))
