"""Signing in with Cognito."""

import base64
import json
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from client.api import Refused, Unanswered

_MARGIN = 300  # seconds before a token expires, in which there is a new one


class Session:
    """Somebody signed in, with an access token whenever one is needed."""

    def __init__(self, cognito: Any, client_id: str, email: str, password: str) -> None:
        """`cognito` is a boto3 client. Raises Refused and Unanswered."""
        self._cognito = cognito
        self._client_id = client_id
        self._sign_in("USER_PASSWORD_AUTH", USERNAME=email, PASSWORD=password)

    def token(self) -> str:
        """One that holds for a while. Raises Refused and Unanswered."""
        if time.time() > self._expires - _MARGIN:
            self._sign_in("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=self._refresh_token)
        return self._access_token

    @property
    def user_uuid(self) -> str:
        return str(_claims(self._access_token)["sub"])

    def _sign_in(self, flow: str, **parameters: str) -> None:
        try:
            answer = self._cognito.initiate_auth(ClientId=self._client_id, AuthFlow=flow, AuthParameters=parameters)
        except ClientError as error:
            raise Refused(error.response["Error"]["Message"]) from error
        except BotoCoreError as error:
            raise Unanswered(str(error)) from error
        if "AuthenticationResult" not in answer:
            raise Refused(f"Cognito asks for more than a password: {answer['ChallengeName']}")
        tokens = answer["AuthenticationResult"]
        self._access_token: str = tokens["AccessToken"]
        self._refresh_token: str = tokens.get("RefreshToken") or self._refresh_token
        self._expires: float = _claims(self._access_token)["exp"]


def _claims(token: str) -> dict[str, Any]:
    """What a token says. Whether it is true is for the server to find out."""
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims
