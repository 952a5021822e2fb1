"""GET /api/users/@{handle}/short shows who has a handle."""

from messaging import http, views
from messaging.read import show_user
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    return http.ok(views.user(show_user(table, request.user_uuid, request.handle())))
