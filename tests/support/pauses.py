"""The retry clock of tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from messaging import retry


class _Pauses(threading.local):
    """A clock per thread, advanced only by that thread's pauses."""

    seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@contextmanager
def skipped() -> Iterator[None]:
    """Skip pauses between attempts, but count them: a slow machine uses up no retry budget."""
    pauses = _Pauses()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "clock", pauses.clock)
        patch.setattr(retry, "sleep", pauses.sleep)
        yield
