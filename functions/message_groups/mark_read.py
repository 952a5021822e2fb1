"""PUT /api/message_groups/{message_group_uuid}/read advances the caller's read mark."""

from messaging.api import http_api, views
from messaging.services.marks import mark_read
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    head = mark_read(table, request.user_uuid, message_group_uuid, request.number("seq"))
    return http_api.ok(views.marks(head, request.user_uuid))
