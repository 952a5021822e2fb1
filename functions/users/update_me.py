"""PATCH /api/users/me changes the caller's settings: whether others see their read marks."""

from messaging.api import http_api, views
from messaging.services.profile import set_read_receipts
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    return http_api.ok(views.me(set_read_receipts(table, request.user_uuid, read_receipts=request.flag("receipts"))))
