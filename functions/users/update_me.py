"""PATCH /api/users/me changes the caller's profile: handle, display name, avatar, and whether others see read marks."""

from messaging.api import http_api, views
from messaging.api.profiles import read_profile_change
from messaging.services.profile import change_profile
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    return http_api.ok(views.me(change_profile(table, request.user_uuid, read_profile_change(request))))
