"""Equal refusals: their time does not reveal whether somebody else's conversation exists."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from messaging.model.errors import NotFound

MIN_REFUSAL_SECONDS = 0.1  # longer than a warm function takes to find out


@contextmanager
def alike() -> Iterator[None]:
    """Delay every NotFound until MIN_REFUSAL_SECONDS have passed.

    Refusals make the same requests but get different answers: a page of somebody else's messages takes longer to read
    than an empty one.
    """
    began = time.monotonic()
    try:
        yield
    except NotFound:
        time.sleep(max(0.0, began + MIN_REFUSAL_SECONDS - time.monotonic()))
        raise
