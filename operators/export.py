"""Export of all stored data of a person, with the messages they have written and received."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from messaging.model.conversation import Head
from messaging.model.hidden import Hidden, Sight
from messaging.model.inbox_entry import InboxEntry
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.versions import Version
from operators.environments import Environment
from operators.people import PersonRecord
from operators.people_table import PeopleTable


def export(environment: Environment, found: PersonRecord) -> Iterator[dict[str, Any]]:
    """The Cognito user, the profile, and each conversation with its messages in order, one object each.

    A conversation's changes, and the numbers of the messages that the person has hidden, follow its messages. At the
    end come the person's pins, blocks and reports. Others' messages that the person may not see are left out: those
    before their history, and those that a block hides. Reads consistently, a page at a time. A conversation's messages
    are those present when its end is reached.
    """
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
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
            "messages_from": profile.messages_from or None,
            "suspended": profile.suspended,
            **email,
        }
    for entry in table.conversations(found.user_uuid):
        yield from _conversation(table, entry)
    yield from _own(table, found.user_uuid)


def _conversation(table: PeopleTable, entry: InboxEntry) -> Iterator[dict[str, Any]]:
    group = {"message_group_uuid": entry.message_group_uuid}
    head, hidden = table.head_and_hidden(entry.message_group_uuid, consistent=True)
    entry = head.inbox_entry(entry.owner_uuid) if head else entry
    yield {
        "kind": "conversation",
        **group,
        "with": _shown(entry.other),
        "read_seq": entry.read_seq,
        "folder": entry.folder or None,
        "muted_until": entry.muted_until or None,
        "marked_unread": entry.marked_unread,
        "blocked": entry.blocking,
        "begins_after": entry.begins_after,
    }
    left_out: set[str] = set()
    for page in table.messages(entry.message_group_uuid):
        for message in page:
            if message.sender.user_uuid != entry.owner_uuid and not _may_see(head, hidden, entry.owner_uuid, message):
                left_out.add(message.created_at)
                continue
            yield {
                "kind": "message",
                **group,
                "seq": message.seq,
                "created_at": message.created_at,
                "from": _shown(message.sender),
                **asdict(message.draft),
                "change": message.change,
                "edited_at": message.edited_at or None,
                "unsent_at": message.unsent_at or None,
                "reactions": {one: [*emoji] for one, emoji in message.reactions.items()},
                "versions": [one._asdict() for one in _versions(table, message)],
            }
    for change in table.changes_of(entry.message_group_uuid):
        if change.created_at not in left_out:
            yield {
                "kind": "change",
                **group,
                "number": change.number,
                "change": change.kind,
                "at": change.at,
                "created_at": change.created_at,
            }
    if mine := hidden.of(entry.owner_uuid):
        yield {"kind": "hidden", **group, "seqs": sorted(mine)}


def _may_see(head: Head | None, hidden: Hidden, user_uuid: str, message: Message) -> bool:
    """True if nothing but the person's own hiding keeps a message from them."""
    if head is None:
        return False
    others = Hidden(hidden.message_group_uuid, {}, hidden.unseen)
    return not Sight.of(head, user_uuid, others).hides(message)


def _own(table: PeopleTable, user_uuid: str) -> Iterator[dict[str, Any]]:
    """A person's pins, blocks and reports. The texts of reported messages are for operators only."""
    if pinned := table.pins(user_uuid).message_group_uuids:
        yield {"kind": "pins", "message_group_uuids": [*pinned]}
    for block in table.all_blocks(user_uuid):
        yield {"kind": "block", "user_uuid": block.user_uuid, "at": block.at}
    for report in table.reports_of(user_uuid):
        yield {
            "kind": "report",
            "report_uuid": report.report_uuid,
            "message_group_uuid": report.message_group_uuid,
            "created_at": report.created_at,
            "reason": report.reason,
            "comment": report.comment,
            "message_uuids": [message.message_uuid for message in report.messages],
            "closed_at": report.closed_at or None,
        }


def _versions(table: PeopleTable, message: Message) -> tuple[Version, ...]:
    return table.versions(message.message_uuid).versions if message.versions else ()


def _shown(person: Person) -> dict[str, str]:
    return {"user_uuid": person.user_uuid, "handle": person.handle, "display_name": person.display_name}
