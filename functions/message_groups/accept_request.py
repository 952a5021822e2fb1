"""POST /api/message_groups/{message_group_uuid}/accept moves a request of the caller to the inbox."""

from messaging.api import http_api, views
from messaging.services.settings import accept_request
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    return http_api.ok(views.message_group(accept_request(table, request.user_uuid, message_group_uuid)))
