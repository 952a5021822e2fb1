"""Partition and sort keys, identifiers and times: the only place that formats them."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

HEAD = "HEAD"
SENT_RECORD = "MID"
PROFILE = "PROFILE"
HANDLE = "HANDLE"
ERASED = "ERASED"
TICKET = "TICKET"
HIDDEN = "HIDDEN"  # sorts after HEAD, so that one Query reads both
PINS = "PINS"  # beside a person's inbox entries, sorts after all of them
NO_MESSAGES = (HEAD, HIDDEN)  # the other sort keys in a conversation's partition are times of messages
VERSIONS = "VERSIONS"

# The namespace of message_group_uuids. Changing it would give every pair of people a second conversation.
_PAIR_NAMESPACE = UUID("78a40f9b-0dc9-4e5d-bd38-73398ed63f66")

_NAME_BASED = 5  # the version of a UUIDv5
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", re.ASCII)
_CHANGED_SK = re.compile(r"\d{4}-\d\d-\d\dT\d\d(#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?", re.ASCII)
_HANDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}", re.ASCII)
FOLDER_PREFIXES = {"inbox": "GRP#", "requests": "REQ#", "archive": "ARC#", "": "OUT#"}
FIRST_TIME = "1970-01-01T00:00:00.000000+00:00"
TIME_LENGTH = len(FIRST_TIME)
AFTER_TIEBREAKS = "$"  # a time and this sort after the time with any message_group_uuid
HOUR_LENGTH = len("1970-01-01T00")


def key(pk: str, sk: str) -> dict[str, dict[str, str]]:
    """A primary key in DynamoDB's form."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def of(item: dict[str, Any]) -> dict[str, Any]:
    """The primary key of an item."""
    return {"pk": item["pk"], "sk": item["sk"]}


def inbox_pk(user_uuid: str) -> str:
    """The partition of a person's inbox entries."""
    return f"GRP#{user_uuid}"


def folder_pk(folder: str, user_uuid: str) -> str:
    """The partition of a person's entries of one folder, see membership.FOLDERS."""
    return f"{FOLDER_PREFIXES[folder]}{user_uuid}"


def folder_of(pk: str) -> tuple[str, str]:
    """The folder and the person of a partition of entries. Raises ValueError for another partition."""
    for folder, prefix in FOLDER_PREFIXES.items():
        if pk.startswith(prefix):
            return folder, pk.removeprefix(prefix)
    raise ValueError("An entry must be in a folder.")


def unread_pk(user_uuid: str) -> str:
    """The partition of a person's unread entries."""
    return f"UNR#{user_uuid}"


def conversation_pk(message_group_uuid: str) -> str:
    """The partition of a conversation: its messages and its head."""
    return f"MSG#{message_group_uuid}"


def tiebroken_inbox_sk(created_at: str, message_group_uuid: str) -> str:
    """The sort key of an inbox entry if another conversation of the inbox has the same time."""
    return f"{created_at}#{message_group_uuid}"


def changes_pk(message_group_uuid: str) -> str:
    """The partition of the changes of a conversation's messages."""
    return f"CHG#{message_group_uuid}"


def change_sk(number: int) -> str:
    """The sort key of a change: order as text is order of numbers."""
    return f"{number:012}"


def versions_pk(message_uuid: str) -> str:
    """The partition of a message's earlier versions."""
    return f"VER#{message_uuid}"


def changed_pk(user_uuid: str) -> str:
    """The partition of a person's conversations with changes, in the order of the hours of their last changes."""
    return f"UPD#{user_uuid}"


def changed_sk(at: str, message_group_uuid: str) -> str:
    """The sort key of a conversation that changed at a time: all changes of an hour share it."""
    return f"{at[:HOUR_LENGTH]}#{message_group_uuid}"


def blocks_pk(user_uuid: str) -> str:
    """The partition of the people that a person blocks."""
    return f"BLK#{user_uuid}"


def sent_record_pk(message_uuid: str) -> str:
    """The partition of a message's sent record."""
    return f"MID#{message_uuid}"


def profile_pk(user_uuid: str) -> str:
    """The partition of a person's profile."""
    return f"USR#{user_uuid}"


def handle_pk(handle: str) -> str:
    """The partition of a handle. Handles are shown as written and compared without regard to case."""
    return f"HDL#{handle.lower()}"


def ticket_pk(digest: str) -> str:
    """The partition of a ticket, by its SHA-256; the ticket itself is not stored."""
    return f"TKT#{digest}"


def connections_pk(user_uuid: str) -> str:
    """The partition of a person's connections."""
    return f"CON#{user_uuid}"


def subscriptions_pk(subject_uuid: str) -> str:
    """The partition of the subscriptions to a person's presence."""
    return f"SUB#{subject_uuid}"


def limits_pk(user_uuid: str) -> str:
    """The partition of a person's counters for limits."""
    return f"LIM#{user_uuid}"


def counter_sk(limit: str, window: int) -> str:
    """The sort key of the counter of a limit in one of its windows."""
    return f"{limit}#{window}"


def reports_pk(*, is_open: bool) -> str:
    """The partition of all open, or of all closed reports."""
    return "RPT#open" if is_open else "RPT#closed"


def report_sk(reporter_uuid: str, report_uuid: str) -> str:
    """The sort key of a report. Nobody can take another person's report_uuid."""
    return f"{reporter_uuid}#{report_uuid}"


def is_handle(text: str) -> bool:
    """True for 1 to 30 ASCII letters, digits, `_`, `.` and `-`, the first a letter or digit."""
    return _HANDLE.fullmatch(text) is not None


def user_uuid(issuer: str, subject: str) -> str:
    """The user_uuid of an issuer's subject: the subject if it is a uuid, else a UUIDv5 of issuer and subject.

    No two subjects share one: a subject in the form of such a UUIDv5, or in upper case, gets a UUIDv5, too.
    """
    if canonical_uuid(subject) == subject and UUID(subject).version != _NAME_BASED:
        return subject
    return str(uuid5(uuid5(NAMESPACE_URL, issuer), subject))


@lru_cache(maxsize=1024)  # a batch of the stream asks for few, each of them many times
def pair_uuid(one_user_uuid: str, other_user_uuid: str) -> str:
    """The message_group_uuid of two people, in either order (docs/design.md#rule-1)."""
    return str(uuid5(_PAIR_NAMESPACE, "#".join(sorted((one_user_uuid, other_user_uuid)))))


def canonical_uuid(text: str) -> str | None:
    """A hyphenated UUID in lower case, or None if `text` is not one."""
    return text.lower() if _UUID.fullmatch(text) else None


def is_time(text: str) -> bool:
    """True if `text` is a time in this system's format: UTC, six decimals, +00:00."""
    return _TIME.fullmatch(text) is not None


def is_inbox_sk(text: str) -> bool:
    """True if `text` is the sort key of an inbox entry: a time, or a time and a message_group_uuid."""
    time, _, beside = text.partition("#")
    return is_time(time) and (text == time or canonical_uuid(beside) == beside)


def is_changed_sk(text: str) -> bool:
    """True if `text` is the sort key of a changed conversation, or the hour with which one begins."""
    return _CHANGED_SK.fullmatch(text) is not None


def format_time(when: datetime) -> str:
    """Format an aware datetime for the table: order as text is order in time."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def time_after(last: str, now: datetime) -> str:
    """A message's time: now, but at least a microsecond after `last`, which may be "" (docs/design.md#rule-3)."""
    written = format_time(now)
    if written > last:
        return written
    return format_time(datetime.fromisoformat(last) + timedelta(microseconds=1))


def hour_before(changed_sk: str, by: timedelta) -> str:
    """The hour earlier than that of a changed conversation by `by`."""
    return time_before(f"{changed_sk[:HOUR_LENGTH]}:00:00.000000+00:00", by)[:HOUR_LENGTH]


def time_before(time: str, by: timedelta) -> str:
    """The time earlier by `by`, but not before FIRST_TIME."""
    return max(FIRST_TIME, format_time(datetime.fromisoformat(time) - by))
