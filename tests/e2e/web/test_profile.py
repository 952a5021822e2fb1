"""The profile in the settings: name, handle and picture, live in every open page."""

import base64

from playwright.sync_api import Request, Route, expect

from tests.e2e.conftest import Client
from tests.e2e.web.conftest import Seat, Sits

PICTURE = "https://pictures.example/face.png"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def show_pictures(seat: Seat) -> list[Request]:
    """Answer requests for the picture; return them."""
    requests: list[Request] = []

    def answer(route: Route) -> None:
        requests.append(route.request)
        route.fulfill(body=PNG, content_type="image/png")

    seat.page.route("https://pictures.example/**", answer)
    return requests


def change_profile(seat: Seat, **fields: str) -> None:
    """Save the settings with these values, by label."""
    seat.open("/messages/settings")
    expect(seat.page.get_by_role("switch")).to_be_enabled()
    for label, value in fields.items():
        seat.page.get_by_label(label.replace("_", " ")).fill(value)
    seat.page.get_by_role("button", name="Save").click()


def test_a_changed_profile_is_shown_at_once_in_every_open_page(bayko: Client, londo: Client, sits: Sits) -> None:
    londo.send(handle=bayko.handle, message="Hello")
    bayko.send(handle=londo.handle, message="Hello")  # from now on each sees whether the other is online
    of_bayko = sits(bayko)
    requests = show_pictures(of_bayko)
    of_bayko.open()
    of_bayko.open_with(londo)
    mine = sits(londo)
    beside = sits(londo, beside=mine)
    show_pictures(mine)
    show_pictures(beside)
    beside.open()
    expect(beside.page.locator(".rows .row")).to_be_visible()
    expect(of_bayko.page.get_by_text("online")).to_be_visible()
    handle = f"{londo.handle}_2"

    change_profile(mine, Name="Emperor Mollari", Handle=handle, Address_of_a_picture=PICTURE)

    expect(mine.page.get_by_text("Saved.")).to_be_visible()
    expect(mine.page.locator(".person")).to_contain_text(f"@{handle}")
    for seat in (mine, beside):
        expect(seat.page.locator(".me .who")).to_contain_text("Emperor Mollari")
        expect(seat.page.locator(".me .avatar img")).to_be_visible()
    expect(of_bayko.page.locator("h1#title")).to_have_text("Emperor Mollari")
    expect(of_bayko.page.locator(".pane .bar")).to_contain_text(f"@{handle}")
    expect(of_bayko.page.locator(".rows .name")).to_have_text("Emperor Mollari")
    for place in (".rows .avatar img", ".pane .bar .avatar img", ".beginning .avatar img"):
        expect(of_bayko.page.locator(place)).to_be_visible()
    assert {request.headers.get("referer") for request in requests} == {None}
    beside.page.reload()
    expect(beside.page.locator(".me .who")).to_contain_text(f"@{handle}")


def test_a_picture_that_does_not_load_leaves_the_initials(bayko: Client, londo: Client, sits: Sits) -> None:
    londo.send(handle=bayko.handle, message="Hello")
    assert londo.request("PATCH", "/api/users/me", json={"avatar": PICTURE}).status_code == 200
    seat = sits(bayko)
    seat.page.route("https://pictures.example/**", lambda route: route.abort())
    with seat.page.expect_event("requestfailed"):
        seat.open()
    expect(seat.rows(londo).locator(".avatar")).to_have_text("L")
    expect(seat.rows(londo).locator(".avatar img")).to_be_hidden()


def test_a_profile_that_cannot_be_saved_says_why_and_keeps_what_was_typed(
    bayko: Client, londo: Client, sits: Sits
) -> None:
    seat = sits(bayko)
    change_profile(seat, Handle=londo.handle)
    expect(seat.page.get_by_role("alert")).to_have_text("This handle is taken.")
    expect(seat.page.get_by_label("Handle")).to_have_value(londo.handle)
    seat.page.get_by_label("Handle").fill(bayko.handle)
    seat.page.get_by_label("Name").fill("Deleted user")
    seat.page.get_by_role("button", name="Save").click()
    expect(seat.page.get_by_role("alert")).to_have_text("This name cannot be used.")
    seat.page.get_by_label("Name").fill("Bayko II")
    seat.page.get_by_role("button", name="Save").click()
    expect(seat.page.get_by_text("Saved.")).to_be_visible()
    expect(seat.page.locator(".me .who")).to_contain_text("Bayko II")
