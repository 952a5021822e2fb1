"""B: GET /api/message_groups lists a folder of the caller, newest first, or with `since` its changes, oldest first."""

from messaging.api import http_api, views
from messaging.api.conversation_settings import read_folder
from messaging.model.cursors import InboxCursor
from messaging.model.errors import Unreadable
from messaging.model.membership import INBOX
from messaging.observability import count
from messaging.services.read import changed_since, list_message_groups
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    limit, folder = request.limit(), read_folder(request)
    links: dict[str, tuple[str, object]] = {}
    match request.query:
        case {"cursor": _, "since": _}:
            raise Unreadable("Use `cursor` or `since`, not both.")
        case {"since": text}:
            since = InboxCursor.since(text, request.user_uuid, folder)
            changes = changed_since(table, request.user_uuid, since, limit)
            entries, pins = changes.entries, changes.pins
            links["monitor" if changes.ended else "next"] = ("since", changes.cursor)
        case query:
            cursor = InboxCursor.parse(query["cursor"], request.user_uuid, folder) if "cursor" in query else None
            inbox = list_message_groups(table, request.user_uuid, limit, cursor, folder)
            entries, pins = inbox.entries, inbox.pins
            count(InboxDuplicates=inbox.duplicates)
            if inbox.newer:
                links["prev"] = ("cursor", inbox.newer)
            if inbox.older:
                links["next"] = ("cursor", inbox.older)
            if inbox.changes:
                links["monitor"] = ("since", inbox.changes)
    if folder == INBOX and "monitor" in links:
        links["first"] = ("pins", pins.number)
    return http_api.ok_page(request, views.message_groups(entries, pins), links)
