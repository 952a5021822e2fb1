"""The local system: from a send until it stands in the other's inbox, over HTTP, through the stream."""

import tempfile
import time
from pathlib import Path

from tests.bench.samples import Samples
from tests.e2e.conftest import deployed

_WITHIN = 30  # seconds


def measure(rounds: int) -> tuple[Samples, Samples]:
    """Milliseconds until the send is answered, and until the other's inbox shows it."""
    answered, seen = [], []
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as system:
        bayko, londo = system.person("bayko"), system.person("londo")
        group = bayko.send(handle=londo.handle, message="Hello")["message_group_uuid"]
        for number in range(rounds):
            text = f"Message {number}"
            begin = time.perf_counter()
            bayko.send(message_group_uuid=group, message=text)
            answered.append(1000 * (time.perf_counter() - begin))
            while londo.inbox()[0]["message"] != text:
                if time.perf_counter() - begin > _WITHIN:
                    raise RuntimeError(f"an inbox does not show a message after {_WITHIN} s")
            seen.append(1000 * (time.perf_counter() - begin))
    return Samples(answered), Samples(seen)
