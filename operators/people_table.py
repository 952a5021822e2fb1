"""The requests that only operators make to people's items."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from messaging.model import keys, membership
from messaging.model.block_entry import BlockEntry
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.items import Item
from messaging.model.person import SPREADING, Person
from messaging.model.report import Report
from messaging.retry import until_not_busy
from messaging.storage.dynamodb import ConditionFailed
from messaging.storage.table import ProfileChanged, is_unchanged
from operators.conversation_table import ConversationTable

_IS_THEIRS = "attribute_not_exists(pk) OR user_uuid = :user_uuid"
# Removes all that a head has of a member beside names, marks and the setting of receipts.
_SIDE_NAMES = {f"#{name}": name for name in (*sorted(membership.ATTRIBUTES), "avatar", "suspended", "lifted")}
_NO_SIDE = " REMOVE " + ", ".join(f"members.#me.{name}" for name in _SIDE_NAMES)


@dataclass(frozen=True)
class Profile:
    """A person's profile, with the operators' notes.

    `is_spreading`: conversations may still show old values; `has_account`: a Cognito user was seen once
    (imported people never had one); `account_gone_at`: the time since when it is missing, "" if it exists;
    `is_renamed_by_person`: they chose handle or name here, and no longer in the user pool; `email`: the address that
    another issuer has verified, "" for none; `suspended_for`: why they are suspended.
    """

    person: Person
    is_spreading: bool
    has_account: bool
    account_gone_at: str
    is_renamed_by_person: bool
    email: str
    suspended_for: str

    @classmethod
    def from_item(cls, item: Item) -> "Profile":
        gone_at, email, suspended_for = (
            item.get(name, {"S": ""})["S"] for name in ("account_gone_at", "email", "suspended_for")
        )
        return cls(
            Person.from_profile_item(item),
            SPREADING in item,
            "has_account" in item,
            gone_at,
            "renamed_by_person" in item,
            email,
            suspended_for,
        )


class PeopleTable(ConversationTable):
    """People's items, read consistently."""

    def profiles(self, user_uuids: Iterable[str]) -> dict[str, Profile]:
        """The existing profiles of these people, at most 100, by user_uuid."""
        items = self._items(keys.key(keys.profile_pk(one), keys.PROFILE) for one in user_uuids)
        return {profile.person.user_uuid: profile for profile in map(Profile.from_item, items)}

    def owners(self, handles: Iterable[str]) -> dict[str, Person]:
        """The owners of these handles, at most 100, by the handle in lower case."""
        wanted = {keys.handle_pk(handle) for handle in handles if keys.is_handle(handle)}
        items = self._items(keys.key(pk, keys.HANDLE) for pk in wanted)
        return {person.handle.lower(): person for person in map(Person.from_handle_item, items)}

    def reports_of(self, user_uuid: str) -> list[Report]:
        """The reports that a person has made, the oldest first."""
        first = keys.report_sk(user_uuid, "")
        items = (
            item
            for is_open in (True, False)
            for item in self.db.query_all(
                keys.reports_pk(is_open=is_open), between=(first, f"{first}~"), consistent=True
            )
        )
        return sorted(map(Report.from_item, items), key=lambda report: report.created_at)

    # Renaming

    def rename(self, old: Person, new: Person) -> Person:
        """Write the new profile, with the mark, and the handle; return the person with the next version.

        Everything else stays unchanged. Raises HandleTaken, Busy.
        """
        new = replace(old, handle=new.handle, display_name=new.display_name)
        return self.change(old, new, {"has_account": {"BOOL": True}})

    def change(self, old: Person, new: Person, notes: Item) -> Person:
        """As `write_profile`, with retries. Raises HandleTaken, Busy."""
        try:
            return until_not_busy(lambda: self.write_profile(old, new, notes))
        except ProfileChanged:
            raise Busy("The profile, or the owner of the old handle, has just changed.") from None

    # Accounts that are gone

    def note_account(self, user_uuid: str) -> None:
        """Note in a profile that there is a Cognito user."""
        self._note(user_uuid, "SET has_account = :true REMOVE account_gone_at", {":true": {"BOOL": True}})

    def note_account_gone(self, user_uuid: str, at: str) -> None:
        """Note in a profile since when the Cognito user is missing."""
        self._note(user_uuid, "SET account_gone_at = :at", {":at": {"S": at}})

    def _note(self, user_uuid: str, update: str, values: Item) -> None:
        with suppress(ConditionFailed):  # erased meanwhile
            self.db.update(keys.key(keys.profile_pk(user_uuid), keys.PROFILE), update, "attribute_exists(pk)", values)

    # Erasing

    def note_erased(self, user_uuid: str) -> None:
        """Note that a person was erased, so that a token of an issuer makes them no new profile."""
        self.db.put(keys.key(keys.profile_pk(user_uuid), keys.ERASED))

    def uuids_by_email(self, email: str) -> list[str]:
        """The people whose issuer has verified this address. Scans the whole table."""
        found = self.db.scan(
            FilterExpression="sk = :profile AND email = :email",
            ExpressionAttributeValues={":profile": {"S": keys.PROFILE}, ":email": {"S": email}},
        )
        return [Person.from_profile_item(item).user_uuid for page in found for item in page]

    def remove_person(self, user_uuid: str, handles: Iterable[str]) -> None:
        """Delete a person's profile, its handle, and those of `handles` that are theirs. Raises Busy."""
        handles = [*handles]
        until_not_busy(lambda: self._remove_person(user_uuid, handles))

    def _remove_person(self, user_uuid: str, handles: Iterable[str]) -> None:
        profiles = [profile.person for profile in self.profiles([user_uuid]).values()]
        owners = self.owners([*handles, *(person.handle for person in profiles)]).values()
        mine = [person for person in owners if person.user_uuid == user_uuid]
        if not profiles and not mine:
            return
        theirs = {":user_uuid": {"S": user_uuid}}
        if self.db.transact(
            *(self.db.delete_action(person.profile_item, *is_unchanged(person)) for person in profiles),
            *(self.db.delete_action(person.handle_item, _IS_THEIRS, theirs) for person in mine),
        ):
            raise Busy("Profile and handle keep changing.")

    def close(self, head: Head, user_uuid: str) -> None:
        """Mark a member as leaving; then nothing can be sent. No change if they are already leaving or deleted."""
        leaving = head.members[user_uuid].leaving
        self._set_member(
            head.message_group_uuid,
            leaving,
            "NOT members.#me.handle IN (:handle, :deleted)",
            {},
            {":deleted": {"S": leaving.deleted.handle}},
        )

    def erase_member(self, head: Head, user_uuid: str) -> bool:
        """Mark a member as deleted, without settings. False if the other member has changed since they were read.

        Somebody whom they blocked goes on seeing their mark where it was.
        """
        other, block = head.other(user_uuid), head.membership(user_uuid).block
        return self._set_member(
            head.message_group_uuid,
            head.members[user_uuid].deleted,
            "members.#other.handle = :other",
            {"#other": other.user_uuid},
            {":other": {"S": other.handle}, **({":read": {"N": str(block.read)}} if block else {})},
            (", members.#me.read_seq = :read" if block else "") + _NO_SIDE,
        )

    def end_block(self, entry: BlockEntry) -> None:
        """Delete a block of an erased person, and the head that only keeps it. Raises Busy."""
        until_not_busy(lambda: self._end_block(entry))

    def _end_block(self, entry: BlockEntry) -> None:
        group = keys.pair_uuid(entry.owner_uuid, entry.user_uuid)
        head = self.head(group, consistent=True)
        if head is None or head.is_open:
            self.db.delete(keys.of(entry.item))
            return
        unchanged = ("version = :read", {":read": {"N": str(head.version)}})
        if head.is_blocking(entry.user_uuid):
            names = {"#me": entry.owner_uuid, **_SIDE_NAMES}
            update = f"{_NO_SIDE} ADD version :one"
            condition, values = unchanged
            action = self.db.update_action(keys.of(head.item), update, condition, {**values, ":one": {"N": "1"}}, names)
        else:
            action = self.db.delete_action(head.item, *unchanged)
        if self.db.transact(action, self.db.delete_action(entry.item)):
            raise Busy("A block keeps changing.")

    # Requests

    def _items(self, primary_keys: Iterable[Item]) -> list[Item]:
        wanted = list(primary_keys)
        return self.db.get_many(wanted, consistent=True)

    def _set_member(
        self,
        message_group_uuid: str,
        person: Person,
        condition: str,
        names: dict[str, str],
        values: Item,
        more: str = "",
    ) -> bool:
        try:
            until_not_busy(
                lambda: self.update_head(
                    message_group_uuid,
                    f"SET members.#me.handle = :handle, members.#me.display_name = :display_name{more}",
                    f"attribute_exists(members.#me) AND {condition}",
                    {**_name(person), **values},
                    {"#me": person.user_uuid, **names, **(_SIDE_NAMES if more else {})},
                )
            )
        except ConditionFailed:
            return False
        return True


def _name(person: Person) -> Item:
    return {":handle": {"S": person.handle}, ":display_name": {"S": person.display_name}}
