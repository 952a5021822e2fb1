"""Browsers, keyboards and accidents that a page meets: each ended once in a blank page, a dead field or a lost text."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Request, Route, ViewportSize, expect

from messaging.services.profile import spread
from messaging.storage.table import Table
from operators.people_table import PeopleTable
from tests.e2e.conftest import PASSWORD, Client, System, eventually
from tests.e2e.web.conftest import DESKTOP, PHONE, Seat, Sits, sign_in, talk
from tests.support.sockets import opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Nobody is signed in."""
    with chromium.new_context(viewport=DESKTOP, locale="en-GB") as context:  # type: ignore[arg-type]
        yield context.new_page()


@pytest.fixture
def blocking(page: Page) -> Page:
    """A page in a browser with settings that block all cookies, and with them every storage."""
    page.add_init_script("""
      for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
        const get = () => { throw new DOMException(`Access to ${name} is denied.`, "SecurityError"); };
        Object.defineProperty(window, name, { get });
      }""")
    return page


HOUR_MS = 3_600_000
TOUCH = {"viewport": PHONE, "has_touch": True, "is_mobile": True}


# Drafts


def test_a_draft_belongs_to_a_handle_and_moves_to_its_conversation(
    bayko: Client, londo: Client, eve: Client, sits: Sits
) -> None:
    seat = sits(bayko)
    seat.open(f"/messages/new/{londo.handle}")
    seat.composer.fill("For Londo alone")
    seat.page.get_by_role("link", name="New message").first.click()
    expect(seat.composer).to_have_value("")
    seat.page.get_by_role("combobox", name="To").fill(eve.handle)
    seat.page.get_by_role("option", name=eve.handle).click()
    expect(seat.composer).to_be_enabled()
    expect(seat.composer).to_have_value("")
    seat.composer.fill("For Eve alone")
    seat.page.get_by_role("combobox", name="To").fill(londo.handle.upper())
    seat.page.get_by_role("option", name=londo.handle).click()
    expect(seat.composer).to_have_value("For Londo alone")

    # Londo writes first: the draft is in the conversation that has begun meanwhile.
    londo.send(handle=bayko.handle, message="Here I am")
    seat.open_with(londo)
    expect(seat.composer).to_have_value("For Londo alone")
    seat.open(f"/messages/new/{eve.handle}")
    expect(seat.composer).to_have_value("For Eve alone")


@pytest.mark.parametrize("options", [{"viewport": DESKTOP}, TOUCH], ids=["desktop", "phone"])
def test_one_can_type_on_while_the_first_message_is_on_its_way(
    options: dict[str, Any], bayko: Client, londo: Client, sits: Sits
) -> None:
    seat = sits(bayko, **options)
    seat.open(f"/messages/new/{londo.handle}")
    held: list[Route] = []
    seat.page.route("**/api/messages", lambda route: held.append(route), times=1)
    seat.composer.fill("First")
    seat.page.get_by_role("button", name="Send").click()
    eventually(lambda: seat.page.title() and held)
    seat.composer.press_sequentially("Then this")
    held[0].continue_()
    seat.page.wait_for_url(re.compile("/messages/[0-9a-f-]{36}$"))
    expect(seat.composer).to_be_focused()
    seat.page.keyboard.type(" and that")
    expect(seat.composer).to_have_value("Then this and that")
    seat.page.get_by_role("button", name="Send").click()
    expect(seat.page.locator("article .text")).to_have_text(["First", "Then this and that"])


# Storage

FULL = """
  let isFull = false;
  const { setItem } = Storage.prototype;
  Storage.prototype.setItem = function (...item) {
    if (isFull) throw new DOMException("Full", "QuotaExceededError");
    setItem.apply(this, item);
  };
  window.fill = () => { isFull = true; };
"""


def test_a_full_storage_is_reported_and_messages_are_still_sent(bayko: Client, londo: Client, sits: Sits) -> None:
    group = bayko.send(handle=londo.handle, message="First")["message_group_uuid"]
    seat = sits(bayko)
    seat.page.add_init_script(FULL)
    seat.open()
    expect(seat.rows(londo)).to_be_visible()
    expect(seat.page.locator(".banner")).to_be_hidden()
    seat.page.evaluate("fill()")
    seat.open_with(londo)
    seat.composer.fill("A draft")
    expect(seat.page.locator(".banner")).to_contain_text("storage is full or blocked")
    seat.page.get_by_role("link", name="New message").first.click()
    seat.open_with(londo)
    expect(seat.composer).to_have_value("A draft")
    seat.send("Second")
    expect(seat.message("Second")).to_be_visible()
    expect(seat.page.locator(".pending")).to_have_count(0)
    assert [message["message"] for message in londo.get(f"/api/messages/{group}").json()] == ["First", "Second"]
    expect(seat.page.locator(".banner")).to_be_hidden()  # nothing would be lost any more


def test_a_message_that_only_the_tab_has_is_not_left_without_a_question(
    bayko: Client, londo: Client, sits: Sits
) -> None:
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)
    seat.page.add_init_script(FULL)
    seat.open()
    seat.open_with(londo)
    seat.page.evaluate("fill()")
    seat.page.context.set_offline(True)
    seat.send("Second")
    banner = seat.page.locator(".banner")
    expect(banner).to_contain_text("You are offline")
    expect(banner).to_contain_text("storage is full or blocked")
    with seat.page.expect_event("dialog") as asked:
        seat.page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    seat.page.context.set_offline(False)
    expect(seat.page.locator(".pending")).to_have_count(0)
    with seat.page.expect_event("close"):  # nothing would be lost any more
        seat.page.close(run_before_unload=True)


def test_a_browser_that_blocks_storage_can_be_signed_in_and_written_in(
    blocking: Page, address: str, bayko: Client, londo: Client
) -> None:
    bayko.send(handle=londo.handle, message="First")
    blocking.goto(address)
    sign_in(blocking, bayko.email, PASSWORD)
    seat = Seat(blocking, address, bayko, [])
    seat.open_with(londo)
    expect(blocking.locator(".banner")).to_contain_text("storage is full or blocked")
    seat.send("Second")
    expect(seat.message("Second")).to_be_visible()
    expect(blocking.locator(".pending")).to_have_count(0)
    assert seat.texts() == ["First", "Second"]


# Signing in


def test_attributes_that_an_account_lacks_are_named(page: Page, address: str, bayko: Client) -> None:
    """Cognito's answer, which ministack 1.5.33 does not give."""
    challenge = {
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "Session": "a" * 20,
        "ChallengeParameters": {"requiredAttributes": '["userAttributes.name","userAttributes.preferred_username"]'},
    }

    def ask_for_a_password(route: Route) -> None:
        if "PASSWORD_VERIFIER" in (route.request.post_data or ""):
            route.fulfill(json=challenge, headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.continue_()

    page.route("**/", ask_for_a_password)
    page.goto(address)
    sign_in(page, bayko.email, PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("lacks name and preferred_username")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()


# Keyboards


def test_the_enter_that_ends_a_composed_word_sends_nothing(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    seat.composer.fill("にほ")
    # As Safari sends it: the composition is over, and only the code tells.
    enter = {"key": "Enter", "keyCode": 229, "bubbles": True, "cancelable": True}
    seat.composer.dispatch_event("keydown", enter)
    expect(seat.composer).to_have_value("にほ")
    seat.composer.press("Enter")
    expect(seat.composer).to_have_value("")
    seat.page.get_by_role("link", name="New message").first.click()
    to = seat.page.get_by_role("combobox", name="To")
    to.fill(londo.handle)
    expect(seat.page.get_by_role("option")).to_be_visible()
    to.dispatch_event("keydown", enter)
    expect(seat.page.get_by_role("option")).to_be_visible()


def test_enter_breaks_the_line_on_a_phone(bayko: Client, londo: Client, sits: Sits) -> None:
    group = bayko.send(handle=londo.handle, message="First")["message_group_uuid"]
    seat = sits(bayko, **TOUCH)
    seat.open()
    seat.open_with(londo)
    expect(seat.composer).to_have_attribute("enterkeyhint", "enter")
    seat.composer.press_sequentially("Two")
    seat.composer.press("Enter")
    seat.composer.press_sequentially("lines")
    expect(seat.composer).to_have_value("Two\nlines")
    seat.page.get_by_role("button", name="Send").tap()
    expect(seat.message("Two")).to_be_visible()
    expect(seat.page.locator(".pending")).to_have_count(0)
    assert londo.get(f"/api/messages/{group}").json()[-1]["message"] == "Two\nlines"


# Addresses and files


@pytest.mark.parametrize("handle", ["%", "%E0%A4", "%00", "%2F", "a b", "x" * 2000])
def test_a_handle_that_nobody_can_have_is_nobodys(handle: str, bayko: Client, sits: Sits) -> None:
    seat = sits(bayko)
    seat.open(f"/messages/new/{handle}")
    expect(seat.page.get_by_text("Nobody has the handle")).to_be_visible()
    expect(seat.composer).to_be_disabled()


@pytest.mark.parametrize("name", ["New message", "Settings"])
def test_a_part_that_cannot_be_loaded_offers_to_try_again(name: str, bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    seat.page.context.set_offline(True)
    seat.page.get_by_role("link", name=name).first.click()
    expect(seat.page.get_by_role("alert").first).to_contain_text("could not be loaded")
    seat.page.context.set_offline(False)
    seat.page.get_by_role("button", name="Try again").click()
    expect(seat.page.get_by_role("heading", name=name)).to_be_visible()
    seat.open_with(londo)
    expect(seat.composer).to_be_enabled()


def test_a_person_who_cannot_be_looked_up_is_looked_up_again(bayko: Client, londo: Client, sits: Sits) -> None:
    seat = sits(bayko)
    seat.open("/messages/new")
    to, again = seat.page.get_by_role("combobox", name="To"), seat.page.get_by_role("button", name="Try again")
    to.fill(londo.handle)
    expect(seat.page.get_by_role("option")).to_be_visible()
    seat.page.context.set_offline(True)
    to.press("Enter")
    expect(again).to_be_visible()
    seat.page.context.set_offline(False)
    again.click()
    expect(seat.composer).to_be_enabled()
    expect(again).to_have_count(0)


def test_a_handle_in_the_address_that_cannot_be_looked_up_is_looked_up_again(
    bayko: Client, londo: Client, sits: Sits
) -> None:
    seat = sits(bayko)
    seat.page.route("**/api/users/*/short", lambda route: route.fulfill(status=503, json={}), times=1)
    seat.open(f"/messages/new/{londo.handle}")
    seat.page.get_by_role("button", name="Try again").click()
    expect(seat.composer).to_be_enabled()


def test_a_sign_in_that_cannot_be_loaded_offers_to_try_again(page: Page, address: str) -> None:
    page.route("**/views/signin.js", lambda route: route.abort(), times=1)
    page.goto(address)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Password")).to_be_visible()


@pytest.mark.parametrize("file", ["app.js", "page_client.js"])
def test_a_page_whose_first_files_do_not_load_offers_to_try_again(file: str, page: Page, address: str) -> None:
    page.route(f"**/assets/{file}", lambda route: route.abort())
    page.goto(address)
    again = page.get_by_role("link", name="Try again")
    expect(again).to_be_visible()
    page.unroute(f"**/assets/{file}")
    again.click()
    expect(page.get_by_label("Password")).to_be_visible()
    expect(again).to_have_count(0)


@pytest.mark.parametrize("answer", ["none", "503", "not JSON", "null", "{}", "[]"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_configuration_that_cannot_be_reached_offers_to_try_again(
    answer: str, size: ViewportSize, page: Page, address: str
) -> None:
    def fail(route: Route) -> None:
        if answer == "none":
            route.abort()
        else:
            route.fulfill(status=503 if answer == "503" else 200, body=answer)

    page.set_viewport_size(size)
    page.route("**/config.json", fail)
    page.goto(address)
    expect(page.get_by_role("alert")).to_be_visible()
    page.unroute("**/config.json")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_page_reads_its_configuration_again_after_its_system_was_replaced(
    bayko: Client, londo: Client, sits: Sits
) -> None:
    """As after `make clean-data && make run`: another API, another user pool."""
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)

    def of_before(route: Route) -> None:
        config = route.fetch().json()
        route.fulfill(json={**config, "api": f"{config['api']}-of-before", "socket": ""})

    seat.page.route("**/config.json", of_before, times=1)
    seat.page.clock.install()
    seat.open()
    expect(seat.page.locator(".inbox .note")).to_contain_text("Try again")
    seat.page.clock.run_for(11_000)
    expect(seat.rows(londo)).to_be_visible()


def test_a_sign_in_reads_its_configuration_again_after_its_system_was_replaced(
    page: Page, address: str, bayko: Client
) -> None:
    def of_before(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "client_id": "of-before"})

    page.route("**/config.json", of_before, times=1)
    page.goto(address)
    sign_in(page, bayko.email, PASSWORD)
    expect(page.get_by_label("Password")).to_have_value("")  # loaded anew
    sign_in(page, bayko.email, PASSWORD)
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()


# The clock


def test_day_lines_follow_the_clock_and_the_time_zone(system: System, bayko: Client, londo: Client, sits: Sits) -> None:
    group = talk(system, bayko, londo, 3)  # a minute apart, now
    seat = sits(bayko)
    seat.page.clock.install()
    emulation = seat.page.context.new_cdp_session(seat.page)
    emulation.send("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})
    seat.open(f"/messages/{group}")
    expect(seat.message("message 3")).to_be_visible()
    created = [message["created_at"] for message in bayko.get(f"/api/messages/{group}").json()]
    days = seat.page.locator(".day")
    if created[0][:10] == created[-1][:10]:  # not at midnight
        expect(days).to_have_text(["Today"])
    seat.page.clock.fast_forward(24 * HOUR_MS)
    expect(days.last).to_have_text("Yesterday")
    expect(seat.page.locator(".rows time").first).to_have_text("Yesterday")
    # In these two zones it is never the same day.
    seat.page.clock.fast_forward(7 * 24 * HOUR_MS)
    clock = seat.page.locator("article time").last
    shown = set()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        emulation.send("Emulation.setTimezoneOverride", {"timezoneId": zone})
        seat.page.clock.fast_forward(HOUR_MS)
        here = datetime.fromisoformat(created[-1]).astimezone(ZoneInfo(zone))
        day = f"{here.day} {here:%B}"
        expect(days.last).to_contain_text(day)
        expect(clock).to_have_text(f"{here:%H:%M}")
        shown.add(day)
    assert len(shown) == 2


# Races


def test_a_message_that_arrives_while_the_conversation_loads_is_shown(bayko: Client, londo: Client, sits: Sits) -> None:
    group = londo.send(handle=bayko.handle, message="First")["message_group_uuid"]
    seat = sits(bayko)
    with seat.page.expect_response("**/api/unread"):  # the last request of catching up
        seat.open()
    held: list[tuple[Route, APIResponse]] = []
    seat.page.route(f"**/api/messages/{group}?limit=50", lambda route: held.append((route, route.fetch())))
    seat.rows(londo).click()
    eventually(lambda: seat.page.title() and held)
    londo.send(handle=bayko.handle, message="Second")
    expect(seat.rows(londo)).to_contain_text("Second")
    route, of_before = held[0]
    route.fulfill(response=of_before)
    expect(seat.page.locator("article .text")).to_have_text(["First", "Second"])


# Names


def test_a_new_name_is_shown_with_the_next_message(system: System, bayko: Client, londo: Client, sits: Sits) -> None:
    group = londo.send(handle=bayko.handle, message="First")["message_group_uuid"]
    seat = sits(bayko)
    with seat.page.expect_response("**/api/unread"):  # the last request of catching up
        seat.open(f"/messages/{group}")
    expect(seat.message("First")).to_be_visible()
    rename(system, londo, "Emperor Mollari")
    londo.send(handle=bayko.handle, message="Kneel")
    expect(seat.message("Kneel")).to_be_visible()
    expect(seat.page.locator("h1#title")).to_have_text("Emperor Mollari")
    expect(seat.page.locator(".beginning")).to_contain_text("Emperor Mollari")
    expect(seat.page.locator(".rows .name")).to_have_text("Emperor Mollari")


def rename(system: System, person: Client, display_name: str) -> None:
    """As bin/cognito/sync-profiles does it."""
    client, name = system.client("dynamodb"), system.environment.table_name
    people = PeopleTable(client, name)
    old = people.profiles([person.user_uuid])[person.user_uuid].person
    spread(Table(client, name), people.rename(old, replace(old, display_name=display_name)))


@pytest.mark.parametrize(
    "name",
    ["Z" + "\u0351\u0363\u0357" * 33, "👩" + "\u200d👩" * 49, "क" + "\u094dक" * 49],
    ids=["marks", "emoji", "conjunct"],
)
def test_one_long_character_is_not_drawn_over_its_neighbours(
    name: str, system: System, bayko: Client, sits: Sits
) -> None:
    person = system.person("zalgo", "Zalgo")
    group = person.send(handle=bayko.handle, message="Hello")["message_group_uuid"]
    seat = sits(bayko)

    def named(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for entry in body:
            entry["display_name"] = name
        route.fulfill(response=answer, json=body)

    seat.page.route("**/api/message_groups?limit=30", named)
    seat.open(f"/messages/{group}")
    expect(seat.message("Hello")).to_be_visible()
    assert seat.page.locator(".avatar, .rows .name, h1#title").evaluate_all(UNCLIPPED) == []


# Those whose text is drawn beyond their box.
UNCLIPPED = """(elements) => elements.filter((element) => {
  const inner = element.querySelector("span") ?? element;
  const { left, top, right, bottom } = element.getBoundingClientRect();
  const box = inner.getBoundingClientRect();
  const isInside = box.left >= left && box.right <= right && box.top >= top && box.bottom <= bottom;
  return !isInside || getComputedStyle(inner).overflow === "visible";
}).map((element) => element.outerHTML)"""


# Sockets


def test_the_oldest_of_too_many_tabs_stays_closed_until_it_is_looked_at(
    system: System, bayko: Client, sits: Sits, api_requests: Callable[[Page], list[Request]]
) -> None:
    seat = sits(bayko)
    seat.page.clock.install()
    requests = api_requests(seat.page)

    def tickets() -> int:
        return sum("ticket" in request.url for request in requests)

    with seat.page.expect_websocket():
        seat.open()
    with ExitStack() as stack:
        devices = [stack.enter_context(opened(system, bayko)) for _ in range(10)]
        expect(seat.page.locator(".banner")).to_contain_text("too many tabs")
        for _ in range(6):
            seat.page.clock.run_for(10_000)
        assert tickets() == 1
        for device in devices:
            device.quiet()

        with seat.page.expect_websocket():
            seat.page.mouse.click(400, 400)
        expect(seat.page.locator(".banner")).to_be_hidden()
        assert devices[0].is_closed()
        assert tickets() == 2


# Settings


def test_read_receipts_are_switched_off_in_the_settings(system: System, bayko: Client, sits: Sits) -> None:
    seat = sits(bayko)
    seat.open()
    seat.page.get_by_role("link", name="Settings").click()
    expect(seat.page.get_by_role("heading", name="Settings")).to_be_focused()
    switch = seat.page.get_by_role("switch", name="Read receipts")
    expect(switch).to_be_checked()
    expect(seat.page.locator(".person")).to_contain_text(bayko.display_name)
    expect(seat.page.locator(".person")).to_contain_text(bayko.handle)
    switch.press("Space")
    expect(seat.page.get_by_text("Read receipts are off.")).to_be_visible()
    assert bayko.get("/api/users/me").json()["receipts"] is False
    # Settings can be changed once a minute: what was not saved is not shown.
    switch.click()
    expect(seat.page.get_by_role("alert")).to_have_text("That was too often. Try again in a minute.")
    expect(switch).not_to_be_checked()
    seat.page.reload()
    expect(switch).to_be_enabled()
    expect(switch).not_to_be_checked()


def test_signing_out_on_all_devices_ends_every_session(system: System, bayko: Client, sits: Sits) -> None:
    here, elsewhere = sits(bayko), sits(bayko)
    elsewhere.open()
    expect(elsewhere.page.get_by_text(f"@{bayko.handle}")).to_be_visible()
    held: list[Route] = []
    here.page.route("**/api/users/me", lambda route: held.append(route))
    here.open("/messages/settings")
    out = here.page.get_by_role("button", name="Sign out on all devices")
    here.page.route(f"{system.environment.endpoint}/", fail_once("GlobalSignOut"))
    out.click()
    expect(here.page.get_by_role("alert")).to_contain_text("cannot be reached")
    for route in held:
        route.continue_()
    expect(here.page.get_by_label("Name", exact=True)).to_be_enabled()
    expect(here.page.get_by_role("alert")).to_contain_text("cannot be reached")
    here.page.unroute("**/api/users/me")
    out.click()
    expect(here.page.get_by_label("Password")).to_be_visible()
    elsewhere.page.reload()
    expect(elsewhere.page.get_by_label("Password")).to_be_visible()


def fail_once(operation: str) -> Callable[[Route], None]:
    failed: list[Route] = []

    def handle(route: Route) -> None:
        target = route.request.headers.get("x-amz-target", "")
        if operation in target and not failed:
            failed.append(route)
            route.abort()
        else:
            route.continue_()

    return handle
