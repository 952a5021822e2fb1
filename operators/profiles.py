"""Bringing profiles, handles and conversations up to date with the user pool."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from messaging.errors import MessagingError
from messaging.items import Person
from messaging.people import person_from_attributes
from messaging.profile import spread
from operators.people import Account, UserPool
from operators.people_table import PeopleTable
from operators.places import Place

_IN_FLIGHT = 30.0  # seconds: no function runs longer (template.yaml, Timeout)


@dataclass
class Synced:
    """How many people got a profile, how many a new name, and how many neither; who was refused, and why."""

    made: int = 0
    renamed: int = 0
    unchanged: int = 0
    refused: list[str] = field(default_factory=list)


def sync_profiles(place: Place, seen: Callable[[int], None] = lambda _: None) -> Synced:
    """Gives everybody who can sign in the profile and handle that the user pool says, and their conversations too.

    A profile is renamed first, and marked until all of the person's conversations are: what is cut off is gone on with
    by the same again. In between it waits for the functions that had read the old name: one of them may have opened a
    conversation. Messages keep the name they were sent under. `seen` is told of each person. Raises Busy.
    """
    table = PeopleTable(place.client("dynamodb"), place.table_name)
    synced = Synced()
    renamed: list[Person] = []
    for page in UserPool(place).pages():
        accounts = [account for account in page if account.status == "CONFIRMED" and account.enabled]
        renamed += _sync_page(table, accounts, synced)
        seen(len(page))
    if renamed:
        time.sleep(_IN_FLIGHT)
    for person in renamed:
        spread(table, person)
    return synced


def _sync_page(table: PeopleTable, accounts: list[Account], synced: Synced) -> list[Person]:
    """Profiles and handles. Returns those whose conversations may have to be renamed."""
    profiles = table.profiles(account.user_uuid for account in accounts)
    owners = table.owners(account.handle for account in accounts)
    renamed = []
    for account in accounts:
        old, marked = profiles.get(account.user_uuid, (None, False))
        try:
            person = person_from_attributes(account.attributes)
            if old is None:
                table.register(person)
                synced.made += 1
            elif (old, owners.get(account.handle.lower())) == (person, person):
                synced.unchanged += not marked
                person = old
            else:
                person = table.rename(old, person)
                marked = True
        except MessagingError as error:
            synced.refused.append(f"{account.user_uuid} @{account.handle}: {error}")
        else:
            if marked:
                renamed.append(person)
    synced.renamed += len(renamed)
    return renamed
