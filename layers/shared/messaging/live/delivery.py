"""Delivering events to all connections of a person.

Nothing here waits for a slow connection, and nothing is kept for one that is gone. A client fetches what it missed: the
numbers of a conversation's messages show it. So a connection that does not accept a frame is closed, and its client
connects anew and catches up.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from messaging.api import views
from messaging.live.events import Event, events_of, pack
from messaging.model import keys
from messaging.model.connection import Connection
from messaging.model.errors import Busy
from messaging.observability import logger
from messaging.retry import until_not_busy
from messaging.services.rewrite_inbox import Change
from messaging.storage.sockets import MAX_CONCURRENCY, Gone, NoAnswer, Sockets
from messaging.storage.table import Table

DELIVERY_BUDGET_SECONDS = (
    1.0  # seconds, for all connections; a request on its way may take longer, see sockets.open_sockets
)
CONNECT_TIMEOUT = timedelta(seconds=30)  # API Gateway waits so long for `connect`, and answers 410 meanwhile
_MAX_CONCURRENT_QUERIES = 10  # as many connections as botocore keeps to DynamoDB


@dataclass(frozen=True, slots=True)
class Post:
    """Events for one connection. `connected_at` is left out for one that is known to be open."""

    user_uuid: str
    connection_id: str
    frames: Sequence[str]
    connected_at: str = keys.FIRST_TIME


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of posts: the connections that got all, were gone, or were cut since they did not take it.

    `failed` counts people whose connections are not known, and connections that failed otherwise.
    """

    delivered: int = 0
    gone: int = 0
    disconnected: int = 0
    failed: int = 0


def push(table: Table, sockets: Sockets, changes: Iterable[Change]) -> DeliveryReport:
    """Tells both people of every change: one Query for each person, then all connections side by side."""
    events: dict[str, list[Event]] = {}
    for change in changes:
        for user_uuid, mine in events_of(change).items():
            events.setdefault(user_uuid, []).extend(mine)
    if not events:
        return DeliveryReport()
    with ThreadPoolExecutor(min(_MAX_CONCURRENT_QUERIES, len(events))) as pool:
        found = list(pool.map(lambda user_uuid: _connections(table, user_uuid), events))
    posts = []
    for mine, connections in zip(events.values(), found, strict=True):
        frames = pack(mine) if connections else []
        posts += [
            Post(connection.user_uuid, connection.connection_id, frames, connection.connected_at)
            for connection in connections or ()
        ]
    report = deliver(table, sockets, posts)
    return DeliveryReport(report.delivered, report.gone, report.disconnected, report.failed + found.count(None))


def deliver(table: Table, sockets: Sockets, posts: Sequence[Post]) -> DeliveryReport:
    """Posts to all connections side by side, each in order. Never raises."""
    if not posts:
        return DeliveryReport()
    end = time.monotonic() + DELIVERY_BUDGET_SECONDS
    with ThreadPoolExecutor(min(MAX_CONCURRENCY, len(posts))) as pool:
        became = list(pool.map(lambda post: _deliver_one(table, sockets, post, end), posts))
    return DeliveryReport(*(became.count(what) for what in ("delivered", "gone", "disconnected", "failed")))


def remove_connection(table: Table, sockets: Sockets, user_uuid: str, connection_id: str) -> None:
    """Deletes a connection that is closed, and whom it watched; if it was the last, those who watch are told."""
    connection = table.delete_connection(user_uuid, connection_id)
    if connection is None:
        return
    for subject_uuid in connection.subscriptions:
        table.delete_subscription(subject_uuid, connection_id)
    if not table.connections(user_uuid, consistent=True):
        deliver_presence(table, sockets, user_uuid, online=False)


def disconnect(table: Table, sockets: Sockets, user_uuid: str, connection_id: str) -> None:
    """Forgets a connection and closes it."""
    remove_connection(table, sockets, user_uuid, connection_id)
    sockets.close(connection_id)


def deliver_presence(table: Table, sockets: Sockets, user_uuid: str, *, online: bool) -> None:
    """Tells those who watch a person that they came or went, unless the person does not show it.

    Somebody who was erased has no profile that could say so, and is offline to everybody.
    """
    subscriptions = table.subscriptions(user_uuid)
    if not subscriptions:
        return
    person = table.person(user_uuid)
    if not (person.read_receipts if person else not online):
        return
    deliver(
        table,
        sockets,
        [
            Post(
                subscription.user_uuid,
                subscription.connection_id,
                pack([views.presence_event(subscription.message_group_uuid, user_uuid, online=online)]),
            )
            for subscription in subscriptions
        ],
    )


def _connections(table: Table, user_uuid: str) -> list[Connection] | None:
    """None if the table cannot tell, which the log then says."""
    try:
        return until_not_busy(lambda: table.connections(user_uuid), DELIVERY_BUDGET_SECONDS)
    except Exception as error:
        _log("connections not known", user_uuid, error)
        return None


def _deliver_one(table: Table, sockets: Sockets, post: Post, end: float) -> str:
    """What became of it: a field of DeliveryReport."""
    try:
        try:
            for number, frame in enumerate(post.frames):
                if number and time.monotonic() > end:
                    raise Busy("There is no time left.")
                until_not_busy(partial(sockets.post, post.connection_id, frame), end - time.monotonic())
        except Gone:
            if not _may_be_opening(post):
                remove_connection(table, sockets, post.user_uuid, post.connection_id)
            return "gone"
        except (Busy, NoAnswer):
            disconnect(table, sockets, post.user_uuid, post.connection_id)
            return "disconnected"
    except Exception as error:  # one connection must not hold up the others
        _log("connection not told", post.user_uuid, error)
        return "failed"
    return "delivered"


def _may_be_opening(post: Post) -> bool:
    return datetime.now(UTC) - datetime.fromisoformat(post.connected_at) < CONNECT_TIMEOUT


def _log(what: str, user_uuid: str, error: Exception) -> None:
    logger.warning(what, user_uuid=user_uuid, error=type(error).__name__)
