"""Connections: their number per person, and the frames of their clients."""

import time
from collections.abc import Callable
from datetime import timedelta

from messaging.api import views
from messaging.api.http_api import Request, read_uuid
from messaging.clock import Clock, utc_now
from messaging.live.delivery import Post, deliver, deliver_presence, disconnect
from messaging.live.events import Event, pack
from messaging.model import keys
from messaging.model.connection import Connection, Subscription
from messaging.model.conversation import Head
from messaging.model.errors import Busy, MessagingError, NotFound, TooLarge, TooManyRequests, Unreadable, answer_for
from messaging.services import refusals
from messaging.services.read import find_head, find_person
from messaging.storage.sockets import Sockets
from messaging.storage.table import Table

LIFETIME = timedelta(hours=2, minutes=5)  # API Gateway closes every socket after two hours
MAX_CONNECTIONS = 10
MAX_SUBSCRIPTIONS = 100
MAX_FRAME_BYTES = 4096
TYPING_INTERVAL_SECONDS = 3.0
MAX_FRAMES = 120  # of a connection in FRAME_WINDOW_SECONDS: a client may subscribe to a hundred people at once
FRAME_WINDOW_SECONDS = 10.0
REFUSED_FRAME_COST = 6  # frames: refusals take so long that one process sees fewer than MAX_FRAMES of a flood of them

_CODES: dict[type[MessagingError], str] = {
    MessagingError: "unreadable",
    NotFound: "not_found",
    TooLarge: "too_large",
    TooManyRequests: "busy",
    Busy: "busy",
}


class RateLimit:
    """Rate limit of this process: counts each key within a window of some seconds. Nothing is stored."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}  # start of the key's window, and its count since

    def count(self, key: str, times: int = 1) -> int:
        """Count a key `times` times; return its count since its first occurrence in the current window."""
        now = self._clock()
        self._windows = {one: window for one, window in self._windows.items() if now - window[0] < self._seconds}
        began, before = self._windows.get(key, (now, 0))
        self._windows[key] = began, before + times
        return before + times


def connect(table: Table, sockets: Sockets, user_uuid: str, connection_id: str, now: Clock = utc_now) -> None:
    """Note a connection; tell the oldest beyond ten why they are closed, and close them.

    Raises NotFound for an erased person. The profile is read after the connection is stored, and an erasure deletes the
    profile before it looks for connections. So it either stops this connection or finds it.
    """
    connected = now()
    table.put_connection(
        Connection(user_uuid, connection_id, keys.format_time(connected), int((connected + LIFETIME).timestamp()))
    )
    try:
        find_person(table, user_uuid, consistent=True)
    except NotFound:
        table.delete_connection(user_uuid, connection_id)
        raise
    connections = table.connections(user_uuid, consistent=True)
    oldest = sorted(connections, key=lambda one: one.connected_at)[:-MAX_CONNECTIONS]
    if oldest:
        frames = pack([views.error_event("too_many_connections", f"You have more than {MAX_CONNECTIONS} connections.")])
        deliver(table, sockets, [Post(user_uuid, one.connection_id, frames, one.connected_at) for one in oldest])
    for one in oldest:
        disconnect(table, sockets, user_uuid, one.connection_id)
    if len(connections) == 1:
        deliver_presence(table, sockets, user_uuid, online=True)


def answer(
    table: Table, sockets: Sockets, typing_limit: RateLimit, user_uuid: str, connection_id: str, request: Request
) -> Event | None:
    """Handle a frame. Returns the event that answers it, or None; errors are events, too."""
    try:
        with refusals.alike():
            return _answer(table, sockets, typing_limit, user_uuid, connection_id, request)
    except MessagingError as error:
        return views.error_event(answer_for(error, _CODES), str(error))


def _answer(
    table: Table, sockets: Sockets, typing_limit: RateLimit, user_uuid: str, connection_id: str, request: Request
) -> Event | None:
    frame = request.json(MAX_FRAME_BYTES)
    match frame.get("type"):
        case "ping":
            return views.pong_event()
        case "typing":
            if typing_limit.count(user_uuid) == 1:
                _relay_typing(table, sockets, _head(table, user_uuid, frame), user_uuid)
            return None
        case "subscribe":
            return _subscribe(table, _head(table, user_uuid, frame), user_uuid, connection_id)
        case "unsubscribe":
            other = _head(table, user_uuid, frame).other(user_uuid)
            table.unsubscribe(user_uuid, connection_id, other.user_uuid)
            table.delete_subscription(other.user_uuid, connection_id)
            return None
    raise Unreadable("type must be ping, typing, subscribe or unsubscribe.")


def _head(table: Table, user_uuid: str, frame: dict[str, object]) -> Head:
    """The head of the conversation that a frame names. Raises Unreadable, and NotFound for strangers."""
    message_group_uuid = frame.get("message_group_uuid")
    if not isinstance(message_group_uuid, str):
        raise Unreadable("message_group_uuid must be a uuid.")
    uuid = read_uuid(message_group_uuid, "message_group_uuid")
    return find_head(table, uuid, user_uuid)


def _relay_typing(table: Table, sockets: Sockets, head: Head, user_uuid: str) -> None:
    """Relay typing to the other's connections, if both have written and this person shows receipts.

    A block makes the same requests, but the other has no connections then: nobody can notice it.
    """
    if not (head.is_mutual and head.members[user_uuid].read_receipts):
        return
    frames = pack([views.typing_event(head.message_group_uuid, user_uuid)])
    connected = table.connections(head.other(user_uuid).user_uuid)
    others = [] if head.is_blocked else connected
    deliver(
        table,
        sockets,
        [Post(other.user_uuid, other.connection_id, frames, other.connected_at) for other in others],
    )


def _subscribe(table: Table, head: Head, user_uuid: str, connection_id: str) -> Event | None:
    """Subscribe a connection to the other's presence. Returns their current presence, if they show it.

    Without effect unless both have written, and while this person blocks the other. While one blocks the other, they
    are offline.
    """
    other = head.other(user_uuid)
    if not head.is_mutual or other.is_gone:
        return None
    if head.is_blocking(user_uuid):
        return views.presence_event(head.message_group_uuid, other.user_uuid, online=False)
    connection = table.subscribe(user_uuid, connection_id, other.user_uuid, MAX_SUBSCRIPTIONS)
    if connection is None:
        raise NotFound("This connection is closed.")
    table.put_subscription(
        Subscription(other.user_uuid, connection_id, user_uuid, head.message_group_uuid, connection.expires)
    )
    if not other.read_receipts:
        return None
    online = bool(table.connections(other.user_uuid)) and not head.is_blocked
    return views.presence_event(head.message_group_uuid, other.user_uuid, online=online)
