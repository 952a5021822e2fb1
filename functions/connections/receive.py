"""$default: what a client sends through its socket: ping, typing, subscribe, unsubscribe."""

from typing import Any

from messaging import views
from messaging.connections import TYPING_EVERY, Pace, answer
from messaging.http import Request
from messaging.live import Post, pack, tell
from messaging.observability import log_failure
from messaging.settings import Settings
from messaging.sockets import open_sockets
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)
sockets = open_sockets()
pace = Pace(TYPING_EVERY)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answers through the socket, if there is an answer: bad input and failures too are told there, as events."""
    asked = event["requestContext"]
    user_uuid, connection_id = asked["authorizer"]["user_uuid"], asked["connectionId"]
    status = 200
    try:
        said = answer(table, sockets, pace, user_uuid, connection_id, Request(user_uuid, {}, {}, {}, event))
    except Exception as error:
        log_failure(error, request_id=asked["requestId"])
        status, said = 500, views.error_event("busy", f"Request {asked['requestId']} failed.")
    if said:
        tell(table, sockets, [Post(user_uuid, connection_id, pack([said]))])
    return {"statusCode": status}
