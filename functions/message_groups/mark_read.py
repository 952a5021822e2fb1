"""PUT /api/message_groups/{message_group_uuid}/read says how far the caller has read."""

from messaging import http, views
from messaging.marks import mark_read
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    head = mark_read(table, request.user_uuid, message_group_uuid, request.number("seq"))
    return http.ok(views.marks(head, request.user_uuid))
