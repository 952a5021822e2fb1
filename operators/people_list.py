"""The list of all people, with the parts of each that exist."""

from collections.abc import Iterator

from messaging.storage.dynamodb import DynamoDB
from operators.environments import Environment
from operators.people import Account, UserPool
from operators.people_table import PeopleTable, Profile
from operators.scan import scan

COLUMNS = {"handle": 20, "name": 24, "email": 32, "user_uuid": 36, "status": 21, "enabled": 7, "asks for": 0}


def people(environment: Environment) -> Iterator[tuple[Account | None, Profile | None]]:
    """Everybody: the users of the user pool, or without one, the people with a profile, by a scan of the table."""
    pool = UserPool(environment)
    table = PeopleTable(environment.client("dynamodb"), environment.table_name)
    for page in pool.pages():
        profiles = table.profiles(account.user_uuid for account in page)
        for account in page:
            yield account, profiles.get(account.user_uuid)
    if not pool.exists:
        for item in scan(DynamoDB(environment.client("dynamodb"), environment.table_name), ["profile"]):
            yield None, Profile.from_item(item)


def fields(account: Account | None, profile: Profile | None) -> dict[str, str | bool]:
    """A person for `--json`. An empty "status": there is no Cognito user."""
    handle = profile.person.handle if profile else ""
    asks_for = account.asks_for if account and not (profile and profile.is_renamed_by_person) else handle
    return {
        "handle": handle,
        "name": profile.person.display_name if profile else "",
        "email": account.attributes.get("email", "") if account else profile.email if profile else "",
        "email_verified": account.is_verified if account else bool(profile and profile.email),
        "user_uuid": account.user_uuid if account else profile.person.user_uuid if profile else "",
        "status": account.status if account else "",
        "enabled": account is None or account.enabled,
        "profile": profile is not None,
        "asks_for": "" if asks_for == handle else asks_for,
    }


def row(account: Account | None, profile: Profile | None) -> list[str]:
    """A person's cells below COLUMNS."""
    shown = fields(account, profile)
    if account:
        shown["email"] = account.email
    return [str(shown[column.replace(" ", "_")]) for column in COLUMNS]
