"""The tests' own issuer keeps the promises of OpenID Connect that a client relies on."""

import base64
import hashlib

import jwt
import pytest

from tests.support.issuer import Claims, Issuer

VERIFIER = "a-verifier-of-at-least-forty-three-characters-long"
REQUEST = {
    "sub": "auth0|andrew",
    "client_id": "page",
    "redirect_uri": "http://127.0.0.1:4567/",
    "nonce": "n-0",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("="),
}
FORM = {
    "grant_type": "authorization_code",
    "code": "the-code",
    "client_id": "page",
    "redirect_uri": "http://127.0.0.1:4567/",
    "code_verifier": VERIFIER,
}


@pytest.fixture
def issuer() -> Issuer:
    issuer = Issuer(9000)
    issuer.codes["the-code"] = REQUEST
    return issuer


def claims(issuer: Issuer, token: str, audience: str) -> Claims:
    key = issuer.keys[0].private.public_key()
    found: Claims = jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuer.url)
    return found


def test_a_code_is_good_once_with_its_verifier(issuer: Issuer) -> None:
    tokens = issuer.redeem(FORM)

    assert tokens
    about = claims(issuer, tokens["id_token"], "page")
    assert (about["sub"], about["nonce"], about["preferred_username"]) == ("auth0|andrew", "n-0", "andrew")
    assert claims(issuer, tokens["access_token"], "page")["sub"] == "auth0|andrew"
    assert issuer.redeem(FORM) is None


@pytest.mark.parametrize(
    "change",
    [{"code_verifier": "another"}, {"client_id": "x"}, {"redirect_uri": "x"}, {"code": "x"}, {"grant_type": "x"}],
)
def test_a_code_is_good_for_nothing_else(issuer: Issuer, change: dict[str, str]) -> None:
    assert issuer.redeem({**FORM, **change}) is None


def test_an_access_token_is_for_the_audience_that_was_asked_for(issuer: Issuer) -> None:
    issuer.codes["the-code"] = {**REQUEST, "audience": "cruddur"}
    tokens = issuer.redeem(FORM)

    assert tokens
    assert claims(issuer, tokens["access_token"], "cruddur")["sub"] == "auth0|andrew"
    assert claims(issuer, tokens["id_token"], "page")


def test_a_refresh_token_is_good_once(issuer: Issuer) -> None:
    tokens = issuer.redeem(FORM)
    assert tokens
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "page"}

    renewed = issuer.redeem(form)

    assert renewed
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert issuer.redeem(form) is None
