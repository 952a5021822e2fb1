"""The web client on this machine, with the headers of CloudFront on AWS."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os.path import normpath
from pathlib import Path
from typing import Any

from local import guard, stack
from local.ministack import HOST
from operators import demo
from operators.environments import Environment
from operators.schema import template
from operators.web import WEB, config, content_type

_SIGN_IN = "https://${SignIn}"


class PortTaken(Exception):
    """The web client cannot be served there; the text names a remedy."""


@contextmanager
def serving(place: Environment, password: str | None = None, origins: Sequence[str] = ()) -> Iterator[str]:
    """Serve web/ during the block, for the local system at `place`, on the port after its own; yield the address.

    Raises PortTaken.

    With the demo people's password the page offers a sign-in as one of them with one click. Pages of `origins` may read
    everything, too: the addresses in config.json, and the JavaScript client.
    """
    settings = config(place) | {
        "api": stack.api_url(place),
        "socket": stack.socket_url(place),
    }
    if "issuer" not in settings:
        settings["cognito"] = place.endpoint
    if password:
        people = [{name: person[name] for name in ("name", "handle", "email")} for person in demo.PEOPLE]
        settings["demo"] = {"people": people, "password": password}
    port = guard.page_port(stack.port(place))
    try:
        headers = _headers(str(place.endpoint), settings.get("issuer", ""))
        handler = partial(_Handler, port, origins, settings, headers)
        server = ThreadingHTTPServer((HOST, port), handler)
    except OSError:
        raise PortTaken(
            f"Port {port}, for the web client, is taken. Stop its program, or choose another: make run PORT=4599"
        ) from None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _headers(endpoint: str, issuer: str) -> dict[str, str]:
    """The headers of template.yaml's WebHeaders, apart from HTTPS, with `endpoint` for Cognito, API and socket."""
    policy = template()["Resources"]["WebHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    sources = f"{endpoint} {endpoint.replace('http', 'ws', 1)} {'/'.join(issuer.split('/')[:3])}".rstrip()
    content: str = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]["!Sub"][0]
    return {
        "Content-Security-Policy": content.replace(_SIGN_IN, sources),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        **{item["Header"]: item["Value"] for item in policy["CustomHeadersConfig"]["Items"]},
        "Cache-Control": "no-cache",
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(
        self, port: int, origins: Sequence[str], settings: dict[str, Any], headers: dict[str, str], *arguments: Any
    ) -> None:
        self._port = port
        self._pages = [*guard.origins(port), *origins]
        self._settings = json.dumps(settings).encode()
        self._has_issuer = "issuer" in settings
        self._headers = headers
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        headers = guard.joined(self.headers.items())
        is_open = self._has_issuer and path == "/"  # where an issuer sends the browser back
        if refusal := guard.refusal(headers, self._port, self._pages, is_open_to_links=is_open):
            self.send_error(403, explain=refusal)
            return
        if path == "/" or path.startswith("/messages"):  # as the template's WebPaths
            path = "/index.html"
        body = self._settings if path == "/config.json" else self._file(path)
        self.send_response(404 if body is None else 200)
        for name, value in self._headers.items():
            self.send_header(name, value)
        if origin := self.headers.get("Origin"):  # one of self._pages
            self.send_header("Access-Control-Allow-Origin", origin)
        self.send_header("Vary", "Origin")
        self.send_header("Content-Type", content_type(path) or "text/plain")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body or b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in the standard library
        """Log nothing."""

    def _file(self, path: str) -> bytes | None:
        try:
            file = Path(normpath(WEB / path.lstrip("/")))  # assets/cruddur-messages leads out of web/
            return file.read_bytes() if file.is_relative_to(WEB) and file.is_file() and content_type(path) else None
        except (OSError, ValueError):  # an impossible file name
            return None
