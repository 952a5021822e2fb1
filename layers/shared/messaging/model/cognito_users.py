"""People from the attributes of Cognito users."""

import unicodedata
from collections.abc import Mapping

from messaging.model import keys
from messaging.model.errors import Invalid
from messaging.model.person import Person
from messaging.model.text import hidden

MAX_NAME_LENGTH = 100  # code points: every message and inbox entry contains a name
_DELETED = "deleteduser"  # the name of an erased person, after _folded


def person_from_attributes(attributes: Mapping[str, str]) -> Person:
    """The person that a Cognito user's attributes describe. Raises Invalid without a usable handle or name."""
    handle = usable_handle(attributes.get("preferred_username", ""))
    return Person(attributes["sub"], handle, usable_name(attributes.get("name", "")) or handle)


def usable_handle(handle: str) -> str:
    """Return the handle unchanged. Raises Invalid for a forbidden one."""
    if not keys.is_handle(handle):
        raise Invalid("preferred_username must be 1 to 30 letters, digits, _ . or -, and begin with a letter or digit")
    if _folded(handle) == _DELETED:
        raise Invalid("preferred_username must not read like a deleted user")
    return handle


def usable_name(text: str) -> str:
    """Strip a name; "" for none. Raises Invalid for a forbidden one.

    The error's text does not contain the name, because Lambda logs errors of post_confirmation.
    """
    name = text.strip()
    if len(name) > MAX_NAME_LENGTH:
        raise Invalid(f"name must be at most {MAX_NAME_LENGTH} characters")
    if hidden(name):
        raise Invalid("name must be one line, without control, bidirectional or invisible characters")
    if name and unicodedata.category(name[0]).startswith("M"):
        raise Invalid("name must not begin with a combining mark")
    if _folded(name) == _DELETED:
        raise Invalid("name must not read like a deleted user")
    return name


def _folded(name: str) -> str:
    """A name without case, width, space and punctuation."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
