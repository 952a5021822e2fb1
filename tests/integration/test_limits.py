"""Limits of a person's requests on a real engine: counters, their windows, headers and refusals."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from messaging.model import keys
from messaging.model.limits import Limit, LimitReached, Usage
from messaging.model.person import Person
from messaging.services import limits
from messaging.storage.table import Table
from tests.support.functions import Functions

HOURLY = Limit("lookups", 3, 3_600)
START = 1_800_000_000  # an hour begins
Register = Callable[[str], Person]


def test_a_quota_is_used_up_and_the_next_window_has_a_new_one(table: Table, bayko: Person, londo: Person) -> None:
    usages = [limits.spend(table, bayko, HOURLY, START + seconds) for seconds in (0, 10, 3_599)]

    assert usages == [(Usage(HOURLY, 2, 3_600),), (Usage(HOURLY, 1, 3_590),), (Usage(HOURLY, 0, 1),)]
    with pytest.raises(LimitReached) as refused:
        limits.spend(table, bayko, HOURLY, START + 3_000)
    assert (refused.value.usage, refused.value.retry_after) == (Usage(HOURLY, 0, 600), 600)
    assert limits.spend(table, londo, HOURLY, START + 3_000) == (Usage(HOURLY, 2, 600),)
    assert limits.spend(table, bayko, HOURLY, START + 3_600) == (Usage(HOURLY, 2, 3_600),)


def test_a_counter_expires_with_its_window(table: Table, bayko: Person) -> None:
    limits.spend(table, bayko, HOURLY, START + 5)

    (item,) = table.db.query_all(keys.limits_pk(bayko.user_uuid))
    assert item["ttl"] == {"N": str(START + 3_600)}


def test_no_limit_and_a_lifted_one_cost_nothing(bayko: Person) -> None:
    nowhere: Any = None
    assert limits.spend(nowhere, bayko, replace(HOURLY, quota=0)) == ()
    assert limits.spend(nowhere, replace(bayko, lifted=frozenset({"lookups"})), HOURLY) == ()


def test_what_is_given_back_can_be_spent_again_and_nothing_more(table: Table, bayko: Person) -> None:
    for _ in range(3):
        limits.spend(table, bayko, HOURLY, START)

    limits.give_back(table, bayko.user_uuid, HOURLY, START + 60)

    assert limits.spend(table, bayko, HOURLY, START) == (Usage(HOURLY, 0, 3_600),)
    for _ in range(5):
        limits.give_back(table, bayko.user_uuid, HOURLY, START)
    assert limits.spend(table, bayko, HOURLY, START) == (Usage(HOURLY, 2, 3_600),)
    limits.give_back(table, bayko.user_uuid, HOURLY, START + 7_200)  # nothing was spent then


@pytest.mark.parametrize(
    ("path", "setting", "parameters"),
    [
        ("users.show_user", "lookups", {"handle": "@londo"}),
        ("message_groups.find_message_group", "lookups", {"message_group": "@londo"}),
        ("connections.create_ticket", "tickets", None),
    ],
)
def test_a_limited_route_tells_its_limit_and_refuses_the_next_request(
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    bayko: Person,
    londo: Person,
    path: str,
    setting: str,
    parameters: dict[str, str] | None,
) -> None:
    module = functions.handler(path)
    monkeypatch.setattr(module, "settings", replace(module.settings, **{setting: Limit(setting, 2, 3_600)}))

    def call() -> tuple[int, Any, dict[str, str]]:
        return functions.call(path, bayko.user_uuid, parameters=parameters)

    (_, _, first), (_, _, second) = call(), call()
    status, problem, headers = call()

    assert {one["ratelimit-policy"] for one in (first, second, headers)} == {f'"{setting}";q=2;w=3600'}
    assert [one["ratelimit"].rpartition(";t=")[0] for one in (first, second, headers)] == [
        f'"{setting}";r=1',
        f'"{setting}";r=0',
        f'"{setting}";r=0',
    ]
    assert status == 429
    assert headers["content-type"] == "application/problem+json"
    assert headers["retry-after"] == headers["ratelimit"].rpartition("t=")[2]
    assert problem == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too Many Requests",
        "status": 429,
        "detail": f"Your limit of 2 {setting} is used up.",
        "violated-policies": [setting],
    }


def test_a_handle_that_nobody_has_counts_as_a_look_up(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, bayko: Person
) -> None:
    module = functions.handler("users.show_user")
    monkeypatch.setattr(module, "settings", replace(module.settings, lookups=Limit("lookups", 1, 3_600)))

    asked = [
        functions.call("users.show_user", bayko.user_uuid, parameters={"handle": f"@nobody{number}"})
        for number in range(2)
    ]

    assert [status for status, _, _ in asked] == [404, 429]
    assert "nobody" not in json.dumps(asked[1])
