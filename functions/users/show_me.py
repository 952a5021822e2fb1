"""GET /api/users/me shows the caller's profile and settings."""

from messaging.api import http_api, views
from messaging.services.read import find_person
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    return http_api.ok(views.me(find_person(table, request.user_uuid)))
