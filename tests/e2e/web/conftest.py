"""People in front of the web client: real Chromium pages of the deployed system."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from local import web
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.storage.dynamodb import DynamoDB
from messaging.storage.table import Table
from operators.repair import repair_inboxes
from operators.writing import Line, continued, put_all
from tests.e2e.conftest import Client, System
from tests.support import prepare

PATIENCE = 120_000  # milliseconds, for any step of a page
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=PATIENCE)
ARGUMENTS = [
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def launched(*arguments: str) -> Iterator[Browser]:
    """A browser, only during the block: Playwright runs an event loop of its own."""
    installed = prepare.chromium()
    if not installed:
        pytest.skip("Chromium is not here: see tests/support/prepare.py")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed, args=[*ARGUMENTS, *arguments])
        browser.on("context", lambda context: context.set_default_timeout(PATIENCE))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(system: System) -> Iterator[str]:
    """The address of the web client, without a path."""
    with web.serving(system.environment) as address:
        yield address.rstrip("/")


@dataclass
class Seat:
    """A page and its errors."""

    page: Page
    address: str
    client: Client
    errors: list[str]

    def open(self, path: str = "/messages") -> None:
        self.page.goto(self.address + path)

    def open_with(self, other: Client) -> None:
        """Open the conversation with a person, by its row in the inbox."""
        self.rows(other).click()
        self.page.locator("article").first.wait_for()

    def rows(self, other: Client) -> Locator:
        return self.page.locator(".rows .row", has_text=other.display_name)

    def send(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def choose(self, *actions: str) -> None:
        """Choose from the menu of the open conversation, and from the one that follows."""
        self.page.locator(".pane .bar").get_by_role("button", name="Actions:").click()
        for action in actions:
            self.page.get_by_role("menuitem", name=action, exact=True).click()

    def confirm(self, action: str) -> None:
        """Confirm an action in its dialog."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=action, exact=True).click()
        expect(dialog).to_have_count(0)

    @property
    def composer(self) -> Locator:
        return self.page.locator(".composer textarea")

    def message(self, text: str) -> Locator:
        """The messages with this text, sent or being sent."""
        return self.page.locator("article", has_text=text)

    def texts(self) -> list[str]:
        """The texts of all messages in the conversation, in order."""
        return self.page.locator("article .text").all_text_contents()


Sits = Callable[..., Seat]


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """The web client with nobody signed in. An error of the page fails the test."""
    errors: list[str] = []
    with chromium.new_context(viewport=DESKTOP, locale="en-GB") as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        yield page
    assert errors == []


@pytest.fixture
def sits(chromium: Browser, address: str, system: System) -> Iterator[Sits]:
    """Seat a person, signed in, in a browser of their own, or in the browser of another seat of theirs, `beside`.

    Every error of a page, and every refusal by its content security policy, fails the test.
    """
    seats: list[Seat] = []

    def seat(client: Client, beside: Seat | None = None, **options: Any) -> Seat:
        if beside:
            context = beside.page.context
        else:
            context = chromium.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
            context.add_init_script(_signed_in(system, client))
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.extend(_complaints(message)))
        one = Seat(page, address, client, errors)
        seats.append(one)
        return one

    yield seat
    for one in seats:
        one.page.context.close()
    assert [error for one in seats for error in one.errors] == []


def _complaints(message: ConsoleMessage) -> list[str]:
    """Errors of the page, except failed requests and their effects: some tests cause them."""
    network = ("Failed to load resource", "WebSocket connection", "was preloaded using link preload but not used")
    is_network = any(text in message.text for text in network)
    return [message.text] if message.type in ("error", "warning") and not is_network else []


def _signed_in(system: System, client: Client) -> str:
    """A script that writes into localStorage, once, as a sign-in does."""
    kept = {
        "refresh_token": system.sign_in(client.email)["RefreshToken"],
        "user": {
            "uuid": client.user_uuid,
            "handle": client.handle,
            "display_name": client.display_name,
            "avatar": None,
        },
    }
    return f"""
      if (!localStorage.getItem("seated")) {{
        localStorage.setItem("seated", "yes");
        localStorage.setItem("cruddur.session", {json.dumps(json.dumps(kept))});
      }}"""


def sign_in(page: Page, email: str, password: str) -> None:
    """Fills in the form that the page shows."""
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
def api_requests() -> Callable[[Page], list[Request]]:
    """Start recording the requests of a page to the API."""

    def note(page: Page) -> list[Request]:
        noted: list[Request] = []
        page.on("request", lambda request: noted.append(request) if "/api/" in request.url else None)
        return noted

    return note


def talk(system: System, one: Client, other: Client, count: int, unread: int = 0) -> str:
    """Write a conversation of `count` messages, from "message 1" on, into the table; return its uuid.

    The two take turns, and the last `unread` messages are all by `one`.
    """
    people = [Person(client.user_uuid, client.handle, client.display_name) for client in (one, other)]
    begins = datetime.now(UTC) - timedelta(minutes=count)
    lines = (
        Line(
            Draft(str(uuid4()), f"message {number}" + " and on" * (number % 40)),
            people[0 if number > count - unread else number % 2],
            begins + timedelta(minutes=number),
        )
        for number in range(1, count + 1)
    )
    written = list(continued((people[0], people[1]), lines, None))
    head = written[-1][1]
    client = system.client("dynamodb")
    put_all(DynamoDB(client, system.environment.table_name), [*(message.item for message, _ in written), head.item])
    repair_inboxes(Table(client, system.environment.table_name), head.message_group_uuid)
    return head.message_group_uuid
