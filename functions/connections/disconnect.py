"""$disconnect: removes a closed socket from its person's connections."""

from typing import Any

from messaging.live.delivery import disconnect, remove_connection
from messaging.settings import Settings
from messaging.storage.sockets import open_sockets
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)
sockets = open_sockets()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """API Gateway ignores the answer, and may skip this call; then a push finds that the socket is gone."""
    asked = event["requestContext"]
    user_uuid, connection_id = asked["authorizer"]["user_uuid"], asked["connectionId"]
    if asked["eventType"] != "DISCONNECT":  # a frame whose type is "$disconnect", which no client sends
        disconnect(table, sockets, user_uuid, connection_id)
        return {"statusCode": 400}
    remove_connection(table, sockets, user_uuid, connection_id)
    return {"statusCode": 200}
