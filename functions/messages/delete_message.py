"""DELETE /api/messages/{message_group_uuid}/{message_uuid} takes a message of the caller back, `for=everyone`."""

from messaging.api import http_api, views
from messaging.model.errors import Unreadable
from messaging.services.changes import Window, unsend
from messaging.settings import UnsendSettings
from messaging.storage.table import open_table

settings = UnsendSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid, message_uuid = request.uuid("message_group_uuid"), request.uuid("message_uuid")
    if request.query.get("for") != "everyone":
        raise Unreadable("for must be `everyone`.")
    message = unsend(table, request.user_uuid, message_group_uuid, message_uuid, Window(settings.unsend_hours))
    return http_api.ok(views.message(message))
