"""Several windows of one person: none undoes, loses or forgets what another has begun."""

from playwright.sync_api import Route, expect

from tests.e2e.conftest import Client, eventually
from tests.e2e.web.conftest import Seat, Sits
from tests.e2e.web.test_changes import choose
from tests.e2e.web.test_reach import meet, windows


def _open(sits: Sits, me: Client, group: str) -> tuple[Seat, Seat]:
    seats = windows(sits, me, f"/messages/{group}")
    for seat in seats:
        seat.message("Hello yourself").wait_for()
    return seats


def test_another_window_sends_what_a_closed_one_has_left(bayko: Client, londo: Client, sits: Sits) -> None:
    group = meet(bayko, londo)
    one, other = _open(sits, londo, group)

    def refuse(route: Route) -> None:
        route.abort()

    one.page.route("**/api/messages", refuse)
    with one.page.expect_event("requestfailed"):
        one.send("Important")
    one.page.close()

    expect(other.message("Important")).to_be_visible()
    eventually(lambda: bayko.get(f"/api/messages/{group}").json()[-1]["message"] == "Important", within=120)


def test_another_window_unsends_what_a_closed_one_would_have(bayko: Client, londo: Client, sits: Sits) -> None:
    group = meet(bayko, londo)
    one, other = _open(sits, londo, group)
    choose(one, "Hello yourself", "Unsend")
    expect(other.page.get_by_text("Message unsent")).to_be_visible()
    one.page.close()

    eventually(lambda: "unsent_at" in bayko.get(f"/api/messages/{group}").json()[-1], within=120)


def test_a_draft_stays_when_another_window_sends_its_own(bayko: Client, londo: Client, sits: Sits) -> None:
    one, other = _open(sits, londo, meet(bayko, londo))
    one.composer.fill("A long text")
    other.send("Short")
    expect(one.message("Short")).to_be_visible()
    one.page.reload()
    expect(one.composer).to_have_value("A long text")


def test_a_draft_goes_from_the_window_that_only_showed_it(bayko: Client, londo: Client, sits: Sits) -> None:
    group = meet(bayko, londo)
    one = sits(londo)
    one.open(f"/messages/{group}")
    one.message("Hello yourself").wait_for()
    one.composer.fill("A text")
    other = sits(londo, beside=one)
    other.open(f"/messages/{group}")
    expect(other.composer).to_have_value("A text")
    one.composer.press("Enter")
    expect(other.message("A text")).to_be_visible()
    expect(other.composer).to_have_value("")


def test_settings_show_what_another_window_has_saved_but_for_what_is_typed(londo: Client, sits: Sits) -> None:
    one, other = windows(sits, londo, "/messages/settings")
    for seat in (one, other):
        expect(seat.page.get_by_label("Name", exact=True)).to_have_value("Londo")
    other.page.get_by_label("Picture").fill("https://example.com/a.png")
    one.page.get_by_label("Name", exact=True).fill("Lando")
    one.page.get_by_role("button", name="Save").click()
    expect(other.page.get_by_label("Name", exact=True)).to_have_value("Lando")
    expect(other.page.get_by_label("Picture")).to_have_value("https://example.com/a.png")

    with other.page.expect_request("**/api/users/me") as saved:
        other.page.get_by_role("button", name="Save").click()
    assert saved.value.post_data_json == {"avatar": "https://example.com/a.png"}


def test_the_reply_bar_shows_the_message_as_it_is_now(bayko: Client, londo: Client, sits: Sits) -> None:
    group = meet(bayko, londo)
    secret = bayko.send(message_group_uuid=group, message="A secret")
    seat, _ = _open(sits, londo, group)
    choose(seat, "A secret", "Reply")
    expect(seat.page.locator(".reply")).to_contain_text("A secret")
    bayko.request("DELETE", f"/api/messages/{group}/{secret['uuid']}?for=everyone")
    expect(seat.page.locator(".reply")).not_to_contain_text("A secret")
    expect(seat.page.locator(".reply")).to_contain_text("Message unsent")


def test_a_read_mark_goes_when_the_reader_turns_receipts_off(bayko: Client, londo: Client, sits: Sits) -> None:
    group = meet(bayko, londo)
    bayko.request("PUT", f"/api/message_groups/{group}/read", json={"seq": 2})
    seats = _open(sits, londo, group)
    for seat in seats:
        expect(seat.page.get_by_text("Read", exact=True)).to_be_visible()
    assert bayko.request("PATCH", "/api/users/me", json={"receipts": False}).status_code == 200
    for seat in seats:
        expect(seat.page.get_by_text("Read", exact=True)).to_have_count(0)
