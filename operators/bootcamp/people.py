"""The source's users, matched with the people here.

A user is matched by user_uuid, then by handle: the bootcamp's user_uuids come from its Postgres, and change each time
that is recreated. So users with the same handle are one person.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid5

from messaging.model import keys
from messaging.model.errors import Invalid
from messaging.model.person import Person
from messaging.model.profile_values import MAX_NAME_LENGTH, usable_handle, usable_name
from messaging.storage.dynamodb import DynamoDB
from operators.bootcamp.report import Note
from operators.bootcamp.source import LONG_AGO, NAMESPACE, made_uuid


@dataclass
class Names:
    """The newest names of a user, with the times of their use ("" is older than any)."""

    handle: tuple[datetime, str] = (LONG_AGO, "")
    display_name: tuple[datetime, str] = (LONG_AGO, "")

    def see(self, other: "Names") -> None:
        self.handle = max((self.handle, other.handle), key=_known_then_newest)
        self.display_name = max((self.display_name, other.display_name), key=_known_then_newest)


@dataclass
class Resolved:
    """The user_uuid here of each user of the source, the people with these, and the people to register."""

    user_uuids: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    unknown_here: list[Person] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass
class _SharedHandle:
    """All users with one handle, or one user without: they are one person."""

    identity: str
    users: list[str] = field(default_factory=list)
    names: Names = field(default_factory=Names)

    @property
    def handle(self) -> str:
        """Their handle, or one derived from their identity if the handle is not possible."""
        try:
            return usable_handle(self.names.handle[1])
        except Invalid:
            return f"user-{uuid5(NAMESPACE, self.identity).hex[:25]}"

    @property
    def display_name(self) -> str:
        """Their name, truncated to the allowed length; "" for a forbidden one."""
        try:
            return usable_name(self.names.display_name[1][:MAX_NAME_LENGTH])
        except Invalid:
            return ""

    def make_person(self) -> Person:
        user = min(self.users, key=lambda one: (keys.canonical_uuid(one) is None, one))
        return Person(_user_uuid(user), self.handle, self.display_name or self.handle)

    def notes_on(self, person: Person) -> Iterable[Note]:
        """Notes on a new person."""
        yield Note("new person", person.user_uuid, "has a handle that nobody has here")
        if person.handle != self.names.handle[1]:
            yield Note("handle", person.user_uuid, f"none or not acceptable; becomes {person.handle}")
        if self.names.display_name[1] and not self.display_name:
            yield Note("name", person.user_uuid, "not acceptable; becomes the handle")


def resolve(db: DynamoDB, seen: Mapping[str, Names]) -> Resolved:
    """Match the source's users with the people here, and make up missing people. Writes nothing."""
    resolved = Resolved()
    shared = _by_handle(seen)
    profiles, owners = _stored_people(db, seen, shared)
    made: dict[str, Person] = {}
    for user, names in seen.items():
        mine = shared[_identity(user, names)]
        same = (profiles.get(_user_uuid(one)) for one in (user, *mine.users))
        person = next(filter(None, same), None) or owners.get(mine.handle.lower())
        if person is None:
            person = made.setdefault(mine.identity, mine.make_person())
        resolved.user_uuids[user] = person.user_uuid
        resolved.people.setdefault(person.user_uuid, person)
    resolved.unknown_here = list(made.values())
    resolved.notes = [note for identity, person in made.items() for note in shared[identity].notes_on(person)]
    resolved.notes += [
        Note("same", resolved.user_uuids[one.users[0]], f"users with one handle: {', '.join(one.users)}")
        for one in shared.values()
        if len(one.users) > 1
    ]
    return resolved


def _by_handle(seen: Mapping[str, Names]) -> dict[str, _SharedHandle]:
    shared: dict[str, _SharedHandle] = {}
    for user, names in sorted(seen.items()):
        identity = _identity(user, names)
        one = shared.setdefault(identity, _SharedHandle(identity))
        one.users.append(user)
        one.names.see(names)
    return shared


def _stored_people(
    db: DynamoDB, seen: Iterable[str], shared: Mapping[str, _SharedHandle]
) -> tuple[dict[str, Person], dict[str, Person]]:
    """The people here by user_uuid, and by handle in lower case."""
    user_uuids = sorted({_user_uuid(user) for user in seen})
    handles = sorted({one.handle.lower() for one in shared.values()})
    profiles = db.get_many([keys.key(keys.profile_pk(uuid), keys.PROFILE) for uuid in user_uuids], consistent=True)
    owners = db.get_many([keys.key(keys.handle_pk(handle), keys.HANDLE) for handle in handles], consistent=True)
    people = map(Person.from_profile_item, profiles)
    named = map(Person.from_handle_item, owners)
    return {person.user_uuid: person for person in people}, {person.handle.lower(): person for person in named}


def _identity(user: str, names: Names) -> str:
    return names.handle[1].lower() or user


def _known_then_newest(name: tuple[datetime, str]) -> tuple[bool, datetime, str]:
    return bool(name[1]), *name


def _user_uuid(user: str) -> str:
    return keys.canonical_uuid(user) or made_uuid(user)
