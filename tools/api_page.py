"""docs/api.md: the routes of openapi.yaml, each with a request that was made and its answer.

`make docs` writes the page. It deploys the template to a ministack of its own, loads the demo people, and runs nearly
every command of the page as @bayko. Values that differ in every run are replaced: the page changes only if the system
does.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from operators import demo
from tests.support.openapi import OPENAPI

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "api.md"

# Queries of the examples, by operation.
_QUERIES = {"list_messages": "?limit=2", "list_message_groups": "?limit=1"}
_TAGS = [tag["name"] for tag in OPENAPI["tags"]]
_METHODS = ["get", "post", "put", "patch", "delete"]
_LAST = ["list_changes", "delete_reaction", "delete_message"]  # of their tag: they need messages, or end them
# Their answers are those of openapi.yaml: the demo has no request and no fixed people, and what was left cannot be
# reported.
_NOT_RUN = ["block_user", "decline_request", "leave_message_group", "unblock_user"]
_CONVERSATION = OPENAPI["components"]["parameters"]["MessageGroupUuid"]["example"]  # $UUID on the page
# Statuses that every operation may answer; the page explains them once.
_COMMON = {"200", "304", "401", "429", "500", "503"}
_SETTLES_WITHIN = 60  # seconds: the stream handler brings a new message to the inboxes

Shell = Callable[[str], str]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation, in the order of the page."""
    described = [
        (method, path, operation) for path, methods in OPENAPI["paths"].items() for method, operation in methods.items()
    ]
    described.sort(key=_place)
    return iter(described)


def _place(described: tuple[str, str, dict[str, Any]]) -> tuple[int, int, str, int]:
    method, path, operation = described
    late = _LAST.index(operation["operationId"]) + 1 if operation["operationId"] in _LAST else 0
    return _TAGS.index(operation["tags"][0]), late, path, _METHODS.index(method)


def command(method: str, path: str, operation: dict[str, Any]) -> str:
    """A request as a command of the shell, with the variables that `make run` prints."""
    query = _QUERIES.get(operation["operationId"], "")
    for parameter in map(_resolved, operation.get("parameters", [])):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(parameter["example"]))
        elif parameter.get("required"):
            query = f"?{parameter['name']}={parameter['schema']['enum'][0]}"
    address = path.replace(_CONVERSATION, "$UUID") + query
    parts = ["curl -s --noproxy '*'"]
    if "ETag" in operation["responses"]["200"].get("headers", {}):
        parts.append("-i")
    if method not in ("get", "post"):
        parts.append(f"-X {method.upper()}")
    parts.append('-H "Authorization: Bearer $TOKEN"')
    parts.append(f'"$API{address}"')
    if body := _example_body(operation):
        text = json.dumps(body, ensure_ascii=False).replace(_CONVERSATION, "'$UUID'")
        parts.append(f"\\\n  -d '{text}'")
    elif method == "post":
        parts.insert(1, "-X POST")
    return " ".join(parts)


def page(run: Shell, settle: Callable[[], None]) -> str:
    """The page. `run` runs a command and returns its output; `settle` waits for the stream handler."""
    replace = _Replacements()
    sections = []
    tag = ""
    for method, path, operation in operations():
        if operation["tags"][0] != tag:
            tag = operation["tags"][0]
            sections.append(f"## {_heading(tag)}")
        if operation["operationId"] in _NOT_RUN:
            example = operation["responses"]["200"]["content"]["application/json"]["example"]
            sections.append(_section(method, path, operation, json.dumps(example, ensure_ascii=False, indent=2)))
            continue
        sections.append(_section(method, path, operation, replace(run(command(method, path, operation)))))
        if method != "get":
            settle()
    return _HEAD.format(description=OPENAPI["info"]["description"].strip()) + "\n\n".join(sections) + "\n"


_HEAD = """<!-- Made by `make docs` from openapi.yaml; change that file. -->

# The API by example

`make run` prints commands that set `$API`, `$UUID` (a conversation) and `$TOKEN`: paste them, then any example below.
`--noproxy '*'` goes around your proxy; leave it out on AWS. [openapi.yaml](../openapi.yaml) describes each field and
each answer, and tests compare both with the system.

{description}

"""


def _section(method: str, path: str, operation: dict[str, Any], answer: str) -> str:
    lines = [f"### {operation['summary']}", "", f"`{method.upper()} {path}`", ""]
    if text := operation.get("description", "").strip():
        lines += [text, ""]
    if fields := list(_fields(operation)):
        lines += ["| name | in | |", "|---|---|---|", *(f"| {' | '.join(field)} |" for field in fields), ""]
    lines += ["```", command(method, path, operation), "```", "", "```", answer, "```"]
    if errors := [f"{status}: {_first_sentence(one)}" for status, one in _errors(operation)]:
        lines += ["", " · ".join(errors)]
    return "\n".join(lines)


def _fields(operation: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, place and meaning of the parameters and of the body's fields."""
    for parameter in map(_resolved, operation.get("parameters", [])):
        if parameter["in"] == "query":
            yield f"`{parameter['name']}`", "query", _one_line(parameter.get("description", ""))
    if "requestBody" not in operation:
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    kinds = [_resolved(kind) for kind in schema.get("anyOf", [schema])]
    names = dict.fromkeys(name for kind in kinds for name in kind["properties"])
    for name in names:
        described = [_resolved(kind["properties"][name]) for kind in kinds if name in kind["properties"]]
        needed = all(name in kind.get("required", []) for kind in kinds)
        text = max((_one_line(one.get("description", "")) for one in described), key=len)
        yield f"`{name}`", "body" if needed else "body, optional", text


def _errors(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in operation["responses"].items():
        if status not in _COMMON:
            yield status, _resolved(answer)


def _resolved(value: dict[str, Any]) -> dict[str, Any]:
    """The object that a $ref names."""
    if "$ref" not in value:
        return value
    found: Any = OPENAPI
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return {**found, **{key: one for key, one in value.items() if key != "$ref"}}


def _example_body(operation: dict[str, Any]) -> dict[str, Any] | None:
    if "requestBody" not in operation:
        return None
    content = operation["requestBody"]["content"]["application/json"]
    if "example" in content:
        return dict(content["example"])
    first = _resolved(next(iter(content["examples"].values())))
    return dict(first["value"])


def _heading(tag: str) -> str:
    return next(f"{one['description']}" for one in OPENAPI["tags"] if one["name"] == tag).partition(":")[0]


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _first_sentence(answer: dict[str, Any]) -> str:
    return _one_line(answer["description"]).partition(". ")[0].rstrip(".").partition(";")[0]


class _Replacements:
    """Replaces in answers the values of one run, by order of appearance."""

    def __init__(self) -> None:
        self._uuids: dict[str, str] = {}
        self._times: dict[str, str] = {}
        self._kept = json.dumps(OPENAPI)

    def __call__(self, answer: str) -> str:
        headers, _, body = answer.replace("\r", "").rpartition("\n\n")
        if '"status":' in body:
            raise ValueError(f"An example of the page was refused: {body}")
        shown = [line for line in headers.splitlines() if line.lower().startswith(("http/", "etag:", "link:"))]
        shown.append(json.dumps(json.loads(body), ensure_ascii=False, indent=2))
        text = "\n".join(shown)
        text = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", self._uuid, text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", self._time, text)
        text = re.sub(r"\b(before|after|cursor|since)=[\w-]{20,}", r"\1=MWM1YjUx…", text)
        text = re.sub(r'"[\w-]{43}"', '"mGx5wQ0Zg9yJ8nqk3pVvYt7cB2sLr4eH6uAfDiXoKzE"', text)
        return re.sub(r'"[0-9a-f]{32}"', '"40e39c681afec4ec36040980122f6272"', text)

    def _uuid(self, match: re.Match[str]) -> str:
        uuid = match[0]
        if uuid in self._kept:  # sent by the example itself
            return uuid
        return self._uuids.setdefault(uuid, str(uuid5(NAMESPACE_URL, f"docs/api.md/{len(self._uuids)}")))

    def _time(self, match: re.Match[str]) -> str:
        """A time of the demo as it is, a time of this run as one of the year after it."""
        if match[0] < "2026-06":
            return match[0]
        return self._times.setdefault(match[0], f"2027-01-01T12:00:{len(self._times):02}.000000+00:00")


def shell(api: str, token: str, conversation: str) -> Shell:
    """Runs commands with the variables of the page."""
    environment = {**os.environ, "API": api, "TOKEN": token, "UUID": conversation}

    def run(text: str) -> str:
        return subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True, check=True).stdout

    return run


def settled(run: Shell) -> Callable[[], None]:
    """Waits until the inbox shows the conversation as it is."""

    def ask(path: str) -> Any:
        return json.loads(run(f"""curl -s --noproxy '*' -H "Authorization: Bearer $TOKEN" "$API{path}" """))

    def wait() -> None:
        deadline = time.monotonic() + _SETTLES_WITHIN
        while ask("/api/message_groups/$UUID") not in ask("/api/message_groups"):
            if time.monotonic() > deadline:
                raise TimeoutError("The inbox does not show the last message.")
            time.sleep(0.2)

    return wait


def written(system: Any, password: str) -> str:
    """The page, written on a deployed system (tests.e2e.conftest.System) on which nobody has used the demo yet."""
    list(demo.load(system.environment, password))
    token = system.sign_in(demo.PEOPLE[0]["email"], password=password)["AccessToken"]
    run = shell(system.api, token, demo.first_conversation(system.environment))
    return page(run, settled(run))
