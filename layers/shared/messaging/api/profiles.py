"""Bodies of requests about the caller's profile, checked."""

from collections.abc import Callable
from typing import Any

from messaging.api.bodies import read_flag, read_text
from messaging.api.http_api import Request
from messaging.model.errors import Invalid, Unreadable
from messaging.model.person import ProfileChange
from messaging.model.profile_values import usable_avatar, usable_handle, usable_name
from messaging.model.reach import TAKES


def read_profile(request: Request) -> ProfileChange:
    """Read a body {handle, display_name?, avatar?}. Raises Invalid without a handle, and as `read_profile_change`."""
    change = _read(request, "handle", "display_name", "avatar")
    if change.handle is None:
        raise Invalid("handle_invalid")
    return change


def read_profile_change(request: Request) -> ProfileChange:
    """Read a body {handle?, display_name?, avatar?, receipts?, messages_from?}; `avatar` may be null, for none.

    Raises Unreadable for values of other types and for a body without any of these, TooLarge, UnknownFields, and
    Invalid with the codes of all values that are forbidden.
    """
    change = _read(request, "handle", "display_name", "avatar", "receipts", "messages_from")
    if change == ProfileChange():
        raise Unreadable("The body must have at least one of handle, display_name, avatar, receipts and messages_from.")
    return change


def _read(request: Request, *fields: str) -> ProfileChange:
    body = request.body(*fields)
    codes: list[str] = []

    def value(name: str, usable: Callable[[str], str]) -> str | None:
        if name not in body:
            return None
        if body[name] is None and name != "avatar":
            raise Unreadable(f"{name} must be a string.")
        try:
            return usable(read_text(body, name))
        except Invalid:
            codes.append(f"{name}_invalid")
            return None

    change = ProfileChange(
        value("handle", lambda handle: usable_handle(handle.strip().removeprefix("@"))),
        value("display_name", usable_name),
        value("avatar", usable_avatar),
        read_flag(body, "receipts"),
        _choice(body, "messages_from", TAKES),
    )
    if codes:
        raise Invalid(*codes)
    return change


def _choice(body: dict[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    value: str | None = body.get(name)
    if name in body and value not in choices:
        raise Unreadable(f"{name} must be one of {', '.join(choices)}.")
    return value
