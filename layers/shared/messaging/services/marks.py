"""Read marks."""

from messaging.clock import Clock, utc_now
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Invalid
from messaging.retry import attempts
from messaging.services.read import require_member
from messaging.storage.table import HeadChanged, Table


def mark_read(table: Table, user_uuid: str, message_group_uuid: str, seq: int, now: Clock = utc_now) -> Head:
    """Advance a member's read mark to `seq`, 1 or more; return the new head.

    A mark only rises: an earlier `seq` changes nothing, except that the conversation is no longer marked as unread.
    That takes a second request, and so does a mark where blocks have hidden messages. Raises Invalid for a `seq` after
    the last message that the member may see, NotFound for a stranger as for no conversation, and Busy.
    """
    known: Head | None = None
    for _ in attempts():
        try:
            if known and known.membership(user_uuid).marked_unread:
                mark, at = max(seq, known.read_seqs[user_uuid]), keys.format_time(now())
                head = table.end_marked_unread(message_group_uuid, user_uuid, mark, at)
            else:
                head = table.advance_mark(message_group_uuid, user_uuid, seq, known)
        except HeadChanged as changed:
            known = require_member(changed.head, user_uuid)
            is_marked_unread = known.membership(user_uuid).marked_unread
            if known.read_seqs[user_uuid] >= seq and not is_marked_unread:
                return known
            if seq > known.shown_seq(user_uuid):
                raise Invalid("seq_past_last_message") from None
        except Busy:
            pass
        else:
            return require_member(head, user_uuid)
    raise Busy("This conversation keeps changing.")
