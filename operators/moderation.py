"""Suspended people, and limits that are lifted for one person."""

from dataclasses import replace

from messaging.model.errors import NotFound
from messaging.model.text import shows
from operators.environments import Environment, OperatorError
from operators.people import PersonRecord
from operators.people_table import PeopleTable, Profile
from operators.profiles import change_profile

MAX_REASON_LENGTH = 200  # characters: a profile is at most a kilobyte


def suspend(environment: Environment, found: PersonRecord, reason: str) -> None:
    """Stop a person from writing; they are told the reason. A second run finishes an interrupted one, or changes it.

    Raises OperatorError for a reason that shows nothing or is too long, NotFound without a profile, and Busy.
    """
    if not shows(reason) or len(reason) > MAX_REASON_LENGTH:
        raise OperatorError(f"The reason must have 1 to {MAX_REASON_LENGTH} characters.")
    table, old = _profile(environment, found)
    new, notes = replace(old.person, suspended=True), {"suspended_for": {"S": reason}}
    change_profile(environment, table, old, new, notes, is_done=old.suspended_for == reason)


def resume(environment: Environment, found: PersonRecord) -> None:
    """Let a suspended person write again. Raises NotFound without a profile, and Busy."""
    table, old = _profile(environment, found)
    new = replace(old.person, suspended=False)
    change_profile(environment, table, old, new, {}, is_done=not old.person.suspended)


def lift(environment: Environment, found: PersonRecord, limit: str, *, restore: bool) -> None:
    """Lift one of the limits for a person, or restore it. Raises NotFound without a profile, and Busy."""
    table, old = _profile(environment, found)
    lifted = old.person.lifted - {limit} if restore else old.person.lifted | {limit}
    new = replace(old.person, lifted=lifted)
    change_profile(environment, table, old, new, {}, is_done=lifted == old.person.lifted)


def _profile(environment: Environment, found: PersonRecord) -> tuple[PeopleTable, Profile]:
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
    profile = table.profiles([found.user_uuid]).get(found.user_uuid)
    if profile is None:
        raise NotFound(f"{found} has no profile.")
    return table, profile
