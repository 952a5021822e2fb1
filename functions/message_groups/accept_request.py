"""POST /api/message_groups/{message_group_uuid}/accept moves a request of the caller to the inbox."""

from messaging.api import http_api, views
from messaging.services.settings import accept_request
from messaging.settings import RequestSettings
from messaging.storage.table import open_table

settings = RequestSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    entry = accept_request(table, request.user_uuid, message_group_uuid, settings.requests)
    return http_api.ok(views.message_group(entry))
