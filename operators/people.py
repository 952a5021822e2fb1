"""People in the user pool: creates them, as a sign-up does, and finds them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from messaging.model import keys
from messaging.model.errors import Invalid, NotFound
from messaging.model.person import Person
from messaging.model.profile_values import person_from_attributes
from operators.environments import Environment, OperatorError
from operators.people_table import PeopleTable

_PAGE = 50  # users: their profiles and handles are looked up in one request of 100 keys


class PersonRefused(OperatorError):
    """A person cannot be made; the text says why."""


class PasswordExists(PersonRefused):
    """The person is there already, with a password that stays."""


def create_user(
    environment: Environment, handle: str, name: str, email: str, password: str, *, reset_password: bool = False
) -> str:
    """Create a confirmed Cognito user with this permanent password, and the profile. Returns the user_uuid.

    A second run finishes an interrupted one. Raises PersonRefused for a handle, email or password that is taken or not
    acceptable: then nothing new stays; and PasswordExists if there is a permanent password that is not to be reset.
    """
    cognito = environment.client("cognito-idp")
    pool = environment.user_pool_id
    attributes = {"email": email, "email_verified": "true", "preferred_username": handle, "name": name}
    try:
        person_from_attributes({**attributes, "sub": ""})
    except Invalid as error:
        raise PersonRefused(str(error).replace("preferred_username", "HANDLE")) from error

    created = True
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=email,
            UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
            MessageAction="SUPPRESS",
        )
    except cognito.exceptions.UsernameExistsException:
        created = False
    except cognito.exceptions.InvalidParameterException as error:
        raise PersonRefused(error.response["Error"]["Message"]) from error

    try:
        found = cognito.admin_get_user(UserPoolId=pool, Username=email)
        stored: dict[str, str] = {one["Name"]: one["Value"] for one in found["UserAttributes"] if "Value" in one}
        if not created and stored.get("email_verified") != "true":
            raise PersonRefused(
                f"Somebody has signed up with {email} and not verified it. "
                f"To take the address from them: bin/cognito/delete-user {stored['sub']}"
            )
        if stored["preferred_username"] != handle:
            raise PersonRefused(f"{email} already belongs to @{stored['preferred_username']}.")
        if found["UserStatus"] == "CONFIRMED" and not reset_password:
            _confirm(environment, stored)
            raise PasswordExists(f"@{handle} exists already and keeps the password.")
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
        _confirm(environment, stored)
    except PasswordExists:
        raise
    except (PersonRefused, cognito.exceptions.InvalidPasswordException) as error:
        if created:
            cognito.admin_delete_user(UserPoolId=pool, Username=email)
        raise PersonRefused(str(error)) from error
    return stored["sub"]


def _confirm(environment: Environment, attributes: dict[str, str]) -> None:
    """Run the deployed trigger: Cognito itself calls it only for people who sign up themselves."""
    answer = environment.client("lambda").invoke(
        FunctionName=environment.physical_ids["PostConfirmationAliaslive"],
        Payload=json.dumps(
            {"triggerSource": "PostConfirmation_ConfirmSignUp", "request": {"userAttributes": attributes}}
        ),
    )
    if "FunctionError" in answer:
        raise PersonRefused(json.load(answer["Payload"])["errorMessage"])


@dataclass(frozen=True)
class Account:
    """A Cognito user."""

    attributes: dict[str, str]
    status: str
    enabled: bool
    created: str

    @classmethod
    def of(cls, user: Any, attributes: str) -> "Account":
        """Read Cognito's description of a user; ListUsers and AdminGetUser name the attributes differently."""
        pairs = {one["Name"]: one.get("Value", "") for one in user[attributes]}
        return cls(pairs, user["UserStatus"], user["Enabled"], keys.format_time(user["UserCreateDate"]))

    @property
    def user_uuid(self) -> str:
        return self.attributes["sub"]

    @property
    def asks_for(self) -> str:
        """The handle that the user asks for; it may be impossible or somebody else's."""
        return self.attributes.get("preferred_username", "")

    @property
    def email(self) -> str:
        """The address, with a note if it is not verified."""
        address = self.attributes.get("email", "")
        return address if self.is_verified or not address else f"{address}, not verified"

    @property
    def is_verified(self) -> bool:
        """True if the address is verified."""
        return self.attributes.get("email_verified") == "true"


class UserPool:
    """The user pool of an environment. It accepts a user_uuid as a user name.

    An environment with another issuer has none: then there are no users.
    """

    def __init__(self, environment: Environment) -> None:
        self._cognito = environment.client("cognito-idp")
        self.exists = "UserPoolId" in environment.outputs
        self._pool = {"UserPoolId": environment.outputs.get("UserPoolId", "")}

    def pages(self) -> Iterator[list[Account]]:
        """All users, in pages of at most 50."""
        if not self.exists:
            return
        pages = self._cognito.get_paginator("list_users").paginate(**self._pool, PaginationConfig={"PageSize": _PAGE})
        for page in pages:
            yield [Account.of(user, "Attributes") for user in page["Users"]]

    def get(self, name: str) -> Account | None:
        """Find a user by user_uuid or email."""
        if not self.exists:
            return None
        try:
            return Account.of(self._cognito.admin_get_user(**self._pool, Username=name), "UserAttributes")
        except self._cognito.exceptions.UserNotFoundException:
            return None

    def asking_for(self, handle: str) -> list[Account]:
        """The users that ask for a handle, at most 60."""
        if not self.exists:
            return []
        users = self._cognito.list_users(**self._pool, Filter=f'preferred_username = "{handle}"')["Users"]
        return [Account.of(user, "Attributes") for user in users]

    def lock_out(self, user_uuid: str) -> None:
        """End all sessions, and prevent new ones."""
        self._cognito.admin_disable_user(**self._pool, Username=user_uuid)
        self._cognito.admin_user_global_sign_out(**self._pool, Username=user_uuid)

    def delete(self, user_uuid: str) -> None:
        self._cognito.admin_delete_user(**self._pool, Username=user_uuid)


@dataclass(frozen=True)
class PersonRecord:
    """The existing parts of a person: Cognito user and profile."""

    user_uuid: str
    account: Account | None
    profile: Person | None
    email: str = ""
    """The address that another issuer has verified."""

    @property
    def handles(self) -> set[str]:
        """The handles that may be theirs."""
        return {handle for handle in (self._handle, self.account.asks_for if self.account else "") if handle}

    @property
    def _handle(self) -> str:
        return self.profile.handle if self.profile else ""

    def __str__(self) -> str:
        """The person by their own handle. A claim is marked as one."""
        handle = f"@{self._handle} " if self._handle else "nobody's handle "
        claims = sorted(self.handles - {self._handle})
        email = self.account.email if self.account else self.email or "no Cognito user"
        return f"{handle}({', '.join([*(f'asks for @{claim}' for claim in claims), email, self.user_uuid])})"


def find(environment: Environment, who: str) -> PersonRecord:
    """The person with this handle (with or without @), verified email, user_uuid or issuer's id. Raises NotFound.

    Of a half erased person it finds the remaining parts, by user_uuid even if only an inbox is left.
    """
    pool, table = UserPool(environment), PeopleTable(environment.client("dynamodb"), environment.table_name)
    user_uuid = keys.canonical_uuid(who) or _uuid_by_email(pool, who) or _uuid_by_handle(pool, table, who)
    if not user_uuid and not pool.exists:
        user_uuid = _uuid_by_issuers_email(table, who) or keys.user_uuid(environment.issuer, who)
    if user_uuid:
        profile = table.profiles([user_uuid]).get(user_uuid)
        found = PersonRecord(
            user_uuid, pool.get(user_uuid), profile.person if profile else None, profile.email if profile else ""
        )
        if found.account or found.profile or next(table.conversations(user_uuid), None):
            return found
    raise NotFound(f"There is nobody with the handle, email or user_uuid {who}.")


def _uuid_by_email(pool: UserPool, who: str) -> str | None:
    account = pool.get(who) if "@" in who[1:] else None
    if account and not account.is_verified:
        raise NotFound(f"{account.user_uuid} has not verified {who}. Use the handle or user_uuid.")
    return account.user_uuid if account else None


def _uuid_by_issuers_email(table: PeopleTable, who: str) -> str | None:
    found = table.uuids_by_email(who) if "@" in who[1:] else []
    if len(found) > 1:
        raise NotFound(f"Several people have {who}. Use the handle or user_uuid: {', '.join(sorted(found))}")
    return found[0] if found else None


def _uuid_by_handle(pool: UserPool, table: PeopleTable, who: str) -> str | None:
    handle = who.removeprefix("@")
    if not keys.is_handle(handle):
        return None
    owners = list(table.owners([handle]).values())
    if owners:
        return owners[0].user_uuid
    asking = [account.user_uuid for account in pool.asking_for(handle)]
    if asking:
        raise NotFound(f"Nobody has @{handle}. Users who ask for it (use the user_uuid): {', '.join(asking)}")
    return None
