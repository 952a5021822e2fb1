"""Errors of AWS clients: the functions' own, and boto3's, which operators and tests use in its place.

The functions have no botocore, so its errors are recognized by the names of their classes.
"""

from typing import Any


class ClientError(Exception):
    """AWS refused a request. `response` has Error, ResponseMetadata and the other members of the answer, as botocore's.

    The text has the code only: AWS's message can quote the request.
    """

    def __init__(self, response: dict[str, Any], operation: str) -> None:
        super().__init__(f"{operation}: {response['Error']['Code']}")
        self.response = response


class HTTPClientError(Exception):
    """AWS did not answer, or not legibly: it may have executed the request or not."""


def refusal_of(error: Exception) -> dict[str, Any] | None:
    """The response of a ClientError, None for any other error."""
    if "ClientError" not in _class_names(error):
        return None
    response: dict[str, Any] = error.response  # type: ignore[attr-defined]
    return response


def is_unanswered(error: Exception) -> bool:
    """True if AWS did not answer: an HTTPClientError, or a ConnectionError of botocore."""
    return not {"HTTPClientError", "ConnectionError"}.isdisjoint(_class_names(error))


def _class_names(error: Exception) -> set[str]:
    return {base.__name__ for base in type(error).__mro__}
