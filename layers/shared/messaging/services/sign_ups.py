"""Sign-ups: before Cognito makes an account, and after its owner has confirmed it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from messaging.model.cognito_users import person_from_attributes, usable_handle, usable_name
from messaging.model.errors import HandleTaken, Invalid
from messaging.model.person import Person
from messaging.observability import count
from messaging.storage.table import Table


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
