"""Folders, requests, settings of conversations, blocks and reports in the page, live in two windows of one person."""

import json

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.e2e.conftest import Client
from tests.e2e.web.conftest import DESKTOP, PHONE, Seat, Sits
from tests.e2e.web.test_accessibility import check_with_axe
from tests.e2e.web.test_robustness import TOUCH


def take_requests(person: Client, messages_from: str = "requests") -> None:
    assert person.request("PATCH", "/api/users/me", json={"messages_from": messages_from}).status_code == 200


def meet(one: Client, other: Client) -> str:
    """Let two people write to each other; return their conversation's uuid."""
    group: str = one.send(handle=other.handle, message="Hello")["message_group_uuid"]
    other.send(message_group_uuid=group, message="Hello yourself")
    return group


def windows(sits: Sits, me: Client, path: str = "/messages") -> tuple[Seat, Seat]:
    """Two windows of one person, connected."""
    one = sits(me)
    other = sits(me, beside=one)
    for seat in (one, other):
        with seat.page.expect_websocket():
            seat.open(path)
    return one, other


def folder(seat: Seat, name: str) -> Locator:
    return seat.page.get_by_role("navigation", name="Folders").get_by_role("link", name=name)


def test_a_stranger_asks_and_is_accepted_live_in_two_windows(bayko: Client, londo: Client, sits: Sits) -> None:
    take_requests(londo)
    one, other = windows(sits, londo)
    stranger = sits(bayko)
    stranger.open(f"/messages/new/{londo.handle}")
    expect(stranger.page.get_by_text("Your messages are a request until Londo accepts")).to_be_visible()
    stranger.send("Londo?")
    expect(stranger.page.locator(".composer-bar")).to_contain_text("Your messages are a request")

    for seat in (one, other):
        expect(folder(seat, "Requests")).to_contain_text("1")
        expect(seat.rows(bayko)).to_have_count(0)
        expect(seat.page).to_have_title("Messages")
    folder(one, "Requests").click()
    expect(one.page.get_by_role("heading", name="Requests")).to_be_focused()
    one.open_with(bayko)
    expect(one.page.locator(".composer-bar")).to_contain_text("Bayko would like to write to you")
    expect(one.composer).to_be_hidden()
    expect(folder(other, "Requests").locator(".badge")).to_be_hidden()  # it was read in the first window

    one.page.get_by_role("button", name="Accept").click()
    expect(one.composer).to_be_focused()
    expect(one.rows(bayko)).to_have_count(0)
    expect(other.rows(bayko)).to_be_visible()
    expect(stranger.page.get_by_text("Read", exact=True)).to_be_hidden()
    one.send("Who asks?")
    expect(stranger.message("Who asks?")).to_be_visible()
    expect(stranger.page.locator(".composer-bar")).to_have_count(0)


def test_the_fourth_message_of_a_request_waits_and_its_text_is_kept(bayko: Client, londo: Client, sits: Sits) -> None:
    take_requests(londo)
    group = bayko.send(handle=londo.handle, message="One")["message_group_uuid"]
    bayko.send(message_group_uuid=group, message="Two")
    seat = sits(bayko)
    seat.open(f"/messages/{group}")
    expect(seat.page.locator(".composer-bar")).to_contain_text("Your messages are a request")
    seat.page.context.set_offline(True)  # or the page would hear of the third message, and close the composer
    seat.send("Four")
    bayko.send(message_group_uuid=group, message="Three")
    seat.page.context.set_offline(False)
    expect(seat.page.locator(".composer-bar")).to_contain_text("Londo has not accepted your request yet")
    expect(seat.composer).to_be_hidden()
    expect(seat.page.locator(".pending", has_text="Four")).to_contain_text("Not sent: ")

    assert londo.post(f"/api/message_groups/{group}/accept", {}).status_code == 200
    seat.page.get_by_role("button", name="Send again").click()
    expect(seat.page.locator(".pending")).to_have_count(0)
    expect(seat.composer).to_be_visible()
    assert seat.texts() == ["One", "Two", "Three", "Four"]


def test_the_keyboard_of_a_phone_stays_open_when_a_bar_arrives_late(bayko: Client, londo: Client, sits: Sits) -> None:
    take_requests(londo)
    group = bayko.send(handle=londo.handle, message="One")["message_group_uuid"]
    seat = sits(bayko, **TOUCH)
    held: list[Route] = []
    seat.page.route("**/composer_bar.js", lambda route: held.append(route))
    with seat.page.expect_request("**/composer_bar.js"):
        seat.open(f"/messages/{group}")
    seat.composer.press_sequentially("Tw")
    expect(seat.page.locator(".composer-bar")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(seat.page.locator(".composer-bar")).to_contain_text("Your messages are a request")
    expect(seat.composer).to_be_focused()


def test_a_request_is_declined_or_blocked_and_gone(bayko: Client, londo: Client, eve: Client, sits: Sits) -> None:
    take_requests(londo)
    for stranger in (bayko, eve):
        stranger.send(handle=londo.handle, message="Londo?")
    one, other = windows(sits, londo, "/messages/requests")
    one.open_with(bayko)
    one.page.get_by_role("button", name="Decline").click()
    one.open_with(eve)
    one.page.get_by_role("button", name="Block").click()
    one.confirm("Block")
    for seat in (one, other):
        expect(seat.page.locator(".note", has_text="No requests")).to_be_visible()
        expect(seat.rows(bayko)).to_have_count(0)
        expect(seat.rows(eve)).to_have_count(0)
    assert [user["uuid"] for user in londo.get("/api/blocks").json()] == [eve.user_uuid]


def test_nobody_writes_to_a_person_who_wants_no_messages(bayko: Client, londo: Client, sits: Sits) -> None:
    take_requests(londo, "nobody")
    seat = sits(bayko)
    seat.open(f"/messages/new/{londo.handle}")
    expect(seat.page.get_by_text("You cannot write to Londo")).to_be_visible()
    expect(seat.composer).to_be_disabled()


def test_a_muted_conversation_shows_all_and_counts_nothing(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    one, other = windows(sits, londo)
    one.open_with(bayko)
    one.choose("Mute …", "8 hours")
    for seat in (one, other):
        expect(seat.rows(bayko)).to_contain_text("muted")
    expect(one.page.get_by_role("menu")).to_have_count(0)
    one.open()
    bayko.send(handle=londo.handle, message="Londo?")
    for seat in (one, other):
        expect(seat.rows(bayko)).to_contain_text("1 unread")
        expect(seat.page).to_have_title("Messages")

    other.rows(bayko).hover()
    other.page.get_by_role("button", name="Actions: Bayko").click()
    other.page.get_by_role("menuitem", name="Unmute").click()
    for seat in (one, other):
        expect(seat.page).to_have_title("(1) Messages")
        expect(seat.rows(bayko)).not_to_contain_text("muted")


def test_an_archived_conversation_comes_back_with_its_next_message(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    one, other = windows(sits, londo)
    one.open_with(bayko)
    one.choose("Archive")
    for seat in (one, other):
        expect(seat.rows(bayko)).to_have_count(0)
        folder(seat, "Archive").click()
        expect(seat.rows(bayko)).to_be_visible()
    one.open_with(bayko)
    bayko.send(handle=londo.handle, message="Londo?")
    expect(one.message("Londo?")).to_be_visible()
    for seat in (one, other):
        expect(seat.page.locator(".note", has_text="The archive is empty")).to_be_visible()
        folder(seat, "Inbox").click()
        expect(seat.rows(bayko)).to_contain_text("Londo?")

    other.open_with(bayko)
    other.choose("Archive")
    folder(other, "Archive").click()
    other.open_with(bayko)
    other.choose("Move to inbox")
    expect(one.rows(bayko)).to_be_visible()


def test_pinned_conversations_come_first(bayko: Client, londo: Client, eve: Client, sits: Sits) -> None:
    for person in (bayko, eve):
        meet(person, londo)
    one, other = windows(sits, londo)
    names = ".rows .name"
    expect(one.page.locator(names)).to_have_text(["Eve", "Bayko"])
    one.open_with(bayko)
    one.choose("Pin")
    for seat in (one, other):
        expect(seat.page.locator(names)).to_have_text(["Bayko", "Eve"])
        expect(seat.rows(bayko)).to_contain_text("pinned")
    eve.send(handle=londo.handle, message="Londo?")
    expect(other.rows(eve)).to_contain_text("Londo?")
    expect(other.page.locator(names)).to_have_text(["Bayko", "Eve"])
    one.choose("Unpin")
    for seat in (one, other):
        expect(seat.page.locator(names)).to_have_text(["Eve", "Bayko"])


def test_a_setting_that_the_server_refuses_says_why(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    seat = sits(londo)
    seat.open()
    seat.open_with(bayko)
    seat.page.route(
        "**/api/message_groups/*",
        lambda route: (
            route.fulfill(status=422, json=["pins_exceed_max"])
            if route.request.method == "PATCH"
            else route.continue_()
        ),
    )
    seat.choose("Pin")
    expect(seat.page.get_by_role("alert").filter(has_text="You can pin ten conversations at most.")).to_be_visible()


def test_a_conversation_is_marked_as_unread_until_it_is_opened(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    one, other = windows(sits, bayko)
    one.open_with(londo)
    expect(other.page).to_have_title("Messages")
    one.choose("Mark as unread")
    for seat in (one, other):
        expect(seat.page.locator(".composer")).to_have_count(0)
        expect(seat.rows(londo)).to_contain_text("unread")
    one.open_with(londo)
    for seat in (one, other):
        expect(seat.rows(londo)).not_to_contain_text("unread")


def test_a_person_is_blocked_and_unblocked_live_in_two_windows(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    one, other = windows(sits, londo)
    blocked = sits(bayko)
    blocked.open()
    blocked.open_with(londo)
    for seat in (one, other):
        seat.open_with(bayko)
    expect(blocked.page.get_by_text("online")).to_be_visible()
    one.choose("Block …")
    one.confirm("Block")
    for seat in (one, other):
        expect(seat.page.locator(".composer-bar")).to_contain_text("You have blocked Bayko.")
        expect(seat.composer).to_be_hidden()
        expect(seat.rows(bayko)).to_contain_text("blocked")
        expect(seat.page.locator(".pane .bar")).not_to_contain_text("online")
    expect(blocked.page.get_by_text("online")).to_be_hidden()
    blocked.send("Can you hear me?")
    expect(blocked.page.get_by_text("Sent", exact=True)).to_be_visible()
    expect(blocked.page.locator(".composer-bar")).to_have_count(0)

    other.open("/messages/settings")
    people = other.page.get_by_role("region", name="Blocked people")
    expect(people).to_contain_text("Bayko")
    people.get_by_role("button", name="Unblock Bayko").click()
    expect(people).to_contain_text("You have blocked nobody.")
    expect(one.composer).to_be_visible()
    blocked.send("And now?")
    expect(one.message("And now?")).to_be_visible()
    assert one.texts() == ["Hello", "Hello yourself", "And now?"]
    assert blocked.texts() == ["Hello", "Hello yourself", "Can you hear me?", "And now?"]


def test_a_text_edited_during_a_block_is_shown_in_a_next_one(bayko: Client, londo: Client, sits: Sits) -> None:
    sent = bayko.send(handle=londo.handle, message="Hello")
    path = f"/api/messages/{sent['message_group_uuid']}/{sent['uuid']}"
    page = f"/messages/{sent['message_group_uuid']}"
    seats = windows(sits, londo, page)
    for seat in seats:
        expect(seat.message("Hello")).to_be_visible()
    londo.request("PUT", f"/api/blocks/{bayko.user_uuid}")
    for seat in seats:
        expect(seat.page.locator(".composer-bar")).to_contain_text("You have blocked Bayko.")
    assert bayko.request("PATCH", path, json={"message": "Edited", "change": 0}).status_code == 200
    # No event of a block reaches a page, so the second window keeps the text that it had; the first asks anew.
    with seats[0].page.expect_response(f"**/api{page}?*"):
        seats[0].open(page)
    expect(seats[0].page.locator(".composer-bar")).to_contain_text("You have blocked Bayko.")
    expect(seats[0].message("Hello")).to_have_count(0)
    for method in ("DELETE", "PUT"):
        assert londo.request(method, f"/api/blocks/{bayko.user_uuid}").status_code == 200
    for seat in seats:
        expect(seat.message("Edited")).to_be_visible()
        expect(seat.page.locator(".composer-bar")).to_contain_text("You have blocked Bayko.")


def test_a_conversation_is_left_and_comes_back_without_its_history(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    one, other = windows(sits, londo)
    one.open_with(bayko)
    one.choose("Leave …")
    one.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(one.rows(bayko)).to_be_visible()
    one.choose("Leave …")
    one.confirm("Leave")
    for seat in (one, other):
        expect(seat.rows(bayko)).to_have_count(0)
    bayko.send(handle=londo.handle, message="Londo?")
    for seat in (one, other):
        seat.open_with(bayko)
        expect(seat.message("Londo?")).to_be_visible()
        assert seat.texts() == ["Londo?"]


def test_messages_are_reported_with_a_reason(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    bayko.send(handle=londo.handle, message="Buy cheap things")
    seat = sits(londo)
    seat.open()
    seat.open_with(bayko)
    seat.choose("Report …")
    dialog = seat.page.get_by_role("dialog", name="Report Bayko")
    send = dialog.get_by_role("button", name="Send report")
    send.click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose at least one message.")
    dialog.get_by_role("checkbox", name="Buy cheap things").check()
    dialog.get_by_label("Reason").select_option("Harassment")
    dialog.get_by_label("Comment").fill("Again and again")
    with seat.page.expect_request("**/api/reports") as request:
        send.click()
    expect(dialog).to_contain_text("Thank you.")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    report = json.loads(request.value.post_data or "")
    assert report["reason"] == "harassment"
    assert len(report["message_uuids"]) == 1

    seat.message("Buy cheap things").hover()
    seat.message("Buy cheap things").get_by_role("button", name="Actions").click()
    seat.page.get_by_role("dialog").get_by_role("button", name="Report …").click()
    expect(dialog.get_by_role("checkbox", name="Buy cheap things")).to_be_checked()


def test_settings_say_who_may_write(bayko: Client, sits: Sits) -> None:
    seat = sits(bayko)
    seat.open("/messages/settings")
    choice = seat.page.get_by_role("radio", name="Strangers send a request first")
    expect(seat.page.get_by_role("radio", name="Everyone can write to me")).to_be_checked()
    choice.check()
    expect(seat.page.get_by_text("Saved.")).to_be_visible()
    seat.page.reload()
    expect(choice).to_be_checked()


def test_the_menu_works_by_keyboard(bayko: Client, londo: Client, sits: Sits) -> None:
    meet(bayko, londo)
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    button = seat.page.locator(".pane .bar").get_by_role("button", name="Actions:")
    keyboard = seat.page.keyboard
    button.press("Enter")
    expect(seat.page.get_by_role("menuitem", name="Mute …")).to_be_focused()
    keyboard.press("ArrowUp")
    expect(seat.page.get_by_role("menuitem", name="Leave …")).to_be_focused()
    keyboard.press("Escape")
    expect(button).to_be_focused()
    keyboard.press("Enter")
    expect(seat.page.get_by_role("menuitem", name="Mute …")).to_be_focused()
    keyboard.press("Enter")
    expect(seat.page.get_by_role("menuitem", name="1 hour")).to_be_focused()
    keyboard.press("End")
    expect(seat.page.get_by_role("menuitem", name="For ever")).to_be_focused()
    keyboard.press("Enter")
    expect(seat.rows(londo)).to_contain_text("muted")
    expect(button).to_be_focused()
    button.press("Enter")
    expect(seat.page.get_by_role("menuitem", name="Unmute")).to_be_focused()
    keyboard.press("ArrowUp")
    keyboard.press("Enter")
    expect(seat.page.get_by_role("dialog", name="Leave the conversation with Londo?")).to_be_visible()
    keyboard.press("Escape")
    expect(button).to_be_focused()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_a_request(size: dict[str, int], bayko: Client, londo: Client, sits: Sits) -> None:
    take_requests(londo)
    bayko.send(handle=londo.handle, message="Londo?")
    seat = sits(londo, viewport=size, color_scheme="light")
    seat.open("/messages/requests")
    seat.open_with(bayko)
    expect(seat.page.locator(".composer-bar")).to_be_visible()
    check_with_axe(seat.page)
