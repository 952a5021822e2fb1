"""GET /api/messages/{message_group_uuid}/{message_uuid} shows one message."""

from messaging import http, views
from messaging.read import show_message
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    message_group_uuid, message_uuid = request.uuid("message_group_uuid"), request.uuid("message_uuid")
    return http.ok(views.message(show_message(table, request.user_uuid, message_group_uuid, message_uuid)))
