"""Bounded retries."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from messaging.model.errors import Busy

_Result = TypeVar("_Result")

RETRY_BUDGET_SECONDS = 10.0  # seconds
_FIRST_PAUSE_SECONDS = 0.005  # the first maximum, which doubles with every pause
_MAX_PAUSE_SECONDS = 0.2

# Not random's own generator: SnapStart would restore its state, and all copies would pause in step.
_uniform = random.SystemRandom().uniform
# Looked up at each use, so that tests can replace them.
clock: Callable[[], float] = time.monotonic
sleep: Callable[[float], None] = time.sleep


def attempts(
    give_up_after: float = RETRY_BUDGET_SECONDS,
    *,
    first_pause: float = _FIRST_PAUSE_SECONDS,
    longest_pause: float = _MAX_PAUSE_SECONDS,
    uniform: Callable[[float, float], float] = _uniform,
) -> Iterator[int]:
    """Yield 0, 1, 2 …, with exponential pauses and full jitter in between, until `give_up_after` seconds have passed.

    With the two requests of a last attempt (see table.open_table) the default stays below the functions'
    timeout, so that the caller gets 503 instead of a timeout.
    """
    end = clock() + give_up_after
    longest = first_pause
    for attempt in itertools.count():
        yield attempt
        pause = uniform(0, longest)
        if clock() + pause >= end:
            return
        sleep(pause)
        longest = min(longest_pause, 2 * longest)


def until_not_busy(action: Callable[[], _Result], give_up_after: float = RETRY_BUDGET_SECONDS) -> _Result:
    """Repeat an action while it raises Busy, with pauses. After `give_up_after` seconds the last Busy propagates."""
    last = Busy()
    for _ in attempts(give_up_after):
        try:
            return action()
        except Busy as busy:
            last = busy
    raise last
