"""People, as Cognito knows them."""

from collections.abc import Mapping

from messaging import keys
from messaging.errors import Invalid
from messaging.items import Person

LONGEST_NAME = 100  # code points: names stand in every message and message group


def person_from_attributes(attributes: Mapping[str, str]) -> Person:
    """The person that a Cognito user's attributes describe. Raises Invalid without a usable handle or name."""
    handle = attributes.get("preferred_username", "")
    if not keys.is_handle(handle):
        raise Invalid("preferred_username must be 1 to 30 letters, digits, _ . or -, and begin with a letter or digit")
    display_name = attributes.get("name", "").strip() or handle
    if len(display_name) > LONGEST_NAME:
        raise Invalid(f"name must be at most {LONGEST_NAME} characters")
    return Person(attributes["sub"], handle, display_name)
