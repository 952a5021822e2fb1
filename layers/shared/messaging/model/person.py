"""People: their profile and handle items."""

from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

from messaging.model import keys
from messaging.model.items import Item, number

SPREADING = "spreading"  # the attribute of a profile while some conversations do not show it yet


# Nobody can have these: a handle begins with a letter or digit, see keys.is_handle.
_LEAVING_HANDLE = "_leaving"
_DELETED_HANDLE = "_deleted"
_DELETED_NAME = "deleted user"
GONE_HANDLES = (_LEAVING_HANDLE, _DELETED_HANDLE)


@dataclass(frozen=True, slots=True)
class Person:
    """A person with a profile. `read_receipts`: others see their read marks; `avatar`: the URL of a picture, or "".

    `suspended`: operators have stopped them from writing; `lifted`: names of limits that do not hold for them.
    `messages_from`: those who may open a conversation with them (reach.TAKES), "" if they have not chosen; heads do not
    have it.

    Every change of a profile adds 1 to its `version`, which orders its copies: in the heads of the person's
    conversations, and under the handle. An unchanged profile has 0.
    """

    user_uuid: str
    handle: str
    display_name: str
    read_receipts: bool = field(default=True, compare=False)
    version: int = field(default=0, compare=False)
    avatar: str = field(default="", compare=False)
    suspended: bool = field(default=False, compare=False)
    lifted: frozenset[str] = field(default=frozenset(), compare=False)
    messages_from: str = field(default="", compare=False)

    @property
    def is_deleted(self) -> bool:
        """True if this person was erased."""
        return self.handle == _DELETED_HANDLE

    @property
    def deleted(self) -> "Person":
        """This person after an erasure, as conversations show them."""
        return Person(self.user_uuid, _DELETED_HANDLE, _DELETED_NAME)

    @property
    def is_gone(self) -> bool:
        """True if this person is being erased or was erased: they neither send nor receive."""
        return self.handle in GONE_HANDLES

    @property
    def leaving(self) -> "Person":
        """This person during an erasure, while their messages are being rewritten, as heads show them."""
        return Person(self.user_uuid, _LEAVING_HANDLE, _DELETED_NAME)

    @property
    def shown(self) -> tuple[str, str, str]:
        """Everything that others see of this person."""
        return self.handle, self.display_name, self.avatar

    def with_default(self, messages_from: str) -> "Person":
        """This person, with the deployment's `messages_from` if they have not chosen."""
        return self if self.messages_from else replace(self, messages_from=messages_from)

    @property
    def copied(self) -> tuple[object, ...]:
        """Everything that heads have of this person, without the version."""
        return self.shown, self.read_receipts, self.suspended, self.lifted

    @property
    def profile_item(self) -> Item:
        return {
            **keys.key(keys.profile_pk(self.user_uuid), keys.PROFILE),
            "handle": {"S": self.handle},
            "display_name": {"S": self.display_name},
            **self._own_attributes,
        }

    @property
    def handle_item(self) -> Item:
        return {
            **keys.key(keys.handle_pk(self.handle), keys.HANDLE),
            "user_uuid": {"S": self.user_uuid},
            "handle": {"S": self.handle},
            "display_name": {"S": self.display_name},
            **self._own_attributes,
        }

    @property
    def _own_attributes(self) -> Item:
        """The attributes that a profile and a handle have only if they differ from the default."""
        chosen = {"messages_from": {"S": self.messages_from}} if self.messages_from else {}
        return {**profile_attributes(self), **chosen}

    @classmethod
    def from_profile_item(cls, item: Item) -> "Person":
        return cls._from_attributes(item["pk"]["S"].removeprefix(keys.profile_pk("")), item)

    @classmethod
    def from_handle_item(cls, item: Item) -> "Person":
        return cls._from_attributes(item["user_uuid"]["S"], item)

    @classmethod
    def from_member(cls, user_uuid: str, member: Item) -> "Person":
        """The person at a user_uuid in a head's map of members."""
        return cls._from_attributes(user_uuid, member["M"])

    @classmethod
    def _from_attributes(cls, user_uuid: str, attributes: Item) -> "Person":
        read_receipts = attributes.get("receipts", {"BOOL": True})["BOOL"]
        version = number(attributes, "version") or 0
        avatar = attributes.get("avatar", {"S": ""})["S"]
        return cls(
            user_uuid,
            attributes["handle"]["S"],
            attributes["display_name"]["S"],
            read_receipts,
            version,
            avatar,
            "suspended" in attributes,
            frozenset(attributes.get("lifted", {"SS": []})["SS"]),
            attributes.get("messages_from", {"S": ""})["S"],
        )


class Profile(NamedTuple):
    """A stored profile. `changed_at` is the Unix time of the person's own last change, 0 for never.

    `is_spreading`: conversations may still show the values before the last change. `email` is the address that another
    issuer than Cognito has verified, for operators; "" for none. `suspended_for` is why the person is suspended.
    """

    person: Person
    changed_at: int
    is_spreading: bool
    email: str = ""
    suspended_for: str = ""

    @classmethod
    def from_item(cls, item: Item) -> "Profile":
        email, suspended_for = (item.get(name, {"S": ""})["S"] for name in ("email", "suspended_for"))
        changed_at = number(item, "changed_at") or 0
        return cls(Person.from_profile_item(item), changed_at, SPREADING in item, email, suspended_for)


class ClaimNames(NamedTuple):
    """The claims of an issuer's tokens that hold a person's values."""

    handle: str
    display_name: str
    picture: str
    email: str


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """New values for a profile; None leaves one unchanged. An empty display name becomes the handle."""

    handle: str | None = None
    display_name: str | None = None
    avatar: str | None = None
    read_receipts: bool | None = None
    messages_from: str | None = None

    def applied_to(self, person: Person) -> Person:
        """The person with the new values."""
        new = replace(person, **{name: value for name, value in asdict(self).items() if value is not None})
        return new if new.display_name else replace(new, display_name=new.handle)


def profile_attributes(person: Person) -> Item:
    """The attributes that a profile, a handle and a head have only if they differ from the default."""
    return {
        **({} if person.read_receipts else {"receipts": {"BOOL": False}}),
        **({"avatar": {"S": person.avatar}} if person.avatar else {}),
        **({"suspended": {"BOOL": True}} if person.suspended else {}),
        **({"lifted": {"SS": sorted(person.lifted)}} if person.lifted else {}),
        **({"version": {"N": str(person.version)}} if person.version else {}),
    }


def person_attributes(person: Person) -> Item:
    return {
        "user_uuid": {"S": person.user_uuid},
        "user_display_name": {"S": person.display_name},
        "user_handle": {"S": person.handle},
    }


def person_of(item: Item) -> Person:
    return Person(item["user_uuid"]["S"], item["user_handle"]["S"], item["user_display_name"]["S"])
