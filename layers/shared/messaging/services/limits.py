"""Limits: a counter in the table for each person, limit and window."""

import time
from contextlib import suppress

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.limits import Limit, LimitReached, Usage
from messaging.model.person import Person
from messaging.storage.table import Table


def spend(table: Table, person: Person, limit: Limit, now: float | None = None) -> tuple[Usage, ...]:
    """Count a request of a person; return the usage of the limit, none if it does not apply to them.

    1 request and 1 write unit where it applies. Raises LimitReached and Busy.
    """
    if not limit.applies_to(person):
        return ()
    now = time.time() if now is None else now
    counter = keys.counter_sk(limit.name, limit.window(now))
    count = table.spend(person.user_uuid, counter, limit.quota, limit.end(now))
    if count is None:
        raise LimitReached(limit.usage(limit.quota, now))
    return (limit.usage(count, now),)


def count_message(head: Head, sender_uuid: str, limit: Limit, now: float) -> tuple[str, tuple[Usage, ...]]:
    """Count a message in its sender's side of the conversation: the new value of `sent`, and the usage of the limit.

    Costs nothing, since the message changes the head anyway; "" and none if the limit does not apply. Raises
    LimitReached.
    """
    if not limit.applies_to(head.members[sender_uuid]):
        return "", ()
    window, sent = limit.window(now), head.membership(sender_uuid).sent
    before = int(sent.partition(":")[2]) if sent.startswith(f"{window}:") else 0
    if before >= limit.quota:
        raise LimitReached(limit.usage(before, now))
    return f"{window}:{before + 1}", (limit.usage(before + 1, now),)


def give_back(table: Table, user_uuid: str, limit: Limit, spent_at: float) -> None:
    """Take back a count of a request at a Unix time. 1 request and 1 write unit; does nothing if the table is busy."""
    if limit.quota:
        with suppress(Busy):
            table.give_back(user_uuid, keys.counter_sk(limit.name, limit.window(spent_at)))
