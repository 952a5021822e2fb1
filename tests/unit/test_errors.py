"""Every error of the domain has an answer, over HTTP and over a socket, so a new one cannot be forgotten."""

from collections.abc import Iterator
from typing import Any

import pytest

from messaging.api import http_api
from messaging.live import connections
from messaging.model.errors import MessagingError, TooManyRequests
from messaging.model.limits import LOOKUPS, Limit, LimitReached, Usage
from tests.support.api import USER, request
from tests.support.asyncapi import ASYNCAPI

FRAME_CODES = ASYNCAPI["components"]["schemas"]["Error"]["properties"]["code"]["enum"]


def _subclasses(base: type[MessagingError]) -> Iterator[type[MessagingError]]:
    for one in base.__subclasses__():
        yield one
        yield from _subclasses(one)


KNOWN: list[type[MessagingError]] = [MessagingError, *_subclasses(MessagingError)]
NEW = [type(f"New{one.__name__}", (one,), {}) for one in KNOWN]
each_error = pytest.mark.parametrize("kind", [*KNOWN, *NEW], ids=lambda kind: kind.__name__)


def _raise(kind: type[MessagingError]) -> Any:
    def handle(*_: object, **__: object) -> Any:
        if issubclass(kind, LimitReached):
            raise kind(Usage(Limit(LOOKUPS, 7, 60), 0, 7))
        raise kind("A text.", 7) if issubclass(kind, TooManyRequests) else kind("a_code")

    return handle


@each_error
def test_every_error_has_a_status(kind: type[MessagingError]) -> None:
    response = http_api.route(_raise(kind))({"requestContext": {"requestId": "1"}}, None)

    assert 400 <= response["statusCode"] < 600
    assert response["statusCode"] != 500


@each_error
def test_every_error_becomes_an_event_that_is_described(kind: type[MessagingError], monkeypatch: Any) -> None:
    monkeypatch.setattr(connections, "_answer", _raise(kind))
    event = connections.answer(None, None, None, USER, "1", request({}))  # type: ignore[arg-type]

    assert event is not None
    assert event["code"] in FRAME_CODES
