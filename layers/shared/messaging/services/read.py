"""Reading: patterns A and B, and look-ups.

Reads are eventually consistent, at half the price. The data itself reveals a stale answer: the numbers of a
conversation's messages have no gap (docs/design.md#rule-3), so a page that does not continue its cursor or reach its
head, or has a gap, is read once more, consistently.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.cursors import NEWER, OLDER, InboxCursor, MessageCursor
from messaging.model.errors import NotFound
from messaging.model.inbox_entry import InboxEntry
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.storage.table import Table

_STREAM_IS_LATE_BY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A page of a conversation, oldest first. `older` is None at the beginning of the conversation.

    `newer` continues after the page; `ended`: there was no later message at the time of reading.
    """

    messages: list[Message]
    older: MessageCursor | None
    newer: MessageCursor | None
    ended: bool


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of an inbox, newest first; each conversation once. A cursor is None if there are no more.

    `changes` is the start of `changed_since` for later changes; None except on the top page.
    `duplicates` counts the conversations stored twice in the page; an unfinished rewrite causes some.
    """

    entries: list[InboxEntry]
    older: InboxCursor | None
    newer: InboxCursor | None
    changes: InboxCursor | None
    duplicates: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Conversations in the order of their last messages, oldest first. `cursor` continues after them.

    `ended`: there were no more; then the cursor reaches an hour back.
    """

    entries: list[InboxEntry]
    cursor: InboxCursor
    ended: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """A person's numbers of conversations with unread messages, and of unread messages."""

    conversations: int
    messages: int


def find_head(table: Table, message_group_uuid: str, user_uuid: str) -> Head:
    """The head of a conversation of this person.

    Raises NotFound for a stranger as for no conversation (docs/design.md#rule-6). If an eventually consistent read does
    not show the caller as a member, a consistent one always follows. So a conversation opened a moment ago is found,
    and both refusals take the same requests.
    """
    head = table.head(message_group_uuid)
    if not _is_member(head, user_uuid):
        head = table.head(message_group_uuid, consistent=True)
    return require_member(head, user_uuid)


def require_member(head: Head | None, user_uuid: str) -> Head:
    """The head, if this person is a member (docs/design.md#rule-6).

    Raises NotFound for a stranger as for no conversation.
    """
    if head is None or not _is_member(head, user_uuid):
        raise NotFound("There is no such conversation.")
    return head


def newest_messages(table: Table, user_uuid: str, message_group_uuid: str, limit: int) -> Conversation:
    """Pattern A, the newest page: one request. Raises NotFound for a stranger as for no conversation."""
    head, messages = table.newest(message_group_uuid, limit, consistent=False)
    is_member = _is_member(head, user_uuid)
    if not is_member:  # no second page: reading others' messages would slow the refusal down
        require_member(table.head(message_group_uuid, consistent=True), user_uuid)
    if head is None or not is_member or not _joins(messages, last=head.last_seq):
        head, messages = table.newest(message_group_uuid, limit, consistent=True)
    return _page(require_member(head, user_uuid), messages)


def messages_before(table: Table, user_uuid: str, cursor: MessageCursor, limit: int) -> Conversation:
    """Pattern A, the page that ends before the cursor. Raises NotFound like `newest_messages`."""
    head = find_head(table, cursor.message_group_uuid, user_uuid)
    messages = _read_twice_if_stale(
        lambda consistent: table.before(cursor.message_group_uuid, cursor.created_at, limit, consistent=consistent),
        lambda page: _joins(page, last=cursor.seq - 1),
    )
    return _page(head, messages)


def messages_after(table: Table, user_uuid: str, cursor: MessageCursor, limit: int) -> Conversation:
    """Pattern A, the page that begins after the cursor. Raises NotFound like `newest_messages`."""
    head = find_head(table, cursor.message_group_uuid, user_uuid)
    messages = _read_twice_if_stale(
        lambda consistent: table.after(cursor.message_group_uuid, cursor.created_at, limit, consistent=consistent),
        lambda page: _joins(page, first=cursor.seq + 1) if page else cursor.seq >= head.last_seq,
    )
    return _page(head, messages) if messages else Conversation([], None, cursor, ended=True)


def show_message(table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str) -> Message:
    """One message by its address: 2 requests and 1.5 read units.

    Raises NotFound if there is no such message in the conversation, or the caller is a stranger. Each refusal makes the
    same 2 requests, so its time does not reveal what exists. A message sent a moment ago is found: after a miss a
    consistent read follows.
    """
    return find_message(table, user_uuid, message_group_uuid, message_uuid)[1]


def find_message(
    table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str, *, first_consistent: bool = False
) -> tuple[Head, Message]:
    """A message and the head of its conversation, as `show_message` finds them. Raises NotFound like that."""
    for consistent in (first_consistent, True):
        head, sent_record = table.head_and_sent_record(message_group_uuid, message_uuid, consistent=consistent)
        if (
            head
            and sent_record
            and _is_member(head, user_uuid)
            and sent_record.message_group_uuid == message_group_uuid
        ):
            message = table.message(message_group_uuid, sent_record.created_at, consistent=consistent)
            if message and message.message_uuid == message_uuid:
                return head, message
    raise NotFound("There is no such message.")


def list_message_groups(table: Table, user_uuid: str, limit: int, cursor: InboxCursor | None = None) -> Inbox:
    """Pattern B: one request, from the top of the inbox or from a cursor.

    If it finds nothing, a second request checks that the person exists. Raises NotFound if not.
    """
    if cursor and cursor.direction == NEWER:
        found = table.inbox_above(user_uuid, limit + 1, cursor.sk)
        more_above, more_below = len(found) > limit, True
        found = found[-limit:]
    else:
        found = table.inbox(user_uuid, limit + 1, cursor.sk if cursor else None)
        more_above, more_below = cursor is not None, len(found) > limit
        found = found[:limit]
    if not found:
        find_person(table, user_uuid)
    top = found[0].sk if found else cursor.sk if cursor else None  # the whole page may have moved up meanwhile
    changes = None
    if not more_above:
        changes = _late(user_uuid, found[0].sk) if found else InboxCursor(user_uuid, NEWER, top or keys.FIRST_TIME)
    page = _newest_of_each(found)
    return Inbox(
        page,
        InboxCursor(user_uuid, OLDER, found[-1].sk) if found and more_below else None,
        InboxCursor(user_uuid, NEWER, top) if top and more_above else None,
        changes,
        len(found) - len(page),
    )


def changed_since(table: Table, user_uuid: str, since: InboxCursor, limit: int) -> Changes:
    """Pattern B for a client that was away: the conversations with a last message after a place.

    One request, and a second one as in `list_message_groups` if it finds nothing. A conversation that moves up
    while pages are read comes again, in its new state.
    """
    found = table.inbox_above(user_uuid, limit + 1, since.sk)
    if not found:
        find_person(table, user_uuid)
    page, ended = found[::-1][:limit], len(found) <= limit
    last = InboxCursor(user_uuid, NEWER, page[-1].sk) if page else since
    if ended and page:
        last = max(since, _late(user_uuid, last.sk), key=lambda cursor: cursor.sk)
    return Changes(_newest_of_each(page[::-1])[::-1], last, ended)


def show_message_group(table: Table, user_uuid: str, message_group_uuid: str) -> InboxEntry:
    """One conversation from its head, ahead of the inbox. Raises NotFound for a stranger as for no conversation."""
    return find_head(table, message_group_uuid, user_uuid).inbox_entry(user_uuid)


def count_unread(table: Table, user_uuid: str) -> Totals:
    """Count unread messages: 1 request for some thousand conversations with unread messages, 0.5 read units per 40.

    If there are none, a second request checks that the person exists. Raises NotFound if not.
    """
    counts = [unread.last_seq - unread.read_seq for unread in table.unread(user_uuid)]
    if not counts:
        find_person(table, user_uuid)
    return Totals(len(counts), sum(counts))


def find_message_group(table: Table, user_uuid: str, handle: str) -> tuple[Person, str | None]:
    """The owner of this handle, and the caller's conversation with them, if there is one. Raises NotFound."""
    person = show_user(table, user_uuid, handle)
    try:
        head = find_head(table, keys.pair_uuid(user_uuid, person.user_uuid), user_uuid)
    except NotFound:
        return person, None
    return person, head.message_group_uuid


def find_person(table: Table, user_uuid: str, *, consistent: bool = False) -> Person:
    """The caller's profile. Raises NotFound without one: perhaps an erased person with a valid token."""
    person = table.person(user_uuid, consistent=consistent)
    if person is None:
        raise NotFound("You have no profile yet.")
    return person


def show_user(table: Table, user_uuid: str, handle: str) -> Person:
    """The person with this handle. Raises NotFound, also if the caller was erased."""
    caller, person = table.sender_and_receiver(user_uuid, handle)
    if caller is None:
        raise NotFound("You have no profile yet.")
    if person is None:
        raise NotFound("Nobody has this handle.")
    return person


def _is_member(head: Head | None, user_uuid: str) -> bool:
    return head is not None and user_uuid in head.members and not head.members[user_uuid].is_gone


def _joins(messages: Sequence[Message], *, first: int | None = None, last: int | None = None) -> bool:
    """True if the numbers have no gap, and begin with `first` or end with `last`."""
    if not messages:
        return not last
    begins = first is None or messages[0].seq == first
    ends = last is None or messages[-1].seq == last
    return begins and ends and messages[-1].seq - messages[0].seq == len(messages) - 1


def _read_twice_if_stale(
    read: Callable[[bool], list[Message]], is_whole: Callable[[list[Message]], bool]
) -> list[Message]:
    messages = read(False)
    return messages if is_whole(messages) else read(True)


def _page(head: Head, messages: list[Message]) -> Conversation:
    if not messages:
        return Conversation([], None, None, ended=True)
    first, last = messages[0], messages[-1]
    return Conversation(
        messages,
        _cursor(first) if first.seq > 1 else None,
        _cursor(last),
        ended=last.seq >= head.last_seq,
    )


def _cursor(message: Message) -> MessageCursor:
    return MessageCursor(message.message_group_uuid, message.created_at, message.seq)


def _late(user_uuid: str, sk: str) -> InboxCursor:
    """The start for finding changes after the newest entry: the stream may write older ones later.

    At most an hour later: older records are given up (template.yaml, MaximumRecordAgeInSeconds).
    """
    return InboxCursor(user_uuid, NEWER, keys.time_before(sk[: keys.TIME_LENGTH], _STREAM_IS_LATE_BY))


def _newest_of_each(entries: list[InboxEntry]) -> list[InboxEntry]:
    """The newest entry of each conversation: during a rewrite the new item is stored above the old one."""
    newest: dict[str, InboxEntry] = {}
    for entry in entries:
        newest.setdefault(entry.message_group_uuid, entry)
    return list(newest.values())
