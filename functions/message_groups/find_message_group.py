"""GET /api/message_groups/{…} finds one of the caller's conversations.

By @handle: the conversation with that person, {} if there is none yet. By uuid: the entry as in the inbox.
"""

from messaging.api import http_api, views
from messaging.model import keys
from messaging.services.read import find_message_group, show_message_group
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    if uuid := keys.canonical_uuid(request.path["message_group"]):
        return http_api.ok(views.message_group(*show_message_group(table, request.user_uuid, uuid)))
    person, message_group_uuid = find_message_group(table, request.user_uuid, request.handle("message_group"))
    if message_group_uuid is None:
        return http_api.ok({})
    return http_api.ok({"message_group_uuid": message_group_uuid, "display_name": person.display_name})
