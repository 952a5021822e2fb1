"""Bodies of requests to send a message, checked."""

from typing import Any, NamedTuple
from uuid import uuid4

from messaging.api.http_api import LARGEST, Request, read_uuid
from messaging.model import keys
from messaging.model.errors import Invalid, NotFound, Unreadable
from messaging.model.message import Draft
from messaging.model.text import shows

# A code point takes at most 12 bytes in JSON (a pair of escaped surrogates). The rest of a body is small.
_BYTES_PER_CHAR = 12
_BYTES_BESIDE = 2048


class SendRequest(NamedTuple):
    """A draft to a conversation or to a person: exactly one of `message_group_uuid` and `handle` is "".

    `reply_to` is the message_uuid of a message of the conversation, or "".
    """

    draft: Draft
    message_group_uuid: str
    handle: str
    reply_to: str


def read_send_request(request: Request, max_chars: int, *, into_conversation: bool) -> SendRequest:
    """Reads {message, message_uuid?, handle} or, with `into_conversation`, also {…, message_group_uuid, reply_to?}.

    Generates a missing message_uuid. Raises Unreadable, TooLarge, UnknownFields, Invalid with the codes of all errors,
    and NotFound for an invalid handle.
    """
    conversation = ["message_group_uuid", "reply_to"] if into_conversation else []
    body = request.body(
        "message", "message_uuid", "handle", *conversation, most_bytes=max_chars * _BYTES_PER_CHAR + _BYTES_BESIDE
    )
    message = read_text(body, "message")
    message_uuid = read_text(body, "message_uuid")
    message_group_uuid = read_text(body, "message_group_uuid").strip() if into_conversation else ""
    reply_to = read_text(body, "reply_to")
    handle = "" if message_group_uuid else read_text(body, "handle").strip().removeprefix("@")

    codes = []
    if not (message_group_uuid or handle):
        if into_conversation and ("message_group_uuid" in body or "handle" not in body):
            codes.append("message_group_uuid_blank")
        if not into_conversation or "handle" in body or "message_group_uuid" not in body:
            codes.append("user_reciever_handle_blank")
    codes += _codes(message, max_chars)
    if codes:
        raise Invalid(*codes)

    if reply_to and not message_group_uuid:
        raise Unreadable("reply_to needs the message_group_uuid of the conversation.")
    if handle and not keys.is_handle(handle):
        raise NotFound("Nobody has this handle.")
    if body.get("message_uuid") is None:
        message_uuid = str(uuid4())
    return SendRequest(
        Draft(read_uuid(message_uuid, "message_uuid"), message),
        read_uuid(message_group_uuid, "message_group_uuid") if message_group_uuid else "",
        handle,
        read_uuid(reply_to, "reply_to") if body.get("reply_to") is not None else "",
    )


class EditRequest(NamedTuple):
    """Another text for a message. `seen` is the number of its last change that the caller has seen, 0 for none."""

    message: str
    seen: int


def read_edit_request(request: Request, max_chars: int) -> EditRequest:
    """Reads a body {message, change}. Raises Unreadable, TooLarge, UnknownFields and Invalid."""
    body = request.body("message", "change", most_bytes=max_chars * _BYTES_PER_CHAR + _BYTES_BESIDE)
    message, seen = read_text(body, "message"), body.get("change")
    if not isinstance(seen, int) or isinstance(seen, bool) or not 0 <= seen <= LARGEST:
        raise Unreadable("change must be the number of the last change that you have seen, 0 for none.")
    if codes := _codes(message, max_chars):
        raise Invalid(*codes)
    return EditRequest(message, seen)


def _codes(message: str, max_chars: int) -> list[str]:
    if not shows(message):
        return ["message_blank"]
    return ["message_exceed_max_chars"] if len(message) > max_chars else []


def read_text(body: dict[str, Any], name: str) -> str:
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


def read_flag(body: dict[str, Any], name: str) -> bool | None:
    """A boolean of the body, None if it is missing. Raises Unreadable for other types."""
    value = body.get(name)
    if name in body and not isinstance(value, bool):
        raise Unreadable(f"{name} must be true or false.")
    return value
