"""Shared fixtures: nothing reaches the network, nothing depends on the speed of the machine."""

import io
import socket
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from messaging.observability import logger
from tests.support import pauses


@pytest.fixture(autouse=True, scope="module")
def _no_network() -> Iterator[None]:
    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("a unit test reached for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield


@pytest.fixture(autouse=True, scope="module")
def _pauses_are_skipped() -> Iterator[None]:
    with pauses.skipped():
        yield


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Read the output since the last call: log lines, metrics, and prints."""
    # The logger keeps the stdout of its import, and pytest has replaced it since.
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)

    def read() -> str:
        captured = capsys.readouterr()
        lines = log.getvalue()
        log.seek(0)
        log.truncate()
        return lines + captured.out + captured.err

    return read
