"""A person's settings: first in the profile, then copied into each of the person's conversations."""

from concurrent.futures import ThreadPoolExecutor

from messaging.model.errors import Busy, Conflict, NotFound
from messaging.model.person import Person
from messaging.retry import attempts, until_not_busy
from messaging.storage.table import ProfileChanged, Table

_MAX_CONCURRENCY = 16  # requests


def set_read_receipts(table: Table, user_uuid: str, *, read_receipts: bool) -> Person:
    """Show this person's read marks to others, or hide them. Writes nothing if nothing changes.

    A request that finds an incompletely copied change repeats it. Raises NotFound without a profile,
    TooManyRequests for a second change within a minute, and Busy.
    """
    perhaps_done = None  # the version that a change without an answer may have made
    for _ in attempts():
        profile = table.profile(user_uuid)
        if profile is None:
            raise NotFound("You have no profile yet.")
        person = profile.person
        if person.read_receipts == read_receipts and not profile.is_spreading:
            return person
        if (person.read_receipts, person.version) != (read_receipts, perhaps_done):
            try:
                person = table.change_read_receipts(profile, read_receipts=read_receipts)
            except (Conflict, ProfileChanged):
                continue
            except Busy:
                perhaps_done = person.version + 1
                continue
        spread(table, person)
        return person
    raise Busy("The profile keeps changing.")


def spread(table: Table, person: Person) -> None:
    """Copy a profile into all of the person's conversations, then mark it as copied. Raises Busy.

    3 write units per conversation, including the stream handler's. The profile's version orders the copies: a later
    version stays.
    """
    groups = [group.message_group_uuid for group in table.conversations(person.user_uuid)]
    with ThreadPoolExecutor(_MAX_CONCURRENCY) as threads:
        for _ in threads.map(lambda group: until_not_busy(lambda: table.copy_profile(group, person)), groups):
            pass
    table.end_spreading(person)
