"""Sockets: requests to API Gateway to send to connections, or to close them. Only functions that push import this."""

from typing import TYPE_CHECKING, Any

from messaging.model.errors import Busy
from messaging.storage.aws_client import ConnectionsClient, Limits
from messaging.storage.aws_errors import is_unanswered, refusal_of

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

    The environment has API Gateway's address (template.yaml).
    """
    limits = Limits(connect_seconds=0.5, read_seconds=1, attempts=1, most_idle=MAX_CONCURRENCY)
    client: Any = ConnectionsClient(limits)
    return Sockets(client)


class Sockets:
    """The sockets of this stack."""

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client

    def post(self, connection_id: str, frame: str) -> None:
        """Send a frame. Raises Gone, NoAnswer, and Busy if a retry may succeed."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except Exception as error:
            if is_unanswered(error):
                raise NoAnswer from error
            if _code(error) in _GONE:
                raise Gone from error
            if _code(error) in _BUSY:
                raise Busy("API Gateway is throttling.") from error
            raise

    def close(self, connection_id: str) -> None:
        """Close a connection, unless it is closed or API Gateway is busy. Its client then reconnects."""
        try:
            self._client.delete_connection(ConnectionId=connection_id)
        except Exception as error:
            if not is_unanswered(error) and _code(error) not in _GONE | _BUSY:
                raise


def _code(error: Exception) -> str | None:
    refusal = refusal_of(error)
    return refusal["Error"]["Code"] if refusal else None
