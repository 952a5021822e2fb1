"""GET /api/message_groups/@{handle} finds the caller's conversation with a person: {} if there is none yet."""

from messaging import http
from messaging.read import find_message_group
from messaging.settings import Settings
from messaging.table import open_table

table = open_table(Settings.from_environment().table_name)


@http.route
def lambda_handler(request: http.Request) -> http.Response:
    person, message_group_uuid = find_message_group(table, request.user_uuid, request.handle())
    if message_group_uuid is None:
        return http.ok({})
    return http.ok({"message_group_uuid": message_group_uuid, "display_name": person.display_name})
