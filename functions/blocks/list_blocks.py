"""GET /api/blocks lists the people that the caller blocks."""

from messaging.api import http_api, views
from messaging.model.cursors import BlocksCursor
from messaging.services.blocks import list_blocks
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    text = request.query.get("cursor")
    cursor = BlocksCursor.parse(text, request.user_uuid) if text is not None else None
    page = list_blocks(table, request.user_uuid, request.limit(), cursor)
    links = {"next": ("cursor", page.more)} if page.more else {}
    return http_api.ok_page(request, [views.blocked_user(one) for one in page.people], links)
