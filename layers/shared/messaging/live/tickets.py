"""Tickets: each opens one socket, once, within a minute. The table stores only their SHA-256."""

import hashlib
import secrets
import time
from collections.abc import Callable

from messaging.model.connection import Ticket
from messaging.model.limits import Limit, Usage
from messaging.services.limits import spend
from messaging.services.read import find_person
from messaging.storage.table import Table

LIFETIME = 60  # seconds


def create_ticket(
    table: Table, user_uuid: str, limit: Limit, now: Callable[[], float] = time.time
) -> tuple[str, tuple[Usage, ...]]:
    """Create a ticket for this person; return it with the usage of the limit.

    Raises NotFound for an erased person, and LimitReached.
    """
    usage = spend(table, find_person(table, user_uuid, consistent=True), limit, now())
    ticket = secrets.token_urlsafe(32)
    table.put_ticket(Ticket(_digest(ticket), user_uuid, int(now()) + LIFETIME))
    return ticket, usage


def consume_ticket(table: Table, ticket: str) -> str | None:
    """Consume a ticket; return its owner's user_uuid, or None if it is unknown, expired or already consumed."""
    taken = table.consume_ticket(_digest(ticket))
    return taken.user_uuid if taken else None


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
