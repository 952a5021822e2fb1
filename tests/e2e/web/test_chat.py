"""Two people, two browsers, one conversation."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, Request, Route, expect

from tests.e2e.conftest import Client, System, eventually
from tests.e2e.web.conftest import DESKTOP, PHONE, Sits, talk


def test_two_people_chat(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="Londo?")
    left, right = sits(bayko), sits(londo, viewport=PHONE)
    left.open()
    left.open_with(londo)
    right.open()
    expect(right.rows(bayko)).to_contain_text("1 unread")
    expect(right.page).to_have_title("(1) Messages")
    right.open_with(bayko)
    expect(right.page.locator(".unread-line")).to_be_visible()
    expect(right.page).to_have_title("Bayko · Messages")
    expect(left.page.get_by_text("Read", exact=True)).to_be_hidden()  # until the other has written

    right.send("Who asks?")
    expect(left.message("Who asks?")).to_be_visible()
    left.send("I do")
    expect(right.message("I do")).to_be_visible()
    expect(left.page.get_by_text("Read", exact=True)).to_be_visible()
    assert left.texts() == right.texts() == ["Londo?", "Who asks?", "I do"]
    # The person who was looking has read, and the server confirms it.
    for person in (bayko, londo):
        eventually(lambda person=person: person.get("/api/unread").json()["messages"] == 0)  # type: ignore[misc]


def test_a_message_is_there_at_once_and_marked_until_the_server_has_it(
    bayko: Client, londo: Client, sits: Sits
) -> None:
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    held: list[Route] = []
    seat.page.route("**/api/messages", lambda route: held.append(route))
    seat.send("Second")
    expect(seat.page.locator(".pending", has_text="Second")).to_contain_text("Sending")
    eventually(lambda: seat.page.title() and held)  # the page's events arrive during a call
    held[0].continue_()
    expect(seat.page.locator(".pending")).to_have_count(0)
    expect(seat.page.get_by_text("Sent", exact=True)).to_be_visible()
    assert seat.texts() == ["First", "Second"]


def test_a_failed_message_is_sent_again_under_the_same_uuid(
    bayko: Client, londo: Client, sits: Sits, api_requests: Callable[[Page], list[Request]]
) -> None:
    """One attempt is lost, and the next one's answer: the server has the message, and the page is unaware."""
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    requests = api_requests(seat.page)

    asked_again, lost = False, False

    def fail(route: Route) -> None:
        """Abort requests; once asked again, lose one answer, then let all through: it is also sent again by itself."""
        nonlocal lost
        if not asked_again:
            route.abort()
        elif not lost:
            lost = True
            route.fetch()
            route.abort()
        else:
            route.continue_()

    seat.page.route("**/api/messages", fail)
    seat.send("Second")
    expect(seat.page.locator(".pending")).to_contain_text("Not sent")
    with seat.page.expect_request("**/api/messages"):
        seat.page.get_by_role("button", name="Send again").click()
    asked_again = True
    expect(seat.page.locator(".pending")).to_have_count(0)
    eventually(lambda: seat.page.evaluate("Object.keys(localStorage).every((key) => !key.includes('outbox'))"))
    sent = [json.loads(request.post_data) for request in requests if request.method == "POST" and request.post_data]
    assert len(sent) >= 3
    assert len({body["message_uuid"] for body in sent}) == 1
    group = bayko.inbox()[0]["uuid"]
    assert [message["message"] for message in londo.get(f"/api/messages/{group}").json()] == ["First", "Second"]


def test_a_refused_message_can_be_discarded(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    seat.page.route(
        "**/api/messages", lambda route: route.fulfill(status=422, json=["message_exceed_max_chars"]), times=1
    )
    seat.send("Too long, they say")
    seat.send("This is not")
    expect(seat.page.locator(".pending", has_text="they say")).to_contain_text("Not sent: The message is too long.")
    expect(seat.page.get_by_text("Sent", exact=True)).to_be_visible()
    seat.page.get_by_role("button", name="Discard").click()
    expect(seat.page.locator(".pending")).to_have_count(0)
    assert seat.texts() == ["First", "This is not"]


def test_offline_messages_are_sent_once_and_in_order(bayko: Client, londo: Client, sits: Sits) -> None:
    group = bayko.send(handle=londo.handle, message="First")["message_group_uuid"]
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    seat.page.context.set_offline(True)
    expect(seat.page.locator(".banner")).to_contain_text("You are offline")
    for number in range(3):
        seat.send(f"Offline {number}")
    expect(seat.page.locator(".pending", has_text="Will be sent")).to_have_count(3)
    londo.send(message_group_uuid=group, message="Are you there?")

    seat.page.context.set_offline(False)
    expect(seat.page.locator(".pending")).to_have_count(0)
    expect(seat.page.locator(".banner")).to_be_hidden()
    texts = ["First", "Are you there?", "Offline 0", "Offline 1", "Offline 2"]
    expect(seat.page.locator("article .text")).to_have_text(texts)
    assert [message["message"] for message in londo.get(f"/api/messages/{group}").json()] == texts


def test_unsent_messages_survive_a_reload(bayko: Client, londo: Client, sits: Sits) -> None:
    group = bayko.send(handle=londo.handle, message="First")["message_group_uuid"]
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    seat.page.route("**/api/messages", lambda route: route.abort())
    seat.send("Second")
    expect(seat.page.locator(".pending")).to_contain_text("Not sent")
    seat.composer.fill("A draft")
    seat.page.unroute("**/api/messages")
    seat.page.reload()
    expect(seat.message("Second")).to_be_visible()
    expect(seat.page.locator(".pending")).to_have_count(0)
    expect(seat.composer).to_have_value("A draft")
    assert len(londo.get(f"/api/messages/{group}").json()) == 2


def test_reading_in_one_tab_clears_the_badge_in_the_other(bayko: Client, londo: Client, sits: Sits) -> None:
    one = sits(bayko)
    one.open()
    two = sits(bayko, beside=one)
    two.open()
    londo.send(handle=bayko.handle, message="Both of you!")
    for tab in (one, two):
        expect(tab.rows(londo)).to_contain_text("1 unread")
        expect(tab.page).to_have_title("(1) Messages")
    two.open_with(londo)
    expect(one.rows(londo)).not_to_contain_text("unread")
    expect(one.page).to_have_title("Messages")


def test_a_conversation_begins_with_a_handle(bayko: Client, londo: Client, sits: Sits) -> None:
    seat = sits(bayko)
    seat.open()
    expect(seat.page.locator(".note")).to_contain_text("No conversations yet")
    seat.page.get_by_role("link", name="New message").first.click()
    seat.page.get_by_label("To").fill("@nobody_at_all")
    expect(seat.page.get_by_text("Nobody has the handle @nobody_at_all.")).to_be_visible()
    seat.page.get_by_label("To").fill(londo.handle.upper())
    option = seat.page.get_by_role("option", name=londo.handle)
    expect(option).to_be_visible()
    seat.page.get_by_label("To").press("Enter")
    expect(seat.page.get_by_text("Your first message starts the conversation.")).to_be_visible()
    assert seat.page.url.endswith(f"/messages/new/{londo.handle}")
    seat.send("So it begins")
    expect(seat.page.get_by_text("Sent", exact=True)).to_be_visible()
    assert seat.page.url.endswith(londo.inbox()[0]["uuid"])
    # Writing to a person again leads to the existing conversation.
    seat.open(f"/messages/new/{londo.handle}")
    expect(seat.message("So it begins")).to_be_visible()


def test_a_stranger_sees_nothing(bayko: Client, londo: Client, eve: Client, sits: Sits) -> None:
    group = bayko.send(handle=londo.handle, message="Between us")["message_group_uuid"]
    seat = sits(eve)
    seat.open(f"/messages/{group}")
    expect(seat.page.get_by_role("alert")).to_have_text("There is no such conversation.")
    assert "Between us" not in seat.page.content()


def test_written_text_is_never_html(system: System, bayko: Client, sits: Sits) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    mallory = system.person("mallory", f"{attack} Mallory")
    texts = [
        attack,
        "javascript:alert(1) data:text/html,x https://example.com/?q=1&a=(b)\u202emoc.elpmaxe",
        'https://example.com/"onmouseover="document.title=1',
    ]
    for text in texts:
        mallory.send(handle=bayko.handle, message=text)
    seat = sits(bayko)
    seat.open()
    seat.page.locator(".rows .row").click()
    expect(seat.page.locator("article .text")).to_have_text(texts)
    expect(seat.page.locator("h1#title")).to_have_text(f"{attack} Mallory")
    links = seat.page.locator("article a")
    assert [link.get_attribute("href") for link in links.all()] == [
        "https://example.com/?q=1&a=(b)",
        "https://example.com/",
    ]
    for link in links.all():
        assert {"noopener", "noreferrer", "nofollow"} <= set((link.get_attribute("rel") or "").split())
    assert seat.page.locator("article img, article script, .rows img").count() == 0
    assert "owned" not in seat.page.title().replace(attack, "")


def test_a_long_conversation_opens_at_the_first_unread_and_pages_without_a_jump(
    system: System, bayko: Client, londo: Client, sits: Sits
) -> None:
    group = talk(system, bayko, londo, 400, unread=219)
    seat = sits(londo)
    seat.open(f"/messages/{group}")
    line = seat.page.locator(".unread-line")
    expect(line).to_be_in_viewport()
    following = seat.page.locator(".unread-line + article, .unread-line + .day + article")
    expect(following).to_contain_text("message 182")

    seen = seat.page.evaluate(SCROLL_TO_THE_TOP)
    assert seen["jump"] <= 2  # pixels
    expect(seat.page.get_by_text("Beginning of the conversation")).to_be_visible()
    numbers = [int(text.split()[1]) for text in seat.texts()]
    assert numbers == list(range(1, 401))


# Scrolls up like a wheel, and records the largest other movement of the message being read.
SCROLL_TO_THE_TOP = """async () => {
  const scroller = document.querySelector(".scroller");
  const frame = () => new Promise(requestAnimationFrame);
  const ends = Date.now() + 30000;
  let jump = 0;
  while (Date.now() < ends) {
    if (scroller.scrollTop === 0) {
      if (document.querySelector(".beginning")) return { jump };
      await frame();
      continue;
    }
    const { top, left, width } = scroller.getBoundingClientRect();
    let article;
    for (let down = 30; !article; down += 20) {
      for (const part of [0.25, 0.75]) {
        article ??= document.elementFromPoint(left + width * part, top + down)?.closest("article");
      }
    }
    const before = article.getBoundingClientRect().top;
    const step = Math.min(400, scroller.scrollTop);
    scroller.scrollBy(0, -step);
    await frame();
    await frame();
    jump = Math.max(jump, Math.abs(article.getBoundingClientRect().top - before - step));
  }
  throw new Error("the beginning was not reached");
}"""


def test_it_can_be_used_by_keyboard_alone(bayko: Client, londo: Client, eve: Client, sits: Sits) -> None:
    for other in (londo, eve):
        other.send(handle=bayko.handle, message=f"I am {other.display_name}")
    seat = sits(bayko, viewport=DESKTOP)
    seat.open()
    expect(seat.rows(eve)).to_be_visible()
    keyboard = seat.page.keyboard
    while "row" not in (seat.page.evaluate("document.activeElement.className") or ""):
        keyboard.press("Tab")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(seat.message("I am Londo")).to_be_visible()
    expect(seat.composer).to_be_focused()
    keyboard.type("One line")
    keyboard.press("Shift+Enter")
    keyboard.type("and another")
    keyboard.press("Enter")
    expect(seat.page.get_by_text("Sent", exact=True)).to_be_visible()
    assert seat.texts()[-1] == "One line\nand another"


def test_the_countdown_counts_code_points_and_stops_long_texts(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="First")
    seat = sits(bayko)
    seat.open()
    seat.open_with(londo)
    send = seat.page.get_by_role("button", name="Send")
    seat.composer.fill("👋" * 1024)
    expect(seat.page.locator(".count")).to_have_text("0")
    expect(send).to_be_enabled()
    seat.composer.fill("👋" * 1025)
    expect(seat.page.locator(".count")).to_have_text("-1")
    expect(send).to_be_disabled()
    seat.composer.press("Enter")
    assert seat.texts() == ["First"]
    for blank in ("  \n ", "\u200b\u2060\u3164"):
        seat.composer.fill(blank)
        expect(send).to_be_disabled()


def test_one_sees_the_other_type_and_be_online(bayko: Client, londo: Client, sits: Sits) -> None:
    bayko.send(handle=londo.handle, message="Londo?")
    londo.send(handle=bayko.handle, message="Bayko?")
    left, right = sits(bayko), sits(londo)
    for seat, other in ((left, londo), (right, bayko)):
        seat.open()
        seat.open_with(other)
    online = left.page.get_by_text("online")
    expect(online).to_be_visible()
    note, row = left.page.locator(".typing-note"), left.page.locator(".rows", has_text="typing")

    def types_on() -> bool:
        """Type another letter: a typing event may get lost, and the next letter repeats it."""
        right.composer.press_sequentially("?", delay=200)
        return note.is_visible() and row.is_visible()

    eventually(types_on)
    right.send("Who asks?")
    expect(left.message("Who asks?")).to_be_visible()
    expect(note).to_be_hidden()
    right.page.close()
    expect(online).to_be_hidden()
