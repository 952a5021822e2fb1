"""Events in the form of API Gateway and Lambda's event source mapping, from the samples in events/."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from operators.schema import template

_EVENTS = Path(__file__).parents[2] / "events"


@cache
def _sample_text(name: str) -> str:
    return (_EVENTS / f"{name}.json").read_text()


def sample_event(name: str) -> Any:
    return json.loads(_sample_text(name))


def event_of(
    name: str,
    user_uuid: str,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
) -> Any:
    """The sample event of a function, with another caller, body, query and path."""
    event = sample_event(name.rpartition(".")[2])
    event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = user_uuid
    event["queryStringParameters"] = query or {}
    if parameters:
        event["pathParameters"] = parameters
    if body is not None:
        event["body"] = json.dumps(body)
    return event


def as_lambda_has_it(record: Any, envelope: Any) -> Any:
    """Wrap a stream record in the sample event's envelope."""
    rest = {name: envelope["dynamodb"][name] for name in ("ApproximateCreationDateTime", "SizeBytes", "StreamViewType")}
    return {**envelope, **record, "dynamodb": {**rest, **record["dynamodb"]}}


@cache
def _filters() -> tuple[Any, ...]:
    """The stream handler's event filters, from template.yaml."""
    events = template()["Resources"]["StreamHandler"]["Properties"]["Events"].values()
    return tuple(
        json.loads(one["Pattern"]) for event in events for one in event["Properties"]["FilterCriteria"]["Filters"]
    )


def reaches_stream_handler(record: Any) -> bool:
    return any(_matches(record, pattern) for pattern in _filters())


def _matches(record: Any, pattern: Any) -> bool:
    """True if Lambda's event filter passes a record: each name of the pattern has one of its listed values."""
    return all(
        name in record and (record[name] in wanted if isinstance(wanted, list) else _matches(record[name], wanted))
        for name, wanted in pattern.items()
    )
