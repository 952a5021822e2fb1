"""Threads in virtual time: a busy machine changes nothing, and a seed tells what happens."""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence


class VirtualTime:
    """A clock that advances only while all threads sleep. One thread runs at a time: the one that wakes up first."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, threading.Event]] = []

    def clock(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        wake_up = self._sleeper(seconds)
        self._wake_the_first()
        wake_up.wait()

    def run(self, actions: Sequence[Callable[[], None]]) -> None:
        """Run each action in a thread of its own until all have ended; raise the first of their exceptions."""
        errors: list[BaseException] = []
        threads = [threading.Thread(target=self._run, args=(action, self._sleeper(0), errors)) for action in actions]
        for thread in threads:
            thread.start()
        self._wake_the_first()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _sleeper(self, seconds: float) -> threading.Event:
        wake_up = threading.Event()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), wake_up))
        return wake_up

    def _wake_the_first(self) -> None:
        if self._sleepers:
            self._now, _, wake_up = heapq.heappop(self._sleepers)
            wake_up.set()

    def _run(self, action: Callable[[], None], wake_up: threading.Event, errors: list[BaseException]) -> None:
        wake_up.wait()
        try:
            action()
        except BaseException as error:
            errors.append(error)
        finally:
            self._wake_the_first()
