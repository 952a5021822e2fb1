"""Signing in and out, by SRP at the system's own Cognito."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Browser, Page, Request, Response, Route, expect

from tests.e2e.conftest import PASSWORD, Client, System
from tests.e2e.web.conftest import DESKTOP, Seat, Sits, sign_in


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A page without a signed-in person."""
    with chromium.new_context(viewport=DESKTOP) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(address)
        yield page


def test_the_password_does_not_leave_the_page(page: Page, bayko: Client) -> None:
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    sign_in(page, bayko.email, PASSWORD)
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()
    flows = [request.post_data or "" for request in requests]
    assert any("USER_SRP_AUTH" in body for body in flows)
    assert not any(PASSWORD in body for body in flows)
    assert PASSWORD not in page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    # The access token is in memory; a reload gets a new one.
    assert "access" not in page.evaluate("localStorage.getItem('cruddur.session')")
    page.reload()
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()


def test_a_wrong_password_is_reported(page: Page, bayko: Client) -> None:
    sign_in(page, bayko.email, "not-the-Passw0rd")
    expect(page.get_by_role("alert")).to_contain_text("Incorrect email or password.")
    sign_in(page, bayko.email, PASSWORD)
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()


def test_an_authenticator_app_is_set_up_and_required(page: Page, bayko: Client) -> None:
    """ministack 1.5.33 requires no second factor after SRP, so Cognito's answer replaces its answer to the password."""
    challenges = iter(["MFA_SETUP", "SOFTWARE_TOKEN_MFA"])

    def ask_for_more(route: Route) -> None:
        if "PASSWORD_VERIFIER" not in (route.request.post_data or ""):
            return route.continue_()
        challenge = {"ChallengeName": next(challenges), "Session": "a" * 20, "ChallengeParameters": {}}
        return route.fulfill(json=challenge)

    page.route("**/", ask_for_more)
    sign_in(page, bayko.email, PASSWORD)
    expect(page.locator("code")).to_be_visible()
    secret = page.locator("code").inner_text()
    app = TOTP(base64.b32decode(secret + "=" * (-len(secret) % 8)), 6, SHA1(), 30, enforce_key_length=False)  # noqa: S303
    page.get_by_label("then enter the code it shows").fill(app.generate(int(time.time())).decode())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    sign_in(page, bayko.email, PASSWORD)
    page.get_by_label("Code from your authenticator app").fill(app.generate(int(time.time())).decode())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()


def test_a_first_password_is_replaced(page: Page, system: System, bayko: Client) -> None:
    system.client("cognito-idp").admin_set_user_password(
        UserPoolId=system.environment.outputs["UserPoolId"],
        Username=bayko.email,
        Password="First-passw0rd",
        Permanent=False,
    )
    sign_in(page, bayko.email, "First-passw0rd")
    page.get_by_label("Choose a new password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()


def test_signing_out_in_one_tab_signs_out_of_all_and_revokes_the_token(
    system: System, bayko: Client, sits: Sits
) -> None:
    one = sits(bayko)
    one.open()
    two = sits(bayko, beside=one)
    two.open()
    expect(two.page.get_by_text(f"@{bayko.handle}")).to_be_visible()
    kept = one.page.evaluate("JSON.parse(localStorage.getItem('cruddur.session')).refresh_token")
    with one.page.expect_response(f"{system.environment.endpoint}/"):
        one.page.get_by_role("button", name="Sign out").click()
    for tab in (one, two):
        expect(tab.page.get_by_label("Password")).to_be_visible()
        assert tab.page.evaluate("localStorage.getItem('cruddur.session')") is None
    cognito = system.client("cognito-idp")
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.get_tokens_from_refresh_token(
            ClientId=system.environment.outputs["UserPoolClientId"], RefreshToken=kept
        )


def test_a_sign_out_during_a_token_renewal_holds(bayko: Client, sits: Sits) -> None:
    seat = sits(bayko)
    held: list[Route] = []

    def hold_the_renewal(route: Route) -> None:
        if _renews(route):
            held.append(route)
        else:
            route.continue_()

    seat.page.route("**/", hold_the_renewal)
    seat.open()
    seat.page.get_by_role("button", name="Sign out").click()
    expect(seat.page.get_by_label("Password")).to_be_visible()
    with seat.page.expect_response(lambda response: response.request == held[0].request):
        held[0].continue_()
    seat.page.reload()
    expect(seat.page.get_by_label("Password")).to_be_visible()


def test_a_request_that_ends_after_the_sign_out_leaves_the_form_as_it_is(bayko: Client, sits: Sits) -> None:
    seat = sits(bayko)
    held: list[Route] = []
    seat.page.route("**/api/users/me", lambda route: held.append(route))
    with seat.page.expect_request("**/api/users/me"):
        seat.open()
    seat.page.get_by_role("button", name="Sign out").click()
    seat.page.get_by_label("Email").fill("half-typed")
    with seat.page.expect_event("requestfinished", lambda request: request == held[0].request):
        held[0].fulfill(status=401, json={"message": "Unauthorized"})  # so the page asks for another token
    seat.page.evaluate("new Promise((resolve) => setTimeout(resolve))")
    expect(seat.page.get_by_label("Email")).to_have_value("half-typed")


def _renews(sent: Route | Response) -> bool:
    return "RefreshToken" in (sent.request.post_data or "")


def _renewed(seat: Seat) -> AbstractContextManager[object]:
    """Wait until a token of this seat was renewed."""
    return seat.page.expect_response(lambda response: _renews(response) and response.ok)


class Rotation:
    """Cognito's rotation, which ministack 1.5.33 lacks: each refresh token is valid once and brings the next."""

    def __init__(self, page: Page) -> None:
        self.used: list[str] = []
        self._real: dict[str, str] = {}
        page.context.route("**/", lambda route: self.answer(route) if _renews(route) else route.continue_())

    def answer(self, route: Route, hold: Callable[[], object] = lambda: None) -> None:
        """Renew a token, and answer when `hold` returns."""
        body = json.loads(route.request.post_data or "")
        token = body["RefreshToken"]
        if token in self.used:
            return route.fulfill(status=400, json={"__type": "RefreshTokenReuseException", "message": "Used."})
        self.used.append(token)
        following = f"refresh token {len(self.used)}"
        self._real[following] = self._real.get(token, token)
        answer = route.fetch(post_data=json.dumps({**body, "RefreshToken": self._real[following]})).json()
        answer["AuthenticationResult"]["RefreshToken"] = following
        hold()
        return route.fulfill(json=answer, headers={"Access-Control-Allow-Origin": "*"})


def test_a_refresh_token_is_used_once_by_all_tabs_together(bayko: Client, sits: Sits) -> None:
    one = sits(bayko)
    rotation = Rotation(one.page)
    two = sits(bayko, beside=one)
    for seat in (one, two, one):
        with _renewed(seat):
            seat.open()
    assert rotation.used[1:] == ["refresh token 1", "refresh token 2"]
    expect(one.page.get_by_text(f"@{bayko.handle}")).to_be_visible()


UNTIL_A_TAB_WAITS = """async () => {
  for (let tries = 0; tries < 100 && !(await navigator.locks.query()).pending.length; tries++)
    await new Promise((resolve) => setTimeout(resolve, 20));
}"""


def test_a_tab_renews_after_another_tab_has_got_its_answer(bayko: Client, sits: Sits) -> None:
    one = sits(bayko)
    rotation = Rotation(one.page)
    with _renewed(one):
        one.open()
    two = sits(bayko, beside=one)

    def open_the_other_tab() -> None:
        one.open()
        one.page.evaluate(UNTIL_A_TAB_WAITS)

    two.page.route(
        "**/", lambda route: rotation.answer(route, open_the_other_tab) if _renews(route) else route.fallback()
    )
    with _renewed(one), _renewed(two):
        two.open()
    assert rotation.used[1:] == ["refresh token 1", "refresh token 2"]
    for seat in (one, two):
        expect(seat.page.get_by_text(f"@{bayko.handle}")).to_be_visible()


def test_signing_in_in_one_tab_signs_in_in_the_other(page: Page, bayko: Client) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_label("Password")).to_be_visible()
    sign_in(page, bayko.email, PASSWORD)
    for tab in (page, other):
        expect(tab.get_by_text(f"@{bayko.handle}")).to_be_visible()


def test_a_session_that_ended_at_the_server_asks_to_sign_in_again(system: System, bayko: Client, sits: Sits) -> None:
    seat = sits(bayko)
    seat.open()
    expect(seat.page.get_by_text(f"@{bayko.handle}")).to_be_visible()
    system.client("cognito-idp").global_sign_out(AccessToken=bayko.access_token)
    seat.page.reload()
    expect(seat.page.get_by_label("Password")).to_be_visible()
