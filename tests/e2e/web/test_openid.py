"""Signing in at another identity provider: an issuer of our own, whose tokens the deployed API trusts."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import free_port
from tests.e2e.conftest import System, deployed
from tests.e2e.web.test_accessibility import check_with_axe
from tests.support.issuer import Issuer

AUDIENCE, CLIENT = "cruddur", "web-page"
REFRESH_TOKEN = "JSON.parse(localStorage.getItem('cruddur.session')).refresh_token"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer(free_port()).serving() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def system(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A deployment without a user pool. It accepts access tokens for the audience, and the page's ID tokens."""
    parameters = {"TokenIssuer": issuer.url, "TokenAudience": f"{AUDIENCE},{CLIENT}", "WebClientId": CLIENT}
    with deployed(tmp_path_factory.mktemp("issuer"), **parameters) as system:
        yield system


@pytest.fixture
def person(issuer: Issuer) -> dict[str, str]:
    """A person of the issuer, with claims for a profile."""
    handle = f"p_{uuid4().hex[:8]}"
    person = {"sub": f"auth0|{handle}", "preferred_username": handle, "name": f"Person {handle}"}
    issuer.people[person["sub"]] = person
    return person


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name=name).click()


def test_a_person_signs_in_at_the_issuer_and_stays_signed_in(
    page: Page, address: str, person: dict[str, str], issuer: Issuer
) -> None:
    visited: list[str] = []
    page.on("framenavigated", lambda frame: visited.append(frame.url))
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    check_with_axe(page)
    sign_in(page, person["name"])
    expect(page.locator(".me .who")).to_have_text(f"{person['name']}@{person['preferred_username']}")
    assert page.url == f"{address}/messages"
    [asked] = [parse_qs(urlsplit(url).query) for url in visited if "/authorize" in url and "as=" not in url]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["audience"] == asked["resource"] == [AUDIENCE]
    assert "eyJ" not in "".join(visited)
    assert "eyJ" not in page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    refresh_token = page.evaluate(REFRESH_TOKEN)
    page.reload()
    expect(page.get_by_text(f"@{person['preferred_username']}")).to_be_visible()
    expect(page.get_by_text("No conversations yet")).to_be_visible()  # with the new tokens; the handle is shown before
    assert page.evaluate(REFRESH_TOKEN) != refresh_token
    page.go_back()
    expect(page.get_by_role("link", name=person["name"])).to_be_visible()
    page.go_forward()
    expect(page.get_by_text(f"@{person['preferred_username']}")).to_be_visible()


def test_a_sign_in_leads_to_the_path_that_was_opened(page: Page, address: str, person: dict[str, str]) -> None:
    page.goto(f"{address}/messages/settings")
    sign_in(page, person["name"])
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    expect(page.get_by_role("switch")).to_be_enabled()
    # OpenID Connect has no way to sign out elsewhere.
    expect(page.get_by_role("button", name="Sign out on all devices")).to_have_count(0)


def test_two_people_of_the_issuer_chat(
    page: Page, person: dict[str, str], issuer: Issuer, chromium: Browser, address: str
) -> None:
    other = {"sub": f"{uuid4().hex}", "preferred_username": f"o_{uuid4().hex[:8]}", "name": "Another"}
    issuer.people[other["sub"]] = other
    with chromium.new_context(locale="en-GB") as context:
        theirs = context.new_page()
        theirs.goto(address)
        sign_in(theirs, "Another")
        expect(theirs.get_by_text(f"@{other['preferred_username']}")).to_be_visible()
        sign_in(page, person["name"])
        expect(page.locator(".me")).to_be_visible()
        page.goto(f"{address}/messages/new/{other['preferred_username']}")
        page.locator(".composer textarea").fill("Hello")
        page.locator(".composer textarea").press("Enter")
        expect(theirs.locator(".rows .row", has_text=person["name"])).to_contain_text("Hello")


def test_the_id_token_is_the_one_where_the_client_is_the_audience(
    page: Page, address: str, person: dict[str, str]
) -> None:
    def configure(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "audience": CLIENT})

    page.route("**/config.json", configure)
    page.goto(address)
    with page.expect_request("**/authorize?*") as asked:
        page.get_by_role("button", name="Sign in", exact=True).click()
    assert "audience" not in parse_qs(urlsplit(asked.value.url).query)
    page.get_by_role("link", name=person["name"]).click()
    expect(page.get_by_text(f"@{person['preferred_username']}")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"@{person['preferred_username']}")).to_be_visible()


def test_a_person_without_usable_claims_chooses_a_handle(page: Page, issuer: Issuer, person: dict[str, str]) -> None:
    nameless = {"sub": uuid4().hex, "name": f"Nameless {uuid4().hex[:6]}"}
    issuer.people[nameless["sub"]] = nameless
    sign_in(page, person["name"])
    expect(page.locator(".me")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, nameless["name"])
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    check_with_axe(page)
    page.get_by_label("Name").fill("Nameless")
    page.get_by_label("Handle").fill(person["preferred_username"])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_have_text("This handle is taken.")
    page.get_by_label("Handle").fill(f"n_{uuid4().hex[:8]}")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".me .who")).to_contain_text("Nameless")


def test_signing_out_signs_out_at_the_issuer(page: Page, address: str, person: dict[str, str]) -> None:
    sign_in(page, person["name"])
    expect(page.locator(".me")).to_be_visible()
    with page.expect_request("**/logout?*") as left:
        page.get_by_role("button", name="Sign out").click()
    assert parse_qs(urlsplit(left.value.url).query) == {
        "client_id": [CLIENT],
        "post_logout_redirect_uri": [f"{address}/"],
    }
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert page.evaluate("localStorage.getItem('cruddur.session')") is None


def test_a_refused_renewal_asks_to_sign_in_again(page: Page, issuer: Issuer, person: dict[str, str]) -> None:
    sign_in(page, person["name"])
    expect(page.locator(".me")).to_be_visible()
    issuer.refresh_tokens.clear()
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_without_a_refresh_token_a_reload_asks_to_sign_in_again(page: Page, person: dict[str, str]) -> None:
    def answer(route: Route) -> None:
        response = route.fetch()
        tokens: dict[str, Any] = response.json()
        del tokens["refresh_token"]
        route.fulfill(response=response, json=tokens)

    page.route("**/token", answer)
    sign_in(page, person["name"])
    expect(page.locator(".me")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


# ------------------------------------------------------------ Answers that are not taken

MIXED_UP = "This sign-in was not started here. Sign in again."


def test_an_answer_to_nobodys_question_is_not_taken(page: Page, address: str) -> None:
    page.goto(f"{address}/?code=stolen&state=invented")
    expect(page.get_by_role("alert")).to_have_text(MIXED_UP)
    assert page.url == f"{address}/"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"error": "access_denied"}, "The sign-in was refused: access_denied"),
        ({"error": "access_denied", "error_description": "Not today."}, "The sign-in was refused: Not today."),
        ({"error": "access_denied", "state": "another"}, MIXED_UP),
        ({"code": "a code", "iss": "https://evil.example"}, MIXED_UP),
        ({"code": "never issued"}, "The sign-in was refused: invalid_grant"),
    ],
)
def test_a_refusal_or_a_foreign_answer_is_reported(
    answer: dict[str, str], sentence: str, page: Page, address: str
) -> None:
    def redirect(route: Route) -> None:
        state = parse_qs(urlsplit(route.request.url).query)["state"][0]
        query = "&".join(f"{name}={value}" for name, value in {"state": state, **answer}.items())
        route.fulfill(status=302, headers={"Location": f"{address}/?{query}"})

    page.route("**/authorize?*", redirect)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text(sentence)
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()


@pytest.mark.parametrize("claim", [{"nonce": "another"}, {"iss": "https://evil.example"}, {"aud": "another"}])
def test_an_id_token_for_another_sign_in_is_not_taken(
    claim: dict[str, str], page: Page, issuer: Issuer, person: dict[str, str]
) -> None:
    def answer(route: Route) -> None:
        response = route.fetch()
        forged = issuer.token(person["sub"], claim.get("aud", CLIENT), **claim)
        route.fulfill(response=response, json={**response.json(), "id_token": forged})

    page.route("**/token", answer)
    sign_in(page, person["name"])
    expect(page.get_by_role("alert")).to_have_text(MIXED_UP)
    assert page.evaluate("localStorage.getItem('cruddur.session')") is None


def test_an_issuer_that_cannot_be_reached_is_reported(page: Page, person: dict[str, str]) -> None:
    page.route("**/.well-known/openid-configuration", lambda route: route.abort(), times=1)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    sign_in(page, person["name"])
    expect(page.locator(".me")).to_be_visible()


NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/?code=c&state=s", NAVIGATION, 200),
        ("/", NAVIGATION, 200),
        ("/messages", NAVIGATION, 403),
        ("/config.json", NAVIGATION, 403),
        ("/", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}, 403),
        ("/", {**NAVIGATION, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403),
        ("/", {**NAVIGATION, "Host": "rebound.example"}, 403),
        ("/", {**NAVIGATION, "Origin": "https://evil.example"}, 403),
    ],
)
def test_other_pages_may_lead_to_the_place_of_the_answer_and_to_nothing_else(
    path: str, headers: dict[str, str], status: int, address: str
) -> None:
    assert requests.get(address + path, headers=headers, timeout=60).status_code == status
