"""Handles, names and avatars: their rules, and people from Cognito's attributes or from an issuer's claims."""

import re
import unicodedata
from collections.abc import Callable, Mapping

from messaging.model import keys
from messaging.model.errors import Invalid
from messaging.model.person import ClaimNames, Person
from messaging.model.text import hidden

MAX_NAME_LENGTH = 100  # code points: every message and inbox entry contains a name
MAX_AVATAR_LENGTH = 200  # characters: heads and inbox entries contain it
MAX_EMAIL_LENGTH = 254  # characters (RFC 5321)
_DELETED = "deleteduser"  # the name of an erased person, after _folded
# A host without user information, so that it is the one that it seems to be, and no character that a page must escape.
_AVATAR = re.compile(
    r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~:/?#@!$&()*+,;=%-]*)?"
)


def person_from_attributes(attributes: Mapping[str, str]) -> Person:
    """The person that a Cognito user's attributes describe. Raises Invalid without a usable handle or name."""
    handle = usable_handle(attributes.get("preferred_username", ""))
    return Person(attributes["sub"], handle, usable_name(attributes.get("name", "")) or handle)


def person_from_claims(user_uuid: str, claims: Mapping[str, str], names: ClaimNames) -> Person:
    """The person that a token's claims describe. Raises Invalid without a usable handle.

    A name or a picture that cannot be used is left out: the issuer's rules are not ours.
    """
    handle = usable_handle(claims.get(names.handle, ""))
    name = _or_nothing(usable_name, claims.get(names.display_name, ""))
    avatar = _or_nothing(usable_avatar, claims.get(names.picture, ""))
    return Person(user_uuid, handle, name or handle, avatar=avatar)


def verified_email(claims: Mapping[str, str], names: ClaimNames) -> str:
    """The address that the issuer has verified, "" for none and for one that cannot be stored or shown."""
    email = claims.get(names.email, "") if claims.get("email_verified") == "true" else ""
    return email if email.isprintable() and len(email) <= MAX_EMAIL_LENGTH else ""


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


def usable_avatar(url: str) -> str:
    """Return the address of a picture unchanged, "" for none. Raises Invalid for an address that is not https."""
    if url and (len(url) > MAX_AVATAR_LENGTH or not _AVATAR.fullmatch(url)):
        raise Invalid(f"avatar must be an https URL of at most {MAX_AVATAR_LENGTH} characters")
    return url


def _or_nothing(usable: Callable[[str], str], value: str) -> str:
    try:
        return usable(value)
    except Invalid:
        return ""


def _folded(name: str) -> str:
    """A name without case, width, space and punctuation."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
