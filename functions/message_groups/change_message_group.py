"""PATCH /api/message_groups/{message_group_uuid} mutes, archives, pins or marks a conversation of the caller."""

from messaging.api import http_api, views
from messaging.api.conversation_settings import read_settings_change
from messaging.services.settings import change_settings
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    change = read_settings_change(request)
    group = change_settings(table, request.user_uuid, message_group_uuid, change)
    return http_api.ok(views.message_group(group, change.pinned))
