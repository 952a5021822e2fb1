"""DELETE /api/messages/{message_group_uuid}/{message_uuid} unsends a message of the caller, or hides it from them."""

from messaging.api import http_api, views
from messaging.model.errors import Unreadable
from messaging.services.changes import Window, hide, unsend
from messaging.settings import UnsendSettings
from messaging.storage.table import open_table

settings = UnsendSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid, message_uuid = request.uuid("message_group_uuid"), request.uuid("message_uuid")
    match request.query.get("for"):
        case "everyone":
            message = unsend(table, request.user_uuid, message_group_uuid, message_uuid, Window(settings.unsend_hours))
            return http_api.ok(views.message(message))
        case "me":
            seq = hide(table, request.user_uuid, message_group_uuid, message_uuid)
            return http_api.ok(views.hidden_message(seq))
    raise Unreadable("for must be `everyone` or `me`.")
