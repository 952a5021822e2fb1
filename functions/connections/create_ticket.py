"""POST /api/connections/ticket gives a ticket: with it a socket is opened, once, within a minute."""

from messaging import http
from messaging.settings import Settings
from messaging.table import open_table
from messaging.tickets import LIFETIME, create_ticket

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    return http.ok({"ticket": create_ticket(table, request.user_uuid), "expires_in": LIFETIME})
