"""Sign-in with Cognito."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cruddur_messages.api import Refused, Unanswered
from cruddur_messages.srp import Proof

_MARGIN = 300  # seconds before its expiry, when a token is renewed


class Session:
    """A signed-in person, with a valid access token at any time."""

    def __init__(self, cognito: Any, user_pool_id: str, client_id: str, email: str, password: str) -> None:
        """`cognito` is a boto3 client. The password stays here (SRP). Raises Refused and Unanswered."""
        self._client_id = client_id
        self._cognito = cognito
        proof = Proof(user_pool_id, password)
        answer = self._ask(
            cognito.initiate_auth,
            AuthFlow="USER_SRP_AUTH",
            AuthParameters={"USERNAME": email, "SRP_A": proof.public},
        )
        if answer.get("ChallengeName") == "PASSWORD_VERIFIER":
            answer = self._ask(
                cognito.respond_to_auth_challenge,
                ChallengeName="PASSWORD_VERIFIER",
                ChallengeResponses=proof.answer(answer["ChallengeParameters"], datetime.now(UTC)),
            )
        self._keep(answer)

    def token(self) -> str:
        """Return an access token that stays valid for a while. Raises Refused and Unanswered."""
        if time.time() > self._expires - _MARGIN:
            self._keep(self._ask(self._cognito.get_tokens_from_refresh_token, RefreshToken=self._refresh_token))
        return self._access_token

    @property
    def user_uuid(self) -> str:
        return str(_claims(self._access_token)["sub"])

    def _ask(self, operation: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any]:
        try:
            return operation(ClientId=self._client_id, **request)
        except ClientError as error:
            raise Refused(error.response["Error"]["Message"]) from error
        except BotoCoreError as error:
            raise Unanswered(str(error)) from error

    def _keep(self, answer: dict[str, Any]) -> None:
        """Store the tokens. A refresh token is valid once: the answer to it has the next."""
        if "AuthenticationResult" not in answer:
            raise Refused(f"Cognito requires more than a password: {answer['ChallengeName']}")
        tokens = answer["AuthenticationResult"]
        self._access_token: str = tokens["AccessToken"]
        self._refresh_token: str = tokens.get("RefreshToken") or self._refresh_token
        self._expires: float = _claims(self._access_token)["exp"]


def _claims(token: str) -> dict[str, Any]:
    """The claims of a token, unverified: the server verifies them."""
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims
