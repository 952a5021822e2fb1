"""A server of raw sockets with scripted answers: complete, truncated, wrong or none."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request, with the number of its connection. Names of headers are in lower case."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Close:
    """Send these bytes, which need not be a complete response, and close the connection."""

    before: bytes = b""


@dataclass(frozen=True)
class Silence:
    """Do not answer, and keep the connection open."""


Answer = bytes | Close | Silence | Callable[[Received], bytes]


def response(
    body: object = None, status: str = "200 OK", *, raw: bytes | None = None, headers: dict[str, str] | None = None
) -> bytes:
    """A complete response with a JSON body, or a raw one."""
    content = json.dumps({} if body is None else body).encode() if raw is None else raw
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def refusal(code: str, status: str = "400 Bad Request", headers: dict[str, str] | None = None, **more: Any) -> bytes:
    """An error in the format of DynamoDB."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"about {code}", **more}
    return response(body, status, headers=headers)


class RawServer:
    """Gives each request the next of `answers`, on any connection. Runs until the end of the block.

    `closed` is set when the server has closed a connection.
    """

    def __init__(self, answers: Iterable[Answer], tls: ssl.SSLContext | None = None) -> None:
        self._answers: Iterator[Answer] = iter(answers)
        self._tls = tls
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.received: list[Received] = []
        self.closed = threading.Event()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> list[int]:
        """The number of each request's connection."""
        return [one.connection for one in self.received]

    def __enter__(self) -> "RawServer":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for connection in self._connections:
            _shut(connection)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, len(self._connections)))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self._tls:
                connection = self._connections[number - 1] = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as reader:
                while received := _read(reader, number):
                    with self._lock:
                        self.received.append(received)
                        answer = next(self._answers)
                    if isinstance(answer, Silence):
                        continue
                    if isinstance(answer, Close):
                        connection.sendall(answer.before)
                        break
                    connection.sendall(answer if isinstance(answer, bytes) else answer(received))
        except OSError:
            pass  # the client went away, or did not like the certificate
        finally:
            _shut(connection)
            self.closed.set()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _read(reader: Any, number: int) -> Received | None:
    line = reader.readline().decode()
    if not line:
        return None
    method, target, _ = line.split()
    headers = {}
    while (line := reader.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Received(number, method, target, headers, reader.read(int(headers.get("content-length", 0))))
