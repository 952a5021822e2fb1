"""Tickets: who has one opens a socket, once, within a minute. The table keeps no more than their SHA-256."""

import hashlib
import secrets
import time
from collections.abc import Callable

from messaging.model.connection import Ticket
from messaging.services.read import find_person
from messaging.storage.table import Table

LIFETIME = 60  # seconds


def create_ticket(table: Table, user_uuid: str, now: Callable[[], float] = time.time) -> str:
    """A new ticket of this person. Raises NotFound for somebody who was erased."""
    find_person(table, user_uuid, consistent=True)
    ticket = secrets.token_urlsafe(32)
    table.put_ticket(Ticket(_digest(ticket), user_uuid, int(now()) + LIFETIME))
    return ticket


def consume_ticket(table: Table, ticket: str) -> str | None:
    """Whose ticket it is, a user_uuid; None if nobody's, or late, or redeemed before. Then it is no ticket any more."""
    taken = table.consume_ticket(_digest(ticket))
    return taken.user_uuid if taken else None


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
