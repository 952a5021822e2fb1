"""Refusals that must look alike: how long one takes does not tell somebody else's conversation from none."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from messaging.model.errors import NotFound

MIN_REFUSAL_SECONDS = 0.1  # longer than a warm function takes to find out


@contextmanager
def alike() -> Iterator[None]:
    """Lets no NotFound through before so many seconds have passed.

    Two refusals make the same requests but do not get the same answers: a page of somebody else's messages takes longer
    to read than an empty one.
    """
    began = time.monotonic()
    try:
        yield
    except NotFound:
        time.sleep(max(0.0, began + MIN_REFUSAL_SECONDS - time.monotonic()))
        raise
