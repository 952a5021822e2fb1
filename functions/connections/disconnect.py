"""$disconnect: a socket that has closed is forgotten."""

from typing import Any

from messaging.live import forget
from messaging.settings import Settings
from messaging.sockets import open_sockets
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)
sockets = open_sockets()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """API Gateway does not read the answer, and may not call this at all: then a push finds the socket gone."""
    asked = event["requestContext"]
    if asked["eventType"] != "DISCONNECT":  # a frame whose type is "$disconnect"
        return {"statusCode": 400}
    forget(table, sockets, asked["authorizer"]["user_uuid"], asked["connectionId"])
    return {"statusCode": 200}
