"""PATCH /api/users/me changes the caller's settings: whether others learn what they have read."""

from messaging import http, views
from messaging.profile import set_receipts
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    return http.ok(views.me(set_receipts(table, request.user_uuid, receipts=request.flag("receipts"))))
