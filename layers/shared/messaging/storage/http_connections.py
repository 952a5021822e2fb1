"""HTTP/1.1 connections that stay open between requests (RFC 9112). Thread-safe; redirects are not followed.

Stricter than Python's http.client, which accepts a response that ends in its headers, and faster to import.
"""

import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

# A NAT gateway forgets a connection that is idle for 350 seconds:
# https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
KEEP_IDLE_SECONDS = 300

_RECEIVE_BYTES = 65_536
_MOST_HEAD_BYTES = 65_536
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: (.*))?")
_CHUNK_SIZE = re.compile(r"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_LENGTH = re.compile(r"[0-9]{1,10}")


class BadResponse(Exception):
    """The response is not HTTP/1.1, or does not say where it ends."""


class HttpResponse(NamedTuple):
    """A complete response. Names of headers are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class HttpConnections:
    """Connections to one server. At most `most_idle` stay open between requests.

    `url` names scheme, host and port. `connect_seconds` limits the TCP and the TLS handshake, `read_seconds` each wait
    for the server. Certificates are verified. `now` is the time of day: it continues while Lambda freezes the process.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_seconds: float,
        read_seconds: float,
        most_idle: int = 10,
        now: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is not the address of a server.")
        self._host = parts.hostname
        self._is_secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_secure else 80)
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._most_idle = most_idle
        self._now = now
        self._idle: list[tuple[_Connection, float]] = []  # append and pop are atomic
        if self._is_secure:
            _tls()  # at init, when a function has a whole core

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """Send a request, once more if a kept connection turns out to be closed. Raises OSError and BadResponse.

        The server may have read the request before it closed the connection, so a request must be safe to repeat.
        `headers` include `host`.
        """
        if any("\r" in value or "\n" in value for value in headers.values()):
            raise ValueError("A header must be one line.")
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        lines += ["accept-encoding: identity", f"content-length: {len(body)}", "", ""]
        request = "\r\n".join(lines).encode("latin-1") + body
        if kept := self._take():
            try:
                return self._exchange(kept, request)
            except (ConnectionError, ssl.SSLError):
                pass
        return self._exchange(self._connect(), request)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop()[0].close()

    def _take(self) -> "_Connection | None":
        """The connection used last, if it is still open."""
        while self._idle:
            try:
                connection, since = self._idle.pop()
            except IndexError:  # another thread took it
                return None
            if 0 <= self._now() - since < KEEP_IDLE_SECONDS and connection.is_silent():
                return connection
            connection.close()
        return None

    def _connect(self) -> "_Connection":
        sock = socket.create_connection((self._host, self._port), self._connect_seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._is_secure:
            sock = _tls().wrap_socket(sock, server_hostname=self._host)
        sock.settimeout(self._read_seconds)
        return _Connection(sock)

    def _exchange(self, connection: "_Connection", request: bytes) -> HttpResponse:
        try:
            response, can_be_kept = connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if can_be_kept and len(self._idle) < self._most_idle:
            self._idle.append((connection, self._now()))
        else:
            connection.close()
        return response


class _Connection:
    """One connection, with the received bytes that are not read yet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = bytearray()

    def close(self) -> None:
        self._sock.close()

    def is_silent(self) -> bool:
        """False if there is something to read: without a request, that is the end of the connection."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def exchange(self, request: bytes) -> tuple[HttpResponse, bool]:
        """The response, and whether the connection can be used again."""
        self._sock.sendall(request)
        line, headers = self._head()
        while line[2].startswith("1"):  # an interim response
            line, headers = self._head()
        status = int(line[2])
        response = HttpResponse(status, line[3] or "", headers, self._body(status, headers))
        is_last = line[1] == "0" or headers.get("connection", "").lower() == "close"
        return response, not is_last and not self._received

    def _head(self) -> tuple[re.Match[str], dict[str, str]]:
        first, *fields = self._until(b"\r\n\r\n").split("\r\n")
        line = _STATUS_LINE.fullmatch(first)
        if not line:
            raise BadResponse("This is not HTTP/1.1.")
        headers = {}
        for field in fields:
            name, colon, value = field.partition(":")
            if not colon:
                raise BadResponse("A header has no value.")
            headers[name.lower()] = value.strip()
        return line, headers

    def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        length = headers.get("content-length", "")
        match headers.get("transfer-encoding", "").lower():
            case "chunked":
                return b"".join(iter(self._chunk, b""))
            case "" if _LENGTH.fullmatch(length):
                return self._exactly(int(length))
        raise BadResponse("The response does not say how long it is.")

    def _chunk(self) -> bytes:
        size = _CHUNK_SIZE.fullmatch(self._until(b"\r\n"))
        if not size:
            raise BadResponse("A chunk does not say how long it is.")
        chunk = self._exactly(int(size[1], 16))
        if chunk:
            self._until(b"\r\n")
        else:
            while self._until(b"\r\n"):
                pass  # trailers
        return chunk

    def _until(self, end: bytes) -> str:
        while (length := self._received.find(end)) < 0:
            if len(self._received) > _MOST_HEAD_BYTES:
                raise BadResponse("The head of the response does not end.")
            self._receive()
        return self._exactly(length + len(end))[:length].decode("latin-1")

    def _exactly(self, length: int) -> bytes:
        while len(self._received) < length:
            self._receive()
        taken = bytes(self._received[:length])
        del self._received[:length]
        return taken

    def _receive(self) -> None:
        received = self._sock.recv(_RECEIVE_BYTES)
        if not received:
            raise ConnectionResetError("The server closed the connection.")
        self._received += received


@cache
def _tls() -> ssl.SSLContext:
    """The process's TLS context. Reading the system's certificates takes some milliseconds."""
    return ssl.create_default_context()
