"""Opaque cursors: the end of a page, bound to its list. A cursor of another list, or a truncated one, is refused."""

import base64
import re
from dataclasses import dataclass
from typing import NamedTuple

from messaging.model import keys
from messaging.model.errors import Unreadable
from messaging.model.membership import INBOX

_SEQ = re.compile(r"[1-9][0-9]{0,17}")
OLDER, NEWER, WALK = "older", "newer", "walk"


class MessageCursor(NamedTuple):
    """A message of a conversation, by its time and its number: the next message must have an adjacent number."""

    message_group_uuid: str
    created_at: str
    seq: int

    def __str__(self) -> str:
        return _encode(self.message_group_uuid, str(self.seq), self.created_at)

    @classmethod
    def parse(cls, text: str, message_group_uuid: str) -> "MessageCursor":
        """Parse a cursor of this conversation. Raises Unreadable."""
        match _decode(text):
            case [group, seq, created_at] if (
                group == message_group_uuid and keys.is_time(created_at) and _SEQ.fullmatch(seq)
            ):
                return cls(group, created_at, int(seq))
        raise Unreadable("The cursor does not belong to this conversation.")


@dataclass(frozen=True, slots=True)
class InboxCursor:
    """A place in a person's inbox or another folder, and the direction from there, OLDER or NEWER.

    WALK is NEWER between two pages of changes: all up to this place has just been read, and may change once more.
    `changed` is a place among the person's changed conversations, "" for that at the time of `sk`.
    """

    user_uuid: str
    direction: str
    sk: str
    changed: str = ""
    folder: str = INBOX

    @property
    def changed_after(self) -> str:
        return self.changed or self.sk[: keys.HOUR_LENGTH]

    def __str__(self) -> str:
        changed = [self.changed] if self.changed else []
        return _encode(_list_of(self.user_uuid, self.folder), *changed, self.sk, self.direction)

    @classmethod
    def since(cls, text: str, user_uuid: str, folder: str = INBOX) -> "InboxCursor":
        """Parse a time in the API's format, or a cursor. Raises Unreadable."""
        if keys.is_time(text):
            return cls(user_uuid, NEWER, text, folder=folder)
        return cls.parse(text, user_uuid, folder)

    @classmethod
    def parse(cls, text: str, user_uuid: str, folder: str = INBOX) -> "InboxCursor":
        """Parse a cursor of this person's folder. Raises Unreadable."""
        mine = _list_of(user_uuid, folder)
        match _decode(text):
            case [of, sk, ("older" | "newer") as direction] if of == mine and keys.is_inbox_sk(sk):
                return cls(user_uuid, direction, sk, folder=folder)
            case [of, changed, sk, ("newer" | "walk") as direction] if (
                of == mine and keys.is_changed_sk(changed) and keys.is_inbox_sk(sk)
            ):
                return cls(user_uuid, direction, sk, changed, folder)
        raise Unreadable("The cursor does not belong to this list.")


def _list_of(user_uuid: str, folder: str) -> str:
    """The name of a list in its cursors: the person, and the folder unless it is the inbox."""
    return user_uuid if folder == INBOX else f"{user_uuid}#{folder}"


class BlocksCursor(NamedTuple):
    """A place in the list of the people that a person blocks: after one of them."""

    user_uuid: str
    after: str

    def __str__(self) -> str:
        return _encode(self.user_uuid, self.after)

    @classmethod
    def parse(cls, text: str, user_uuid: str) -> "BlocksCursor":
        """Parse a cursor of this person's list. Raises Unreadable."""
        match _decode(text):
            case [owner, after] if owner == user_uuid and keys.canonical_uuid(after) == after:
                return cls(owner, after)
        raise Unreadable("The cursor does not belong to this list.")


def _encode(*fields: str) -> str:
    """Encode the fields. The last one must have a fixed form, so that no truncated cursor is valid."""
    return base64.urlsafe_b64encode("|".join(fields).encode()).decode().replace("=", "")


def _decode(text: str) -> list[str]:
    """Decode the fields; [] for anything `_encode` would not produce, such as base64 with other signs or spare bits."""
    try:
        fields = base64.urlsafe_b64decode(text + "==").decode().split("|")
    except ValueError:
        return []
    return fields if _encode(*fields) == text else []
