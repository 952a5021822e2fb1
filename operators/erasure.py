"""Erasing a person: what is theirs goes, and what they wrote to others stays, under "deleted user"."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from messaging.live.delivery import remove_connection
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.inbox_entry import InboxEntry
from messaging.model.message import Message
from messaging.retry import until_not_busy
from messaging.services.rewrite_inbox import rebuild
from messaging.storage.sockets import Sockets
from operators.environments import Environment
from operators.people import PersonRecord, UserPool
from operators.people_table import PeopleTable

_FUNCTION_TIMEOUT_SECONDS = 30.0  # seconds: no function runs longer (template.yaml, Timeout)


def erase(environment: Environment, people: Sequence[PersonRecord], left: Callable[[int], None]) -> None:
    """Erases people. It can be cut off anywhere: the same again finishes it. `left` is told of each conversation.

    Before their Cognito users go, last, it waits for the functions that had read a profile before it was deleted, and
    looks again: one of them may have opened a conversation. Raises Busy.
    """
    pool = UserPool(environment)
    table, sockets = PeopleTable(environment.client("dynamodb"), environment.table_name), environment.sockets()
    connection_ids = []
    for found in people:
        if found.account:
            pool.lock_out(found.user_uuid)
        connection_ids += erase_from_table(table, sockets, found.user_uuid, found.handles, left)
    time.sleep(_FUNCTION_TIMEOUT_SECONDS)
    for connection_id in connection_ids:
        sockets.close(connection_id)  # API Gateway closes none whose handshake is not over
    for found in people:
        erase_from_table(table, sockets, found.user_uuid, found.handles, left)
        if found.account:
            pool.delete(found.user_uuid)


def erase_from_table(
    table: PeopleTable,
    sockets: Sockets,
    user_uuid: str,
    handles: Iterable[str],
    left: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Deletes profile and handles, so that no conversation and no socket is opened any more, then leaves all there are.

    Returns the ids of the sockets that were open. Raises Busy.

    A conversation's message group goes last, so a run that was cut off finds what is left to do in the inbox.
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
    return connection_ids


def _disconnect(table: PeopleTable, sockets: Sockets, user_uuid: str) -> list[str]:
    """Closes a person's sockets, and tells those who watch them that they are offline, for the last time.

    A ticket they may still have opens none: `connect` asks for the profile, which is deleted.
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
        _hide_sender(table, group.message_group_uuid, user_uuid)
    table.delete([keys.key(keys.unread_pk(user_uuid), group.message_group_uuid), group.item])


def _hide(table: PeopleTable, head: Head, user_uuid: str) -> Head | None:
    """Puts "deleted user" on all of a member's messages and then on the head, and returns the head.

    It is closed first: however fast the two send, no message comes after those that are rewritten. If the other member
    is deleted meanwhile, or the conversation, it stops.
    """
    group = head.message_group_uuid
    table.close(head, user_uuid)
    _hide_sender(table, group, user_uuid)
    return until_not_busy(lambda: _erase_member(table, group, user_uuid))


def _erase_member(table: PeopleTable, message_group_uuid: str, user_uuid: str) -> Head | None:
    head = _member_head(table, message_group_uuid, user_uuid)
    if head is None or head.other(user_uuid).is_deleted or table.erase_member(head, user_uuid):
        return head
    raise Busy("The other member of a conversation keeps changing.")


def _hide_sender(table: PeopleTable, message_group_uuid: str, user_uuid: str) -> None:
    for page in table.messages(message_group_uuid):
        mine = (message for message in page if message.sender.user_uuid == user_uuid)
        table.put_messages(_hidden(message) for message in mine if not message.sender.is_deleted)


def _hidden(message: Message) -> Message:
    return replace(message, sender=message.sender.deleted)


def _member_head(table: PeopleTable, message_group_uuid: str, user_uuid: str) -> Head | None:
    head = table.head(message_group_uuid, consistent=True)
    return head if head and user_uuid in head.members else None


def _delete_conversation(table: PeopleTable, head: Head) -> None:
    """Deletes a conversation of which both are gone. The head, by which it is still seen to be one, goes last."""
    for page in table.messages(head.message_group_uuid):
        table.delete_sent_records(page)
        table.delete(message.item for message in page)
    table.delete(keys.key(keys.unread_pk(one), head.message_group_uuid) for one in head.members)
    table.delete([head.item])
