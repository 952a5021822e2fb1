"""docs/api.md, the page in README.md, and examples/, each as it stands."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from local import web
from operators import demo
from tests.conftest import free_port
from tests.e2e.conftest import PASSWORD, System, deployed
from tools import api_page

ROOT = Path(__file__).parents[3]
PORT = free_port()
ORIGINS = [f"http://{name}:{PORT}" for name in ("127.0.0.1", "localhost")]
_ANSWERS_WITHIN = 60  # seconds


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with deployed(tmp_path_factory.mktemp("ministack"), ORIGINS) as system:
        list(demo.load(system.environment, PASSWORD))
        yield system


@pytest.fixture(scope="module")
def address(system: System) -> Iterator[str]:
    """The web client's address, where examples find the JavaScript client and the other addresses."""
    with web.serving(system.environment, PASSWORD, ORIGINS) as address:
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
