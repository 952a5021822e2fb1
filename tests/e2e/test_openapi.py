"""openapi.yaml describes every answer of the system, and every route of template.yaml."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema_rs
import requests
import schemathesis
from schemathesis.core import NOT_SET

from operators.schema import TEMPLATE, template
from tests.e2e.conftest import Client, System
from tests.support.openapi import OPENAPI

FILE = TEMPLATE.with_name("openapi.yaml")
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
}
CONVERSATION = "1c5b51a2-3545-5550-b2d5-a824b0729bbf"  # in the examples, as is londo
BLOCKED = OPENAPI["components"]["parameters"]["UserUuid"]["example"]
REPORTED = "f8a3749a-d8cd-4ee4-bfd0-0707c9e52a62"

PARAMETERS = ("@{handle}", "{message_group_uuid}")

# The command, not the pytest plugin: with pytest 9.2 the plugin's lazy schemas raise AttributeError, and its tests of
# all operations share one id, of which xdist then runs a single one.
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = """
seed = 1
request-timeout = 30 # API Gateway waits no longer
suppress-health-check = ["too_slow"] # says something about this machine only

[auth.openapi.Cognito]
bearer = "${TOKEN}"

[generation]
mode = "all"
max-examples = 10
with-security-parameters = false # the token is given; the check ignored_auth asks without one
allow-extra-parameters = false # unknown ones are ignored

[phases]
fuzzing.extra-data-sources.responses = false # it sends used message_uuids again and again
stateful.enabled = false # what it asks depends on uuids, which are new in every run

[checks]
unsupported_method.enabled = false # API Gateway answers 404, not 405, where no route has the method

[[operations]]
include-operation-id = ["list_message_groups", "list_blocks"]
# What looks like a cursor is not yet one of this list.
checks.positive_data_acceptance.enabled = false
generation.max-examples = 160 # since half of them are refused, and few of the others get 304

[[operations]]
include-operation-id = "list_messages"
# Likewise, and `before` and `after` exclude each other.
checks.positive_data_acceptance.enabled = false
generation.max-examples = 80 # since half of them are refused

[[operations]]
include-operation-id = ["create_me", "update_me"]
# Rules for names and addresses of pictures are in prose.
checks.positive_data_acceptance.enabled = false

[[operations]]
include-operation-id = ["mark_read", "create_message", "create_report", "change_message_group"]
# Nobody can have read what is not there, or reply to it, or report it; and not every such text is a time.
checks.positive_data_acceptance.enabled = false

[[operations]]
include-operation-id = ["edit_message", "delete_message", "put_reaction", "delete_reaction"]
# A message may be somebody else's, changed meanwhile or unsent, and most texts are no emoji.
checks.positive_data_acceptance.enabled = false
generation.max-examples = 40 # since many of them are refused
"""


def test_every_answer_is_described(system: System, bayko: Client, londo: Client, eve: Client, tmp_path: Path) -> None:
    bayko.send(message="Eve?", handle=eve.handle)
    conversation = bayko.send(message="Londo, a word.", handle=londo.handle)["message_group_uuid"]
    londo.send(message="Not now.", message_group_uuid=conversation)
    last = bayko.send(message="Then when?", message_group_uuid=conversation)["uuid"]
    mine = [bayko.send(message=str(number), message_group_uuid=conversation)["uuid"] for number in range(20)]
    vir, kenji = system.person("vir"), system.person("kenji")  # to block and leave, and to decline
    left = vir.send(message="Bayko?", handle=bayko.handle)["message_group_uuid"]
    assert bayko.request("PATCH", "/api/users/me", json={"messages_from": "requests"}).status_code == 200
    declined = kenji.send(message="Bayko?", handle=bayko.handle)["message_group_uuid"]
    page = bayko.get(f"/api/messages/{conversation}", params={"limit": 2})
    inbox = bayko.get("/api/message_groups", params={"limit": 1})
    known: list[tuple[str, float, list[Any]]] = [
        ("path.message_group_uuid", 0.9, [conversation, conversation.upper()]),
        ("path.message_uuid", 0.9, [last, last.upper(), *mine]),
        ("path.emoji", 0.9, ["👍", "❤️"]),
        ("body.change", 0.7, [0, 1]),
        ("body.reply_to", 0.9, [last]),
        ("body.message_group_uuid", 0.9, [conversation, conversation.upper()]),
        ("path.user_uuid", 0.9, [vir.user_uuid]),
        ("path.handle", 0.9, [londo.handle, eve.handle.upper()]),
        ("body.handle", 0.9, [londo.handle, eve.handle.upper()]),
        ("body.seq", 0.5, [1, 2, 3]),
        ("query.before", 0.3, [_cursor(page, "prev"), _cursor(page, "monitor")]),
        ("query.after", 0.3, [_cursor(page, "prev"), _cursor(page, "monitor")]),
        ("query.since", 0.5, [_cursor(inbox, "monitor"), inbox.json()[0]["created_at"]]),
        ("query.cursor", 0.4, [_cursor(inbox, "next")]),
        ("header.If-None-Match", 0.7, ["*"]),
    ]
    of_others = _only("leave_message_group", left) + _only("decline_request", declined)
    (tmp_path / "schemathesis.toml").write_text(CONFIG + of_others + "".join(_draw(*values) for values in known))
    document = json.dumps(OPENAPI).replace(CONVERSATION, conversation).replace('"londo"', json.dumps(londo.handle))
    (tmp_path / "openapi.json").write_text(document.replace(BLOCKED, vir.user_uuid).replace(REPORTED, last))

    done = subprocess.run(
        [SCHEMATHESIS, "run", "openapi.json", "--url", system.api, "--report-ndjson-path", "report", "--no-color"],
        cwd=tmp_path,
        env={**os.environ, "TOKEN": bayko.access_token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    successes = {
        (*route, status)
        for route, operation in OPERATIONS.items()
        for status in operation["responses"]
        if status in ("200", "304")
    }
    with_an_issuer_only = {("PUT", "/api/users/me", "200")}
    never_met = successes - with_an_issuer_only - _answers(tmp_path / "report")
    assert not never_met, "too little was asked to say anything"


def test_answers_that_chance_seldom_brings_are_described(system: System, bayko: Client) -> None:
    signed_in = {"Authorization": f"Bearer {bayko.access_token}"}
    schema = schemathesis.openapi.from_path(FILE)
    for (method, path), described in OPERATIONS.items():
        operation = schema[path][method]
        unknown = operation.Case(
            path_parameters={
                "message_group_uuid": str(uuid4()),
                "message_uuid": str(uuid4()),
                "user_uuid": str(uuid4()),
                "emoji": "👍",
                "handle": "nobody",
            },
            query={"for": "everyone"} if described["operationId"] == "delete_message" else None,
            body={"message": "x" * 20_000, "handle": "nobody"} if "requestBody" in described else NOT_SET,
            media_type="application/json",
        )
        assert unknown.call_and_validate(base_url=system.api).status_code == 401
        status = 413 if "requestBody" in described else 404 if "{" in path else 200
        assert unknown.call_and_validate(base_url=system.api, headers=signed_in).status_code == status


def test_every_route_with_a_body_names_a_field_that_it_does_not_know(system: System, bayko: Client) -> None:
    schema = schemathesis.openapi.from_path(FILE)
    for (method, path), described in OPERATIONS.items():
        if "requestBody" in described:
            case = schema[path][method].Case(
                path_parameters={"message_group_uuid": str(uuid4()), "message_uuid": str(uuid4())},
                body={"colour": "red"},
                media_type="application/json",
            )
            headers = {"Authorization": f"Bearer {bayko.access_token}"}
            answer = case.call_and_validate(base_url=system.api, headers=headers)
            assert (answer.status_code, answer.json()) == (422, ["colour_unknown"]), (method, path)


def test_it_names_the_routes_of_the_template() -> None:
    functions = [
        resource["Properties"]
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    deployed = {
        (event["Properties"]["Method"], event["Properties"]["Path"]): function["Handler"].partition(".")[0]
        for function in functions
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }
    assert {
        (method, _route(method, path)): {"show_message_group": "find_message_group"}.get(name, name)
        for (method, path), operation in OPERATIONS.items()
        for name in [operation["operationId"]]
    } == deployed


def _route(method: str, path: str) -> str:
    """The route of a path: API Gateway cannot tell a handle from a uuid, so both are one route and function."""
    of_one = {f"/api/message_groups/{name}": "/api/message_groups/{message_group}" for name in PARAMETERS}
    if method != "GET":
        return path
    return of_one.get(path, path.replace("@{handle}", "{handle}"))


def test_it_is_valid() -> None:
    schemathesis.openapi.from_path(FILE).validate()


def test_its_examples_are_as_it_describes() -> None:
    for schema, example in _examples(OPENAPI):
        jsonschema_rs.validate({**schema, "components": OPENAPI["components"]}, example, validate_formats=True)


def _cursor(page: requests.Response, relation: str) -> str:
    return page.links[relation]["url"].rpartition("=")[2]


def _draw(parameter: str, probability: float, values: list[Any]) -> str:
    """Configure the drawing of a parameter from these values."""
    return f"""
[dictionaries."{parameter}"]
values = {json.dumps(values, ensure_ascii=False)}
[parameters."{parameter}"]
dictionary = "{parameter}"
probability = {probability}
"""


def _only(operation: str, message_group_uuid: str) -> str:
    """Configure an operation that would take a conversation from the others: it gets one of its own."""
    return f"""
[[operations]]
include-operation-id = {json.dumps(operation)}
[operations.parameters]
"path.message_group_uuid" = {json.dumps(message_group_uuid)}
"""


def _answers(report: Path) -> set[tuple[str, str, str]]:
    """Method, path and status of every answer."""
    events = [json.loads(line) for line in report.read_text().splitlines()]
    recorders = [event["ScenarioFinished"]["recorder"] for event in events if "ScenarioFinished" in event]
    return {
        (case["method"], case["path"], str(interaction["response"]["status_code"]))
        for recorder in recorders
        for id_, interaction in recorder.get("interactions", {}).items()
        for case in [recorder["cases"][id_]["value"]]
    }


def _examples(node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every example with its schema."""
    if isinstance(node, dict):
        if "schema" in node and "example" in node:
            yield node["schema"], node["example"]
        if "schema" in node and "examples" in node:
            for example in node["examples"].values():
                name = example.get("$ref", "").rpartition("/")[2]
                yield node["schema"], (OPENAPI["components"]["examples"][name] if name else example)["value"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _examples(child)
