"""A: GET /api/messages/{message_group_uuid} lists a conversation: the newest page, or one at a cursor or a message."""

from messaging.api import http_api, views
from messaging.model.cursors import MessageCursor
from messaging.model.errors import Unreadable
from messaging.services.read import messages_after, messages_around, messages_before, newest_messages
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    limit = request.limit()
    match request.query:
        case {"before": _, "after": _} | {"before": _, "around": _} | {"after": _, "around": _}:
            raise Unreadable("Use only one of `before`, `after` and `around`.")
        case {"before": cursor}:
            page = messages_before(table, request.user_uuid, MessageCursor.parse(cursor, message_group_uuid), limit)
        case {"after": cursor}:
            page = messages_after(table, request.user_uuid, MessageCursor.parse(cursor, message_group_uuid), limit)
        case {"around": uuid}:
            message_uuid = http_api.read_uuid(uuid, "around")
            page = messages_around(table, request.user_uuid, message_group_uuid, message_uuid, limit)
        case _:
            page = newest_messages(table, request.user_uuid, message_group_uuid, limit)

    links: dict[str, tuple[str, object]] = {}
    if page.older:
        links["prev"] = ("before", page.older)
    if page.newer:
        links["monitor" if page.ended else "next"] = ("after", page.newer)
    return http_api.ok_page(request, views.messages(page), links)
