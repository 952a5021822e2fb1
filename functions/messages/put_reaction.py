"""PUT /api/messages/{message_group_uuid}/{message_uuid}/reactions/{emoji} adds a reaction to a message."""

from messaging.api import http_api, views
from messaging.api.emoji import read_emoji
from messaging.services.changes import react
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid, message_uuid = request.uuid("message_group_uuid"), request.uuid("message_uuid")
    message = react(table, request.user_uuid, message_group_uuid, message_uuid, read_emoji(request))
    return http_api.ok(views.message(message))
