"""Export of all stored data of a person, with the messages they have written and received."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.versions import Version
from operators.environments import Environment
from operators.people import PersonRecord
from operators.people_table import PeopleTable
from operators.reports import ReportsTable


def export(environment: Environment, found: PersonRecord) -> Iterator[dict[str, Any]]:
    """The Cognito user, the profile, and each conversation with its messages in order, one object each.

    A conversation's changes, and the numbers of the messages that the person has hidden, follow its messages. Last come
    the reports of the person, without the operators' notes. Reads consistently, a page at a time. A conversation's
    messages are those present when its end is reached.
    """
    table = ReportsTable(environment.client("dynamodb"), environment.table_name)
    if found.account:
        yield {"kind": "user", **asdict(found.account)}
    if found.profile:
        profile = found.profile
        email = {"email": found.email} if found.email else {}
        yield {
            "kind": "profile",
            **_shown(profile),
            "avatar": profile.avatar,
            "receipts": profile.read_receipts,
            **email,
        }
    for group in table.conversations(found.user_uuid):
        yield {
            "kind": "conversation",
            "message_group_uuid": group.message_group_uuid,
            "with": _shown(group.other),
            "read_seq": group.read_seq,
        }
        for page in table.messages(group.message_group_uuid):
            for message in page:
                yield {
                    "kind": "message",
                    "message_group_uuid": message.message_group_uuid,
                    "seq": message.seq,
                    "created_at": message.created_at,
                    "from": _shown(message.sender),
                    **asdict(message.draft),
                    "change": message.change,
                    "edited_at": message.edited_at or None,
                    "unsent_at": message.unsent_at or None,
                    "reactions": {one: [*emoji] for one, emoji in message.reactions.items()},
                    "versions": [asdict(one) for one in _versions(table, message)],
                }
        for change in table.changes_of(group.message_group_uuid):
            yield {
                "kind": "change",
                "message_group_uuid": group.message_group_uuid,
                "number": change.number,
                "change": change.kind,
                "at": change.at,
                "created_at": change.created_at,
            }
        hidden = table.hidden(group.message_group_uuid).of(found.user_uuid)
        if hidden:
            yield {"kind": "hidden", "message_group_uuid": group.message_group_uuid, "seqs": sorted(hidden)}
    for report in table.reports_by(found.user_uuid):
        yield {
            "kind": "report",
            "report_uuid": report.report_uuid,
            "created_at": report.created_at,
            "message_group_uuid": report.message_group_uuid,
            "message_uuids": [one.message_uuid for one in report.messages],
            "reason": report.reason,
            "comment": report.comment,
        }


def _versions(table: PeopleTable, message: Message) -> tuple[Version, ...]:
    return table.versions(message.message_uuid).versions if message.versions else ()


def _shown(person: Person) -> dict[str, str]:
    return {"user_uuid": person.user_uuid, "handle": person.handle, "display_name": person.display_name}
