"""GET /api/users/@{handle}/short shows the person with a handle."""

from messaging.api import http_api, views
from messaging.services.read import show_user
from messaging.settings import LookupSettings
from messaging.storage.table import open_table

settings = LookupSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    person, usage = show_user(table, request.user_uuid, request.handle(), settings.lookups)
    return http_api.ok(views.user(person), **http_api.limits(usage))
