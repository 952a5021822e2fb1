"""Emoji in paths. A module of its own, since only two functions need the tables of emoji."""

from urllib.parse import unquote

from messaging.api.http_api import Request
from messaging.model.emoji import one_emoji
from messaging.model.errors import Unreadable


def read_emoji(request: Request) -> str:
    """The emoji of a path like …/reactions/{emoji}, percent-encoded or not. Raises Unreadable for anything else."""
    emoji = one_emoji(unquote(request.path["emoji"]))
    if emoji is None:
        raise Unreadable("A reaction must be one emoji.")
    return emoji
