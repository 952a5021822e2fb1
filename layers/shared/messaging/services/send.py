"""Sending: patterns C and D. One transaction is the whole send; its refused conditions say how to continue."""

import itertools
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from messaging.clock import Clock, utc_now
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    MessageUuidTaken,
    MessagingError,
    NotFound,
    Prevented,
    TooManyRequests,
)
from messaging.model.limits import UNLIMITED, LimitReached, SendLimits, Usage
from messaging.model.membership import Ask
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.reach import NO, OPEN, REQUEST, Reach, refusal
from messaging.model.sent_record import SentRecord
from messaging.retry import attempts
from messaging.services.limits import count_message, give_back, spend
from messaging.services.read import find_head, find_head_and_address, require_member
from messaging.services.suspension import require_not_suspended
from messaging.storage.table import AlreadySent, HeadChanged, PositionTaken, Table

OWN_RACE_BUDGET_SECONDS = 2.0
RETRY_AFTER_SECONDS = 2
_OWN_RACE_PAUSE_SECONDS = 1.0  # seconds at most; the other member's begin at a two-hundredth of it, see messaging.retry


@dataclass(frozen=True, slots=True)
class Sent:
    """A stored message, and the course of its send. `conflicts` counts the attempts that lost a race.

    `usage` is that of the limits for which it counted.
    """

    message: Message
    repeated: bool = False
    opened: bool = False
    conflicts: int = 0
    usage: tuple[Usage, ...] = ()


def send_to_conversation(
    table: Table,
    sender_uuid: str,
    message_group_uuid: str,
    draft: Draft,
    now: Clock = utc_now,
    *,
    reply_to: str = "",
    reach: Reach = OPEN,
    limits: SendLimits = UNLIMITED,
) -> Sent:
    """Pattern D: send into a conversation of the sender, perhaps in reply to another message of it.

    A retry with the same message_uuid returns the first message. Raises NotFound for a stranger as for a missing
    conversation, Invalid for a reply to no message of it, MessageUuidTaken, Forbidden for a suspended sender and while
    a request waits that has all its messages, Prevented for a sender who blocks the other, LimitReached,
    TooManyRequests for one with so many messages at once that they lose races against each other, and Busy when the
    retries are used up.
    """
    if reply_to:
        head, quote = find_head_and_address(table, sender_uuid, message_group_uuid, reply_to)
        if quote is None:
            raise Invalid("reply_to_not_found")
        draft = replace(draft, reply_to=quote)
    else:
        head = find_head(table, message_group_uuid, sender_uuid)
    return _append(table, message_group_uuid, head, sender_uuid, draft, now, reach, limits)


def send_to_handle(
    table: Table,
    sender_uuid: str,
    handle: str,
    draft: Draft,
    now: Clock = utc_now,
    *,
    reach: Reach = OPEN,
    limits: SendLimits = UNLIMITED,
) -> Sent:
    """Pattern C: sends to a person, in the one conversation of the two, which the first message opens.

    Raises NotFound for an unknown handle and for a sender without a profile, Invalid for the sender's own handle,
    Forbidden for a receiver who takes no first messages, and the errors of `send_to_conversation`.
    """
    sender, receiver = table.sender_and_receiver(sender_uuid, handle)
    if sender is None:
        raise NotFound("You have no profile yet.")
    if receiver is None:
        spend(table, sender, limits.lookups, now().timestamp())
        raise NotFound("Nobody has this handle.")
    if receiver.user_uuid == sender_uuid:
        raise Invalid("user_receiver_is_self")
    message_group_uuid = keys.pair_uuid(sender_uuid, receiver.user_uuid)
    head = table.head(message_group_uuid, consistent=True)
    if head and head.is_open:
        return _append(table, message_group_uuid, head, sender_uuid, draft, now, reach, limits)
    return _open(table, head, sender, receiver, draft, now, reach, limits)


def _open(
    table: Table,
    unopened: Head | None,
    sender: Person,
    receiver: Person,
    draft: Draft,
    now: Clock,
    reach: Reach,
    limits: SendLimits,
) -> Sent:
    """Open the conversation of two people. `unopened` is its head without messages, if there is one.

    It counts as a request or as a conversation, unless another message opens it first, or the system is busy.
    """
    require_not_suspended(table, sender)
    began = now()
    is_request = reach.can_write(None, sender.user_uuid, receiver, keys.format_time(began)) == REQUEST
    limit = limits.requests if is_request else limits.conversations
    usage = spend(table, sender, limit, began.timestamp())
    try:
        sent = _create(table, unopened, sender, receiver, draft, now, reach, limits)
    except MessagingError:
        give_back(table, sender.user_uuid, limit, began.timestamp())
        raise
    if not sent.opened:
        give_back(table, sender.user_uuid, limit, began.timestamp())
        return sent
    return replace(sent, usage=usage)


def _create(
    table: Table,
    unopened: Head | None,
    sender: Person,
    receiver: Person,
    draft: Draft,
    now: Clock,
    reach: Reach,
    limits: SendLimits,
) -> Sent:
    message_group_uuid = keys.pair_uuid(sender.user_uuid, receiver.user_uuid)
    taken = ""
    for conflicts in attempts():
        created_at = keys.time_after(max(taken, unopened.created_at if unopened else ""), now())
        message = _salted(Message.of(draft, message_group_uuid, sender, created_at, 1))
        can_write = reach.can_write(unopened, sender.user_uuid, receiver, created_at)
        try:
            if can_write == NO:
                return _refuse(table, message, refusal(unopened, sender.user_uuid))
            head = Head.of_first(message, receiver, unopened=unopened, is_request=can_write == REQUEST)
            table.create(head, message, unopened)
        except HeadChanged as moved:
            if moved.head and moved.head.is_open:
                return _append(table, message_group_uuid, moved.head, sender.user_uuid, draft, now, reach, limits)
            unopened = moved.head
        except AlreadySent as again:
            return _first_answer(table, again.sent_record, message)
        except PositionTaken:
            taken = created_at
        except Busy:
            pass
        else:
            return Sent(message, opened=True, conflicts=conflicts)
    raise Busy("Too many messages are being sent at once.")


def _append(
    table: Table,
    message_group_uuid: str,
    head: Head | None,
    sender_uuid: str,
    draft: Draft,
    now: Clock,
    reach: Reach,
    limits: SendLimits,
) -> Sent:
    """Append a message to a conversation.

    A sender that loses races against their own messages backs off: longer pauses, then TooManyRequests after two
    seconds. So the other member, with shorter pauses, always gets through.
    """
    own_races = attempts(
        OWN_RACE_BUDGET_SECONDS, first_pause=_OWN_RACE_PAUSE_SECONDS, longest_pause=_OWN_RACE_PAUSE_SECONDS
    )
    tries = attempts()
    next(own_races), next(tries)
    for conflicts in itertools.count():
        try:
            # Once the pauses grow, the head of the last refusal is stale: reading it again halves the attempts.
            if conflicts > 1:
                head = table.head(message_group_uuid, consistent=True)
            head = require_member(head, sender_uuid)
            sent = _try_to_append(table, head, sender_uuid, draft, now(), reach, limits, is_fresh=conflicts > 0)
            return sent if sent.repeated else replace(sent, conflicts=conflicts)
        except HeadChanged as moved:
            head, is_race = moved.head, True
        except (Busy, PositionTaken) as error:
            is_race = isinstance(error, Conflict)
        is_own_race = is_race and head is not None and head.last.sender.user_uuid == sender_uuid
        if next(own_races if is_own_race else tries, None) is None:
            break
    if is_own_race:
        raise TooManyRequests("You are sending too many messages in this conversation at once.", RETRY_AFTER_SECONDS)
    raise Busy("Too many messages are being sent in this conversation at once.")


def _try_to_append(
    table: Table,
    head: Head,
    sender_uuid: str,
    draft: Draft,
    at: datetime,
    reach: Reach,
    limits: SendLimits,
    *,
    is_fresh: bool,
) -> Sent:
    """Append a message after `head`. Raises HeadChanged, PositionTaken and Busy, and why the sender may not write.

    The reason is never that of a head which may be stale (`is_fresh` is false): then HeadChanged has the present one.
    """
    sender, other, mine = head.members[sender_uuid], head.other(sender_uuid), head.membership(sender_uuid)
    if other.is_gone:
        raise NotFound("The other person of this conversation was deleted.")
    message = _salted(head.next_message(sender_uuid, draft, at))
    try:
        if reach.can_write(head, sender_uuid, other, message.created_at) == NO:
            raise refusal(head, sender_uuid)
        require_not_suspended(table, sender)
        count, usage = count_message(head, sender_uuid, limits.messages, at.timestamp())
        ask = _new_ask(head, message, other, reach)
        asked = spend(table, sender, limits.requests, at.timestamp()) if ask else ()
    except (Forbidden, Prevented, LimitReached) as error:
        if not is_fresh:
            raise HeadChanged(table.head(head.message_group_uuid, consistent=True)) from None
        return _refuse(table, message, error)
    try:
        table.append(head, message, ask, count)
    except AlreadySent as again:
        return _first_answer(table, again.sent_record, message)
    except (HeadChanged, PositionTaken, Busy):
        if asked:
            give_back(table, sender_uuid, limits.requests, at.timestamp())
        raise
    if mine.ask:  # this message accepts it
        give_back(table, other.user_uuid, limits.requests, datetime.fromisoformat(mine.ask.at).timestamp())
    return Sent(message, usage=(*asked, *usage))


def _salted(message: Message) -> Message:
    """The message with a salt, without which nobody can guess its text by the digest in its sent record."""
    return replace(message, salt=uuid4().hex)


def _new_ask(head: Head, message: Message, receiver: Person, reach: Reach) -> Ask | None:
    """The request that this message begins, after one that has rested; None if it begins none."""
    ask = head.membership(receiver.user_uuid).ask
    has_rested = ask and reach.has_rested(ask, message.created_at)
    return Ask(head.last_seq, message.created_at) if has_rested else None


def _refuse(table: Table, message: Message, refusal: MessagingError) -> Sent:
    """The first answer to a retry of a message that was stored before. Otherwise raises the refusal."""
    sent_record = table.sent_record(message.message_uuid)
    if sent_record is None:
        raise refusal
    return _first_answer(table, sent_record, message)


def _first_answer(table: Table, sent_record: SentRecord, message: Message) -> Sent:
    """The message of the sent record, as it is now, if `message` is the same request (docs/design.md#rule-2).

    Then nothing is written, even if the message was changed meanwhile.
    """
    first = table.message(sent_record.message_group_uuid, sent_record.created_at)
    if first is None or not sent_record.is_of_request(message, first):
        raise MessageUuidTaken("This message_uuid was used for another message.")
    return Sent(first, repeated=True)
