"""Delivery of events to all connections of a person.

Nothing here waits for a slow connection or stores events for a closed one. The numbers of a conversation's messages
show a client its gaps, which it fetches. So a connection that does not accept a frame is closed; its client reconnects
and catches up.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from messaging.api import views
from messaging.live.events import Event, Place, StreamChange, events_of, is_changed, pack
from messaging.model import keys
from messaging.model.connection import Connection
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.message import Message
from messaging.observability import logger
from messaging.retry import until_not_busy
from messaging.services.rewrite_inbox import Change
from messaging.storage.sockets import MAX_CONCURRENCY, Gone, NoAnswer, Sockets
from messaging.storage.table import Table

DELIVERY_BUDGET_SECONDS = (
    1.0  # seconds, for all connections; a request on its way may take longer, see sockets.open_sockets
)
CONNECT_TIMEOUT = timedelta(seconds=30)  # API Gateway waits this long for `connect`, and answers 410 meanwhile
_MAX_CONCURRENT_QUERIES = 10  # the number of kept connections to DynamoDB


class Post(NamedTuple):
    """Events for one connection. `connected_at` is omitted if the connection is known to be open."""

    user_uuid: str
    connection_id: str
    frames: Sequence[str]
    connected_at: str = keys.FIRST_TIME


class DeliveryReport(NamedTuple):
    """Delivery outcome: connections that got everything, were gone, or were closed for not accepting it.

    `failed` counts people with unknown connections, and connections that failed otherwise.
    """

    delivered: int = 0
    gone: int = 0
    disconnected: int = 0
    failed: int = 0


def push(table: Table, sockets: Sockets, changes: Sequence[StreamChange]) -> DeliveryReport:
    """Deliver every change to the people it concerns.

    One read for all messages that were changed or are replied to, one Query per person, then all connections in
    parallel.
    """
    of_heads = [change for change in changes if isinstance(change, Change)]
    messages = _present(table, of_heads)
    blocks = [change.new for change in of_heads if change.old and change.old.is_blocked != change.new.is_blocked]
    events: dict[str, list[Event]] = {user_uuid: [] for head in blocks for user_uuid in head.members}
    for change in changes:
        for user_uuid, mine in events_of(change, messages).items():
            events.setdefault(user_uuid, []).extend(mine)
    if not events:
        return DeliveryReport()
    with ThreadPoolExecutor(min(_MAX_CONCURRENT_QUERIES, len(events))) as pool:
        found = dict(zip(events, pool.map(lambda user_uuid: _connections(table, user_uuid), events), strict=True))
    posts = []
    for user_uuid, connections in found.items():
        frames = pack(events[user_uuid]) if connections else []
        for connection in connections or ():
            presence = list(_presence_after(blocks, connection, found))
            own = pack([*events[user_uuid], *presence]) if presence else frames
            posts.append(Post(user_uuid, connection.connection_id, own, connection.connected_at))
    report = deliver(table, sockets, [post for post in posts if post.frames])
    for change in of_heads:
        _unsubscribe_blockers(table, change, found)
    failed = report.failed + [*found.values()].count(None)
    return DeliveryReport(report.delivered, report.gone, report.disconnected, failed)


def _presence_after(
    blocks: Sequence[Head], connection: Connection, found: Mapping[str, Sequence[Connection] | None]
) -> Iterator[Event]:
    """The presence of others for a connection subscribed to it, after a block began or ended.

    It looks as if they had just closed or opened their last connection.
    """
    for head in blocks:
        if connection.user_uuid in head.members:
            other = head.other(connection.user_uuid)
            if other.user_uuid in connection.subscriptions and other.read_receipts and found[other.user_uuid]:
                yield views.presence_event(head.message_group_uuid, other.user_uuid, online=not head.is_blocked)


def _unsubscribe_blockers(table: Table, change: Change, found: Mapping[str, Sequence[Connection] | None]) -> None:
    """Delete the subscriptions of members who have just blocked the other.

    Otherwise the other's connections would take the longer to open, the more of the blocker's devices are subscribed.
    """
    for user_uuid in change.new.members:
        if not change.new.is_blocking(user_uuid) or (change.old and change.old.is_blocking(user_uuid)):
            continue
        other_uuid = change.new.other(user_uuid).user_uuid
        for connection in found.get(user_uuid) or ():
            if other_uuid in connection.subscriptions:
                try:
                    table.delete_subscription(other_uuid, connection.connection_id)
                except Exception as error:
                    _log("subscription not deleted", user_uuid, error)


def _present(table: Table, changes: Sequence[Change]) -> dict[Place, Message]:
    """The changed messages, and those that messages reply to, as they are now; none if the table does not answer."""
    wanted: dict[Place, int] = {}  # the number of the change that the message must show
    for change in changes:
        new = change.new
        if new.changed and is_changed(change):
            place = new.message_group_uuid, new.changed.created_at
            wanted[place] = max(wanted.get(place, 0), new.last_change)
        if new.last.reply_to:
            wanted.setdefault((new.message_group_uuid, new.last.reply_to.created_at), 0)
    try:
        found = until_not_busy(lambda: table.messages_at(wanted), DELIVERY_BUDGET_SECONDS)
        stale = [place for place, number in wanted.items() if place in found and found[place].change < number]
        found |= table.messages_at(stale, consistent=True)
        quoted = {
            (group, message.reply_to.created_at) for (group, _), message in found.items() if message.reply_to
        } - found.keys()
        return found | table.messages_at(quoted)
    except Exception as error:
        logger.warning("messages unknown", error=type(error).__name__)
        return {}


def deliver(table: Table, sockets: Sockets, posts: Sequence[Post]) -> DeliveryReport:
    """Post to all connections in parallel, each in order. Never raises."""
    if not posts:
        return DeliveryReport()
    end = time.monotonic() + DELIVERY_BUDGET_SECONDS
    with ThreadPoolExecutor(min(MAX_CONCURRENCY, len(posts))) as pool:
        became = list(pool.map(lambda post: _deliver_one(table, sockets, post, end), posts))
    return DeliveryReport(*(became.count(what) for what in ("delivered", "gone", "disconnected", "failed")))


def remove_connection(table: Table, sockets: Sockets, user_uuid: str, connection_id: str) -> None:
    """Delete a closed connection and its subscriptions. After the last one, tell the person's subscribers."""
    connection = table.delete_connection(user_uuid, connection_id)
    if connection is None:
        return
    for subject_uuid in connection.subscriptions:
        table.delete_subscription(subject_uuid, connection_id)
    if not table.connections(user_uuid, consistent=True):
        deliver_presence(table, sockets, user_uuid, online=False)


def disconnect(table: Table, sockets: Sockets, user_uuid: str, connection_id: str) -> None:
    """Remove a connection and close it."""
    remove_connection(table, sockets, user_uuid, connection_id)
    sockets.close(connection_id)


def deliver_presence(table: Table, sockets: Sockets, user_uuid: str, *, online: bool) -> None:
    """Tell a person's subscribers that they are online or offline, unless the person hides it, or one blocks the other.

    An erased person has no profile, so their subscribers are always told that they are offline.
    """
    subscriptions = table.subscriptions(user_uuid)
    if not subscriptions:
        return
    person = table.person(user_uuid)
    if not (person.read_receipts if person else not online):
        return
    heads = table.heads_of(sorted({subscription.message_group_uuid for subscription in subscriptions}))
    blocked = {head.message_group_uuid for head in heads if head.is_blocked}
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
            if subscription.message_group_uuid not in blocked
        ],
    )


def _connections(table: Table, user_uuid: str) -> list[Connection] | None:
    """A person's connections; None, with a log line, if the table does not answer."""
    try:
        return until_not_busy(lambda: table.connections(user_uuid), DELIVERY_BUDGET_SECONDS)
    except Exception as error:
        _log("connections unknown", user_uuid, error)
        return None


def _deliver_one(table: Table, sockets: Sockets, post: Post, end: float) -> str:
    """Deliver one post; return the name of a field of DeliveryReport."""
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
        _log("events not delivered", post.user_uuid, error)
        return "failed"
    return "delivered"


def _may_be_opening(post: Post) -> bool:
    return datetime.now(UTC) - datetime.fromisoformat(post.connected_at) < CONNECT_TIMEOUT


def _log(what: str, user_uuid: str, error: Exception) -> None:
    logger.warning(what, user_uuid=user_uuid, error=type(error).__name__)
