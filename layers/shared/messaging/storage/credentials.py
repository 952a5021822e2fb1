"""The functions' credentials: from the environment, or from the endpoint that Lambda offers with SnapStart.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
"""

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from messaging.storage.http_connections import BadResponse, HttpConnections
from messaging.storage.signing import Credentials

REFRESH_SECONDS = 600  # before they expire
_ENDPOINT_SECONDS = 2
# Hosts on which nobody else can read the request and its token.
_PLAIN_HTTP_HOSTS = {"localhost", "127.0.0.1", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"}


class NoCredentials(Exception):
    """The environment has no usable credentials."""


class CredentialsSource:
    """The credentials of this process: those of the environment first. Thread-safe.

    Nothing is read or fetched before the first request, so that a snapshot has no credentials.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._fetched: tuple[Credentials, float] | None = None

    def get(self) -> Credentials:
        """The credentials, valid for REFRESH_SECONDS if possible.

        Raises NoCredentials, and OSError or BadResponse if the endpoint does not answer.
        """
        if access_key := os.environ.get("AWS_ACCESS_KEY_ID"):
            secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
            if not secret_key:
                raise NoCredentials("AWS_SECRET_ACCESS_KEY is not set.")
            return Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN"))
        with self._lock:
            self._fetched = self._refreshed(self._fetched)
            return self._fetched[0]

    def expire(self) -> bool:
        """Remove fetched credentials that AWS has refused. False if there are none: the environment's do not change."""
        fetched, self._fetched = self._fetched, None
        return fetched is not None

    def _refreshed(self, known: tuple[Credentials, float] | None) -> tuple[Credentials, float]:
        """The known credentials if they last long enough, or if the endpoint does not answer; else new ones."""
        remaining = known[1] - self._now() if known else 0
        if known and remaining >= REFRESH_SECONDS:
            return known
        try:
            return self._fetch()
        except (OSError, BadResponse):
            if known and remaining > 0:
                return known
            raise

    def _fetch(self) -> tuple[Credentials, float]:
        url = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not url:
            raise NoCredentials("Set AWS_ACCESS_KEY_ID or AWS_CONTAINER_CREDENTIALS_FULL_URI.")
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _PLAIN_HTTP_HOSTS:
            raise NoCredentials("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or on this machine.")
        connections = HttpConnections(
            url, connect_seconds=_ENDPOINT_SECONDS, read_seconds=_ENDPOINT_SECONDS, most_idle=0
        )
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        response = connections.request("GET", target, {"accept": "application/json", **self._token()}, b"")
        try:
            answer = json.loads(response.body)
            expires = datetime.fromisoformat(answer["Expiration"]).timestamp()
            return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"]), expires
        except (ValueError, KeyError, TypeError):
            raise BadResponse(f"The credentials endpoint answered {response.status} without credentials.") from None

    def _token(self) -> dict[str, str]:
        token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        if path := os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            with open(path) as file:  # noqa: PTH123 - pathlib would take a hundredth of a cold start
                token = file.read()
        return {"authorization": token} if token else {}
