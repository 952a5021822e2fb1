"""Reports: copies of messages, for operators only. No function can read them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from messaging.clock import Clock, utc_now
from messaging.model import keys
from messaging.model.errors import Invalid, NotFound
from messaging.model.hidden import Sight
from messaging.model.limits import Limit, LimitReached, Usage
from messaging.model.message import Message
from messaging.model.report import Report, ReportedMessage
from messaging.services.limits import give_back, spend
from messaging.services.read import require_member
from messaging.storage.table import Table


class Complaint(NamedTuple):
    """A report as its reporter writes it."""

    report_uuid: str
    message_group_uuid: str
    message_uuids: Sequence[str]
    reason: str
    comment: str


class Filed(NamedTuple):
    """A stored report, of which the caller learns nothing but its uuid and time."""

    report_uuid: str
    created_at: str
    repeated: bool = False
    usage: tuple[Usage, ...] = ()


def file_report(
    table: Table, user_uuid: str, complaint: Complaint, limit: Limit, retention: timedelta, now: Clock = utc_now
) -> Filed:
    """Store a report with copies of the messages: 4 requests, 1 write unit for the limit, and 1 per kilobyte.

    A message that the other has edited during the caller's block can be reported, too, though the caller does not see
    it. A retry with the same report_uuid writes nothing, and is answered past the limit, too. Raises NotFound for a
    stranger as for a missing conversation, Invalid if the caller can see one of the messages at no time, LimitReached,
    and Busy.
    """
    sight, messages = _find_messages(table, user_uuid, complaint)
    at = now()
    report = Report(
        complaint.report_uuid,
        user_uuid,
        complaint.message_group_uuid,
        sight.head.other(user_uuid).user_uuid,
        complaint.reason,
        complaint.comment,
        tuple(map(ReportedMessage.of, messages)),
        keys.format_time(at),
        int((at + retention).timestamp()),
    )
    try:
        usage = spend(table, sight.head.members[user_uuid], limit, at.timestamp())
    except LimitReached:
        if first := table.reported_at(report):
            return Filed(report.report_uuid, first, repeated=True)
        raise
    created_at = table.put_report(report)
    if created_at != report.created_at:
        give_back(table, user_uuid, limit, at.timestamp())
        return Filed(report.report_uuid, created_at, repeated=True)
    return Filed(report.report_uuid, created_at, usage=usage)


def _find_messages(table: Table, user_uuid: str, complaint: Complaint) -> tuple[Sight, list[Message]]:
    """The reported messages in order. What an eventually consistent read lacks is read once more."""
    group = complaint.message_group_uuid
    for consistent in (False, True):
        head, hidden, records = table.head_hidden_and_sent_records(
            group, complaint.message_uuids, consistent=consistent
        )
        try:
            head = require_member(head, user_uuid)
        except NotFound:  # a stranger's requests read no messages
            if consistent:
                raise
            continue
        sight = Sight.of(head, user_uuid, hidden)
        places = [(group, one.created_at) for one in records.values() if one.message_group_uuid == group]
        found = table.messages_at(places, consistent=consistent).values()
        messages = [one for one in found if sight.has_place_for(one) and not sight.hides_seq(one.seq)]
        if {one.message_uuid for one in messages} == {*complaint.message_uuids}:
            return sight, sorted(messages, key=lambda message: message.seq)
    raise Invalid("message_uuids_not_found")
