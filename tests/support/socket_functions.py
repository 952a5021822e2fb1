"""Calls the socket functions as API Gateway and the stream do, on the table of a test, with fake sockets."""

import itertools
import json
from typing import Any

import pytest

from messaging.live.connections import RateLimit
from tests.support.fake_sockets import FakeSockets
from tests.support.functions import Functions, sample_event


class SocketFunctions:
    """The socket functions. Frames come ten seconds apart, so that none exceeds the rate limit."""

    def __init__(self, functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sockets = FakeSockets()
        self._functions = functions
        self._monkeypatch = monkeypatch
        self._numbers = itertools.count(1)
        for pace in ("typing_limit", "frame_limit"):
            monkeypatch.setattr(
                self._module("connections.receive"), pace, RateLimit(10, lambda: 10.0 * next(self._numbers))
            )

    def _module(self, path: str) -> Any:
        module = self._functions.handler(path)
        self._monkeypatch.setattr(module, "sockets", self.sockets)
        return module

    def _call(self, name: str, user_uuid: str, connection_id: str, **changes: Any) -> int:
        event = {**sample_event(name), **changes}
        event["requestContext"] |= {"connectionId": connection_id, "authorizer": {"user_uuid": user_uuid}}
        status: int = self._module(f"connections.{name}").lambda_handler(event, None)["statusCode"]
        return status

    def connect(self, user_uuid: str, expected_status: int = 200) -> str:
        """Open a connection; return its id."""
        connection_id = f"connection-{next(self._numbers)}"
        assert self._call("connect", user_uuid, connection_id) == expected_status
        return connection_id

    def disconnect(self, user_uuid: str, connection_id: str) -> None:
        assert self._call("disconnect", user_uuid, connection_id) == 200

    def send(
        self, user_uuid: str, connection_id: str, expected_status: int = 200, **frame: Any
    ) -> list[dict[str, Any]]:
        """Send a frame; return the events that answer it."""
        before = len(self.sockets.events(connection_id))
        assert self._call("receive", user_uuid, connection_id, body=json.dumps(frame)) == expected_status
        return self.sockets.events(connection_id)[before:]

    def push(self, records: list[dict[str, Any]]) -> None:
        self._module("push.push").lambda_handler({"Records": records}, None)
