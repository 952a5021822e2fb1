"""The clock of retries in tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from messaging import retry


class _Pauses(threading.local):
    """A clock of each thread that only its own pauses move on."""

    seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@contextmanager
def skipped() -> Iterator[None]:
    """Let nobody wait between attempts, nor give up because the machine is slow: pauses alone use up the time."""
    pauses = _Pauses()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "clock", pauses.clock)
        patch.setattr(retry, "sleep", pauses.sleep)
        yield
