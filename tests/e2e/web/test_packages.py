"""The packages in empty projects, in front of the deployed system: their examples, and their hooks in Chromium."""

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local import guard, stack
from local.ministack import HOST
from tests.e2e.conftest import Client, System, eventually
from tests.e2e.web.conftest import talk
from tests.support import packages
from tests.support.packages import JAVASCRIPT, PYTHON, REACT

SHELL = (
    "<!doctype html><meta charset=utf-8><title>Mine</title><div id=root></div><script type=module src=app.js></script>"
)
SETTINGS = "const { api, socket, token } = window.settings;"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.node_project(tmp_path_factory.mktemp("project"))


def environment(system: System, person: Client, other: Client) -> dict[str, str]:
    return {
        "API": system.api,
        "SOCKET": stack.socket_url(system.environment),
        "TOKEN": person.access_token,
        "HANDLE": other.handle,
    }


def test_the_example_in_javascript_runs(system: System, bayko: Client, londo: Client, project: Path) -> None:
    londo.send(handle=bayko.handle, message="Bayko?")
    (project / "example.mjs").write_text(packages.examples(JAVASCRIPT, "js")[0])

    said = packages.run(
        "node",
        "--experimental-websocket",
        "example.mjs",
        folder=project,
        environment=environment(system, bayko, londo),
    )

    assert "0 unread\nLondo: Hello from the package" in said
    eventually(lambda: londo.inbox()[0]["message"] == "Hello from the package")


def test_the_examples_in_python_run(system: System, bayko: Client, londo: Client, tmp_path: Path) -> None:
    londo.send(handle=bayko.handle, message="Bayko?")
    interpreter = packages.python_project(tmp_path)
    (tmp_path / "example.py").write_text("\n".join(packages.examples(PYTHON, "python")))

    said = packages.run(
        interpreter, "example.py", folder=tmp_path, environment=environment(system, bayko, londo)
    ).splitlines()

    assert said == ["1 unread", f"{londo.handle} 0"]
    assert londo.inbox()[0]["message"] == "Hello from the package"


@pytest.fixture(scope="module")
def page_of_mine(system: System, project: Path) -> Iterator[str]:
    """The address of the README's page, bundled with React. Its origin is one that the API allows: the web client's."""
    site = project / "site"
    site.mkdir()
    (site / "index.html").write_text(SHELL)
    (project / "app.jsx").write_text(f"{SETTINGS}\n{packages.examples(REACT, 'jsx')[0]}")
    options = ("--bundle", "--format=esm", "--jsx=automatic", '--define:process.env.NODE_ENV="development"')
    packages.tool("esbuild", "app.jsx", *options, f"--outfile={site / 'app.js'}", folder=project)
    port = guard.page_port(stack.port(system.environment))
    with ThreadingHTTPServer((HOST, port), partial(Handler, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{port}/"
        server.shutdown()


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in the standard library
        """Log nothing."""


Embeds = Callable[[Client], Page]


@pytest.fixture
def embeds(system: System, chromium: Browser, page_of_mine: str) -> Iterator[Embeds]:
    """Seat a person in front of it, in a browser of their own."""
    contexts = []
    errors: list[str] = []

    def embed(person: Client) -> Page:
        context = chromium.new_context()
        contexts.append(context)
        settings = {
            "api": system.api,
            "socket": stack.socket_url(system.environment),
        }
        token = f"() => {json.dumps(person.access_token)}"
        context.add_init_script(f"window.settings = {{...{json.dumps(settings)}, token: {token}}}")
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_of_mine)
        return page

    yield embed
    for context in contexts:
        context.close()
    assert errors == []


def test_two_people_chat_with_the_hooks(bayko: Client, londo: Client, embeds: Embeds) -> None:
    londo.send(handle=bayko.handle, message="Bayko?")
    left, right = embeds(bayko), embeds(londo)
    expect(left.get_by_role("heading", name="1 unread")).to_be_visible()
    left.get_by_role("button", name="Londo: Bayko? (1)").click()
    expect(left.get_by_text("Bayko?", exact=True)).to_be_visible()
    expect(left.get_by_role("heading", name="0 unread")).to_be_visible()
    eventually(lambda: bayko.get("/api/unread").json()["messages"] == 0)

    left.get_by_label("Message").press_sequentially("Who asks?")
    left.get_by_label("Message").press("Enter")
    right.get_by_role("button", name="Bayko: Who asks? (1)").click()
    expect(right.get_by_text("Who asks?", exact=True)).to_be_visible()
    expect(right.get_by_role("heading", name="Bayko is online")).to_be_visible()
    right.get_by_label("Message").press_sequentially("I do")
    expect(left.get_by_role("heading", name="Londo is online is typing")).to_be_visible()
    right.get_by_label("Message").press("Enter")
    expect(left.get_by_text("I do", exact=True)).to_be_visible()
    expect(left.get_by_role("heading", name="Londo is online is typing")).to_be_hidden()


def test_hooks_load_what_is_older_and_try_again(system: System, bayko: Client, londo: Client, embeds: Embeds) -> None:
    group = talk(system, bayko, londo, 120)
    page = embeds(bayko)
    page.route(f"**/api/messages/{group}?*", lambda route: route.abort(), times=1)
    page.get_by_role("button", name="Londo").click()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("p")).to_have_count(50)
    page.get_by_role("button", name="Older").click()
    expect(page.locator("p")).to_have_count(120)
    expect(page.get_by_role("button", name="Older")).to_be_hidden()


def test_a_message_without_a_network_waits_and_is_sent_once(bayko: Client, londo: Client, embeds: Embeds) -> None:
    londo.send(handle=bayko.handle, message="Bayko?")
    page = embeds(bayko)
    page.get_by_role("button", name="Londo").click()
    expect(page.get_by_text("Bayko?", exact=True)).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("Message").fill("Here")
    page.get_by_label("Message").press("Enter")
    expect(page.get_by_text("Here …")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("Here", exact=True)).to_be_visible()
    expect(page.locator("p")).to_have_count(2)
    eventually(lambda: [one["message"] for one in londo.inbox()] == ["Here"])
