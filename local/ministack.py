"""ministack, the local AWS, as a process of our own."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from operators.environments import Environment

HOST = "127.0.0.1"
_START_WITHIN = 60  # seconds
_STOP_WITHIN = 30


class MinistackError(Exception):
    """ministack does not start; the text says why."""


class Ministack:
    """One ministack, with an access key of its own in `place`.

    With `state` it keeps everything in that folder, written when it is stopped.
    """

    def __init__(self, port: int, log: Path, state: Path | None = None) -> None:
        self.port = port
        self.place = Environment(
            endpoint=f"http://{HOST}:{port}", access_key=secrets.token_hex(16), secret_key=secrets.token_urlsafe(32)
        )
        self._log = log
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers. Raises MinistackError."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError:
                raise MinistackError(
                    f"Port {self.port} is taken. Stop what listens there, or choose another: make run PORT=4599"
                ) from None
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",  # every function's role is enforced
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "CRUDDUR_ACCESS_KEY": self.place.access_key,
            "CRUDDUR_SECRET_KEY": self.place.secret_key,
        }
        if self._state:
            self._read_streams_from_their_beginning(self._state)
            environment |= {"PERSIST_STATE": "1", "STATE_DIR": str(self._state), "S3_PERSIST": "1"}
            environment["S3_DATA_DIR"] = str(self._state / "s3")
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C reaches the runner, and the runner stops ministack.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.server"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise MinistackError(f"ministack did not start; its log is {self._log}")
            time.sleep(0.1)

    def _read_streams_from_their_beginning(self, state: Path) -> None:
        """It keeps how far each stream was read, but not the stream: the next records would count as read."""
        saved = state / "lambda.json"
        if saved.exists():
            content = json.loads(saved.read_text())
            content["payload"].pop("dynamodb_stream_positions", None)
            saved.write_text(json.dumps(content))

    def wait(self) -> None:
        """Returns when the process has ended."""
        if self._process:
            self._process.wait()

    def stop(self) -> None:
        """Ends it, and with it everything it has started; the state is written first."""
        if not self._process:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(str(self.place.endpoint), timeout=5):
                return True
        except urllib.error.HTTPError:  # it refuses this, so it is there
            return True
        except OSError:
            return False
