"""GET /api/users/@{handle}/short shows the person with a handle."""

from messaging.api import http_api, views
from messaging.services.read import show_user
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    return http_api.ok(views.user(show_user(table, request.user_uuid, request.handle())))
