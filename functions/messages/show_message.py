"""GET /api/messages/{message_group_uuid}/{message_uuid} shows one message."""

from messaging.api import http_api, views
from messaging.services.read import earlier_versions, show_message
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid, message_uuid = request.uuid("message_group_uuid"), request.uuid("message_uuid")
    page = show_message(table, request.user_uuid, message_group_uuid, message_uuid)
    return http_api.ok(views.one_message(page, earlier_versions(table, page)))
