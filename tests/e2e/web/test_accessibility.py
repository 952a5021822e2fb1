"""axe finds nothing in any view, in either theme and either direction, on a phone and on a desktop."""

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Client
from tests.e2e.web.conftest import DESKTOP, PHONE, Seat, Sits

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
LOOKS: tuple[tuple[Theme, str], ...] = (("light", "ltr"), ("dark", "rtl"))  # colours are the same in both directions


def inbox(seat: Seat, other: Client) -> None:
    seat.open()
    expect(seat.rows(other)).to_contain_text("1 unread")


def conversation(seat: Seat, other: Client) -> None:
    """Open a conversation with a line above new messages, and with sent, read, refused and pending messages."""
    seat.open()
    seat.open_with(other)
    seat.send("An answer")
    expect(seat.page.get_by_text("Sent", exact=True)).to_be_visible()
    seat.page.route(
        "**/api/messages", lambda route: route.fulfill(status=422, json=["message_exceed_max_chars"]), times=1
    )
    seat.send("Refused")
    expect(seat.page.get_by_text("Discard")).to_be_visible()
    seat.composer.fill("Not sent yet")
    expect(seat.page.locator(".count")).not_to_be_empty()


def new_message(seat: Seat, other: Client) -> None:
    seat.open("/messages/new")
    seat.page.get_by_label("To").fill(other.handle)
    expect(seat.page.get_by_role("option")).to_be_visible()


def nobody_there(seat: Seat, _other: Client) -> None:
    seat.open("/messages/00000000-0000-0000-0000-000000000000")
    expect(seat.page.get_by_role("alert")).to_be_visible()


def settings(seat: Seat, _other: Client) -> None:
    seat.open("/messages/settings")
    expect(seat.page.get_by_role("switch")).to_be_enabled()


def conversation_menu(seat: Seat, other: Client) -> None:
    seat.open()
    seat.open_with(other)
    seat.choose()
    expect(seat.page.get_by_role("menu")).to_be_visible()


def leave_dialog(seat: Seat, other: Client) -> None:
    seat.open()
    seat.open_with(other)
    seat.choose("Leave …")
    expect(seat.page.get_by_role("dialog")).to_be_visible()


def report_dialog(seat: Seat, other: Client) -> None:
    seat.open()
    seat.open_with(other)
    seat.choose("Report …")
    seat.page.get_by_role("button", name="Send report").click()
    expect(seat.page.get_by_role("alert").filter(has_text="Choose")).to_be_visible()


def blocked(seat: Seat, other: Client) -> None:
    seat.open()
    seat.open_with(other)
    seat.choose("Mute …", "For ever")
    expect(seat.rows(other)).to_contain_text("muted")
    seat.choose("Pin")
    expect(seat.rows(other)).to_contain_text("pinned")
    seat.choose("Block …")
    seat.confirm("Block")
    expect(seat.rows(other)).to_contain_text("blocked")
    expect(seat.page.locator(".composer-bar")).to_be_visible()


def blocked_people(seat: Seat, other: Client) -> None:
    blocked(seat, other)
    seat.open("/messages/settings")
    expect(seat.page.get_by_role("button", name="Unblock")).to_be_visible()


def settings_not_loaded(seat: Seat, other: Client) -> None:
    inbox(seat, other)
    seat.page.route("**/views/settings.js", lambda route: route.abort())
    seat.page.get_by_role("link", name="Settings").click()
    expect(seat.page.get_by_role("button", name="Try again")).to_be_visible()


def not_loaded(seat: Seat, _other: Client) -> None:
    seat.page.route("**/assets/page_client.js", lambda route: route.abort())
    seat.open()
    expect(seat.page.get_by_role("link", name="Try again")).to_be_visible()


def offline(seat: Seat, other: Client) -> None:
    conversation(seat, other)
    seat.page.context.set_offline(True)
    seat.send("Later")
    expect(seat.page.locator(".banner")).to_be_visible()


def sign_in(seat: Seat, _other: Client) -> None:
    seat.open()
    seat.page.get_by_role("button", name="Sign out").click()
    expect(seat.page.get_by_role("button", name="Sign in")).to_be_visible()


def sign_up(seat: Seat, other: Client) -> None:
    sign_in(seat, other)
    seat.page.get_by_role("button", name="Create an account").click()
    expect(seat.page.get_by_label("Handle")).to_be_visible()


def forgotten_password(seat: Seat, other: Client) -> None:
    sign_in(seat, other)
    seat.page.get_by_role("button", name="Forgot your password?").click()
    seat.page.get_by_label("Email").fill(other.email)
    seat.page.get_by_role("button", name="Send me a code").click()
    expect(seat.page.get_by_label("Code from the email")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    "view",
    [
        sign_in,
        sign_up,
        forgotten_password,
        inbox,
        conversation,
        new_message,
        nobody_there,
        conversation_menu,
        leave_dialog,
        report_dialog,
        blocked,
        blocked_people,
        settings,
        settings_not_loaded,
        not_loaded,
        offline,
    ],
)
def test_axe_finds_nothing(
    view: Callable[[Seat, Client], None], size: dict[str, int], bayko: Client, londo: Client, sits: Sits
) -> None:
    londo.send(handle=bayko.handle, message="See https://example.com/ 👋")
    seat = sits(bayko, viewport=size, color_scheme="light")
    view(seat, londo)
    check_with_axe(seat.page)


def check_with_axe(page: Page) -> None:
    for theme, direction in LOOKS:
        page.emulate_media(color_scheme=theme)
        page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{theme}, {direction}: {found.generate_report()}"


def test_nothing_moves_with_reduced_motion(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="Hello")
    seat = sits(bayko, reduced_motion="reduce")
    seat.open()
    seat.open_with(londo)
    duration = "getComputedStyle(document.querySelector('.typing-note i')).animationName"
    assert seat.page.evaluate(duration) == "none"


def test_each_text_has_the_direction_of_its_language(bayko: Client, londo: Client, sits: Sits) -> None:
    long_word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 4
    for text in ("مرحبا بك", "שלום, bayko", "Hello", long_word, "👩‍👩‍👧‍👦" * 60):
        londo.send(handle=bayko.handle, message=text)
    seat = sits(bayko, viewport=PHONE)
    seat.open()
    seat.open_with(londo)
    direction = "(texts) => texts.map((text) => getComputedStyle(text).direction)"
    assert seat.page.locator("article .text").evaluate_all(direction) == ["rtl", "rtl", "ltr", "ltr", "ltr"]
    assert seat.page.evaluate("document.querySelector('.scroller').scrollWidth <= innerWidth")
