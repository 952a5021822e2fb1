"""GET /api/messages/{message_group_uuid}/changes lists the changes of a conversation's messages after a number."""

from messaging.api import http_api, views
from messaging.services.read import changes_after
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    message_group_uuid = request.uuid("message_group_uuid")
    feed = changes_after(table, request.user_uuid, message_group_uuid, request.after(), request.limit())
    links = {"monitor" if feed.ended else "next": ("after", feed.after)}
    return http_api.ok_page(request, views.changes(feed), links)
