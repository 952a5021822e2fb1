"""Limits, reports and suspensions over HTTP, on a system that has them, with permissions enforced."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from operators import erasure, moderation
from operators.environments import publish_local
from operators.export import export
from operators.people import find
from operators.verify import verify
from tests.e2e.conftest import Client, System, deployed, eventually
from tests.support.scripts import run_script

ORIGIN = "http://localhost:5173"
QUOTAS = {
    "MessagesPerMinute": "3",
    "ConversationsPerDay": "2",
    "LookupsPerHour": "4",
    "TicketsPerHour": "1",
    "ReportsPerDay": "1",
}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with deployed(tmp_path_factory.mktemp("limits"), [ORIGIN], **QUOTAS) as system:
        yield system


def _policy(response: requests.Response) -> dict[str, Any]:
    """The only limit of a response, from its headers."""
    name, _, policy = response.headers["ratelimit-policy"].partition(";")
    same, _, usage = response.headers["ratelimit"].partition(";")
    assert same == name
    return {"name": json.loads(name), **dict(one.split("=") for one in f"{policy};{usage}".split(";"))}


def _assert_used_up(response: requests.Response, name: str) -> None:
    assert response.status_code == 429, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["violated-policies"] == [name]
    limit = _policy(response)
    assert (limit["name"], limit["q"], limit["r"]) == (name, QUOTAS[_parameter(name)], "0")
    assert response.headers["retry-after"] == limit["t"]


def _parameter(name: str) -> str:
    (parameter,) = (one for one in QUOTAS if one.lower().startswith(name))
    return parameter


def _send_until_refused(sender: Client, group: str) -> tuple[dict[str, Any], requests.Response]:
    """Send messages in as many minutes as it takes; return the answers by message_uuid, and the refusal."""
    stored: dict[str, Any] = {}
    while True:
        body = {"message_group_uuid": group, "message": f"{len(stored)}", "message_uuid": str(uuid4())}
        answer = sender.post("/api/messages", body)
        if answer.status_code == 429:
            return stored, answer
        assert answer.status_code == 200, answer.text
        stored[body["message_uuid"]] = answer.json()
        assert len(stored) < 60


def test_each_limit_holds_and_a_stored_message_is_never_refused(limited: System) -> None:
    bayko, londo, vir, kosh = (limited.person(name) for name in ("bayko", "londo", "vir", "kosh"))
    first = bayko.post("/api/message_groups", {"handle": londo.handle, "message": "1"})
    assert (_policy(first)["name"], _policy(first)["r"]) == ("conversations", "1")
    group = first.json()["message_group_uuid"]
    stored, refused = _send_until_refused(bayko, group)
    _assert_used_up(refused, "messages")
    assert max(Counter(answer["created_at"][:16] for answer in stored.values()).values()) <= 3  # in one minute
    for uuid, answer in stored.items():
        again = {"message_group_uuid": group, "message": answer["message"], "message_uuid": uuid}
        assert bayko.post("/api/messages", again).json()["seq"] == answer["seq"]
    assert londo.post("/api/messages", {"message_group_uuid": group, "message": "Enough"}).status_code == 200

    assert bayko.post("/api/message_groups", {"handle": vir.handle, "message": "1"}).status_code == 200
    _assert_used_up(bayko.post("/api/message_groups", {"handle": kosh.handle, "message": "1"}), "conversations")
    looked_up = [bayko.get(f"/api/users/@{handle}/short") for handle in (londo.handle, "nobody", vir.handle)]
    assert [response.status_code for response in looked_up] == [200, 404, 200]
    assert bayko.get(f"/api/message_groups/@{londo.handle}").status_code == 200
    for path in (f"/api/users/@{londo.handle}/short", f"/api/message_groups/@{londo.handle}"):
        _assert_used_up(bayko.get(path), "lookups")
    _assert_used_up(bayko.post("/api/message_groups", {"handle": "nobody", "message": "1"}), "lookups")
    assert bayko.post("/api/connections/ticket", {}).status_code == 200
    _assert_used_up(bayko.post("/api/connections/ticket", {}), "tickets")


def test_a_page_of_another_origin_can_read_the_headers(limited: System) -> None:
    eve = limited.person("eve")

    answer = eve.post("/api/connections/ticket", {}, headers={"Origin": ORIGIN})

    exposed = answer.headers["access-control-expose-headers"].replace(" ", "").split(",")
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= set(exposed)


def test_a_report_reaches_the_operators_and_its_sender_is_suspended(
    limited: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_FUNCTION_TIMEOUT_SECONDS", 0)
    publish_local(limited.environment, tmp_path / "system.json")
    bayko, londo = limited.person("bayko"), limited.person("londo")
    sent = bayko.send(handle=londo.handle, message="You will be sorry")
    group, uuid = sent["message_group_uuid"], sent["uuid"]
    body = {"message_group_uuid": group, "message_uuids": [uuid], "reason": "threat", "report_uuid": str(uuid4())}

    filed, again = londo.post("/api/reports", body), londo.post("/api/reports", body)

    assert filed.status_code == 200, filed.text
    assert _policy(filed)["r"] == "0"
    assert (again.status_code, again.json()) == (200, filed.json())
    _assert_used_up(londo.post("/api/reports", {**body, "report_uuid": str(uuid4())}), "reports")
    assert bayko.request("DELETE", f"/api/messages/{group}/{uuid}", params={"for": "everyone"}).status_code == 200
    shown = _script(tmp_path, "show-report", body["report_uuid"])
    assert f"@{bayko.handle}: You will be sorry\n" in shown

    moderation.suspend(limited.environment, find(limited.environment, f"@{bayko.handle}"), "threats")

    refused = bayko.post("/api/messages", {"message_group_uuid": group, "message": "Really"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "You are suspended: threats")
    assert bayko.get(f"/api/messages/{group}").status_code == 200
    assert body["report_uuid"] in _script(tmp_path, "close-report", body["report_uuid"], "--note", "suspended")
    eventually(lambda: not verify(limited.client("dynamodb"), limited.environment.table_name))

    theirs, others = (
        [line for line in export(limited.environment, person) if line["kind"] == "report"]
        for person in (find(limited.environment, one.user_uuid) for one in (londo, bayko))
    )
    assert [(one["message_uuids"], one["reason"], one["comment"]) for one in theirs] == [([uuid], "threat", "")]
    assert others == []

    moderation.resume(limited.environment, find(limited.environment, f"@{bayko.handle}"))
    assert bayko.post("/api/messages", {"message_group_uuid": group, "message": "Sorry"}).status_code == 200


def test_a_lifted_limit_lets_one_person_through(limited: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "_FUNCTION_TIMEOUT_SECONDS", 0)
    bayko: Client = limited.person("bayko")

    moderation.lift(limited.environment, find(limited.environment, bayko.user_uuid), "tickets", restore=False)

    answers = [bayko.post("/api/connections/ticket", {}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert "ratelimit" not in answers[0].headers


def _script(home: Path, name: str, *arguments: str) -> str:
    done = run_script(f"moderation/{name}", *arguments, "local", CRUDDUR_LOCAL=str(home))
    assert done.returncode == 0, done.stderr
    return done.stdout
