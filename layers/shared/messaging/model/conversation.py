"""Conversations: the head item."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.change import MessageChange
from messaging.model.inbox_entry import ChangedConversation, InboxEntry, Unread
from messaging.model.items import Item, number
from messaging.model.membership import (
    NO_SETTINGS,
    OUT_OF_SIGHT,
    REQUESTS,
    Ask,
    Block,
    Membership,
    count_skipped,
)
from messaging.model.message import OPTIONAL_CONTENT, Draft, Message
from messaging.model.person import Person, profile_attributes


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a conversation: its members, its last message, and how far each member has read.

    `read_seqs` are the members' marks by user_uuid: the number of the last message each has read, 0 for none. Every
    update of a head adds 1 to its `version`; a head stored before there were versions has 0. Members and marks are in
    the order of user_uuid, since a DynamoDB map has none. The sender of the `last` message is one of the members, as
    they are called now. `wrote` are the user_uuids of those who have sent a message; a head stored before that was
    noted has none, until `repair` notes it. `changed` is the last change of any message, None if there was none.
    `memberships` are the members' sides that differ from the default. A head without messages (`is_open` is false) only
    keeps the block of somebody who has blocked the other before the first message; its last message has the number 0.
    """

    message_group_uuid: str
    members: dict[str, Person]
    last: Message
    read_seqs: dict[str, int]
    version: int
    wrote: frozenset[str]
    changed: MessageChange | None = None
    memberships: Mapping[str, Membership] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """True if there is a message."""
        return self.last_seq > 0

    def membership(self, user_uuid: str) -> Membership:
        """One member's side of the conversation."""
        return self.memberships.get(user_uuid, NO_SETTINGS)

    @property
    def last_seq(self) -> int:
        return self.last.seq

    @property
    def created_at(self) -> str:
        return self.last.created_at

    @property
    def last_change(self) -> int:
        """The number of the last change of a message, 0 for none."""
        return self.changed.number if self.changed else 0

    @property
    def item(self) -> Item:
        return {
            **keys.key(keys.conversation_pk(self.message_group_uuid), keys.HEAD),
            "members": {
                "M": {
                    person.user_uuid: {
                        "M": {
                            "handle": {"S": person.handle},
                            "display_name": {"S": person.display_name},
                            "read_seq": {"N": str(self.read_seqs[person.user_uuid])},
                            **({"wrote": {"BOOL": True}} if person.user_uuid in self.wrote else {}),
                            **profile_attributes(person),
                            **self.membership(person.user_uuid).attributes,
                        }
                    }
                    for person in self.members.values()
                }
            },
            **last_message_attributes(self.last),
            "version": {"N": str(self.version)},
            **({"last_change": self.changed.in_head} if self.changed else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Head":
        """A head written before there were marks has none: nobody has read anything."""
        stored = dict(sorted(item["members"]["M"].items()))
        members = {user_uuid: Person.from_member(user_uuid, member) for user_uuid, member in stored.items()}
        message_group_uuid = item["pk"]["S"].removeprefix(keys.conversation_pk(""))
        return cls(
            message_group_uuid,
            members,
            Message.from_content(
                {"message_uuid": {"S": ""}, **item},  # an old head may lack it
                message_group_uuid,
                members[item["user_uuid"]["S"]],
                item["created_at"]["S"],
                int(item["last_seq"]["N"]),
            ),
            {user_uuid: number(member["M"], "read_seq") or 0 for user_uuid, member in stored.items()},
            number(item, "version") or 0,
            frozenset(user_uuid for user_uuid, member in stored.items() if "wrote" in member["M"]),
            MessageChange.from_head(item["last_change"]) if "last_change" in item else None,
            {
                user_uuid: membership
                for user_uuid, member in stored.items()
                if (membership := Membership.from_attributes(member["M"])) != NO_SETTINGS
            },
        )

    @classmethod
    def of_first(
        cls, message: Message, other: Person, *, unopened: "Head | None" = None, is_request: bool = False
    ) -> "Head":
        """The head of a new conversation with `message` as its first message, to `other`.

        `unopened` is the head that keeps a block from before; `is_request`: the other has to accept it.
        """
        sender = message.sender
        members = {person.user_uuid: person for person in (sender, other)}
        memberships = dict(unopened.memberships) if unopened else {}
        if is_request:
            mine = memberships.get(other.user_uuid, NO_SETTINGS)
            memberships[other.user_uuid] = replace(mine, ask=Ask(0, message.created_at))
        return cls(
            message.message_group_uuid,
            dict(sorted(members.items())),
            message.as_last(sender),
            {user_uuid: int(user_uuid == sender.user_uuid) for user_uuid in sorted(members)},
            unopened.version + 1 if unopened else 1,
            frozenset({sender.user_uuid}),
            memberships=dict(sorted(memberships.items())),
        )

    @classmethod
    def unopened(cls, message_group_uuid: str, user_uuids: tuple[str, str], at: str) -> "Head":
        """A head without messages and names, not stored yet, that can keep blocks of these two people since `at`."""
        members = {user_uuid: Person(user_uuid, "", "") for user_uuid in sorted(user_uuids)}
        nothing = Message(message_group_uuid, "", "", members[user_uuids[0]], at, 0)
        return cls(message_group_uuid, members, nothing, dict.fromkeys(members, 0), 0, frozenset())

    def blocked_by(self, user_uuid: str, at: str) -> "Head":
        """The head after a member has blocked the other."""
        other_uuid = self.other(user_uuid).user_uuid
        theirs = self.membership(other_uuid).block
        block = Block(at, self.read_seqs[user_uuid], theirs.read if theirs else self.read_seqs[other_uuid])
        mine = self.membership(user_uuid).blocking(block, self.last_seq, self.created_at)
        return self._set(user_uuid, mine, at)

    def unblocked_by(self, user_uuid: str, at: str) -> "Head":
        """The head after a member has ended their block of the other."""
        return self._set(user_uuid, self.membership(user_uuid).without_block(self.last_seq), at)

    def _set(self, user_uuid: str, mine: Membership, at: str) -> "Head":
        """The head after a member has set their side at a time."""
        mine = replace(mine, set_at=at[: keys.HOUR_LENGTH], settings=mine.settings + 1)
        head = self.with_membership(user_uuid, mine)
        return replace(head, version=self.version + 1)

    def next_message(self, sender_uuid: str, draft: Draft, now: datetime) -> Message:
        """The message that would follow: the next seq, at a later time. `sender_uuid` must be a member."""
        created_at = keys.time_after(self.created_at, now)
        return Message.of(draft, self.message_group_uuid, self.members[sender_uuid], created_at, self.last_seq + 1)

    def other(self, user_uuid: str) -> Person:
        """The other member."""
        (other,) = (person for person in self.members.values() if person.user_uuid != user_uuid)
        return other

    def after(self, message: Message, ask: Ask | None = None) -> "Head":
        """The head after `message`, sent by a member, perhaps the first of a new request.

        Its sender has read everything.
        """
        sender, other_uuid = self.members[message.sender.user_uuid], self.other(message.sender.user_uuid).user_uuid
        theirs = self.membership(other_uuid)
        return replace(
            self.with_membership(other_uuid, theirs.asking(ask) if ask else theirs),
            last=message.as_last(sender),
            read_seqs={**self.read_seqs, sender.user_uuid: message.seq},
            version=self.version + 1,
            wrote=self.wrote | {sender.user_uuid},
        ).with_membership(sender.user_uuid, self.membership(sender.user_uuid).answered())

    def with_membership(self, user_uuid: str, membership: Membership) -> "Head":
        """The head with another state of one member."""
        others = {one: theirs for one, theirs in self.memberships.items() if one != user_uuid}
        mine = {user_uuid: membership} if membership != NO_SETTINGS else {}
        return replace(self, memberships=dict(sorted({**others, **mine}.items())))

    @property
    def is_mutual(self) -> bool:
        """True if both have written: only then does each see the other's read marks and presence."""
        return len(self.wrote) == len(self.members)

    @property
    def is_blocked(self) -> bool:
        """True if one of the members blocks the other: then neither sees the other type, read or be online."""
        return any(membership.block for membership in self.memberships.values())

    def is_blocking(self, user_uuid: str) -> bool:
        """True if this member blocks the other."""
        return self.membership(user_uuid).block is not None

    def block_entry(self, user_uuid: str) -> BlockEntry:
        """The entry that must be stored for a member's block of the other."""
        block = self.membership(user_uuid).block
        return BlockEntry(user_uuid, self.other(user_uuid).user_uuid, block.at if block else "")

    def folder(self, owner_uuid: str) -> str:
        """The folder in which a member has the conversation, one of membership.FOLDERS."""
        return self.membership(owner_uuid).folder(self.last_seq, self.created_at)

    def shown_seq(self, owner_uuid: str) -> int:
        """The number of the last message that a member may see. It never falls."""
        return self.membership(owner_uuid).shown_seq(self.last_seq)

    def shown_at(self, owner_uuid: str) -> str:
        """The time of the last message that a member may see. It never falls."""
        return self.membership(owner_uuid).last_shown_at(self.last_seq, self.created_at)

    def hides(self, owner_uuid: str, message: Message) -> bool:
        """True if a member may not see a message, or its present text: the other has edited it while blocked."""
        return self.membership(owner_uuid).hides(message.seq) or self.withholds(owner_uuid, message)

    def withholds(self, owner_uuid: str, message: Message) -> bool:
        """True if the other has edited a message since this member blocks them."""
        block = self.membership(owner_uuid).block
        return bool(block and message.sender.user_uuid != owner_uuid and message.edited_at > block.at)

    def other_read_seq(self, owner_uuid: str) -> int | None:
        """The other's mark as a member sees it: None if hidden, and as it was if one blocks the other.

        It is never after the last message that the member sees: the other may have written meanwhile.
        """
        other = self.other(owner_uuid)
        if not (other.read_receipts and self.is_mutual):
            return None
        mine, theirs = self.membership(owner_uuid).block, self.membership(other.user_uuid).block
        read_seq = mine.other_read if mine else theirs.read if theirs else self.read_seqs[other.user_uuid]
        return self._in_sight(owner_uuid, read_seq)

    def _in_sight(self, owner_uuid: str, read_seq: int) -> int:
        """A mark, or the last message that a member sees if the mark is past it."""
        shown_seq = self.shown_seq(owner_uuid)
        return read_seq if shown_seq == self.last_seq else min(read_seq, shown_seq)

    def entry_key(self, owner_uuid: str) -> tuple[str, str]:
        """The key of a member's entry: the partition of its folder, and the plain sort key."""
        return keys.folder_pk(self.folder(owner_uuid), owner_uuid), self.shown_at(owner_uuid)

    @property
    def inbox_entries(self) -> list[InboxEntry]:
        """The entries that must be stored for this head, at their plain sort keys: none for a deleted member."""
        return [entry for entry in self.both_inbox_entries if not self.members[entry.owner_uuid].is_deleted]

    @property
    def both_inbox_entries(self) -> list[InboxEntry]:
        """The entries of both members, even of deleted ones; none without a message."""
        return [self.inbox_entry(owner_uuid) for owner_uuid in self.members] if self.is_open else []

    def inbox_entry(self, owner_uuid: str) -> InboxEntry:
        """The entry of one of the members."""
        other, mine = self.other(owner_uuid), self.membership(owner_uuid)
        folder, read_seq, shown_seq = (
            self.folder(owner_uuid),
            self._counted_from(owner_uuid),
            self.shown_seq(owner_uuid),
        )
        shows_last = mine.begins_after < shown_seq == self.last_seq and not mine.block
        return InboxEntry(
            owner_uuid,
            self.message_group_uuid,
            self.last.message if shows_last else "",
            other,
            self.shown_at(owner_uuid),
            shown_seq,
            read_seq,
            self.other_read_seq(owner_uuid),
            self.version,
            self.last_change,
            shows_last and bool(self.last.unsent_at),
            "" if folder == REQUESTS else other.avatar,
            folder,
            mine.muted_until,
            mine.marked_unread,
            bool(mine.block),
            mine.skipped(read_seq),
            mine.begins_after,
            mine.settings,
        )

    def _counted_from(self, owner_uuid: str) -> int:
        """The number of the message after which a member's unread messages count."""
        mine = self.membership(owner_uuid)
        return self._in_sight(owner_uuid, max(self.read_seqs[owner_uuid], mine.begins_after, mine.older_unseen))

    @property
    def unread(self) -> list[Unread]:
        """The unread entries that must be stored: see `has_unread`; none for a member that is deleted."""
        return [
            self.unread_of(owner_uuid)
            for owner_uuid, member in self.members.items()
            if self.has_unread(owner_uuid) and not member.is_deleted
        ]

    def has_unread(self, owner_uuid: str) -> bool:
        """True if a member who has this conversation in sight has not read it all, or has marked it as unread."""
        if not self.is_open or self.folder(owner_uuid) == OUT_OF_SIGHT:
            return False
        return self.membership(owner_uuid).marked_unread or self.unread_of(owner_uuid).count > 0

    def changed_hour(self, owner_uuid: str) -> str:
        """The hour of the last change of a message, or of a member's own last setting; "" for neither."""
        changed = self.changed.at[: keys.HOUR_LENGTH] if self.changed else ""
        return max(changed, self.membership(owner_uuid).set_at)

    @property
    def changed_conversations(self) -> list[ChangedConversation]:
        """The changed conversations that must be stored: none for a member that is gone."""
        return [entry for entry in self.both_changed_conversations if not self.members[entry.owner_uuid].is_gone]

    @property
    def both_changed_conversations(self) -> list[ChangedConversation]:
        """The changed conversations of both members, even of those that are gone; none without changes."""
        return [
            ChangedConversation(owner_uuid, self.message_group_uuid, hour)
            for owner_uuid in self.members
            if self.is_open and (hour := self.changed_hour(owner_uuid))
        ]

    def unread_of(self, owner_uuid: str) -> Unread:
        """The unread entry of one of the members, even if everything is read."""
        mine, read_seq, shown_seq = (
            self.membership(owner_uuid),
            self._counted_from(owner_uuid),
            self.shown_seq(owner_uuid),
        )
        return Unread(
            owner_uuid,
            self.message_group_uuid,
            shown_seq,
            read_seq,
            self.version,
            self.folder(owner_uuid),
            mine.muted_until,
            mine.marked_unread,
            count_skipped(mine.skipped(read_seq), shown_seq),
        )


class AttributesUpdate(NamedTuple):
    """The parts of an update expression that set and remove attributes."""

    set: str
    remove: str
    values: Item
    names: dict[str, str]

    @classmethod
    def of(cls, new: Item, gone: Iterable[str], path: str = "") -> "AttributesUpdate":
        """Set the attributes of `new`, and remove those named in `gone`, all of them at a path."""
        gone = sorted(gone)
        return cls(
            "SET " + ", ".join(f"{path}#{name} = :{name}" for name in new) if new else "",
            "REMOVE " + ", ".join(f"{path}#{name}" for name in gone) if gone else "",
            {f":{name}": value for name, value in new.items()},
            {f"#{name}": name for name in (*new, *gone)},
        )

    @classmethod
    def of_last(cls, message: Message) -> "AttributesUpdate":
        """Make a message the last one of a stored head, whose last one may have been changed since it was read."""
        return cls.of(last_message_attributes(message), OPTIONAL_CONTENT - message.content.keys())

    @classmethod
    def of_side(cls, old: Membership, new: Membership) -> "AttributesUpdate":
        """Bring the side of the member `#me` from one state to another."""
        before, after = old.attributes, new.attributes
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        return cls.of(changed, before.keys() - after.keys(), "members.#me.")

    @classmethod
    def of_change(cls, old: Message, new: Message) -> "AttributesUpdate":
        """Bring a stored message from one state to another. The sender's name, which an erasure changes, is kept."""
        before, after = old.item, new.item
        return cls.of(
            {name: value for name, value in after.items() if before.get(name) != value}, before.keys() - after.keys()
        )


def last_message_attributes(message: Message) -> Item:
    """The attributes of a head that come from its last message; also used by the update that replaces this message."""
    return {
        **message.content,
        "user_uuid": {"S": message.sender.user_uuid},
        "created_at": {"S": message.created_at},
        "last_seq": {"N": str(message.seq)},
    }
