"""GET /api/users/me shows the caller's profile and settings."""

from messaging import http, views
from messaging.read import find_person
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    return http.ok(views.me(find_person(table, request.user_uuid)))
