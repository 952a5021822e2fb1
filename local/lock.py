"""A lock that names its holder: a file that one process at a time holds, with its process id in it."""

import fcntl
import os
from pathlib import Path
from typing import IO


class Held(Exception):
    """Another process holds the lock; `pid` is its process id."""

    def __init__(self, pid: str) -> None:
        super().__init__(f"Process {pid} holds the lock.")
        self.pid = pid


def hold(file: Path) -> IO[str]:
    """Lock `file` until the returned file is closed, or this process ends. Raises Held."""
    lock = file.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        pid = lock.read()
        lock.close()
        raise Held(pid) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
