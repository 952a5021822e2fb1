"""GET /api/message_groups/{…} finds one of the caller's conversations.

By @handle: the conversation with that person, {} if there is none yet. By uuid: the entry as in the inbox.
"""

from messaging.api import http_api, views
from messaging.model import keys
from messaging.services.read import find_message_group, show_message_group
from messaging.settings import LookupSettings
from messaging.storage.table import open_table

settings = LookupSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    if uuid := keys.canonical_uuid(request.path["message_group"]):
        return http_api.ok(views.message_group(*show_message_group(table, request.user_uuid, uuid)))
    handle = request.handle("message_group")
    person, message_group_uuid, usage = find_message_group(table, request.user_uuid, handle, settings.lookups)
    found = (
        {"message_group_uuid": message_group_uuid, "display_name": person.display_name} if message_group_uuid else {}
    )
    return http_api.ok(found, **http_api.limits(usage))
