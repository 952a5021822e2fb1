"""ministack, the local AWS, as a process of our own."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from operators.environments import Environment

HOST = "127.0.0.1"
_START_WITHIN = 60  # seconds
_STOP_WITHIN = 30
# No other variables: ministack has settings of its own, and the functions inherit its environment.
_INHERITED = ("PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class MinistackError(Exception):
    """ministack does not start, or its state is not saved; the text says why."""


def require_free(port: int) -> None:
    """Raises MinistackError if this process cannot listen at `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise MinistackError(f"Port {port} is for administrators. Choose another: make run PORT=4599") from None
        except OSError:
            raise MinistackError(
                f"Port {port} is taken. Stop its program, or choose another: make run PORT=4599"
            ) from None


class Ministack:
    """One ministack, with an access key of its own in `place`.

    With `state` it keeps everything in that folder, saves it every few seconds, and holds the lock `{state}.lock`.
    Besides the web client it serves the pages of `origins`.
    Its temporary files are in `temporary`, `tmp` beside its log. It ends when this process ends, however that happens.
    """

    def __init__(self, port: int, log: Path, state: Path | None = None, origins: Sequence[str] = ()) -> None:
        self.port = port
        self.place = Environment(
            endpoint=f"http://{HOST}:{port}", access_key=secrets.token_hex(16), secret_key=secrets.token_urlsafe(32)
        )
        self._log = log
        self.temporary = log.with_name("tmp")
        self._state = state
        self._origins = origins
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Start ministack and wait until it answers. Raises MinistackError."""
        require_free(self.port)
        environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "*",
            "PYTHONUTF8": "1",
            "TMPDIR": str(self.temporary),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",  # every function's role is enforced
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(self._state or self.temporary),  # without `state`, only for the keys that sign tokens
            "CRUDDUR_ACCESS_KEY": self.place.access_key,
            "CRUDDUR_SECRET_KEY": self.place.secret_key,
            "CRUDDUR_ORIGINS": " ".join(self._origins),
        }
        if self._state:
            environment |= {"PERSIST_STATE": "1", "S3_PERSIST": "1", "S3_DATA_DIR": str(self._state / "s3")}
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir()
        # ministack sends lines through it, and reads its end when this process has ended.
        self._socket, other_end = socket.socketpair()
        with self._log.open("wb") as log, other_end:
            # A session of its own: Ctrl-C reaches the runner, and the runner stops ministack.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.server"],
                env=environment,
                stdin=other_end.fileno(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                with contextlib.suppress(MinistackError):
                    self.stop()
                raise MinistackError(f"ministack did not start; its log is {self._log}")
            time.sleep(0.1)

    def wait(self, tell: Callable[[str], None]) -> None:
        """Wait until the process has ended; pass on each line that it sends."""
        if self._process and self._socket:
            threading.Thread(target=_pass_on, args=(self._socket, tell), daemon=True).start()
            self._process.wait()

    def stop(self) -> None:
        """Save the state and end ministack with all it has started. Raises MinistackError if the state is not saved."""
        if not self._process:
            return
        process, self._process = self._process, None
        with process:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_WITHIN)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if self._socket:
            self._socket.close()
        shutil.rmtree(self.temporary, ignore_errors=True)
        if process.returncode:
            raise MinistackError(f"The last changes are NOT saved. Is the disk full? ministack's log is {self._log}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(str(self.place.endpoint), timeout=5):
                return True
        except urllib.error.HTTPError:  # it refuses this, so it is there
            return True
        except OSError:
            return False


def _pass_on(lines: socket.socket, tell: Callable[[str], None]) -> None:
    for line in lines.makefile(encoding="utf-8"):
        tell(line.rstrip())
