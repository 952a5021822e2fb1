"""openapi.yaml, held against the deployed system and against the template."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from schemathesis.schemas import BaseSchema

from tests.e2e.conftest import System

OPENAPI = Path(__file__).parents[2] / "openapi.yaml"


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, dict[int, int]]]:
    seen: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    yield seen
    for label, statuses in seen.items():
        print(label, dict(statuses))


@pytest.fixture(scope="module")
def api(system: System) -> BaseSchema:
    bayko, londo, eve = (system.person(name) for name in ("bayko", "londo", "eve"))
    conversation = bayko.send(message="one", handle=londo.handle)["message_group_uuid"]
    bayko.send(message="one", handle=eve.handle)
    for text in ("two", "three", "four"):
        bayko.send(message=text, message_group_uuid=conversation)
    page = bayko.get(f"/api/messages/{conversation}", params={"limit": 2})
    inbox = bayko.get("/api/message_groups", params={"limit": 1})

    def cursor(response, rel):
        return response.links[rel]["url"].rpartition("=")[2]

    config = schemathesis.Config.from_dict(
        {
            "seed": 1,
            "base-url": system.api,
            "request-timeout": 60,
            "auth": {"openapi": {"Cognito": {"bearer": bayko.access_token}}},
            "dictionaries": {
                "conversations": {"values": [conversation, conversation.upper()]},
                "handles": {"values": [londo.handle, eve.handle.upper()]},
                "older": {"values": [cursor(page, "prev")]},
                "newer": {"values": [cursor(page, "monitor"), cursor(page, "prev")]},
                "inbox": {"values": [cursor(inbox, "next")]},
                "etags": {"values": ["*", page.headers["etag"]]},
            },
            "parameters": {
                "path.message_group_uuid": {"dictionary": "conversations", "probability": 0.7},
                "path.handle": {"dictionary": "handles", "probability": 0.7},
                "body.message_group_uuid": {"dictionary": "conversations", "probability": 0.7},
                "body.handle": {"dictionary": "handles", "probability": 0.7},
                "query.before": {"dictionary": "older", "probability": 0.3},
                "query.after": {"dictionary": "newer", "probability": 0.3},
                "query.cursor": {"dictionary": "inbox", "probability": 0.5},
                "header.If-None-Match": {"dictionary": "etags", "probability": 0.2},
            },
            "generation": {"max-examples": 30, "deterministic": True, "mode": "all"},
        }
    )
    return schemathesis.openapi.from_path(OPENAPI, config=config)


described = schemathesis.pytest.from_fixture("api")


@described.parametrize()
def test_every_answer_is_described(case, answers) -> None:
    response = case.call()
    answers[case.operation.label][response.status_code] += 1
    case.validate_response(response)
