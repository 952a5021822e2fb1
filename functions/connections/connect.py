"""$connect: stores an opening socket among its person's connections."""

from typing import Any

from messaging.live.connections import connect
from messaging.live.delivery import disconnect
from messaging.model.errors import NotFound
from messaging.settings import Settings
from messaging.storage.sockets import open_sockets
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)
sockets = open_sockets()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Return 200 to open the socket, 403 to an erased person. An error refuses it, and the client retries."""
    asked = event["requestContext"]
    user_uuid, connection_id = asked["authorizer"]["user_uuid"], asked["connectionId"]
    if asked["eventType"] != "CONNECT":  # a frame whose type is "$connect", which no client sends
        disconnect(table, sockets, user_uuid, connection_id)
        return {"statusCode": 400}
    try:
        connect(table, sockets, user_uuid, connection_id)
    except NotFound:
        return {"statusCode": 403}
    return {"statusCode": 200}
