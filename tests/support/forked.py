"""Forks of a process that has imported functions, like copies of a snapshot: `python -m tests.support.forked NAME …`.

Each copy has its own credentials and a clock that has jumped. It registers a person, sends to a socket if the function
does so, and prints a uuid and a pause, which must differ between copies.
"""

import importlib
import json
import os
import sys
import time
from typing import Any
from uuid import uuid4

COPIES = 4
JUMP_SECONDS = 3600  # more for each copy


class _Clock:
    """The time of day and the monotonic time, both of which can jump."""

    def __init__(self) -> None:
        self.jumped = 0.0
        self._time, self._monotonic = time.time, time.monotonic
        time.time = lambda: self._time() + self.jumped
        time.monotonic = lambda: self._monotonic() + self.jumped


def main(functions: list[str]) -> None:
    clock = _Clock()
    for function in functions:
        module = importlib.import_module(f"functions.{function}")
        for number in range(1, COPIES + 1):
            if process := os.fork():
                if os.waitpid(process, 0)[1]:
                    sys.exit(f"a copy of {function} failed")
                continue
            clock.jumped = number * JUMP_SECONDS
            _be_a_copy(module, function, number)
            sys.stdout.flush()
            os._exit(0)


def _be_a_copy(module: Any, function: str, number: int) -> None:
    # Not imported anew: the snapshot has them.
    retry: Any = importlib.import_module("messaging.retry")
    person: Any = importlib.import_module("messaging.model.person")
    os.environ["AWS_ACCESS_KEY_ID"] = f"AKID-{function}-{number}"
    pauses: list[float] = []
    retry.sleep = pauses.append
    tries = retry.attempts()
    next(tries), next(tries)
    module.table.register(person.Person(str(uuid4()), f"person{number}", "A Person"))
    if hasattr(module, "sockets"):
        module.sockets.post(f"connection{number}", "[]")
    print(json.dumps({"uuid": str(uuid4()), "pause": pauses[0]}))


if __name__ == "__main__":
    main(sys.argv[1:])
