"""PATCH /api/messages/{message_group_uuid}/{message_uuid} gives a message of the caller another text."""

from messaging.api import http_api, views
from messaging.api.bodies import read_edit_request
from messaging.services.changes import Window, edit
from messaging.settings import EditSettings
from messaging.storage.table import open_table

settings = EditSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid, message_uuid = request.uuid("message_group_uuid"), request.uuid("message_uuid")
    wanted = read_edit_request(request, settings.message_max_chars)
    message = edit(
        table,
        request.user_uuid,
        message_group_uuid,
        message_uuid,
        wanted.message,
        wanted.seen,
        Window(settings.edit_hours),
        keep=settings.keep_versions,
    )
    return http_api.ok(views.message(message))
