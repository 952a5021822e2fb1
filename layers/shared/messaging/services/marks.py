"""Read marks."""

from messaging.model.conversation import Head
from messaging.model.errors import Invalid
from messaging.retry import until_not_busy
from messaging.services.read import require_member
from messaging.storage.table import HeadChanged, Table


def mark_read(table: Table, user_uuid: str, message_group_uuid: str, seq: int) -> Head:
    """Advance a member's read mark to `seq`, 1 or more; return the new head.

    A mark only rises: an earlier `seq` changes nothing. Raises Invalid for a `seq` after the last message, NotFound
    for a stranger as for no conversation, and Busy.
    """
    try:
        head = until_not_busy(lambda: table.advance_mark(message_group_uuid, user_uuid, seq))
    except HeadChanged as changed:
        head = require_member(changed.head, user_uuid)
        if seq > head.last_seq:
            raise Invalid("seq_past_last_message") from None
        return head
    return require_member(head, user_uuid)
