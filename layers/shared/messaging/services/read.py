"""Reading: patterns A and B, and look-ups.

Reads are eventually consistent, at half the price. The data itself reveals a stale answer: the numbers of a
conversation's messages have no gap (docs/design.md#rule-3), so a page that does not continue its cursor or reach its
head, or has a gap, is read once more, consistently.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from messaging.model import keys
from messaging.model.change import MessageChange
from messaging.model.conversation import Head
from messaging.model.cursors import NEWER, OLDER, WALK, InboxCursor, MessageCursor
from messaging.model.errors import NotFound
from messaging.model.hidden import Hidden, Sight
from messaging.model.inbox_entry import InboxEntry
from messaging.model.limits import UNLIMITED, Limit, Usage
from messaging.model.membership import INBOX
from messaging.model.message import Message, Quote
from messaging.model.person import Person
from messaging.model.pins import Pins
from messaging.model.reach import OPEN, Reach
from messaging.model.sent_record import SentRecord
from messaging.model.versions import Version
from messaging.services.limits import spend
from messaging.storage.table import MOST_AT_ONCE, Table

_STREAM_IS_LATE_BY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A page of a conversation, oldest first. `older` is None at the beginning of the conversation.

    `newer` continues after the page; `ended`: there was no later message at the time of reading. `hidden` are the
    numbers of those messages, here or replied to, that are hidden from the reader: by themselves, or by a block; each
    with Sight.withheld.
    `quoted` are those that messages of the page reply to, by time.
    """

    messages: list[Message]
    older: MessageCursor | None
    newer: MessageCursor | None
    ended: bool
    hidden: Mapping[int, int] = field(default_factory=dict)
    quoted: Mapping[str, Message] = field(default_factory=dict)


class Feed(NamedTuple):
    """Changes of a conversation's messages in order, with the messages as they are now, by time.

    `after` is the number of the last one; `ended`: there were no more at the time of reading. `hidden` and `quoted` are
    as in `Conversation`, `hidden_by_reader` the numbers of all messages of the conversation that the reader has hidden.
    Messages after or before all that the reader may see are missing.
    """

    changes: list[MessageChange]
    messages: Mapping[str, Message]
    after: int
    ended: bool
    hidden: Mapping[int, int]
    quoted: Mapping[str, Message]
    hidden_by_reader: frozenset[int]


class Inbox(NamedTuple):
    """A page of a folder, newest first; each conversation once. A cursor is None if there are no more.

    The top page of the inbox begins with the pinned conversations, which are on no other page.
    `changes` is the start of `changed_since` for later changes; None except on the top page.
    `duplicates` counts the conversations stored twice in the page; an unfinished rewrite causes some.
    """

    entries: list[InboxEntry]
    older: InboxCursor | None
    newer: InboxCursor | None
    changes: InboxCursor | None
    duplicates: int
    pins: Pins


class Changes(NamedTuple):
    """Conversations in the order of their last messages, oldest first. `cursor` continues after them.

    `ended`: there were no more; then the cursor reaches an hour back.
    """

    entries: list[InboxEntry]
    cursor: InboxCursor
    ended: bool
    pins: Pins


class Totals(NamedTuple):
    """A person's numbers of conversations that count as unread, of their messages, and of unread requests."""

    conversations: int
    messages: int
    requests: int


class Found(NamedTuple):
    """A person, and the caller's conversation with them, None if there is none.

    `can_write` says if the caller's next message reaches them, see Reach.can_write; `usage` is that of look-ups.
    """

    person: Person
    message_group_uuid: str | None
    can_write: str
    usage: tuple[Usage, ...]


def find_head(table: Table, message_group_uuid: str, user_uuid: str) -> Head:
    """The head of a conversation of this person.

    Raises NotFound for a stranger as for no conversation (docs/design.md#rule-6). If an eventually consistent read does
    not show the caller as a member, a consistent one always follows. So a conversation opened a moment ago is found,
    and both refusals take the same requests.
    """
    return require_member(_head_for(table, message_group_uuid, user_uuid), user_uuid)


def _head_for(table: Table, message_group_uuid: str, user_uuid: str) -> Head | None:
    """The head of a conversation, read once more, consistently, if it does not show this person as a member."""
    head = table.head(message_group_uuid)
    return head if _is_member(head, user_uuid) else table.head(message_group_uuid, consistent=True)


def require_member(head: Head | None, user_uuid: str) -> Head:
    """The head, if this person is a member (docs/design.md#rule-6).

    Raises NotFound for a stranger as for no conversation.
    """
    if head is None or not _is_member(head, user_uuid):
        raise NotFound("There is no such conversation.")
    return head


def newest_messages(table: Table, user_uuid: str, message_group_uuid: str, limit: int) -> Conversation:
    """Pattern A, the newest page: one request. Raises NotFound for a stranger as for no conversation.

    One more if the last messages are hidden from the reader, who has blocked their sender.
    """
    head, hidden, messages = table.newest(message_group_uuid, limit, consistent=False)
    is_member = _is_member(head, user_uuid)
    if not is_member:  # no second page: reading others' messages would slow the refusal down
        require_member(table.head(message_group_uuid, consistent=True), user_uuid)
    if head is None or not is_member or not _joins(messages, last=head.last_seq):
        head, hidden, messages = table.newest(message_group_uuid, limit, consistent=True)
    head = require_member(head, user_uuid)
    if (shown_seq := head.shown_seq(user_uuid)) < head.last_seq:
        upper = f"{head.shown_at(user_uuid)}{keys.AFTER_TIEBREAKS}"
        messages = _read_twice_if_stale(
            lambda consistent: table.before(message_group_uuid, upper, limit, consistent=consistent),
            lambda page: _joins(page, last=shown_seq),
        )
    return _page(table, head, Sight.of(head, user_uuid, hidden), messages)


def messages_before(table: Table, user_uuid: str, cursor: MessageCursor, limit: int) -> Conversation:
    """Pattern A, the page that ends before the cursor. Raises NotFound like `newest_messages`."""
    head, hidden = _find_head_and_hidden(table, cursor.message_group_uuid, user_uuid)
    messages = _read_twice_if_stale(
        lambda consistent: table.before(cursor.message_group_uuid, cursor.created_at, limit, consistent=consistent),
        lambda page: _joins(page, last=cursor.seq - 1),
    )
    return _page(table, head, Sight.of(head, user_uuid, hidden), messages)


def messages_after(table: Table, user_uuid: str, cursor: MessageCursor, limit: int) -> Conversation:
    """Pattern A, the page that begins after the cursor. Raises NotFound like `newest_messages`."""
    head, hidden = _find_head_and_hidden(table, cursor.message_group_uuid, user_uuid)
    messages = _read_twice_if_stale(
        lambda consistent: table.after(cursor.message_group_uuid, cursor.created_at, limit, consistent=consistent),
        lambda page: _joins(page, first=cursor.seq + 1) if page else cursor.seq >= head.last_seq,
    )
    sight = Sight.of(head, user_uuid, hidden)
    if not any(map(sight.has_place_for, messages)):
        return Conversation([], None, cursor, ended=True)
    return _page(table, head, sight, messages)


def messages_around(
    table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str, limit: int
) -> Conversation:
    """Pattern A, a page with a message in it: 3 requests. Raises NotFound like `show_message`."""
    for consistent in (False, True):
        head, hidden, sent_record = table.head_hidden_and_sent_record(
            message_group_uuid, message_uuid, consistent=consistent
        )
        if head and sent_record and _leads_to_member(head, sent_record, user_uuid):
            messages = table.around(message_group_uuid, sent_record.created_at, limit, consistent=consistent)
            sight = Sight.of(head, user_uuid, hidden)
            is_there = any(one.message_uuid == message_uuid and sight.has_place_for(one) for one in messages)
            if is_there and (consistent or _joins(messages)):
                return _page(table, head, sight, messages)
    raise NotFound("There is no such message.")


def changes_after(table: Table, user_uuid: str, message_group_uuid: str, after: int, limit: int) -> Feed:
    """Changes of a conversation after a number, with their messages as they are now: 2 requests.

    They concern MOST_AT_ONCE different messages at most. Raises NotFound for a stranger as for no conversation.
    """
    for consistent in (False, True):
        found = table.changes(message_group_uuid, after, limit + 1, consistent=consistent)
        page = _of_few_messages(found[:limit])
        times = {change.created_at for change in page}
        head, hidden, messages = table.head_hidden_and_messages(message_group_uuid, times, consistent=consistent)
        if not _is_member(head, user_uuid):  # a stranger's second request reads no messages
            require_member(table.head(message_group_uuid, consistent=True), user_uuid)
        elif head and _is_whole(page, messages, after, head.last_change if len(page) == len(found) else 0):
            break
    head = require_member(head, user_uuid)
    last = page[-1].number if page else after
    sight = Sight.of(head, user_uuid, hidden)
    shown = {time: message for time, message in messages.items() if sight.has_place_for(message)}
    hidden_seqs, quoted = _seen(table, message_group_uuid, sight, shown.values())
    return Feed(page, shown, last, last >= head.last_change, hidden_seqs, quoted, sight.hidden)


def earlier_versions(table: Table, page: Conversation) -> tuple[Version, ...]:
    """The earlier versions of the only message of a page: 1 request if there are any."""
    (message,) = page.messages
    return table.versions(message.message_uuid).versions if message.versions and message.seq not in page.hidden else ()


def show_message(table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str) -> Conversation:
    """One message by its address, a page with it alone: 2 requests and 2 read units, 3 and 2.5 for a reply.

    Raises NotFound if there is no such message in the conversation, or the caller is a stranger. Each refusal makes the
    same 2 requests, so its time does not reveal what exists. A message sent a moment ago is found: after a miss a
    consistent read follows.
    """
    for consistent in (False, True):
        head, hidden, sent_record = table.head_hidden_and_sent_record(
            message_group_uuid, message_uuid, consistent=consistent
        )
        if head and sent_record and _leads_to_member(head, sent_record, user_uuid):
            message = table.message(message_group_uuid, sent_record.created_at, consistent=consistent)
            sight = Sight.of(head, user_uuid, hidden)
            if message and message.message_uuid == message_uuid and sight.has_place_for(message):
                return _page(table, head, sight, [message])
    raise NotFound("There is no such message.")


def find_message(table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str) -> tuple[Head, Message]:
    """A message and the head of its conversation: 2 requests, 2 read units. Raises NotFound like `show_message`.

    The message is read consistently, since a change that finds itself done writes nothing.
    """
    for consistent in (False, True):
        head, sent_record = table.head_and_sent_record(message_group_uuid, message_uuid, consistent=consistent)
        if head and sent_record and _leads_to_member(head, sent_record, user_uuid):
            message = table.message(message_group_uuid, sent_record.created_at)
            if message and message.message_uuid == message_uuid and not head.hides(user_uuid, message):
                return head, message
    raise NotFound("There is no such message.")


def find_address(table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str) -> Quote:
    """The place of a message in a conversation of the caller: 1 request and 1 read unit.

    Raises NotFound like `show_message`.
    """
    with suppress(NotFound):
        _, address = find_head_and_address(table, user_uuid, message_group_uuid, message_uuid)
        if address:
            return address
    raise NotFound("There is no such message.")


def find_head_and_address(
    table: Table, user_uuid: str, message_group_uuid: str, message_uuid: str
) -> tuple[Head, Quote | None]:
    """The head of a conversation of the caller, and the place of a message in it, None if it is not there.

    1 request and 1 read unit. Eventually consistent; what is missing is read once more. A sent record from before
    changes has no number: then the message is read too. Raises NotFound for a stranger as for no conversation.
    """
    for consistent in (False, True):
        head, sent_record = table.head_and_sent_record(message_group_uuid, message_uuid, consistent=consistent)
        if head and sent_record and _leads_to_member(head, sent_record, user_uuid):
            created_at, seq = sent_record.created_at, sent_record.seq
            if seq is None and (message := table.message(message_group_uuid, created_at)):
                seq = message.seq
            is_seen = seq is not None and not head.membership(user_uuid).hides(seq)
            return head, Quote(message_uuid, created_at, seq) if seq and is_seen else None
    return require_member(head, user_uuid), None


def list_message_groups(
    table: Table, user_uuid: str, limit: int, cursor: InboxCursor | None = None, folder: str = INBOX
) -> Inbox:
    """Pattern B: one request, from the top of a folder or from a cursor of it.

    One more, for the pins, on a page of the inbox below its top; and one for pinned conversations that are below the
    top page. If it finds nothing, a request checks that the person exists. Raises NotFound if not.
    """
    pins: Pins | None = None
    if cursor and cursor.direction != OLDER:
        found, pins = table.inbox_above(user_uuid, limit + 1, cursor.sk, folder)
        more_above, more_below = len(found) > limit, True
        found = found[-limit:]
    else:
        if cursor or folder != INBOX:
            found = table.inbox(user_uuid, limit + 1, cursor.sk if cursor else None, folder)
        else:
            found, pins = table.top_of_inbox(user_uuid, limit + 1)
        more_above, more_below = cursor is not None, len(found) > limit
        found = found[:limit]
    if not found:
        find_person(table, user_uuid)
    top = found[0].sk if found else cursor.sk if cursor else None  # the whole page may have moved up meanwhile
    changes = None
    if not more_above:
        start = InboxCursor(user_uuid, NEWER, top or keys.FIRST_TIME)
        changes = replace(_late(user_uuid, found[0].sk) if found else start, folder=folder)
    page = _newest_of_each(found)
    duplicates = len(found) - len(page)
    if pins is None:
        pins = table.pins(user_uuid) if folder == INBOX else Pins(user_uuid)
    if pins.message_group_uuids:
        first = [] if more_above else _pinned(table, pins, page)
        page = first + [entry for entry in page if not pins.shows(entry)]
    return Inbox(
        page,
        InboxCursor(user_uuid, OLDER, found[-1].sk, folder=folder) if found and more_below else None,
        InboxCursor(user_uuid, NEWER, top, folder=folder) if top and more_above else None,
        changes,
        duplicates,
        pins,
    )


def changed_since(table: Table, user_uuid: str, since: InboxCursor, limit: int) -> Changes:
    """Pattern B for a client that was away: the conversations of a folder with a last message since then.

    After them come all conversations with changed messages or settings, also if they are in another folder or in none.
    2 requests, 1 before the end; 1 more, with 0.5 read units for each conversation, if only older messages or settings
    were changed, 1 for the pins if the page does not reach the top of the inbox, or as in `list_message_groups` if
    nothing is found. A conversation that moves up while pages are read comes again, in its new state.
    """
    found, pins = table.inbox_above(user_uuid, limit + 1, since.sk, since.folder)
    page, ended = found[::-1][:limit], len(found) <= limit
    newest = page[-1].sk if page else since.sk
    last = replace(since, direction=WALK, sk=newest, changed=since.changed_after)
    entries = _newest_of_each(page[::-1])[::-1]
    if not ended:
        return Changes(entries, last, ended, pins or _pins_of(table, user_uuid, entries))
    room = limit - len(page)
    rows = table.changed_conversations(user_uuid, since.changed_after, room + 1)
    if not found and not rows:
        find_person(table, user_uuid)
    ended, rows = len(rows) <= room, rows[:room]
    known = {entry.message_group_uuid for entry in entries}
    groups = [one for one in dict.fromkeys(row.message_group_uuid for row in rows) if one not in known]
    heads = {head.message_group_uuid: head for head in table.heads_of(groups) if _is_member(head, user_uuid)}
    entries += [heads[group].inbox_entry(user_uuid) for group in groups if group in heads]
    pins = pins or _pins_of(table, user_uuid, entries)
    changed = rows[-1].sk if rows else since.changed_after
    if not ended:
        return Changes(entries, replace(last, changed=changed), ended, pins)
    # Both reach an hour back from the last one that was read, since the stream may be as late. Without another page
    # before, there is nothing to find below the start.
    sk = _late(user_uuid, newest).sk
    if len(changed) > keys.HOUR_LENGTH:  # the place of a conversation, not only an hour
        changed = keys.hour_before(changed, _STREAM_IS_LATE_BY)
    if since.direction != WALK:
        sk, changed = max(since.sk, sk), max(since.changed_after, changed)
    return Changes(entries, replace(since, direction=NEWER, sk=sk, changed=changed), ended, pins)


def show_message_group(table: Table, user_uuid: str, message_group_uuid: str) -> tuple[InboxEntry, int, Pins]:
    """One conversation from its head, ahead of the inbox, the number of messages hidden there, and the pins.

    Raises NotFound for a stranger as for no conversation.
    """
    for consistent in (False, True):
        head, hidden, pins = table.head_hidden_and_pins(message_group_uuid, user_uuid, consistent=consistent)
        if _is_member(head, user_uuid):
            break
    return require_member(head, user_uuid).inbox_entry(user_uuid), len(hidden.of(user_uuid)), pins


def find_head_and_pins(table: Table, message_group_uuid: str, user_uuid: str) -> tuple[Head, Pins]:
    """As `find_head`, with the caller's pins: 1 request and 1 read unit."""
    head, pins = table.head_and_pins(message_group_uuid, user_uuid)
    if not _is_member(head, user_uuid):
        head, pins = table.head_and_pins(message_group_uuid, user_uuid, consistent=True)
    return require_member(head, user_uuid), pins


def count_unread(table: Table, user_uuid: str, now: datetime) -> Totals:
    """Count the unread messages of the inbox, without conversations that are muted at `now`, and the unread requests.

    1 request for some thousand conversations with unread messages, 0.5 read units per 40. If there are none, a second
    request checks that the person exists. Raises NotFound if not.
    """
    unread = [*table.unread(user_uuid)]
    if not unread:
        find_person(table, user_uuid)
    time = keys.format_time(now)
    counts = [one.count for one in unread if one.counts_at(time)]
    return Totals(len(counts), sum(counts), sum(one.is_request for one in unread))


def find_message_group(
    table: Table, user_uuid: str, handle: str, limit: Limit = UNLIMITED.lookups, reach: Reach = OPEN
) -> Found:
    """The owner of this handle, and the caller's conversation with them. Raises NotFound and LimitReached.

    The same requests with a conversation as with a block from before the first message.
    """
    person, usage = show_user(table, user_uuid, handle, limit)
    message_group_uuid = keys.pair_uuid(user_uuid, person.user_uuid)
    head = _head_for(table, message_group_uuid, user_uuid)
    can_write = reach.can_write(head, user_uuid, person, keys.format_time(datetime.now(UTC)))
    return Found(person, message_group_uuid if _is_member(head, user_uuid) else None, can_write, usage)


def find_person(table: Table, user_uuid: str, *, consistent: bool = False) -> Person:
    """The caller's profile. Raises NotFound without one: perhaps an erased person with a valid token."""
    person = table.person(user_uuid, consistent=consistent)
    if person is None:
        raise NotFound("You have no profile yet.")
    return person


def show_user(
    table: Table, user_uuid: str, handle: str, limit: Limit = UNLIMITED.lookups
) -> tuple[Person, tuple[Usage, ...]]:
    """The person with this handle, and the usage of look-ups, in which a handle that nobody has counts, too.

    2 requests, 1 read and 1 write unit. Raises NotFound, also if the caller was erased, and LimitReached.
    """
    caller, person = table.sender_and_receiver(user_uuid, handle)
    if caller is None:
        raise NotFound("You have no profile yet.")
    usage = spend(table, caller, limit)
    if person is None:
        raise NotFound("Nobody has this handle.")
    return person, usage


def _is_member(head: Head | None, user_uuid: str) -> bool:
    return head is not None and head.is_open and user_uuid in head.members and not head.members[user_uuid].is_gone


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


def _page(table: Table, head: Head, sight: Sight, messages: Iterable[Message]) -> Conversation:
    messages = [message for message in messages if sight.has_place_for(message)]
    if not messages:
        return Conversation([], None, None, ended=True)
    first, last = messages[0], messages[-1]
    hidden, quoted = _seen(table, head.message_group_uuid, sight, messages)
    return Conversation(
        messages,
        _cursor(first) if first.seq > sight.first_seq else None,
        _cursor(last),
        ended=last.seq >= sight.last_seq,
        hidden=hidden,
        quoted=quoted,
    )


def _seen(
    table: Table, message_group_uuid: str, sight: Sight, messages: Collection[Message]
) -> tuple[dict[int, int], dict[str, Message]]:
    """The hidden ones among these and those they reply to, as in Conversation; and the others they reply to, by time.

    1 request if some of the latter are not among these.
    """
    here = {message.created_at: message for message in messages}
    hidden = {message.seq: sight.withheld(message) for message in messages if sight.hides(message)}
    replies = [message.reply_to for message in messages if message.reply_to and message.seq not in hidden]
    hidden |= {quote.seq: 0 for quote in replies if sight.hides_seq(quote.seq)}
    times = {quote.created_at for quote in replies if quote.seq not in hidden}
    found = table.messages_at([(message_group_uuid, time) for time in times - here.keys()])
    quoted = {
        **{time: here[time] for time in times & here.keys()},
        **{time: message for (_, time), message in found.items()},
    }
    return hidden | {one.seq: sight.withheld(one) for one in quoted.values() if sight.hides(one)}, quoted


def _find_head_and_hidden(table: Table, message_group_uuid: str, user_uuid: str) -> tuple[Head, Hidden]:
    """As `find_head`, with the hidden messages, at the same price."""
    head, hidden = table.head_and_hidden(message_group_uuid)
    if not _is_member(head, user_uuid):
        head, hidden = table.head_and_hidden(message_group_uuid, consistent=True)
    return require_member(head, user_uuid), hidden


def _leads_to_member(head: Head, sent_record: SentRecord, user_uuid: str) -> bool:
    """True if a sent record leads to a message of this conversation, and this person is a member."""
    return _is_member(head, user_uuid) and sent_record.message_group_uuid == head.message_group_uuid


def _of_few_messages(changes: list[MessageChange]) -> list[MessageChange]:
    """The first changes, of MOST_AT_ONCE different messages at most."""
    times: set[str] = set()
    for count, change in enumerate(changes):
        times.add(change.created_at)
        if len(times) > MOST_AT_ONCE:
            return changes[:count]
    return changes


def _is_whole(changes: Sequence[MessageChange], messages: Mapping[str, Message], after: int, last: int) -> bool:
    """True if the changes have no gap and reach `last`, and their messages show them."""
    numbers = [change.number for change in changes]
    return (
        numbers == list(range(after + 1, after + 1 + len(numbers)))
        and after + len(numbers) >= last
        and all(
            change.created_at in messages and messages[change.created_at].change >= change.number for change in changes
        )
    )


def _cursor(message: Message) -> MessageCursor:
    return MessageCursor(message.message_group_uuid, message.created_at, message.seq)


def _late(user_uuid: str, sk: str) -> InboxCursor:
    """The start for finding changes after the newest entry: the stream may write older ones later.

    At most an hour later: older records are given up (template.yaml, MaximumRecordAgeInSeconds).
    """
    return InboxCursor(user_uuid, NEWER, keys.time_before(sk[: keys.TIME_LENGTH], _STREAM_IS_LATE_BY))


def _pins_of(table: Table, user_uuid: str, entries: Iterable[InboxEntry]) -> Pins:
    """The pins, if one of the entries is in the inbox: nothing else shows them."""
    return table.pins(user_uuid) if any(entry.folder == INBOX for entry in entries) else Pins(user_uuid)


def _pinned(table: Table, pins: Pins, page: Iterable[InboxEntry]) -> list[InboxEntry]:
    """The pinned conversations of the inbox, in their order: those of a page, the others from their heads."""
    entries = {entry.message_group_uuid: entry for entry in page if pins.shows(entry)}
    others = table.heads_of([one for one in pins.message_group_uuids if one not in entries])
    for head in others:
        if _is_member(head, pins.owner_uuid):
            entries[head.message_group_uuid] = head.inbox_entry(pins.owner_uuid)
    found = [entries[one] for one in pins.message_group_uuids if one in entries]
    return [entry for entry in found if pins.shows(entry)]


def _newest_of_each(entries: list[InboxEntry]) -> list[InboxEntry]:
    """The newest entry of each conversation: during a rewrite the new item is stored above the old one."""
    newest: dict[str, InboxEntry] = {}
    for entry in entries:
        newest.setdefault(entry.message_group_uuid, entry)
    return list(newest.values())
