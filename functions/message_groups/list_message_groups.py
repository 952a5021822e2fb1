"""B: GET /api/message_groups lists the caller's inbox, newest first, or with `since` its changes, oldest first."""

from messaging.api import http_api, views
from messaging.model.cursors import InboxCursor
from messaging.model.errors import Unreadable
from messaging.observability import count
from messaging.services.read import changed_since, list_message_groups
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    limit = request.limit()
    links: dict[str, tuple[str, object]] = {}
    match request.query:
        case {"cursor": _, "since": _}:
            raise Unreadable("Use `cursor` or `since`, not both.")
        case {"since": since}:
            changes = changed_since(table, request.user_uuid, InboxCursor.since(since, request.user_uuid), limit)
            entries = changes.entries
            links["monitor" if changes.ended else "next"] = ("since", changes.cursor)
        case query:
            cursor = InboxCursor.parse(query["cursor"], request.user_uuid) if "cursor" in query else None
            inbox = list_message_groups(table, request.user_uuid, limit, cursor)
            entries = inbox.entries
            count(InboxDuplicates=inbox.duplicates)
            if inbox.newer:
                links["prev"] = ("cursor", inbox.newer)
            if inbox.older:
                links["next"] = ("cursor", inbox.older)
            if inbox.changes:
                links["monitor"] = ("since", inbox.changes)
    return http_api.ok_page(request, [views.message_group(group) for group in entries], links)
