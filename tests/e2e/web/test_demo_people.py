"""The demo people in the page, as `make run` serves it."""

from uuid import uuid4

from playwright.sync_api import Browser, expect

from local import web
from messaging.model.person import ProfileChange
from messaging.services.profile import change_profile
from messaging.storage.table import Table
from operators import demo
from tests.e2e.conftest import PASSWORD, System
from tests.e2e.web.conftest import DESKTOP


def test_demo_people_are_one_click_away_and_two_windows_are_two_of_them(system: System, chromium: Browser) -> None:
    list(demo.load(system.environment, PASSWORD))
    with (
        web.serving(system.environment, PASSWORD) as address,
        chromium.new_context(viewport=DESKTOP) as context,  # type: ignore[arg-type]
    ):
        config = context.request.get(f"{address}config.json").json()
        assert {name for person in config["demo"]["people"] for name in person} == {"name", "handle", "email"}
        of_bayko, of_londo = context.new_page(), context.new_page()
        for page, me, other in (
            (of_bayko, "Andrew Bayko", "Londo Mollari"),
            (of_londo, "Londo Mollari", "Andrew Bayko"),
        ):
            page.goto(address)
            page.get_by_role("button", name=me).click()
            page.locator(".rows .row", has_text=other).click()
            expect(page.get_by_text("Naturally. And nine onions.").last).to_be_visible()

        composer = of_bayko.locator(".composer textarea")
        composer.fill("Are you there?")
        composer.press("Enter")
        expect(of_londo.locator("article", has_text="Are you there?").last).to_be_visible()
        of_londo.reload()
        expect(of_londo.get_by_text("@londo")).to_be_visible()


def test_a_demo_person_may_change_their_handle(system: System) -> None:
    list(demo.load(system.environment, PASSWORD))
    table = Table(system.environment.client("dynamodb"), system.environment.table_name)
    priya = table.person_by_handle("priya")
    assert priya
    handle = f"priya_{uuid4().hex[:8]}"
    change_profile(table, priya.user_uuid, ProfileChange(handle))

    assert next(demo.load(system.environment, PASSWORD)) == f"{len(demo.PEOPLE)} people"
    assert table.person(priya.user_uuid, consistent=True) == table.person_by_handle(handle)
