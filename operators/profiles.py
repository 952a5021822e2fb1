"""Synchronization of profiles, handles and conversations with the user pool."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from messaging.model import keys
from messaging.model.errors import HandleTaken, Invalid, MessagingError
from messaging.model.items import Item
from messaging.model.person import Person, ProfileChange
from messaging.model.profile_values import person_from_attributes, usable_avatar, usable_handle, usable_name
from messaging.services.profile import spread
from messaging.storage.dynamodb import DynamoDB
from operators.environments import Environment, OperatorError
from operators.erasure import erase, wait_for_functions
from operators.people import Account, PersonRecord, PersonRefused, UserPool
from operators.people_table import PeopleTable, Profile
from operators.scan import scan

_FEW = 10  # people that may always be erased at once


@dataclass
class Synced:
    """The numbers of new profiles, changed names, and unchanged people.

    `claims` are requests for a handle or name that cannot be granted, `failed` people with another error; a line with
    the reason for each.
    """

    accounts: int = 0
    made: int = 0
    renamed: int = 0
    unchanged: int = 0
    claims: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def sync_profiles(environment: Environment, seen: Callable[[int], None] = lambda _: None) -> Synced:
    """Copy handle and name of everybody who can sign in from the user pool to profiles and conversations.

    A profile is renamed first, and marked until all of the person's conversations are: a second run finishes an
    interrupted one. In between it waits for functions that had read the old name: one of them may have opened a
    conversation. Messages keep the name they were sent under. `seen` is called for each person. Raises Busy.
    """
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
    synced = Synced()
    renamed: list[Person] = []
    for page in UserPool(environment).pages():
        renamed += _sync_page(table, page, synced)
        seen(len(page))
    if renamed:
        wait_for_functions()
    for person in renamed:
        spread(table, person)
    return synced


def _sync_page(table: PeopleTable, accounts: list[Account], synced: Synced) -> list[Person]:
    """Update profiles and handles. Returns the people with conversations that may have to be renamed."""
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
    """Update one profile. Returns it if conversations may still show the old name."""
    if old is None:
        table.register(person, has_account=True)
        synced.made += 1
        return None
    if not old.is_renamed_by_person and (old.person, owner) != (person, person):
        return table.rename(old.person, person)
    synced.unchanged += not old.is_spreading
    return old.person if old.is_spreading else None


def put_profile(environment: Environment, subject: str, wanted: ProfileChange) -> str:
    """Make the profile of an issuer's person, or change it and its copies; return the user_uuid.

    `subject` is the issuer's id of the person, or a user_uuid. Before it changes the copies it waits for functions that
    had read the old profile. Raises PersonRefused, HandleTaken and Busy.
    """
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
    user_uuid = keys.canonical_uuid(subject) or keys.user_uuid(environment.issuer, subject)
    try:
        usable_handle(wanted.handle or "")
        usable_avatar(wanted.avatar or "")
        wanted = replace(wanted, display_name=usable_name(wanted.display_name or ""))
    except Invalid as error:
        raise PersonRefused(str(error).replace("preferred_username", "HANDLE")) from error
    old = table.profiles([user_uuid]).get(user_uuid)
    if old is None:
        table.create_profile(wanted.applied_to(Person(user_uuid, "", "")), "")
        return user_uuid
    new = wanted.applied_to(old.person)
    change_profile(environment, table, old, new, {}, is_done=new.shown == old.person.shown)
    return user_uuid


def change_profile(
    environment: Environment, table: PeopleTable, old: Profile, new: Person, notes: Item, *, is_done: bool
) -> None:
    """Change a profile unless that `is_done`, and its copies in conversations, unless they are, too.

    Before it changes the copies it waits for functions that had read the old profile. Raises HandleTaken and Busy.
    """
    if not is_done:
        new = table.change(old.person, new, notes)
    elif not old.is_spreading:
        return
    if not environment.is_table_only:
        wait_for_functions()
    spread(table, new)


def gone(environment: Environment) -> list[Profile]:
    """Profiles of deleted Cognito users, in order. Reads the user pool, and scans the whole table.

    Imported people, who never had a Cognito user, are not among them.
    """
    pool = UserPool(environment)
    if not pool.exists:
        return []
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
    """The profiles of `gone`, each with the time of its first detection, which is stored."""
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
    profiles = gone(environment)
    for profile in profiles:
        if not profile.account_gone_at:
            table.note_account_gone(profile.person.user_uuid, keys.format_time(now))
    return [replace(one, account_gone_at=one.account_gone_at or keys.format_time(now)) for one in profiles]


def erase_gone(
    environment: Environment, profiles: Sequence[Profile], accounts: int, left: Callable[[int], None]
) -> None:
    """Erase people without a Cognito user. `left` is called for each conversation.

    Raises OperatorError if they are too many in proportion to the existing `accounts`: then the pool may be wrong.
    """
    if len(profiles) > max(_FEW, accounts // 10):
        raise OperatorError(
            f"{len(profiles)} people have no Cognito user any more, and {accounts} have one. Is it the right pool? "
            "Nobody was erased. Use bin/cognito/delete-user to erase people one by one."
        )
    erase(environment, [PersonRecord(profile.person.user_uuid, None, profile.person) for profile in profiles], left)
