"""The check of an OpenID Connect issuer before a deployment that trusts it."""

from typing import Any

import requests

_TIMEOUT_SECONDS = 10
_ALGORITHM = "RS256"  # API Gateway's JWT authorizer takes RSA signatures only


class IssuerRefused(Exception):
    """API Gateway would accept no token of this issuer; the text says why."""


def check_issuer(issuer: str) -> None:
    """Read an issuer's discovery document. Raises IssuerRefused unless API Gateway can accept its tokens.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    """
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        found: Any = requests.get(address, timeout=_TIMEOUT_SECONDS).json()
        name, algorithms = found["issuer"], found["id_token_signing_alg_values_supported"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IssuerRefused(f"TokenIssuer has no readable discovery document at {address}: {error!r}") from None
    if name != issuer:
        raise IssuerRefused(f"TokenIssuer must be exactly as in the tokens: {name}")
    if _ALGORITHM not in algorithms:
        raise IssuerRefused(f"{issuer} signs with {', '.join(algorithms)}. API Gateway accepts {_ALGORITHM}.")
