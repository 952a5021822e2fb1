"""Telling people what happens: events, packed into frames, to all connections of theirs.

Nothing here waits for a connection that is slow, and nothing is kept for one that is gone. What a client has not got it
fetches: the numbers of a conversation's messages show what is missing. So a connection that does not take what it is
sent is closed, and its client connects anew and catches up.
"""

import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from messaging import keys, views
from messaging.errors import Busy
from messaging.inbox import Change
from messaging.items import Connection
from messaging.observability import logger
from messaging.retry import attempts
from messaging.sockets import AT_ONCE, Gone, NoAnswer, Sockets
from messaging.table import Table

Event = dict[str, Any]

FRAME_BYTES = 32 * 1024  # API Gateway's largest
GIVE_UP_AFTER = 1.0  # seconds, for all connections; a request on its way may take longer, see sockets.open_sockets
OPENS_WITHIN = timedelta(seconds=30)  # API Gateway waits so long for `connect`, and answers 410 meanwhile
_QUERIES_AT_ONCE = 10  # as many connections as botocore keeps to DynamoDB


@dataclass(frozen=True, slots=True)
class Post:
    """Events for one connection. `connected_at` is left out for one that is known to be open."""

    user_uuid: str
    connection_id: str
    frames: Sequence[str]
    connected_at: str = keys.FIRST_TIME


@dataclass(frozen=True, slots=True)
class Told:
    """What became of posts: the connections that got all, were gone, or were cut since they did not take it.

    `failed` counts people whose connections are not known, and connections that failed otherwise.
    """

    reached: int = 0
    gone: int = 0
    cut: int = 0
    failed: int = 0


def events_of(change: Change) -> dict[str, list[Event]]:
    """What a change of a head tells each of the two people, in order; nothing to those who are deleted."""
    old, new = change.old, change.new
    sent = old is None or new.last_seq > old.last_seq
    events: dict[str, list[Event]] = {}
    for user_uuid, person in new.members.items():
        if person.is_gone:
            continue
        mine: list[Event] = []
        if old is None:
            mine.append(views.message_group_event(new.message_group(user_uuid)))
        if sent:
            mine.append(views.message_event(new))
        if old and new.is_mutual and not old.is_mutual:  # from now on it shows the other's mark
            mine.append(views.message_group_event(new.message_group(user_uuid)))
        for reader_uuid, read_seq in new.read_seqs.items():
            moved = old is not None and read_seq > old.read_seqs.get(reader_uuid, 0)
            by_sending = sent and (reader_uuid, read_seq) == (new.sender_uuid, new.last_seq)
            shown = new.is_mutual and new.members[reader_uuid].receipts
            if moved and not by_sending and (reader_uuid == user_uuid or shown):
                mine.append(views.read_event(new, reader_uuid))
        if mine:
            events[user_uuid] = mine
    return events


def pack(events: Iterable[Event]) -> list[str]:
    """JSON arrays of events, in order, each as full as a frame can be."""
    frames: list[str] = []
    held: list[str] = []
    size = 0
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        more = len(text.encode()) + 1  # a comma or bracket
        if held and size + more + 1 > FRAME_BYTES:
            frames.append(f"[{','.join(held)}]")
            held, size = [], 0
        held.append(text)
        size += more
    if held:
        frames.append(f"[{','.join(held)}]")
    return frames


def push(table: Table, sockets: Sockets, changes: Iterable[Change]) -> Told:
    """Tells both people of every change: one Query for each person, then all connections side by side."""
    events: dict[str, list[Event]] = {}
    for change in changes:
        for user_uuid, mine in events_of(change).items():
            events.setdefault(user_uuid, []).extend(mine)
    if not events:
        return Told()
    with ThreadPoolExecutor(min(_QUERIES_AT_ONCE, len(events))) as pool:
        found = list(pool.map(lambda user_uuid: _connections(table, user_uuid), events))
    posts = []
    for mine, connections in zip(events.values(), found, strict=True):
        frames = pack(mine) if connections else []
        posts += [
            Post(connection.user_uuid, connection.connection_id, frames, connection.connected_at)
            for connection in connections or ()
        ]
    told = tell(table, sockets, posts)
    return Told(told.reached, told.gone, told.cut, told.failed + found.count(None))


def tell(table: Table, sockets: Sockets, posts: Sequence[Post]) -> Told:
    """Posts to all connections side by side, each in order. Never raises."""
    if not posts:
        return Told()
    end = time.monotonic() + GIVE_UP_AFTER
    with ThreadPoolExecutor(min(AT_ONCE, len(posts))) as pool:
        became = list(pool.map(lambda post: _tell_one(table, sockets, post, end), posts))
    return Told(*(became.count(what) for what in ("reached", "gone", "cut", "failed")))


def forget(table: Table, sockets: Sockets, user_uuid: str, connection_id: str) -> None:
    """Deletes a connection that is closed, and whom it watched; if it was the last, those who watch are told."""
    connection = table.delete_connection(user_uuid, connection_id)
    if connection is None:
        return
    for watched_uuid in connection.watched:
        table.delete_subscription(watched_uuid, connection_id)
    if not table.connections(user_uuid, consistent=True):
        tell_presence(table, sockets, user_uuid, online=False)


def cut(table: Table, sockets: Sockets, user_uuid: str, connection_id: str) -> None:
    """Forgets a connection and closes it."""
    forget(table, sockets, user_uuid, connection_id)
    sockets.close(connection_id)


def tell_presence(table: Table, sockets: Sockets, user_uuid: str, *, online: bool) -> None:
    """Tells those who watch a person that they came or went, unless the person does not show it.

    Somebody who was erased has no profile that could say so, and is offline to everybody.
    """
    subscriptions = table.subscriptions(user_uuid)
    if not subscriptions:
        return
    person = table.person(user_uuid)
    if not (person.receipts if person else not online):
        return
    tell(
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
        for _ in attempts(GIVE_UP_AFTER):
            try:
                return table.connections(user_uuid)
            except Busy:
                pass
    except Exception as error:
        _log("connections not known", user_uuid, error)
    return None


def _tell_one(table: Table, sockets: Sockets, post: Post, end: float) -> str:
    """What became of it: a field of Told."""
    try:
        try:
            for number, frame in enumerate(post.frames):
                if number and time.monotonic() > end:
                    raise Busy("There is no time left.")
                _post(sockets, post.connection_id, frame, end)
        except Gone:
            if not _may_be_opening(post):
                forget(table, sockets, post.user_uuid, post.connection_id)
            return "gone"
        except (Busy, NoAnswer):
            cut(table, sockets, post.user_uuid, post.connection_id)
            return "cut"
    except Exception as error:  # one connection must not hold up the others
        _log("connection not told", post.user_uuid, error)
        return "failed"
    return "reached"


def _post(sockets: Sockets, connection_id: str, frame: str, end: float) -> None:
    """Raises Gone and NoAnswer, and Busy when there is no time left."""
    for _ in attempts(end - time.monotonic()):
        try:
            sockets.post(connection_id, frame)
            return
        except Busy:
            pass
    raise Busy("API Gateway is throttling.")


def _may_be_opening(post: Post) -> bool:
    return datetime.now(UTC) - datetime.fromisoformat(post.connected_at) < OPENS_WITHIN


def _log(what: str, user_uuid: str, error: Exception) -> None:
    logger.warning(what, user_uuid=user_uuid, error=type(error).__name__)
