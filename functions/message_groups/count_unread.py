"""GET /api/unread counts what the caller has not read: conversations, and messages in all of them."""

from messaging import http, views
from messaging.read import count_unread
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    return http.ok(views.unread(count_unread(table, request.user_uuid)))
