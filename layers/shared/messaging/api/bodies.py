"""Bodies of requests to send a message, checked."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from messaging.api.http_api import Request, read_uuid
from messaging.model import keys
from messaging.model.errors import Invalid, NotFound, Unreadable
from messaging.model.message import Draft
from messaging.model.text import shows

# A code point takes at most 12 bytes in JSON (a pair of escaped surrogates). The rest of a body is small.
_BYTES_PER_CHAR = 12
_BYTES_BESIDE = 2048


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A draft to a conversation or to a person: exactly one of the last two fields is ""."""

    draft: Draft
    message_group_uuid: str
    handle: str


def read_send_request(request: Request, max_chars: int, *, into_conversation: bool) -> SendRequest:
    """Reads a body {message, message_uuid?, handle} or, with `into_conversation`, also {…, message_group_uuid}.

    Generates a missing message_uuid. Raises Unreadable, TooLarge, UnknownFields, Invalid with the codes of all errors,
    and NotFound for an invalid handle.
    """
    conversation = ["message_group_uuid"] if into_conversation else []
    body = request.body(
        "message", "message_uuid", "handle", *conversation, most_bytes=max_chars * _BYTES_PER_CHAR + _BYTES_BESIDE
    )
    message = _text(body, "message")
    message_uuid = _text(body, "message_uuid")
    message_group_uuid = _text(body, "message_group_uuid").strip() if into_conversation else ""
    handle = "" if message_group_uuid else _text(body, "handle").strip().removeprefix("@")

    codes = []
    if not (message_group_uuid or handle):
        if into_conversation and ("message_group_uuid" in body or "handle" not in body):
            codes.append("message_group_uuid_blank")
        if not into_conversation or "handle" in body or "message_group_uuid" not in body:
            codes.append("user_reciever_handle_blank")
    if not shows(message):
        codes.append("message_blank")
    elif len(message) > max_chars:
        codes.append("message_exceed_max_chars")
    if codes:
        raise Invalid(*codes)

    if handle and not keys.is_handle(handle):
        raise NotFound("Nobody has this handle.")
    if body.get("message_uuid") is None:
        message_uuid = str(uuid4())
    return SendRequest(
        Draft(read_uuid(message_uuid, "message_uuid"), message),
        read_uuid(message_group_uuid, "message_group_uuid") if message_group_uuid else "",
        handle,
    )


def _text(body: dict[str, Any], name: str) -> str:
    """A string of the body, "" if it is missing. Raises Unreadable for other types and for text that is not Unicode."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} must be a string.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unreadable(f"{name} is not Unicode text: it contains half of a surrogate pair.") from None
    return value
