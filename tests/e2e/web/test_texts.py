"""The texts of the page: two modules, the same keys in every language, and nothing visible beside them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import Client
from tests.e2e.web import test_accessibility as views
from tests.e2e.web.conftest import DESKTOP, PHONE, Seat, Sits

ASSETS = Path(__file__).parents[3] / "web" / "assets"
LANGUAGES = sorted(path.stem for path in (ASSETS / "texts").glob("*.js"))
MODULES = [path for path in ASSETS.rglob("*.js") if "texts" not in path.parts]


@pytest.fixture(scope="module")
def page(chromium: Browser, address: str) -> Iterator[Page]:
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(address)
        yield page


@pytest.fixture(scope="module")
def texts(page: Page) -> dict[str, dict[str, Any]]:
    """All texts, by language and key."""
    load = """async (language) => ({
      ...(await import(`/assets/texts/${language}.js`)).default,
      ...(await import(`/assets/texts/more/${language}.js`)).default,
    })"""
    return {language: page.evaluate(load, language) for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_with_its_values_and_plural_forms(
    language: str, page: Page, texts: dict[str, dict[str, Any]]
) -> None:
    assert list(texts[language]) == list(texts["en"])
    categories = page.evaluate("(tag) => new Intl.PluralRules(tag).resolvedOptions().pluralCategories", language)
    for key, english in texts["en"].items():
        text = texts[language][key]
        if isinstance(english, str):
            assert _values(text) == _values(english), key
        else:
            assert sorted(text) == sorted(categories), key
            assert {value for form in text.values() for value in _values(form)} == {"count"}, key


def _values(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_every_text_is_used(texts: dict[str, dict[str, Any]]) -> None:
    source = "\n".join(path.read_text() for path in MODULES)
    codes = (ASSETS.parents[1] / "openapi.yaml").read_text()
    assert [key for key in texts["en"] if f'"{key}"' not in source and not re.search(rf"\b{key}\b", codes)] == []


@pytest.mark.parametrize(
    ("locale", "direction", "title"),
    [
        ("en-GB", "ltr", "Sign in"),
        ("de-AT", "ltr", "Anmelden"),
        ("ar-EG", "rtl", "تسجيل الدخول"),
        ("fr-FR", "ltr", "Sign in"),
    ],
)
def test_the_browser_chooses_the_language(
    locale: str, direction: str, title: str, chromium: Browser, address: str
) -> None:
    with chromium.new_context(locale=locale) as context:
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("button", name=title, exact=True)).to_be_visible()
        root = page.locator("html")
        expect(root).to_have_attribute("dir", direction)
        expect(root).to_have_attribute("lang", "en" if locale == "fr-FR" else locale)


def test_arabic_counts_in_six_forms(chromium: Browser, address: str) -> None:
    say = """async (counts) => {
      const { t } = await import("/assets/texts.js");
      return counts.map((count) => t("arrived", { count }));
    }"""
    with chromium.new_context(locale="ar-AE") as context:
        page = context.new_page()
        page.goto(address)
        assert page.evaluate(say, [0, 1, 2, 3, 11, 100]) == [
            "لا رسائل جديدة",
            "رسالة جديدة واحدة",
            "رسالتان جديدتان",
            "3 رسائل جديدة",
            "11 رسالة جديدة",
            "100 رسالة جديدة",
        ]


def test_dates_follow_the_language(bayko: Client, londo: Client, sits: Sits) -> None:
    londo.send(handle=bayko.handle, message="Hallo")
    seat = sits(bayko, locale="de-DE")
    seat.open()
    seat.open_with(londo)
    expect(seat.page.get_by_text("Heute", exact=True)).to_be_visible()
    expect(seat.rows(londo).locator("time")).to_have_text("jetzt")


def test_a_text_is_in_one_module(page: Page) -> None:
    both = """async () => {
      const [first, more] = await Promise.all(["en", "more/en"].map((name) => import(`/assets/texts/${name}.js`)));
      return Object.keys(first.default).filter((key) => key in more.default);
    }"""
    assert page.evaluate(both) == []


# ------------------------------------------------------------ Nothing beside the modules

SHOWN = """() => {
  const shown = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const { parentElement } = node;
    if (!parentElement.closest("noscript, time, .day, .avatar")) shown.push(node.textContent);
  }
  for (const element of document.body.querySelectorAll("*")) {
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      if (element.localName !== "time") shown.push(element.getAttribute(name) ?? "");
    }
  }
  return [document.title, ...shown];
}"""
MARKED = re.compile("\u200b[^\u200b]*?\u00ad", re.DOTALL)  # Playwright overlooks both characters


def _marked(route: Route) -> None:
    """Answer with English texts, each between two marks."""
    source = (ASSETS / route.request.url.partition("/assets/")[2]).read_text()
    body = source.replace("export default {", "const texts = {") + (
        "const marked = (text) => typeof text === 'string' ? `\\u200b${text}\\u00ad`"
        " : Object.fromEntries(Object.entries(text).map(([form, one]) => [form, `\\u200b${one}\\u00ad`]));"
        "export default Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, marked(text)]));"
    )
    route.fulfill(body=body, content_type="text/javascript")


@pytest.mark.parametrize(
    "view",
    [
        views.sign_in,
        views.sign_up,
        views.forgotten_password,
        views.inbox,
        views.conversation,
        views.new_message,
        views.nobody_there,
        views.conversation_menu,
        views.leave_dialog,
        views.report_dialog,
        views.blocked,
        views.blocked_people,
        views.settings,
        views.settings_not_loaded,
        views.offline,
    ],
)
def test_every_visible_text_is_in_a_module(
    view: Callable[[Seat, Client], None], bayko: Client, londo: Client, sits: Sits
) -> None:
    londo.send(handle=bayko.handle, message="12345")
    seat = sits(bayko)
    seat.page.route("**/texts/**/en.js", _marked)
    view(seat, londo)
    data = {one for person in (bayko, londo) for one in (person.display_name, f"@{person.handle}", person.email)}
    data |= {"An answer", "Refused", "Later", "https://"}
    for shown in seat.page.evaluate(SHOWN):
        rest = shown
        while MARKED.search(rest):  # a text may contain another one
            rest = MARKED.sub("", rest)
        for one in sorted(data, key=len, reverse=True):
            rest = rest.replace(one, "")
        assert not re.search(r"\w*[^\W\d]\w*", rest), shown


WORDS = re.compile(r"""(?<![\w.])(["'`])([A-Z][a-z]+(?: [^"'`]*)?)\1""")
NOT_SHOWN = {"Enter", "Escape", "Authorization", "Content-Type", "Retry-After", "Link", "Caldera Derived Key"}


def test_no_module_contains_a_sentence() -> None:
    """The views above do not show every text: this finds literals that begin like one."""
    found = {}
    for path in MODULES:
        code = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(), flags=re.DOTALL)
        words = {match[2] for match in WORDS.finditer(code)} - NOT_SHOWN
        if words:
            found[path.name] = words
    assert found == {}


def test_the_page_before_its_modules_is_in_english() -> None:
    """Its few words cannot come from a module: they are for a page whose modules did not load, or cannot run."""
    html = (ASSETS.parent / "index.html").read_text()
    words = re.findall(r">([^<>\n]*\w[^<>\n]*)<", html)
    assert words == ["Messages", "The page is not loaded yet.", "Try again", "This page needs JavaScript."]


# ------------------------------------------------------------ From right to left


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_in_arabic_the_page_is_mirrored(size: dict[str, int], bayko: Client, londo: Client, sits: Sits) -> None:
    londo.send(handle=bayko.handle, message="مرحبا")
    bayko.send(handle=londo.handle, message="Hello")
    seat = sits(bayko, viewport=size, locale="ar-EG")
    seat.open()
    seat.open_with(londo)
    middle = size["width"] / 2
    mine, theirs = (seat.message(text).locator(".bubble").bounding_box() for text in ("Hello", "مرحبا"))
    assert mine
    assert theirs
    assert mine["x"] < theirs["x"] + theirs["width"] - mine["width"]
    face = seat.page.locator(".pane .bar .avatar").bounding_box()
    assert face
    assert face["x"] > middle
    assert seat.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
