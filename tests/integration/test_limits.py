"""Limits of a person's requests on a real engine: counters, their windows, headers and refusals."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.limits import UNLIMITED, Limit, LimitReached, Usage
from messaging.model.person import Person
from messaging.services import limits
from messaging.storage.table import Table
from tests.support.functions import Functions

HOURLY = Limit("lookups", 3, 3_600)
START = 1_800_000_000  # an hour begins
Register = Callable[[str], Person]
_SENDING = ("messages.create_message", "message_groups.create_message_group")


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
    assert limits.spend(nowhere, bayko, HOURLY._replace(quota=0)) == ()
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
    monkeypatch.setattr(module, "settings", module.settings._replace(**{setting: Limit(setting, 2, 3_600)}))

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
    monkeypatch.setattr(module, "settings", module.settings._replace(lookups=Limit("lookups", 1, 3_600)))

    asked = [
        functions.call("users.show_user", bayko.user_uuid, parameters={"handle": f"@nobody{number}"})
        for number in range(2)
    ]

    assert [status for status, _, _ in asked] == [404, 429]
    assert "nobody" not in json.dumps(asked[1])


@pytest.fixture
def limit_senders(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set limits of the functions that send and accept, and who is written to by a request only."""

    def limit(messages_from: str = "everyone", **quotas: int) -> None:
        for path in _SENDING:
            module = functions.handler(path)
            changed = {name: getattr(UNLIMITED, name)._replace(quota=quota) for name, quota in quotas.items()}
            reach = module.settings.reach._replace(messages_from=messages_from)
            settings = module.settings._replace(limits=UNLIMITED._replace(**changed), reach=reach)
            monkeypatch.setattr(module, "settings", settings)
        module = functions.handler("message_groups.accept_request")
        requests = UNLIMITED.requests._replace(quota=quotas.get("requests", 0))
        monkeypatch.setattr(module, "settings", module.settings._replace(requests=requests))

    return limit


def test_messages_of_each_conversation_have_a_limit_which_costs_nothing(
    table: Table, functions: Functions, limit_senders: Callable[..., None], bayko: Person, londo: Person
) -> None:
    limit_senders(messages=2)
    _, first, headers = functions.create_message(bayko.user_uuid, handle="londo", message="Hello")
    assert "ratelimit" not in headers  # it opens the conversation
    group, uuids = first["message_group_uuid"], [str(uuid4()) for _ in range(3)]

    answers = [
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Hello?", message_uuid=uuid)
        for uuid in uuids
    ]

    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert answers[1][2]["ratelimit-policy"] == '"messages";q=2;w=60'
    assert answers[1][2]["ratelimit"].startswith('"messages";r=0;t=')
    assert answers[2][1]["violated-policies"] == ["messages"]
    # A retry of a stored message is never refused, by handle neither.
    for to in ({"message_group_uuid": group}, {"handle": "londo"}):
        status, again, _ = functions.create_message(bayko.user_uuid, **to, message="Hello?", message_uuid=uuids[0])
        assert (status, again["seq"]) == (200, 2)
    assert functions.create_message(londo.user_uuid, message_group_uuid=group, message="Yes?")[0] == 200
    assert not list(table.db.query_all(keys.limits_pk(bayko.user_uuid)))


def test_openings_and_requests_have_limits_of_their_own(
    functions: Functions, limit_senders: Callable[..., None], register: Register, bayko: Person
) -> None:
    people = [register(f"person{number}") for number in range(4)]

    def write(number: int) -> tuple[int, Any, dict[str, str]]:
        return functions.create_message_group(bayko.user_uuid, handle=f"person{number}", message="Hello")

    limit_senders(conversations=1, requests=2)
    _, _, headers = write(0)
    assert headers["ratelimit-policy"] == '"conversations";q=1;w=86400'
    assert write(1)[0] == 429
    assert write(0)[0] == 200  # there is a conversation
    limit_senders("requests", conversations=1, requests=2)
    answers = [write(number) for number in (1, 2, 3)]
    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert answers[2][1]["violated-policies"] == ["requests"]

    # Two requests wait. A declined one goes on to count, or its sender would learn of it.
    group = answers[0][1]["message_group_uuid"]
    assert functions.decline_request(people[1].user_uuid, group)[0] == 200
    assert write(3)[0] == 429
    assert functions.accept_request(people[2].user_uuid, answers[1][1]["message_group_uuid"])[0] == 200
    assert [write(3)[0], functions.accept_request(people[2].user_uuid, answers[1][1]["message_group_uuid"])[0]] == [
        200,
        200,
    ]
    register("person4")
    assert write(4)[0] == 429  # accepted once


def test_an_answer_to_a_request_makes_room_for_another(
    functions: Functions, limit_senders: Callable[..., None], bayko: Person, londo: Person, register: Register
) -> None:
    register("vir")
    limit_senders("requests", requests=1)
    _, first, _ = functions.create_message_group(bayko.user_uuid, handle="londo", message="Hello")
    assert functions.create_message_group(bayko.user_uuid, handle="vir", message="Hello")[0] == 429

    _, _, headers = functions.create_message(
        londo.user_uuid, message_group_uuid=first["message_group_uuid"], message="Yes?"
    )

    assert "ratelimit" not in headers
    assert functions.create_message_group(bayko.user_uuid, handle="vir", message="Hello")[0] == 200


def test_handles_cannot_be_tried_by_writing_to_them(
    functions: Functions, limit_senders: Callable[..., None], bayko: Person
) -> None:
    limit_senders(lookups=1)

    asked = [
        functions.create_message_group(bayko.user_uuid, handle=f"nobody{number}", message="Hello")
        for number in range(2)
    ]

    assert [status for status, _, _ in asked] == [404, 429]
