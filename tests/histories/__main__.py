"""Replay the histories of these seeds and print their events, up to the first violation."""

import sys

import tests.conftest  # noqa: F401 - the functions' environment
from tests.histories.history import Stage, Violation
from tests.histories.memory import MemoryTable

if __name__ == "__main__":
    stage = Stage()
    for seed in map(int, sys.argv[1:]):
        try:
            print("\n".join(stage.tell(seed, MemoryTable).story))
        except Violation as violation:
            sys.exit(str(violation))
