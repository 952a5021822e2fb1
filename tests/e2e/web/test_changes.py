"""Edit, unsend, hide, react and reply in the page: live, undone, offline, by keyboard, by touch, on other devices."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Client, System
from tests.e2e.web.conftest import DESKTOP, PHONE, Seat, Sits, talk
from tests.e2e.web.test_accessibility import THEMES


def opened(sits: Sits, me: Client, other: Client, **options: object) -> Seat:
    seat = sits(me, **options)
    seat.open()
    seat.open_with(other)
    return seat


def choose(seat: Seat, text: str, action: str) -> None:
    """Choose an action from the menu of the last message with this text."""
    article = seat.message(text).last
    article.hover()
    article.get_by_role("button", name="Actions").click()
    seat.page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()


def shown(seat: Seat) -> list[str]:
    """Each message with its quote and reactions, without times and buttons for actions."""
    parts = seat.page.locator("article").evaluate_all(
        """(articles) => articles.map((article) =>
          [".quote", ".text", ".reactions"].map((one) => article.querySelector(one)?.textContent ?? "").join("|"))"""
    )
    return [str(part) for part in parts]


def test_two_windows_change_messages_live_and_a_third_that_was_away_shows_the_same(
    system: System, bayko: Client, londo: Client, sits: Sits
) -> None:
    talk(system, bayko, londo, 3)
    baykos, londos, third = (opened(sits, me, other) for me, other in [(bayko, londo), (londo, bayko), (bayko, londo)])
    third.page.context.set_offline(True)

    baykos.send("Helo")
    expect(londos.message("Helo")).to_be_visible()
    choose(baykos, "Helo", "Edit")
    field = baykos.page.get_by_role("textbox", name="Edit")
    field.fill("Hello")
    field.press("Enter")
    expect(londos.message("Hello").locator(".meta")).to_contain_text("edited")

    choose(londos, "Hello", "👍")
    expect(baykos.message("Hello").locator(".reaction")).to_have_text("👍")
    baykos.message("Hello").locator(".reaction").click()
    expect(londos.message("Hello").locator(".reaction")).to_have_text("👍 2")

    choose(londos, "Hello", "Reply")
    expect(londos.page.locator(".reply")).to_contain_text("Reply to Bayko: Hello")
    londos.send("Good to see you")
    expect(baykos.message("Good to see you").locator(".quote")).to_have_text("YouHello")

    baykos.send("Secret")
    expect(londos.message("Secret")).to_be_visible()
    choose(baykos, "Secret", "Unsend")
    expect(londos.message("Message unsent")).to_be_visible()
    expect(londos.rows(bayko)).to_contain_text("Message unsent")

    third.page.context.set_offline(False)
    expect(third.message("Message unsent")).to_be_visible()
    assert shown(third) == shown(baykos)
    assert shown(baykos)[-3:] == ["|Hello|👍 2", "YouHello|Good to see you|", "|Message unsent|"]


def test_an_unsend_can_be_undone_before_it_is_sent(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="Keep me")
    baykos = opened(sits, bayko, londo)
    baykos.page.clock.install()
    choose(baykos, "Keep me", "Unsend")
    undo = baykos.page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    undo.press("Enter")
    expect(baykos.message("Keep me")).to_be_visible()
    baykos.page.clock.fast_forward(10_000)
    (entry,) = londo.inbox()
    assert entry["message"] == "Keep me"

    choose(baykos, "Keep me", "Unsend")
    baykos.page.clock.fast_forward(5_000)
    expect(baykos.message("Message unsent")).to_be_visible()
    expect(undo).to_be_hidden()


def test_changes_wait_for_the_network_and_a_reload(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="Helo")
    baykos, londos = opened(sits, bayko, londo), opened(sits, londo, bayko)
    baykos.page.context.set_offline(True)
    choose(baykos, "Helo", "❤️")
    choose(baykos, "Helo", "Edit")
    baykos.page.get_by_role("textbox", name="Edit").fill("Hello")
    baykos.page.keyboard.press("Enter")
    expect(baykos.message("Hello").locator(".reaction")).to_have_text("❤️")
    baykos.page.context.set_offline(False)
    expect(londos.message("Hello").locator(".reaction")).to_have_text("❤️")
    expect(londos.message("Hello").locator(".meta")).to_contain_text("edited")


def test_an_edit_after_the_edit_of_another_device_is_refused_and_its_text_is_kept(
    bayko: Client, londo: Client, sits: Sits
) -> None:
    bayko.send(handle=londo.handle, message="First")
    one, other, londos = (opened(sits, me, them) for me, them in [(bayko, londo), (bayko, londo), (londo, bayko)])
    other.page.context.set_offline(True)
    for seat, text in ((other, "Of the other"), (one, "Of the one")):
        choose(seat, "First", "Edit")
        seat.page.get_by_role("textbox", name="Edit").fill(text)
        seat.page.keyboard.press("Enter")
    expect(londos.message("Of the one")).to_be_visible()
    other.page.context.set_offline(False)
    expect(other.page.get_by_role("alert")).to_contain_text("Not changed:")
    expect(other.message("Of the one")).to_be_visible()
    other.page.get_by_role("alert").get_by_role("button", name="Edit").click()
    expect(other.page.get_by_role("textbox", name="Edit")).to_have_value("Of the other")


def test_a_message_is_deleted_on_all_devices_of_one_person_only(bayko: Client, londo: Client, sits: Sits) -> None:
    for number in range(1, 4):
        bayko.send(handle=londo.handle, message=f"message {number}")
    baykos, other, londos = opened(sits, bayko, londo), opened(sits, bayko, londo), opened(sits, londo, bayko)
    choose(baykos, "message 2", "Delete for me")
    for seat in (baykos, other):
        expect(seat.message("message 2")).to_have_count(0)
        expect(seat.page.locator("article")).to_have_count(2)
    baykos.send("After")
    expect(londos.message("After")).to_be_visible()
    expect(londos.message("message 2")).to_be_visible()


def test_a_quote_jumps_to_a_message_that_is_not_loaded_yet(
    system: System, bayko: Client, londo: Client, sits: Sits
) -> None:
    first = bayko.send(handle=londo.handle, message="The first")
    for number in range(60):
        bayko.send(handle=londo.handle, message=f"message {number}")
    londo.send(message_group_uuid=first["message_group_uuid"], message="An answer", reply_to=first["uuid"])
    seat = opened(sits, londo, bayko)
    seat.message("An answer").locator(".quote").click()
    target = seat.page.locator("article[data-seq='1']")
    expect(target).to_be_focused()
    expect(target).to_be_in_viewport()


def test_a_jump_holds_if_something_changes_before_the_browser_scrolls(bayko: Client, londo: Client, sits: Sits) -> None:
    first = bayko.send(handle=londo.handle, message="The first")
    for number in range(15):
        bayko.send(handle=londo.handle, message=f"message {number}")
    group = first["message_group_uuid"]
    answer = londo.send(message_group_uuid=group, message="An answer", reply_to=first["uuid"])
    assert bayko.request("PUT", f"/api/messages/{group}/{answer['uuid']}/reactions/👍").status_code == 200
    seat = opened(sits, londo, bayko)
    target = seat.page.locator("article[data-seq='1']")
    expect(target).not_to_be_in_viewport()
    seat.page.evaluate("""() => {
      document.querySelector(".quote").click();
      document.querySelector(".reaction").click();
    }""")
    expect(seat.message("An answer").locator(".reaction")).to_have_text("👍 2")
    expect(target).to_be_in_viewport()


def test_everything_works_by_keyboard(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="Helo")
    seat = opened(sits, bayko, londo)
    keyboard = seat.page.keyboard
    more = seat.message("Helo").get_by_role("button", name="Actions")
    expect(seat.composer).to_be_focused()
    keyboard.press("Shift+Tab")
    expect(more).to_be_focused()
    keyboard.press("Enter")
    menu = seat.page.get_by_role("dialog")
    expect(menu.get_by_role("button", name="👍")).to_be_focused()
    keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(more).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("ArrowRight")
    keyboard.press("Enter")
    expect(seat.message("Helo").locator(".reaction")).to_have_text("❤️")

    more.press("Enter")
    menu.get_by_role("textbox", name="Another emoji").press_sequentially("🥳")
    expect(seat.message("Helo").locator(".reaction")).to_have_text(["❤️", "🥳"])
    more.press("Enter")
    menu.get_by_role("button", name="Edit").press("Enter")
    keyboard.press("Escape")
    expect(seat.message("Helo")).to_be_visible()


def test_a_long_press_opens_the_menu_on_a_phone(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="Hello")
    seat = opened(sits, bayko, londo, viewport=PHONE, has_touch=True, is_mobile=True)
    press(seat.message("Hello").locator(".bubble"))
    menu = seat.page.get_by_role("dialog")
    expect(menu).to_be_in_viewport(ratio=1)
    menu.get_by_role("button", name="Unsend").tap()
    expect(seat.page.get_by_role("button", name="Undo")).to_be_visible()


def press(element: Locator) -> None:
    element.dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(theme: str, viewport: dict[str, int], bayko: Client, londo: Client, sits: Sits) -> None:
    sent = bayko.send(handle=londo.handle, message="Question")
    londo.send(message_group_uuid=sent["message_group_uuid"], message="Good to see you", reply_to=sent["uuid"])
    seat = opened(sits, bayko, londo, viewport=viewport, color_scheme=theme)
    choose(seat, "Good to see you", "👍")
    seat.send("Hello")
    choose(seat, "Hello", "👍")
    seat.send("Secret")
    choose(seat, "Secret", "Unsend")
    choose(seat, "Good to see you", "Reply")
    choose(seat, "Hello", "Edit")
    found = [Axe().run(seat.page)]
    seat.page.keyboard.press("Escape")
    seat.message("Hello").get_by_role("button", name="Actions").press("Enter")
    expect(seat.page.get_by_role("dialog")).to_be_visible()
    found.append(Axe().run(seat.page))
    assert [one.generate_report() for one in found if one.violations_count] == []
