"""The first view is small: its requests and its size."""

import gzip
from collections.abc import Callable

from playwright.sync_api import Page, Request, Response, expect

from tests.e2e.conftest import Client, System
from tests.e2e.web.conftest import Sits, talk

BUDGET = 70_000  # bytes, compressed as CloudFront does


def test_a_conversation_is_shown_after_two_requests(
    system: System, bayko: Client, londo: Client, sits: Sits, api_requests: Callable[[Page], list[Request]]
) -> None:
    group = talk(system, bayko, londo, 60)
    seat = sits(bayko)
    requests = api_requests(seat.page)
    seat.page.route("**/api/connections/ticket", lambda route: route.abort())  # comes after the first view
    seat.open(f"/messages/{group}")
    expect(seat.message("message 60")).to_be_visible()
    expect(seat.rows(londo)).to_be_visible()
    shown = [request.url.partition("/api/")[2] for request in requests if "ticket" not in request.url]
    assert sorted(shown) == ["message_groups?limit=30", f"messages/{group}?limit=50"]


def test_it_weighs_less_than_70_kb(
    system: System, bayko: Client, londo: Client, sits: Sits, record_property: Callable[[str, object], None]
) -> None:
    talk(system, bayko, londo, 60)
    seat = sits(bayko)
    answers: list[Response] = []
    seat.page.on("response", lambda response: answers.append(response) if seat.address in response.url else None)
    seat.open()
    expect(seat.rows(londo)).to_be_visible()
    seat.page.wait_for_load_state("load")
    raw = [response.body() for response in answers]
    packed = sum(len(gzip.compress(body)) for body in raw)
    assert packed < BUDGET
    record_property("summary", f"The first view: {sum(map(len, raw)):,} bytes, compressed {packed:,}")


def test_every_file_is_announced_in_the_page_so_that_none_waits_for_another(
    system: System, bayko: Client, londo: Client, sits: Sits
) -> None:
    talk(system, bayko, londo, 2)
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    announced = seat.page.locator("link[rel=modulepreload], script").evaluate_all(
        "(links) => links.map((link) => link.href || link.src)"
    )
    loaded = seat.page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    modules = {name for name in loaded if name.endswith(".js")}
    assert modules >= set(announced)
    with_messages = {f"{seat.address}/assets/views/{name}.js" for name in ("message_actions", "menu")}
    assert modules - set(announced) == with_messages
