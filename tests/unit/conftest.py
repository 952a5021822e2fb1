"""Shared fixtures: nothing reaches the network, nothing depends on the speed of the machine."""

import socket
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

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
def written(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Read the output since the last call: log lines, metrics, and prints."""
    return lambda: "".join(capsys.readouterr())
