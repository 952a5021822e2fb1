"""Suspended people: operators have stopped them from writing. Reading, leaving and exporting stay."""

from messaging.model.errors import Forbidden
from messaging.model.person import Person
from messaging.storage.table import Table


def require_not_suspended(table: Table, person: Person) -> None:
    """Raise Forbidden with the reason if a person is suspended: for them only, 1 request and 1 read unit.

    Their profile decides, since its copies in conversations may be late.
    """
    profile = table.profile(person.user_uuid) if person.suspended else None
    if profile and profile.person.suspended:
        raise Forbidden(f"You are suspended: {profile.suspended_for}")
