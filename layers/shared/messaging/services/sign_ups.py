"""Sign-ups: with Cognito, before and after it makes an account; with another issuer, at a person's first call."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from messaging.model.errors import HandleTaken, Invalid, NotFound
from messaging.model.person import ClaimNames, Person, ProfileChange
from messaging.model.profile_values import (
    person_from_attributes,
    person_from_claims,
    usable_handle,
    usable_name,
    verified_email,
)
from messaging.observability import count
from messaging.services.read import find_person
from messaging.storage.table import ProfileChanged, Table


def check_sign_up(table: Table, attributes: Mapping[str, str]) -> None:
    """Raise HandleTaken or Invalid for a handle or a name that `complete_sign_up` would refuse. 0.5 read units.

    Two people who ask for the same handle at once both pass, and the second to confirm is refused.
    """
    with _counted():
        handle = usable_handle(attributes.get("preferred_username", ""))
        usable_name(attributes.get("name", ""))
        if table.person_by_handle(handle):
            raise HandleTaken("The handle is taken.")


def complete_sign_up(table: Table, attributes: Mapping[str, str]) -> Person:
    """Create profile and handle of a confirmed account, both or neither.

    Raises HandleTaken and Invalid.
    """
    with _counted():
        person = person_from_attributes(attributes)
        table.register(person, has_account=True)
    return person


def find_or_sign_up(table: Table, user_uuid: str, claims: Mapping[str, str], names: ClaimNames) -> Person:
    """The caller's profile, made of the token's claims if there is none. 1 read unit, and at the sign-up 6 write units.

    Keeps the e-mail address of the claims for operators. Raises NotFound if the claims have no handle that is usable
    and free, and for an erased person.
    """
    email = verified_email(claims, names)
    profile = table.profile(user_uuid)
    if profile:
        if email and email != profile.email:
            table.note_email(user_uuid, email)
        return profile.person
    try:
        return _sign_up(table, person_from_claims(user_uuid, claims, names), email)
    except (HandleTaken, Invalid):
        raise NotFound("You have no profile yet. Choose a handle: PUT /api/users/me") from None


def sign_up(
    table: Table, user_uuid: str, wanted: ProfileChange, claims: Mapping[str, str], names: ClaimNames | None
) -> Person:
    """Make the caller's profile with a handle of their choice; return an existing one with the same handle unchanged.

    Raises HandleTaken, also for somebody who has another handle, and NotFound for an erased person and with Cognito.
    """
    profile = table.profile(user_uuid)
    if profile:
        person = profile.person
    elif names is None:
        raise NotFound("You have no profile yet.")
    else:
        new = wanted.applied_to(Person(user_uuid, "", ""))
        person = _sign_up(table, new, verified_email(claims, names))
    if person.handle != wanted.handle:
        raise HandleTaken(f"You already have the handle {person.handle}. To change it: PATCH /api/users/me")
    return person


def _sign_up(table: Table, person: Person, email: str) -> Person:
    """Create a profile. If another call has created it meanwhile, return it as it is."""
    with _counted():
        try:
            table.create_profile(person, email)
        except ProfileChanged:
            return find_person(table, person.user_uuid, consistent=True)
    return person


@contextmanager
def _counted() -> Iterator[None]:
    """Count refusals apart from failures: the alarm that rolls deployments back counts failures only."""
    try:
        yield
    except (HandleTaken, Invalid):
        count(SignUpsRefused=1)
        raise
    except Exception:
        count(SignUpsFailed=1)
        raise
