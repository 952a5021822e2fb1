"""Bringing profiles, handles and conversations up to date with the user pool."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from messaging.model import keys
from messaging.model.cognito_users import person_from_attributes
from messaging.model.errors import HandleTaken, Invalid, MessagingError
from messaging.model.person import Person
from messaging.services.profile import spread
from messaging.storage.dynamodb import DynamoDB
from operators.environments import Environment, OperatorError
from operators.erasure import erase
from operators.people import Account, PersonRecord, UserPool
from operators.people_table import PeopleTable, Profile
from operators.scan import scan

_FUNCTION_TIMEOUT_SECONDS = 30.0  # seconds: no function runs longer (template.yaml, Timeout)
_FEW = 10  # people who may be erased at once, however few there are


@dataclass
class Synced:
    """How many people got a profile, how many a new name, and how many neither.

    `claims` are those who ask for a handle or name that they cannot have, `failed` those for whom something else went
    wrong; with the reason, a line each.
    """

    accounts: int = 0
    made: int = 0
    renamed: int = 0
    unchanged: int = 0
    claims: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def sync_profiles(environment: Environment, seen: Callable[[int], None] = lambda _: None) -> Synced:
    """Gives everybody who can sign in the profile and handle that the user pool says, and their conversations too.

    A profile is renamed first, and marked until all of the person's conversations are: what is cut off is gone on with
    by the same again. In between it waits for the functions that had read the old name: one of them may have opened a
    conversation. Messages keep the name they were sent under. `seen` is told of each person. Raises Busy.
    """
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
    synced = Synced()
    renamed: list[Person] = []
    for page in UserPool(environment).pages():
        renamed += _sync_page(table, page, synced)
        seen(len(page))
    if renamed:
        time.sleep(_FUNCTION_TIMEOUT_SECONDS)
    for person in renamed:
        spread(table, person)
    return synced


def _sync_page(table: PeopleTable, accounts: list[Account], synced: Synced) -> list[Person]:
    """Profiles and handles. Returns those whose conversations may have to be renamed."""
    synced.accounts += len(accounts)
    profiles = table.profiles(account.user_uuid for account in accounts)
    owners = table.owners(account.asks_for for account in accounts)
    for profile in profiles.values():
        if not profile.has_account or profile.account_gone_at:
            table.note_account(profile.person.user_uuid)
    renamed = []
    for account in accounts:
        if account.status != "CONFIRMED" or not account.enabled:
            continue
        try:
            person = person_from_attributes(account.attributes)
            renamed_to = _sync(
                table, person, profiles.get(account.user_uuid), owners.get(account.asks_for.lower()), synced
            )
            if renamed_to:
                renamed.append(renamed_to)
        except (HandleTaken, Invalid) as error:
            synced.claims.append(f"{account.user_uuid} asks for @{account.asks_for}: {error}")
        except MessagingError as error:
            synced.failed.append(f"{account.user_uuid}: {error}")
    synced.renamed += len(renamed)
    return renamed


def _sync(
    table: PeopleTable, person: Person, old: Profile | None, owner: Person | None, synced: Synced
) -> Person | None:
    """The profile, if conversations may show the person as before."""
    if old is None:
        table.register(person, has_account=True)
        synced.made += 1
        return None
    if (old.person, owner) != (person, person):
        return table.rename(old.person, person)
    synced.unchanged += not old.is_spreading
    return old.person if old.is_spreading else None


def gone(environment: Environment) -> list[Profile]:
    """Profiles whose Cognito user was deleted, in order. Reads the user pool, and scans the whole table.

    People who never had a Cognito user, since they were imported, are not among them.
    """
    pool = UserPool(environment)
    known = {account.user_uuid for page in pool.pages() for account in page}
    profiles = map(
        Profile.from_item, scan(DynamoDB(environment.client("dynamodb"), environment.table_name), ["profile"])
    )
    left = [profile for profile in profiles if profile.has_account and profile.person.user_uuid not in known]
    # Somebody may have signed up since the pool was read.
    return sorted(
        (profile for profile in left if pool.get(profile.person.user_uuid) is None),
        key=lambda profile: profile.person.user_uuid,
    )


def note_gone(environment: Environment, now: datetime) -> list[Profile]:
    """The same, each with the time since when it is known, which is kept."""
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
    profiles = gone(environment)
    for profile in profiles:
        if not profile.account_gone_at:
            table.note_account_gone(profile.person.user_uuid, keys.format_time(now))
    return [replace(one, account_gone_at=one.account_gone_at or keys.format_time(now)) for one in profiles]


def erase_gone(
    environment: Environment, profiles: Sequence[Profile], accounts: int, left: Callable[[int], None]
) -> None:
    """Erases people whose Cognito users are gone. `left` is told of each conversation.

    Raises OperatorError if they are many beside the `accounts` that there are: then it may be the pool that is wrong.
    """
    if len(profiles) > max(_FEW, accounts // 10):
        raise OperatorError(
            f"{len(profiles)} people have no Cognito user any more, and {accounts} have one: is it the right pool? "
            "Nobody was erased. bin/cognito/delete-user erases them one by one."
        )
    erase(environment, [PersonRecord(profile.person.user_uuid, None, profile.person) for profile in profiles], left)
