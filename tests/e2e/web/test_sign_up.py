"""Signing up, and a forgotten password."""

import json
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import PASSWORD, Client, System
from tests.e2e.web.conftest import sign_in

SIGN_UP_CODE, RESET_CODE = "123456", "654321"  # ministack sends these to everybody


def sign_up(page: Page, name: str, handle: str, email: str, password: str = PASSWORD) -> None:
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Handle").fill(handle)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Create an account").click()


def enter(page: Page, code: str) -> None:
    page.get_by_label("Code from the email").fill(code)
    page.get_by_role("button", name="Continue").click()


def test_a_person_signs_up_with_a_code(page: Page) -> None:
    handle = f"new_{uuid4().hex[:8]}"
    sign_up(page, "New Person", handle, f"{handle}@example.com")
    expect(page.get_by_text("A code is on its way to")).to_be_visible()
    enter(page, "000000")
    expect(page.get_by_role("alert")).to_have_text("This code is not correct.")
    page.get_by_label("Code from the email").fill(SIGN_UP_CODE)
    page.get_by_role("button", name="Send a new code").click()
    expect(page.get_by_text("A new code is on its way to")).to_be_visible()
    expect(page.get_by_label("Code from the email")).to_have_value(SIGN_UP_CODE)
    enter(page, SIGN_UP_CODE)
    expect(page.locator(".me .who")).to_contain_text("New Person")
    page.reload()
    expect(page.get_by_text(f"@{handle}")).to_be_visible()


def test_an_unconfirmed_person_is_asked_for_the_code_at_the_next_sign_in(page: Page) -> None:
    handle = f"new_{uuid4().hex[:8]}"
    email = f"{handle}@example.com"
    sign_up(page, "New Person", handle, email)
    expect(page.get_by_text("A code is on its way to")).to_be_visible()
    page.reload()
    sign_in(page, email, PASSWORD)
    enter(page, SIGN_UP_CODE)
    expect(page.get_by_text(f"@{handle}")).to_be_visible()


@pytest.mark.parametrize(
    ("error", "message", "sentence"),
    [
        ("UserLambdaValidationException", "PreSignUp failed with error The handle is taken.", "This handle is taken."),
        (
            "InvalidPasswordException",
            "Password did not conform with policy",
            "This password does not follow the rules.",
        ),
        ("UsernameExistsException", "User already exists", "There is an account with this email address already."),
    ],
)
def test_a_refused_sign_up_says_why(error: str, message: str, sentence: str, page: Page) -> None:
    page.route(
        "**/",
        lambda route: (
            _refuse(route, error, message) if "UserAttributes" in (route.request.post_data or "") else route.continue_()
        ),
    )
    sign_up(page, "Londo", "londo_2", "londo@example.com")
    expect(page.get_by_role("alert")).to_have_text(sentence)
    expect(page.get_by_role("button", name="Create an account")).to_be_enabled()
    page.get_by_role("button", name="Back to sign-in").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def _refuse(route: Route, error: str, message: str) -> None:
    body = {"__type": error, "message": message}
    route.fulfill(status=400, json=body, headers={"Access-Control-Allow-Origin": "*"})


def test_a_taken_handle_is_refused_by_the_system_itself(page: Page, bayko: Client) -> None:
    sign_up(page, "Another", bayko.handle, f"{uuid4().hex}@example.com")
    expect(page.get_by_role("alert")).to_have_text("This handle is taken.")


def test_a_forgotten_password_is_replaced(page: Page, bayko: Client) -> None:
    page.get_by_label("Email").fill(bayko.email)
    page.get_by_role("button", name="Forgot your password?").click()
    expect(page.get_by_label("Email")).to_have_value(bayko.email)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Choose a new password").fill("Another-passw0rd")
    enter(page, "000000")
    expect(page.get_by_role("alert")).to_have_text("This code is not correct.")
    enter(page, RESET_CODE)
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, bayko.email, "Another-passw0rd")
    expect(page.get_by_text(f"@{bayko.handle}")).to_be_visible()


def test_nobody_can_sign_up_where_that_is_off(page: Page) -> None:
    def turn_off(route: Route) -> None:
        config = route.fetch().json()
        route.fulfill(body=json.dumps({**config, "sign_up": False}), content_type="application/json")

    page.route("**/config.json", turn_off)
    page.reload()
    expect(page.get_by_role("button", name="Forgot your password?")).to_be_visible()
    expect(page.get_by_role("button", name="Create an account")).to_have_count(0)


def test_an_account_without_a_profile_is_told_so(system: System, page: Page) -> None:
    email = f"{uuid4().hex}@example.com"
    account = {"UserPoolId": system.environment.outputs["UserPoolId"], "Username": email}
    cognito = system.client("cognito-idp")
    cognito.admin_create_user(**account, UserAttributes=[{"Name": "email", "Value": email}])
    cognito.admin_set_user_password(**account, Password=PASSWORD, Permanent=True)
    sign_in(page, email, PASSWORD)
    expect(page.get_by_text("Your account has no profile yet.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Your account has no profile yet.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
