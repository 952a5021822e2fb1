"""GET /api/unread counts the caller's unread messages, and the conversations that have any."""

from datetime import UTC, datetime

from messaging.api import http_api, views
from messaging.services.read import count_unread
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    return http_api.ok(views.unread(count_unread(table, request.user_uuid, datetime.now(UTC))))
