"""POST /api/connections/ticket issues a ticket, which opens a socket, once, within a minute."""

from messaging.api import http_api
from messaging.live.tickets import LIFETIME, create_ticket
from messaging.settings import TicketSettings
from messaging.storage.table import open_table

settings = TicketSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    ticket, usage = create_ticket(table, request.user_uuid, settings.tickets)
    return http_api.ok({"ticket": ticket, "expires_in": LIFETIME}, **http_api.limits(usage))
