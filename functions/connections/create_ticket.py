"""POST /api/connections/ticket issues a ticket, which opens a socket, once, within a minute."""

from messaging.api import http_api
from messaging.live.tickets import LIFETIME, create_ticket
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    return http_api.ok({"ticket": create_ticket(table, request.user_uuid), "expires_in": LIFETIME})
