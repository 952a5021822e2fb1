"""C: POST /api/message_groups sends to a person, and opens the conversation if this is the first message."""

from messaging.api import http_api, views
from messaging.api.bodies import read_send_request
from messaging.observability import count
from messaging.services.send import send_to_handle
from messaging.settings import SendSettings
from messaging.storage.table import open_table

settings = SendSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    send = read_send_request(request, settings.message_max_chars, into_conversation=False)
    sent = send_to_handle(
        table, request.user_uuid, send.handle, send.draft, reach=settings.reach, limits=settings.limits
    )
    count(MessagesSent=not sent.repeated, ConversationsCreated=sent.opened, ConflictsRetried=sent.conflicts)
    return http_api.ok(views.sent_message(sent.message), **http_api.limits(sent.usage))
