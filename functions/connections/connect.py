"""$connect: a socket that opens is noted among the connections of its person."""

from typing import Any

from messaging.connections import connect
from messaging.errors import NotFound
from messaging.settings import Settings
from messaging.sockets import open_sockets
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)
sockets = open_sockets()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """200 opens the socket. An error refuses it, and its client tries again; 403 to somebody who was erased."""
    asked = event["requestContext"]
    if asked["eventType"] != "CONNECT":  # a frame whose type is "$connect"
        return {"statusCode": 400}
    try:
        connect(table, sockets, asked["authorizer"]["user_uuid"], asked["connectionId"])
    except NotFound:
        return {"statusCode": 403}
    return {"statusCode": 200}
