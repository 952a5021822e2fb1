"""B: GET /api/message_groups lists the caller's inbox, newest first."""

from messaging import http, views
from messaging.cursors import InboxCursor
from messaging.read import list_message_groups
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    limit = request.limit()
    cursor = request.query.get("cursor")
    inbox = list_message_groups(
        table, request.user_uuid, limit, InboxCursor.parse(cursor, request.user_uuid) if cursor is not None else None
    )
    links: dict[str, tuple[str, object]] = {}
    if inbox.newer:
        links["prev"] = ("cursor", inbox.newer)
    if inbox.older:
        links["next"] = ("cursor", inbox.older)
    return http.ok_page(request, [views.message_group(group) for group in inbox.message_groups], links)
