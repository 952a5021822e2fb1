"""Requests about a person's folders and their settings of conversations, checked."""

from datetime import datetime
from typing import Any

from messaging.api.bodies import read_flag, read_text
from messaging.api.http_api import Request
from messaging.model import keys
from messaging.model.errors import Invalid, Unreadable
from messaging.model.membership import ARCHIVE, FOREVER, INBOX, REQUESTS
from messaging.model.settings_change import SettingsChange


def read_folder(request: Request) -> str:
    """The folder of the query, by default the inbox. Raises Unreadable."""
    folder = request.query.get("folder", INBOX)
    if folder not in (INBOX, REQUESTS, ARCHIVE):
        raise Unreadable("folder must be `inbox`, `requests` or `archive`.")
    return folder


def read_settings_change(request: Request) -> SettingsChange:
    """Read a body {muted_until?, archived?, pinned?, marked_unread?}; `muted_until` may be null, for the end of a mute.

    Raises Unreadable for values of other types and for a body without any of these, TooLarge, UnknownFields, and
    Invalid for a `muted_until` that is no time.
    """
    body = request.body("muted_until", "archived", "pinned", "marked_unread")
    change = SettingsChange(
        _muted_until(body) if "muted_until" in body else None,
        read_flag(body, "archived"),
        read_flag(body, "pinned"),
        read_flag(body, "marked_unread"),
    )
    if change == SettingsChange():
        raise Unreadable("The body must have at least one of muted_until, archived, pinned and marked_unread.")
    return change


def _muted_until(body: dict[str, Any]) -> str:
    """A time in the table's format, FOREVER, or "" for null. Raises Unreadable and Invalid."""
    text = read_text(body, "muted_until")
    if body["muted_until"] is None or text == FOREVER:
        return text
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise ValueError
        return keys.format_time(time)
    except (ValueError, OverflowError):
        raise Invalid("muted_until_invalid") from None
