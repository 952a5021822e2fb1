"""POST /api/message_groups/{message_group_uuid}/decline removes a request of the caller."""

from messaging.api import http_api
from messaging.services.settings import decline_request
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    decline_request(table, request.user_uuid, message_group_uuid)
    return http_api.ok({"message_group_uuid": message_group_uuid})
