"""The functions' AWS client: DynamoDB, and the connections of a WebSocket API, with the shapes of AWS's own APIs.

`boto3.client("dynamodb")` fits in the place of `DynamoDBClient`: operators and tests use it there. Reasons are in
docs/decisions.md#78-the-functions-have-a-small-aws-client-of-their-own.
"""

import json
import os
import random
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import uuid4

from messaging.storage.aws_errors import ClientError, HTTPClientError
from messaging.storage.credentials import CredentialsSource
from messaging.storage.http_connections import BadResponse, HttpConnections, HttpResponse
from messaging.storage.signing import sign

# In addition to statuses from 500 on. https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_RETRYABLE = {
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException"}
_SKEWED = {"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
_SKEW_SECONDS = 240  # AWS refuses signatures that are five minutes off
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_LONGEST_PAUSE_SECONDS = 0.1  # before a retry
# https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
_DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}

# Not the module's own generator: SnapStart would restore its state, and all copies would wait in step.
_uniform = random.SystemRandom().uniform


class Limits(NamedTuple):
    """Seconds to connect and to wait for an answer, attempts for each request, and idle connections to keep."""

    connect_seconds: float
    read_seconds: float
    attempts: int
    most_idle: int = 10


class _Client:
    """Signed requests to one service. Raises KeyError unless AWS_REGION or AWS_DEFAULT_REGION is set.

    The first request connects and gets credentials, not the constructor: copies of one snapshot share nothing.
    """

    def __init__(
        self, service: str, host: str, limits: Limits, now: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._region = os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]
        url = (
            os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}")
            or os.environ.get("AWS_ENDPOINT_URL")
            or f"https://{host}.{self._region}.{_dns_suffix(self._region)}"
        )
        parts = urlsplit(url)
        self._signing_name = host
        self._host, self._path = parts.netloc.lower(), parts.path.rstrip("/")
        self._connections = HttpConnections(
            url,
            connect_seconds=limits.connect_seconds,
            read_seconds=limits.read_seconds,
            most_idle=limits.most_idle,
            now=now,
        )
        self._credentials = CredentialsSource(now)
        self._attempts = limits.attempts
        self._now = now
        self._sleep = sleep
        self._skew = 0.0  # seconds that AWS's clock is ahead of this one

    def close(self) -> None:
        """Close the idle connections."""
        self._connections.close()

    def _call(self, operation: str, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """Send a request until a retry cannot help. Raises ClientError and HTTPClientError."""
        attempts, can_correct = self._attempts, True
        while True:
            try:
                return self._send(operation, method, self._path + path, {"host": self._host, **headers}, body)
            except (ClientError, HTTPClientError) as error:
                if can_correct and self._correct(error):
                    can_correct = False
                    continue
                attempts -= 1
                if not attempts or not _is_retryable(error):
                    raise
                self._sleep(_uniform(0, _LONGEST_PAUSE_SECONDS))

    def _send(self, operation: str, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        try:
            credentials = self._credentials.get()
            now = self._now() + self._skew
            signed = sign(method, path, headers, body, credentials, self._region, self._signing_name, now)
            # For X-Ray, and for Lambda's detection of recursive calls.
            if trace := os.environ.get("_X_AMZN_TRACE_ID"):
                signed["x-amzn-trace-id"] = trace
            response = self._connections.request(method, path, signed, body)
            answer = _read(response)
        except (OSError, BadResponse) as error:
            raise HTTPClientError(f"{operation}: {type(error).__name__}") from error
        if response.status < 300:
            return answer
        raise ClientError(_error_response(response, answer), operation)

    def _correct(self, error: ClientError | HTTPClientError) -> bool:
        """Adopt AWS's time, or drop credentials, if AWS refused ours. True if the next attempt will differ."""
        if not isinstance(error, ClientError):
            return False
        code = error.response["Error"]["Code"]
        if code in _EXPIRED:
            return self._credentials.expire()
        if code not in _SKEWED:
            return False
        try:
            date = datetime.strptime(error.response["ResponseMetadata"]["HTTPHeaders"]["date"], _HTTP_DATE)
        except (KeyError, ValueError):
            return False
        known, self._skew = self._skew, date.replace(tzinfo=UTC).timestamp() - self._now()
        return abs(self._skew - known) > _SKEW_SECONDS


class DynamoDBClient(_Client):
    """DynamoDB's low-level API, without binary attributes."""

    def __init__(
        self, limits: Limits, now: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__("dynamodb", "dynamodb", limits, now, sleep)

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html"""
        return self._post("BatchExecuteStatement", request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
        return self._post("BatchGetItem", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteItem.html"""
        return self._post("DeleteItem", request)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html"""
        return self._post("GetItem", request)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html"""
        return self._post("PutItem", request)

    def query(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html"""
        return self._post("Query", request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html

        Adds a token, as boto3 does: a retry of a transaction that has succeeded succeeds too.
        """
        return self._post("TransactWriteItems", {"ClientRequestToken": str(uuid4()), **request})

    def update_item(self, **request: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html"""
        return self._post("UpdateItem", request)

    def _post(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"DynamoDB_20120810.{operation}"}
        return self._call(operation, "POST", "/", headers, json.dumps(request).encode())


class ConnectionsClient(_Client):
    """The sockets of a WebSocket API, at AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
    """

    def __init__(
        self, limits: Limits, now: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__("apigatewaymanagementapi", "execute-api", limits, now, sleep)

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
        """Send a frame."""
        headers = {"content-type": "application/octet-stream"}
        self._call("PostToConnection", "POST", _connection_path(ConnectionId), headers, Data)

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803
        """Close the socket."""
        self._call("DeleteConnection", "DELETE", _connection_path(ConnectionId), {}, b"")


def _connection_path(connection_id: str) -> str:
    return f"/@connections/{quote(connection_id, safe='')}"


def _dns_suffix(region: str) -> str:
    return next((suffix for prefix, suffix in _DNS_SUFFIXES.items() if region.startswith(prefix)), "amazonaws.com")


def _is_retryable(error: ClientError | HTTPClientError) -> bool:
    if isinstance(error, HTTPClientError):
        return True
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or error.response["Error"]["Code"] in _RETRYABLE


def _read(response: HttpResponse) -> dict[str, Any]:
    """The JSON object in a response; {} for an error without one, such as a proxy's. Raises BadResponse."""
    checksum = response.headers.get("x-amz-crc32")
    if checksum and checksum != str(zlib.crc32(response.body)):
        raise BadResponse("The checksum of the answer is wrong.")
    if not response.body:
        return {}
    try:
        answer = json.loads(response.body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    if response.status < 300:
        raise BadResponse("The answer is not a JSON object.")
    return {}


def _error_response(response: HttpResponse, answer: dict[str, Any]) -> dict[str, Any]:
    """The response of a ClientError. The code is …#Name in the body, or Name:url in a header."""
    code = str(response.headers.get("x-amzn-errortype") or answer.get("__type") or response.status)
    return {
        **answer,
        "Error": {
            "Code": code.partition(":")[0].rpartition("#")[2],
            "Message": str(answer.get("message") or answer.get("Message") or response.reason),
        },
        "ResponseMetadata": {
            "HTTPStatusCode": response.status,
            "HTTPHeaders": response.headers,
            "RequestId": response.headers.get("x-amzn-requestid", ""),
        },
    }
