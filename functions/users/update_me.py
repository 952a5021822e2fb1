"""PATCH /api/users/me changes the caller's profile and settings."""

from messaging.api import http_api, views
from messaging.api.profiles import read_profile_change
from messaging.services.profile import change_profile
from messaging.settings import ProfileSettings
from messaging.storage.table import open_table

settings = ProfileSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    person = change_profile(table, request.user_uuid, read_profile_change(request))
    return http_api.ok(views.me(person.with_default(settings.messages_from)))
