"""Bounded retries."""

import random
import time
from collections.abc import Callable, Iterator

# Seconds. The longest wait between two tries and the time after which no new try begins. With what one request may
# take (see table.open_table) this stays below the functions' timeout, so that the caller hears 503 and not nothing.
_LONGEST_PAUSE = 0.2
_GIVE_UP_AFTER = 10.0

# Not the module's own generator: SnapStart would restore its state, and all copies would wait in step.
_uniform = random.SystemRandom().uniform


def attempts(
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    uniform: Callable[[float, float], float] = _uniform,
) -> Iterator[int]:
    """Yields 0, 1, 2 … and waits in between, exponentially with full jitter, until the time is used up."""
    end = clock() + _GIVE_UP_AFTER
    attempt = 0
    while True:
        yield attempt
        pause = uniform(0, min(_LONGEST_PAUSE, 0.005 * 2**attempt))
        if clock() + pause >= end:
            return
        sleep(pause)
        attempt += 1
