"""Changes of a profile: first in the profile, then copied into each of the person's conversations."""

from concurrent.futures import ThreadPoolExecutor

from messaging.model.errors import Busy, Conflict, NotFound
from messaging.model.person import Person, ProfileChange
from messaging.retry import attempts, until_not_busy
from messaging.storage.table import ProfileChanged, Table

_MAX_CONCURRENCY = 16  # requests


def change_profile(table: Table, user_uuid: str, change: ProfileChange) -> Person:
    """Change a person's profile. Writes nothing if nothing changes.

    A request that finds an incompletely copied change repeats it. Raises NotFound without a profile, HandleTaken,
    TooManyRequests for a second change within a minute, and Busy.
    """
    perhaps_done = None  # the version that a change without an answer may have made
    for _ in attempts():
        profile = table.profile(user_uuid)
        if profile is None:
            raise NotFound("You have no profile yet.")
        person = profile.person
        new = change.applied_to(person)
        is_done = (new.copied, new.messages_from) == (person.copied, person.messages_from)
        if is_done and not profile.is_spreading:
            return person
        if not (is_done and person.version == perhaps_done):
            try:
                person = table.change_profile(profile, new)
            except (Conflict, ProfileChanged):
                continue
            except Busy:
                perhaps_done = person.version + 1
                continue
        if profile.is_spreading or new.copied != profile.person.copied:
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
