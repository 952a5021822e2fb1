"""A person's own profile and settings."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from messaging.errors import Busy, HandleTaken
from messaging.items import Person
from messaging.read import find_person
from messaging.retry import attempts
from messaging.table import Table

_AT_ONCE = 16  # requests


def show_receipts(table: Table, user_uuid: str, *, receipts: bool) -> Person:
    """Lets others learn what this person has read, or not: the profile first, then each conversation. Repeatable.

    3 write units for each conversation, with what the stream handler does. Raises NotFound without a profile, and Busy.
    """
    person = replace(find_person(table, user_uuid), receipts=receipts)
    for _ in attempts():
        try:
            table.show_receipts(person)
            break
        except Busy:
            pass
        except HandleTaken:
            person = replace(find_person(table, user_uuid), receipts=receipts)
    else:
        raise Busy("The profile keeps changing.")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for _ in threads.map(lambda group: _show_in(table, group, person), _groups(table, user_uuid)):
            pass
    return person


def _groups(table: Table, user_uuid: str) -> list[str]:
    return [group.message_group_uuid for group in table.conversations(user_uuid)]


def _show_in(table: Table, message_group_uuid: str, person: Person) -> None:
    for _ in attempts():
        try:
            return table.show_receipts_in(message_group_uuid, person)
        except Busy:
            pass
    raise Busy("DynamoDB is throttling writes.")
