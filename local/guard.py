"""The guard in front of the local system's servers.

Any page in the developer's browser can send requests to 127.0.0.1, by that name or, with DNS rebinding, by one of its
own. So these servers answer only under their own address, and among pages only to the web client and to those that
`make run ORIGINS=…` names.
"""

import re
from collections.abc import Container, Iterable, Mapping

_NAMES = ("127.0.0.1", "localhost")
_FOREIGN_HOST = (
    "This server answers only as 127.0.0.1 or localhost, with its port. "
    "From another machine, forward both ports under the same numbers (docs/local.md, From another machine)."
)
_FOREIGN_PAGE = (
    "Pages of other origins may not send requests here. Paste this address into the address bar instead. "
    "Your own front end may if you start the system with its origin: make run ORIGINS=http://localhost:5173"
)
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


def page_port(port: int) -> int:
    """The port of the web client, next to ministack's."""
    return port + 1


def origins(port: int) -> list[str]:
    """The origins of the pages at `port`."""
    return [f"http://{name}:{port}" for name in _NAMES]


def is_origin(text: str) -> bool:
    """True for text in the form in which browsers send an Origin of a site."""
    return _ORIGIN.fullmatch(text) is not None


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name in lower case, repeated ones joined (RFC 9110), so that no second copy gets through."""
    values: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        values[key] = f"{values[key]}, {value}" if key in values else value
    return values


def refusal(
    headers: Mapping[str, str], port: int, pages: Container[str], *, is_open_to_links: bool = False
) -> str | None:
    """The reason for a server at `port` to refuse a request with these headers (names in lower case), or None.

    `pages` are the origins that it serves. Browsers send the source of a request in Origin or Sec-Fetch-Site, and no
    page can change that; other programs send neither. A server that is open to links also answers a browser that a
    page of another origin leads here, and which shows the answer as a page of its own.
    """
    if headers.get("host", "").lower() not in [f"{name}:{port}" for name in _NAMES]:
        return _FOREIGN_HOST
    if "origin" in headers:
        return None if headers["origin"] in pages else _FOREIGN_PAGE
    if is_open_to_links and (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document"):
        return None
    return None if headers.get("sec-fetch-site", "none") in ("none", "same-origin") else _FOREIGN_PAGE
