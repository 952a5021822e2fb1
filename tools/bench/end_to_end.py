"""The local system: time from a send until the other sees it, in their inbox and over their socket."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Client, deployed
from tests.support.sockets import opened
from tools.bench.samples import Samples

_WITHIN = 30  # seconds


@dataclass(frozen=True)
class EndToEnd:
    """Milliseconds until a send is answered, the other's inbox shows it, and their socket delivers it."""

    answered: Samples
    listed: Samples
    told: Samples


def measure(rounds: int) -> EndToEnd:
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as system:
        bayko, londo = system.person("bayko"), system.person("londo")
        group = bayko.send(handle=londo.handle, message="Hello")["message_group_uuid"]
        answered, listed = _measure(rounds, bayko, group, lambda sent: _wait_for_inbox(londo, sent))
        with opened(system, londo) as socket:
            _, told = _measure(rounds, bayko, group, lambda sent: socket.wait_for(_WITHIN, uuid=sent["uuid"]))
    return EndToEnd(answered, listed, told)


def _measure(
    rounds: int, sender: Client, message_group_uuid: str, wait: Callable[[dict[str, Any]], object]
) -> tuple[Samples, Samples]:
    """Measure until each send is answered, and until `wait`, given the answer, returns."""
    answered, seen = [], []
    for number in range(rounds):
        begin = time.perf_counter()
        sent = sender.send(message_group_uuid=message_group_uuid, message=f"Message {number}")
        answered.append(1000 * (time.perf_counter() - begin))
        wait(sent)
        seen.append(1000 * (time.perf_counter() - begin))
    return Samples(answered), Samples(seen)


def _wait_for_inbox(reader: Client, sent: dict[str, Any]) -> None:
    deadline = time.monotonic() + _WITHIN
    while reader.inbox()[0]["created_at"] != sent["created_at"]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"an inbox does not show a message after {_WITHIN} s")
