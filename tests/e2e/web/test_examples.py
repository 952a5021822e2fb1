"""docs/api.md, the page in README.md, and examples/, each as it stands, on one system that trusts several issuers."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from local import stack, web
from operators import demo
from tests.conftest import free_port
from tests.e2e.conftest import PASSWORD, System, deployed
from tests.support.issuer import Issuer
from tools import api_page

ROOT = Path(__file__).parents[3]
PORT = free_port()
ISSUER_PORT = PORT + 1  # free, too
ORIGINS = [f"http://{name}:{PORT}" for name in ("127.0.0.1", "localhost")]
_ANSWERS_WITHIN = 60  # seconds


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with deployed(tmp_path_factory.mktemp("ministack"), ORIGINS) as system:
        list(demo.load(system.environment, PASSWORD))
        yield system


@pytest.fixture
def address(system: System) -> Iterator[str]:
    """The web client's address, where examples find the JavaScript client and the other addresses."""
    with web.serving(system.environment, PASSWORD, ORIGINS) as address:
        yield address.rstrip("/")


@contextmanager
def trusting(system: System, issuer: str, audience: str) -> Iterator[str]:
    """Deploy the system for people of this issuer; yield the web client's address."""
    environment = replace(system.environment)  # its outputs will be others
    stack.deploy(environment, ORIGINS, TokenIssuer=issuer, TokenAudience=audience)
    with web.serving(environment, None, ORIGINS) as address:
        yield address.rstrip("/")


@contextmanager
def started(*command: str | Path, cwd: Path = ROOT, **variables: str) -> Iterator[None]:
    """Run a command that serves a page at PORT."""
    with subprocess.Popen(command, cwd=cwd, env={**os.environ, **variables}, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + _ANSWERS_WITHIN
            while not _answers():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield
        finally:
            process.terminate()


def _answers() -> bool:
    try:
        return requests.get(ORIGINS[1], timeout=_ANSWERS_WITHIN).ok
    except requests.ConnectionError:
        return False


@contextmanager
def served(folder: Path) -> Iterator[None]:
    with started(sys.executable, "-m", "http.server", str(PORT), "--bind", "127.0.0.1", "--directory", folder):
        yield


@pytest.fixture
def pages(chromium: Browser) -> Iterator[tuple[Page, Page]]:
    """Two browsers. No error may reach their pages."""
    errors: list[str] = []
    contexts = [chromium.new_context() for _ in range(2)]
    one, other = (context.new_page() for context in contexts)
    for page in (one, other):
        page.on("pageerror", lambda error: errors.append(str(error)))
    yield one, other
    for context in contexts:
        context.close()
    assert errors == []


def say(page: Page, text: str, label: str = "Message") -> None:
    page.get_by_label(label).fill(text)
    page.get_by_label(label).press("Enter")


def shows(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("listitem").last).to_have_text(text)


def test_the_page_of_the_api_has_the_commands_and_answers_of_this_system(system: System) -> None:
    assert api_page.written(system, PASSWORD) == api_page.FILE.read_text(), "run make docs"


def test_the_page_in_the_readme_works_as_it_stands(
    system: System, address: str, pages: tuple[Page, Page], tmp_path: Path
) -> None:
    (block,) = re.findall(r"^```html\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "index.html").write_text(block.replace("http://127.0.0.1:4567", address))
    page, _ = pages
    token = system.sign_in(demo.PEOPLE[0]["email"])["AccessToken"]
    page.on("dialog", lambda dialog: dialog.accept(token))

    with served(tmp_path):
        page.goto(ORIGINS[1])
        shows(page, re.compile("."))
        say(page, "From the README")
        shows(page, "bayko: From the README")


def test_two_people_write_in_the_plain_page(address: str, pages: tuple[Page, Page]) -> None:
    with served(ROOT / "examples" / "plain"):
        for page, me, other in zip(pages, ("bayko", "londo"), ("londo", "bayko"), strict=True):
            page.goto(f"{ORIGINS[1]}?system={address}&me={me}&other={other}")
        bayko, londo = pages
        say(bayko, "One")
        shows(londo, "bayko: One")
        say(londo, "Two")
        shows(bayko, "londo: Two")


def test_the_plain_page_is_as_short_as_it_is_said_to_be() -> None:
    assert len((ROOT / "examples" / "plain" / "index.html").read_text().splitlines()) <= 40


def test_two_people_of_an_openid_connect_provider_write_in_react(system: System, pages: tuple[Page, Page]) -> None:
    vite = ROOT / "node_modules" / ".bin" / "vite"
    if not vite.exists():
        pytest.skip("vite is not here: run `npm ci`")
    with (
        Issuer(ISSUER_PORT).serving() as issuer,
        trusting(system, issuer.url, "cruddur") as address,
        started(vite, "--port", str(PORT), "--strictPort", cwd=ROOT / "examples" / "react", VITE_SYSTEM=address),
    ):
        issuer.people = {name: {"preferred_username": name.lower(), "name": name} for name in ("Mira", "Noor")}
        for page, name in zip(pages, issuer.people, strict=True):
            page.goto(ORIGINS[1])
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("heading")).to_have_text(f"{name}: 0 unread")
        mira, noor = pages
        say(mira, "noor", "Say hello to (handle)")
        for page, other in ((mira, "Noor"), (noor, "Mira")):
            page.get_by_role("button", name=other).click()
            shows(page, "Mira: Hello!")
        say(noor, "Hello yourself")
        shows(mira, "Noor: Hello yourself")


def test_two_people_of_a_flask_app_write_in_its_page(system: System, pages: tuple[Page, Page], tmp_path: Path) -> None:
    issuer = ORIGINS[0]
    app = ROOT / "examples" / "flask" / "app.py"
    with (
        trusting(system, issuer, "messages") as address,
        started(sys.executable, app, ISSUER=issuer, SYSTEM=address, KEY_FILE=str(tmp_path / "key.pem")),
    ):
        for page, name in zip(pages, ("ana", "ben"), strict=True):
            page.goto(issuer)
            page.get_by_role("button", name=name).click()
            expect(page.get_by_role("heading")).to_contain_text(name)
            page.get_by_role("button", name="Send").wait_for()
        ana, ben = pages
        say(ana, "One")
        shows(ben, "ana: One")
        say(ben, "Two")
        shows(ana, "ben: Two")
