"""The check of an issuer before a deployment."""

from collections.abc import Iterator

import pytest

from operators.issuer import IssuerRefused, check_issuer
from tests.conftest import free_port
from tests.support.issuer import Issuer, Key


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(free_port()).serving() as issuer:
        yield issuer


def test_an_issuer_with_rsa_keys_is_accepted(issuer: Issuer) -> None:
    check_issuer(issuer.url)
    issuer.keys.append(Key("ES256"))
    check_issuer(issuer.url)


def test_an_issuer_that_signs_with_elliptic_curves_only_is_refused(issuer: Issuer) -> None:
    issuer.keys = [Key("ES256")]

    with pytest.raises(IssuerRefused, match="signs with ES256"):
        check_issuer(issuer.url)


def test_an_issuer_written_otherwise_than_in_its_tokens_is_refused(issuer: Issuer) -> None:
    with pytest.raises(IssuerRefused, match=f"exactly as in the tokens: {issuer.url}$"):
        check_issuer(f"{issuer.url}/")


@pytest.mark.parametrize("path", ["/no", "/authorize"])
def test_an_address_without_a_discovery_document_is_refused(issuer: Issuer, path: str) -> None:
    with pytest.raises(IssuerRefused, match="no readable discovery document"):
        check_issuer(issuer.url + path)


def test_an_address_where_nobody_answers_is_refused() -> None:
    with pytest.raises(IssuerRefused, match="no readable discovery document"):
        check_issuer(f"http://127.0.0.1:{free_port()}")
