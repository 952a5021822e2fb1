"""Sockets: requests to API Gateway to send to connections, or to close them. Only functions that push import this."""

import contextlib
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from messaging.model.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

MAX_CONCURRENCY = 100  # parallel requests

_GONE = {"GoneException", "410"}
_BUSY = {"LimitExceededException", "ThrottlingException", "TooManyRequestsException", "429"}


class Gone(Exception):
    """There is no such connection, or it is not open yet."""


class NoAnswer(Exception):
    """API Gateway did not answer in time, and may have sent the frame or not."""


def open_sockets() -> "Sockets":
    """Open the sockets with a client of their own: one per process, made at init. No request takes longer than 1.5 s.

    botocore reads API Gateway's address from the environment (template.yaml).
    """
    config = Config(
        connect_timeout=0.5,
        read_timeout=1,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=MAX_CONCURRENCY,
        tcp_keepalive=True,
    )
    client: Any = botocore.session.get_session().create_client("apigatewaymanagementapi", config=config)
    return Sockets(client)


class Sockets:
    """The sockets of this stack."""

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client

    def post(self, connection_id: str, frame: str) -> None:
        """Send a frame. Raises Gone, NoAnswer, and Busy if a retry may succeed."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise Gone from error
            if error.response["Error"]["Code"] in _BUSY:
                raise Busy("API Gateway is throttling.") from error
            raise
        except (HTTPClientError, NoConnection) as error:
            raise NoAnswer from error

    def close(self, connection_id: str) -> None:
        """Close a connection, unless it is closed or API Gateway is busy. Its client then reconnects."""
        with contextlib.suppress(HTTPClientError, NoConnection):
            try:
                self._client.delete_connection(ConnectionId=connection_id)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE | _BUSY:
                    raise
