"""Erasure of a person: their data is deleted, and their messages to others stay, under "deleted user"."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from messaging.live.delivery import remove_connection
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.hidden import Hidden
from messaging.model.inbox_entry import InboxEntry
from messaging.model.message import Message
from messaging.model.pins import Pins
from messaging.model.versions import Versions
from messaging.retry import until_not_busy
from messaging.services.rewrite_inbox import rebuild
from messaging.storage.sockets import Sockets
from operators.environments import Environment
from operators.people import PersonRecord, UserPool
from operators.people_table import PeopleTable

_FUNCTION_TIMEOUT_SECONDS = 30.0  # no function that opens a conversation runs longer (template.yaml, Timeout)


def erase(environment: Environment, people: Sequence[PersonRecord], left: Callable[[int], None]) -> None:
    """Erase people. A second run finishes an interrupted one. `left` is called for each conversation.

    Before it deletes their Cognito users, last, it waits for functions that had read a profile before it was deleted,
    and looks again: one of them may have opened a conversation. Raises Busy.
    """
    pool = UserPool(environment)
    table, sockets = PeopleTable(environment.client("dynamodb"), environment.table_name), environment.sockets()
    connection_ids = []
    for found in people:
        if not pool.exists:
            table.note_erased(found.user_uuid)
        if found.account:
            pool.lock_out(found.user_uuid)
        connection_ids += erase_from_table(table, sockets, found.user_uuid, found.handles, left)
    wait_for_functions()
    for connection_id in connection_ids:
        sockets.close(connection_id)  # API Gateway closes no socket during its handshake
    for found in people:
        erase_from_table(table, sockets, found.user_uuid, found.handles, left)
        if found.account:
            pool.delete(found.user_uuid)


def wait_for_functions() -> None:
    """Wait for functions that may have read a profile before it was changed."""
    time.sleep(_FUNCTION_TIMEOUT_SECONDS)


def erase_from_table(
    table: PeopleTable,
    sockets: Sockets,
    user_uuid: str,
    handles: Iterable[str],
    left: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Delete profile and handles, so that no new conversation or socket opens; then leave all conversations.

    Returns the ids of the sockets that were open. Raises Busy.

    A conversation's entry is deleted last, so the next run finds the remaining work in the folders. Others keep their
    blocks of this person, which have no names; reports stay until they expire.
    """
    table.remove_person(user_uuid, handles)
    connection_ids = _disconnect(table, sockets, user_uuid)
    more = True
    while more:
        more = False
        for group in table.conversations(user_uuid):
            _leave(table, group)
            left(1)
            more = True
    for entry in table.all_blocks(user_uuid):
        table.end_block(entry)
    for pk in (keys.changed_pk(user_uuid), keys.limits_pk(user_uuid)):
        table.delete(table.db.query_all(pk, consistent=True))
    table.delete([Pins(user_uuid).item])
    return connection_ids


def _disconnect(table: PeopleTable, sockets: Sockets, user_uuid: str) -> list[str]:
    """Close a person's sockets, and tell their subscribers for the last time that they are offline.

    A remaining ticket opens no socket: `connect` checks the profile, which is deleted.
    """
    connection_ids = [connection.connection_id for connection in table.connections(user_uuid, consistent=True)]
    for connection_id in connection_ids:
        sockets.close(connection_id)
        remove_connection(table, sockets, user_uuid, connection_id)
    table.delete(subscription.item for subscription in table.subscriptions(user_uuid))
    return connection_ids


def _leave(table: PeopleTable, group: InboxEntry) -> None:
    user_uuid = group.owner_uuid
    head = _member_head(table, group.message_group_uuid, user_uuid)
    if head and not head.members[user_uuid].is_deleted and not head.other(user_uuid).is_deleted:
        head = _hide(table, head, user_uuid)
    if head and head.other(user_uuid).is_deleted:
        _delete_conversation(table, head)
    elif head:
        rebuild(table, head, group.created_at)
    else:
        _hide_in_messages(table, group.message_group_uuid, user_uuid)
    table.delete([keys.key(keys.unread_pk(user_uuid), group.message_group_uuid), group.item])


def _hide(table: PeopleTable, head: Head, user_uuid: str) -> Head | None:
    """Put "deleted user" on all of a member's messages and then on the head; return the head.

    The conversation is closed first: even if both send fast, no message follows the rewritten ones. Stops if the other
    member or the conversation is deleted meanwhile.
    """
    group = head.message_group_uuid
    table.close(head, user_uuid)
    _hide_in_messages(table, group, user_uuid)
    return until_not_busy(lambda: _erase_member(table, group, user_uuid))


def _erase_member(table: PeopleTable, message_group_uuid: str, user_uuid: str) -> Head | None:
    head = _member_head(table, message_group_uuid, user_uuid)
    if head is None or head.other(user_uuid).is_deleted or table.erase_member(head, user_uuid):
        return head
    raise Busy("The other member of a conversation keeps changing.")


def _hide_in_messages(table: PeopleTable, message_group_uuid: str, user_uuid: str) -> None:
    """Put "deleted user" on a person's messages, and delete their reactions and the numbers they have hidden."""
    for page in table.messages(message_group_uuid):
        mine = [message for message in page if message.sender.user_uuid == user_uuid]
        table.delete(Versions(message.message_uuid).item for message in mine if message.versions)
        table.put_senders(_hidden(message) for message in mine if not message.sender.is_deleted)
        table.delete_reactions((message for message in page if user_uuid in message.reactions), user_uuid)
    table.delete_hidden(message_group_uuid, user_uuid)


def _hidden(message: Message) -> Message:
    return replace(message, sender=message.sender.deleted)


def _member_head(table: PeopleTable, message_group_uuid: str, user_uuid: str) -> Head | None:
    head = table.head(message_group_uuid, consistent=True)
    return head if head and user_uuid in head.members else None


def _delete_conversation(table: PeopleTable, head: Head) -> None:
    """Delete a conversation of two erased people. The head, which identifies it as one, is deleted last."""
    for page in table.messages(head.message_group_uuid):
        table.delete_sent_records(page)
        table.delete(Versions(message.message_uuid).item for message in page if message.versions)
        table.delete(message.item for message in page)
    table.delete(table.db.query_all(keys.changes_pk(head.message_group_uuid), consistent=True))
    table.delete([Hidden(head.message_group_uuid).item])
    table.delete(keys.key(keys.unread_pk(one), head.message_group_uuid) for one in head.members)
    table.delete([head.item])
