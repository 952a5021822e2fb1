"""The table, with what operators do to people in it and the functions do not."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from messaging import keys
from messaging.errors import Busy, HandleTaken
from messaging.items import SPREADING, Head, Item, Message, Person
from messaging.retry import attempts
from messaging.table import ConditionFailed, Table, unchanged
from operators.writing import delete_all, put_all

BEFORE_ALL_TIMES = "0"
_PAGE = 100
_IS_THEIRS = "attribute_not_exists(pk) OR user_uuid = :user_uuid"


class PeopleTable(Table):
    """Reads consistently. A profile is marked while conversations may show the person as before its last change."""

    def profiles(self, user_uuids: Iterable[str]) -> dict[str, tuple[Person, bool]]:
        """Who of these, at most 100, has a profile, and whether it has the mark, by user_uuid."""
        items = self._items(keys.key(keys.profile_pk(one), keys.PROFILE) for one in user_uuids)
        people = ((Person.from_profile_item(item), SPREADING in item) for item in items)
        return {person.user_uuid: (person, spreading) for person, spreading in people}

    def owners(self, handles: Iterable[str]) -> dict[str, Person]:
        """Who has which of these handles, at most 100, by the handle in lower case."""
        wanted = {keys.handle_pk(handle) for handle in handles if keys.is_handle(handle)}
        items = self._items(keys.key(pk, keys.HANDLE) for pk in wanted)
        return {person.handle.lower(): person for person in map(Person.from_handle_item, items)}

    def messages(self, message_group_uuid: str, after: str = BEFORE_ALL_TIMES) -> Iterator[list[Message]]:
        """All messages of a conversation in order, by the page, or those after a time."""
        page = self.after(message_group_uuid, after, _PAGE, consistent=True)
        while page:
            yield page
            page = self.after(message_group_uuid, page[-1].created_at, _PAGE, consistent=True)

    # Renaming

    def rename(self, old: Person, new: Person) -> Person:
        """Puts new profile, with the mark, and new handle, and deletes the old one: the new profile.

        Whether the person shows receipts stays as it is. Raises HandleTaken, Busy.
        """
        new = replace(new, receipts=old.receipts, version=old.version + 1)
        profile = {**new.profile_item, SPREADING: {"BOOL": True}}
        theirs = {":user_uuid": {"S": new.user_uuid}}
        writes = [self._put(profile, *unchanged(old)), self._put(new.handle_item, _IS_THEIRS, theirs)]
        if keys.handle_pk(old.handle) != keys.handle_pk(new.handle):
            writes.append(self._delete(old.handle_item, _IS_THEIRS, theirs))
        refused = self._transact_in_time(writes)
        if 1 in refused:
            raise HandleTaken("The handle is taken.")
        if refused:
            raise Busy("The profile, or who has the old handle, has changed just now.")
        return new

    # Erasing

    def forget(self, user_uuid: str, handles: Iterable[str]) -> None:
        """Deletes a person's profile, its handle, and of `handles` those that are theirs. Raises Busy."""
        for _ in attempts():
            profiles = [person for person, _ in self.profiles([user_uuid]).values()]
            owners = self.owners([*handles, *(person.handle for person in profiles)]).values()
            mine = [person for person in owners if person.user_uuid == user_uuid]
            if not profiles and not mine:
                return
            theirs = {":user_uuid": {"S": user_uuid}}
            writes = [self._delete(person.profile_item) for person in profiles]
            writes += [self._delete(person.handle_item, _IS_THEIRS, theirs) for person in mine]
            if not self._transact_in_time(writes):
                return
        raise Busy("Profile and handle keep changing.")

    def close(self, head: Head, user_uuid: str) -> None:
        """Marks a member as leaving, after which nothing can be sent. Nothing changes if they are, or are deleted."""
        leaving = head.members[user_uuid].leaving
        self._set_member(
            head.message_group_uuid,
            leaving,
            "NOT members.#me.handle IN (:handle, :deleted)",
            {},
            {":deleted": {"S": leaving.deleted.handle}},
        )

    def erase_member(self, head: Head, user_uuid: str) -> bool:
        """Marks a member as deleted. False if the other is not as they were read."""
        other = head.other(user_uuid)
        return self._set_member(
            head.message_group_uuid,
            head.members[user_uuid].deleted,
            "members.#other.handle = :other",
            {"#other": other.user_uuid},
            {":other": {"S": other.handle}},
        )

    def put_messages(self, messages: Iterable[Message]) -> None:
        """Puts messages over those that lie there. Raises Busy."""
        put_all(self._client, self._name, (message.item for message in messages))

    def delete(self, items: Iterable[Item]) -> None:
        """Deletes what lies at the keys of these items. Raises Busy."""
        delete_all(self._client, self._name, ({"pk": item["pk"], "sk": item["sk"]} for item in items))

    # Requests

    def _items(self, primary_keys: Iterable[Item]) -> list[Item]:
        wanted = list(primary_keys)
        return self.get_many(wanted, consistent=True) if wanted else []

    def _set_member(
        self, message_group_uuid: str, person: Person, condition: str, names: dict[str, str], values: Item
    ) -> bool:
        for _ in attempts():
            try:
                self._update_head(
                    message_group_uuid,
                    "SET members.#me.handle = :handle, members.#me.display_name = :display_name",
                    f"attribute_exists(members.#me) AND {condition}",
                    {**_name(person), **values},
                    {"#me": person.user_uuid, **names},
                )
            except ConditionFailed:
                return False
            except Busy:
                pass
            else:
                return True
        raise Busy("DynamoDB is throttling, or too many messages are being sent in a conversation.")

    def _transact_in_time(self, writes: Iterable[Item]) -> dict[int, Item]:
        for _ in attempts():
            try:
                return self._transact(*writes)
            except Busy:
                pass
        raise Busy("DynamoDB is throttling writes.")


def _name(person: Person) -> Item:
    return {":handle": {"S": person.handle}, ":display_name": {"S": person.display_name}}
