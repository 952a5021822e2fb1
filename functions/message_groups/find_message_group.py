"""GET /api/message_groups/{…} finds one of the caller's conversations.

By @handle: the conversation with that person, if there is one, and whether the caller can write to them. By uuid: the
entry as in the inbox.
"""

from messaging.api import http_api, views
from messaging.model import keys
from messaging.services.read import find_message_group, show_message_group
from messaging.settings import FindSettings
from messaging.storage.table import open_table

settings = FindSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    if uuid := keys.canonical_uuid(request.path["message_group"]):
        group, hidden, pins = show_message_group(table, request.user_uuid, uuid)
        return http_api.ok(views.message_group(group, pins.shows(group), hidden))
    handle = request.handle("message_group")
    found = find_message_group(table, request.user_uuid, handle, settings.lookups, settings.reach)
    return http_api.ok(views.found_message_group(found), **http_api.limits(found.usage))
