"""$default: handles a client's frames: ping, typing, subscribe, unsubscribe."""

from typing import Any

from messaging.api import views
from messaging.api.http_api import Request
from messaging.live.connections import (
    FRAME_WINDOW_SECONDS,
    MAX_FRAMES,
    REFUSED_FRAME_COST,
    TYPING_INTERVAL_SECONDS,
    RateLimit,
    answer,
)
from messaging.live.delivery import Post, deliver, disconnect
from messaging.live.events import pack
from messaging.observability import count, log_failure, logger
from messaging.settings import Settings
from messaging.storage.sockets import open_sockets
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)
sockets = open_sockets()
typing_limit = RateLimit(TYPING_INTERVAL_SECONDS)
frame_limit = RateLimit(FRAME_WINDOW_SECONDS)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answer through the socket, if there is an answer; bad input and failures become events, too.

    A connection that sends too many frames is closed, and its remaining frames are dropped.
    """
    asked = event["requestContext"]
    user_uuid, connection_id = asked["authorizer"]["user_uuid"], asked["connectionId"]
    if _is_too_fast(user_uuid, connection_id):
        return {"statusCode": 429}
    status = 200
    try:
        said = answer(table, sockets, typing_limit, user_uuid, connection_id, Request(user_uuid, {}, {}, {}, event))
    except Exception as error:
        log_failure(error, request_id=asked["requestId"])
        status, said = 500, views.error_event("busy", f"Request {asked['requestId']} failed.")
    if said:
        deliver(table, sockets, [Post(user_uuid, connection_id, pack([said]))])
        if said.get("code") == "not_found":
            _is_too_fast(user_uuid, connection_id, REFUSED_FRAME_COST - 1)
    return {"statusCode": status}


def _is_too_fast(user_uuid: str, connection_id: str, frames: int = 1) -> bool:
    """Count frames of a connection, and close it when there are too many."""
    number = frame_limit.count(connection_id, frames)
    if number > MAX_FRAMES >= number - frames:
        logger.info("too many frames", connection_id=connection_id, user_uuid=user_uuid)
        count(ConnectionsTooFast=1)
        disconnect(table, sockets, user_uuid, connection_id)
    return number > MAX_FRAMES
