"""Bodies of reports, checked."""

from typing import Any
from uuid import uuid4

from messaging.api.bodies import read_text
from messaging.api.http_api import Request, read_uuid
from messaging.model.errors import Invalid, Unreadable
from messaging.model.report import MAX_COMMENT_LENGTH, MOST_MESSAGES, REASONS
from messaging.services.reports import Complaint

_MOST_BYTES = 16 * 1024  # a comment has 12 bytes per code point at most


def read_complaint(request: Request) -> Complaint:
    """Read a body {message_group_uuid, message_uuids, reason, comment?, report_uuid?}.

    Generates a missing report_uuid. Raises Unreadable, TooLarge, UnknownFields, and Invalid with the codes of all
    errors.
    """
    fields = ("message_group_uuid", "message_uuids", "reason", "comment", "report_uuid")
    body = request.body(*fields, most_bytes=_MOST_BYTES)
    reason, comment = read_text(body, "reason"), read_text(body, "comment")
    message_uuids = _message_uuids(body)
    codes = []
    if not message_uuids:
        codes.append("message_uuids_blank")
    if len(message_uuids) > MOST_MESSAGES:
        codes.append("message_uuids_exceed_max")
    if reason not in REASONS:
        codes.append("reason_invalid")
    if len(comment) > MAX_COMMENT_LENGTH:
        codes.append("comment_exceed_max_chars")
    if codes:
        raise Invalid(*codes)
    given = body.get("report_uuid") is not None
    return Complaint(
        read_uuid(read_text(body, "report_uuid"), "report_uuid") if given else str(uuid4()),
        read_uuid(read_text(body, "message_group_uuid"), "message_group_uuid"),
        message_uuids,
        reason,
        comment,
    )


def _message_uuids(body: dict[str, Any]) -> list[str]:
    """The different uuids of the body, in lower case."""
    value = body.get("message_uuids")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Unreadable("message_uuids must be an array of uuids.")
    return list(dict.fromkeys(read_uuid(one, "Each of message_uuids") for one in value))
