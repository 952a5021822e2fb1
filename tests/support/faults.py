"""The ways a request to DynamoDB fails for its caller. Knows botocore, and nothing of the code under test."""

from typing import Any, NoReturn

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

TRANSIENT = ("killed", "timed out", "connection lost", "no connection", "throttled", "conflict")
# A statement's part of the answer to BatchExecuteStatement.
THROTTLED = {"Error": {"Code": "ThrottlingError", "Message": ""}}


class Killed(BaseException):
    """The process is gone."""


def fail(error: str, request: dict[str, Any]) -> NoReturn:
    """Raise one of TRANSIENT, or another code, as for this request."""
    match error:
        case "killed":
            raise Killed
        case "timed out":
            raise ReadTimeoutError(endpoint_url="http://dynamodb")
        case "connection lost":
            raise ConnectionClosedError(endpoint_url="http://dynamodb")
        case "no connection":
            raise EndpointConnectionError(endpoint_url="http://dynamodb")
        case "conflict" if "TransactItems" in request:
            raise _error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}])
        case "conflict":
            raise _error("TransactionConflictException")
        case "throttled":
            raise _error("ProvisionedThroughputExceededException")
        case code:
            raise _error(code)


def _error(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": ""}, **more}
    return ClientError(response, "Any")
