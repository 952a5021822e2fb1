"""PUT /api/blocks/{user_uuid} blocks a person without their notice."""

from messaging.api import http_api, views
from messaging.services.blocks import block
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    return http_api.ok(views.blocked_user(block(table, request.user_uuid, request.uuid("user_uuid"))))
