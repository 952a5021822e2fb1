"""Requests in API Gateway's form (payload format 2.0), and answers in a client's form."""

import json
from typing import Any

from messaging.api.http_api import Request

USER = "0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01"
OTHER = "7c9a53de-2d0a-4a0e-9a3d-5b5c1b0f9e02"
STRANGER = "b1f0c2aa-90e4-4a7e-8f65-0c6c7d6f3e03"
MESSAGE_GROUP = "f2b5de61-1c68-4c2f-9f80-3ea0a2c3d404"


def event(
    body: object = None,
    *,
    user_uuid: str | None = USER,
    path: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    base64: bool = False,
    route: str = "POST /api/messages",
) -> dict[str, Any]:
    """The event of a signed-in person, or of nobody. A `body` other than text becomes JSON."""
    context: dict[str, Any] = {"requestId": "the-request-id"}
    if user_uuid:
        context["authorizer"] = {"jwt": {"claims": {"sub": user_uuid}, "scopes": None}}
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "headers": headers or {},
        "requestContext": context,
        "isBase64Encoded": base64,
    }
    # API Gateway omits empty fields.
    if path:
        made["pathParameters"] = path
    if query:
        made["queryStringParameters"] = query
    if body is not None:
        made["body"] = body if isinstance(body, str) else json.dumps(body)
    return made


def request(body: object = None, **options: Any) -> Request:
    return Request.from_event(event(body, **options))


def json_body(response: dict[str, Any]) -> Any:
    return json.loads(response["body"])
