"""openapi.yaml against the deployed system, which must answer as described whatever is asked, and against the template."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response

from operators.schema import template
from tests.e2e.conftest import Client, System

OPENAPI = Path(__file__).parents[2] / "openapi.yaml"

# Values that stand in generated requests for what only a running system has; `real` replaces them.
CONVERSATION = "1c5b51a2-3545-5550-b2d5-a824b0729bbf"
KNOWN = {
    "path.message_group_uuid": CONVERSATION,
    "path.handle": "londo",
    "query.before": "older",
    "query.after": "newer",
    "query.cursor": "more",
    "header.If-None-Match": '"known"',
    "body.message_group_uuid": CONVERSATION,
    "body.handle": "londo",
}

CONFIG = schemathesis.Config.from_dict(
    {
        "seed": 1,
        "generation": {
            "mode": "all",
            "deterministic": True,
            "max-examples": 40,
            "with-security-parameters": False,
            "allow-extra-parameters": False,
        },
        "phases": {"coverage": {"unexpected-methods": []}},
        "dictionaries": {name: {"values": [value]} for name, value in KNOWN.items()},
        "parameters": {name: {"dictionary": name, "probability": 0.5} for name in KNOWN},
        "operations": [
            {
                # A cursor of the right form is not yet one of this list, and there may be only one.
                "include-operation-id": ["list_messages", "list_message_groups"],
                "checks": {"positive_data_acceptance": {"enabled": False}},
            }
        ],
    }
)
schema = schemathesis.openapi.from_path(OPENAPI, config=CONFIG)


@pytest.fixture(scope="module")
def bayko(system: System) -> Client:
    return system.person("bayko")


@pytest.fixture(scope="module")
def real(system: System, bayko: Client) -> dict[str, str]:
    londo, eve = system.person("londo"), system.person("eve")
    bayko.send(message="Eve?", handle=eve.handle)
    conversation = bayko.send(message="Londo, a word.", handle=londo.handle)["message_group_uuid"]
    londo.send(message="Not now.", message_group_uuid=conversation)
    bayko.send(message="Then when?", message_group_uuid=conversation)
    page = bayko.get(f"/api/messages/{conversation}", params={"limit": 2})
    inbox = bayko.get("/api/message_groups", params={"limit": 1})
    return {
        CONVERSATION: conversation,
        "londo": londo.handle,
        "older": _cursor(page, "prev"),
        "newer": _cursor(page, "prev"),
        "more": _cursor(inbox, "next"),
        '"known"': page.headers["etag"],
    }


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, dict[int, int]]]:
    seen: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    yield seen
    for label, statuses in seen.items():
        print(label, dict(statuses))


def _cursor(page: requests.Response, relation: str) -> str:
    return page.links[relation]["url"].rpartition("=")[2]


def problem_has_the_status(_context: CheckContext, response: Response, _case: schemathesis.Case) -> None:
    if response.headers["content-type"] == ["application/problem+json"]:
        assert response.json()["status"] == response.status_code


@schema.parametrize()
def test_every_answer_is_described(case: schemathesis.Case, bayko: Client, real: dict[str, str], answers) -> None:
    case.path_parameters = _replaced(case.path_parameters, real)
    case.query = _replaced(case.query, real)
    case.body = _replaced(case.body, real)
    for name, value in case.headers.items():
        case.headers[name] = real.get(value, value)
    headers = {"Authorization": f"Bearer {bayko.access_token}"}
    response = case.call(base_url=bayko.api, headers=headers, timeout=60)
    answers[case.operation.label][response.status_code] += 1
    case.validate_response(response, headers=headers, additional_checks=[problem_has_the_status])


def _replaced(values: Any, real: dict[str, str]) -> Any:
    if not isinstance(values, dict):
        return values
    return {k: real.get(v, v) if isinstance(v, str) else v for k, v in values.items()}
