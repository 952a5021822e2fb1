"""The requests that only operators make to messages and their sent records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.change import MessageChange
from messaging.model.conversation import AttributesUpdate, Head
from messaging.model.hidden import Hidden, unseen_attribute
from messaging.model.inbox_entry import InboxEntry
from messaging.model.items import Item
from messaging.model.membership import FOLDERS
from messaging.model.message import Message
from messaging.model.sent_record import SentRecord
from messaging.retry import until_not_busy
from messaging.storage.dynamodb import ABSENT, ConditionFailed
from messaging.storage.table import BEFORE_ALL_TIMES, HeadChanged, Table
from operators.writing import delete_all

_PAGE = 100
_IS_AS_READ = "pk = ? AND sk = ? AND message_group_uuid = ? AND created_at = ?"


class ConversationTable(Table):
    """Messages and sent records, read consistently."""

    def messages(self, message_group_uuid: str, after: str = BEFORE_ALL_TIMES) -> Iterator[list[Message]]:
        """All messages of a conversation in order, or those after a time, in pages of 100."""
        page = self.after(message_group_uuid, after, _PAGE, consistent=True)
        while page:
            yield page
            page = self.after(message_group_uuid, page[-1].created_at, _PAGE, consistent=True)

    def all_entries_of(self, owner_uuid: str, message_group_uuid: str) -> list[InboxEntry]:
        """One conversation's entries in all folders of a person; normally one."""
        return [
            entry
            for folder in FOLDERS
            for entry in self.entries_of(owner_uuid, message_group_uuid, folder, keys.FIRST_TIME)
        ]

    def all_blocks(self, user_uuid: str) -> list[BlockEntry]:
        """All people that a person blocks."""
        return [*map(BlockEntry.from_item, self.db.query_all(keys.blocks_pk(user_uuid), consistent=True))]

    def put_head(self, head: Head, read: Head | None) -> None:
        """Put a head, or update the one that was `read`, if it has not changed since. Raises HeadChanged.

        The version of `head` is above that of `read`. A stored head keeps its members' names and its other attributes.
        """
        try:
            if read is None:
                self.db.put(head.item, ABSENT)
                return
            last = AttributesUpdate.of_last(head.last)
            members = dict(zip(("#one", "#other"), head.read_seqs, strict=True))
            marks = {f":{name[1:]}": {"N": str(head.read_seqs[one])} for name, one in members.items()}
            wrote = "".join(f", members.{name}.wrote = :true" for name, one in members.items() if one in head.wrote)
            unchanged = "version = :read_version" if read.version else "attribute_not_exists(version)"
            self.db.update(
                keys.of(head.item),
                f"{last.set}, version = :version, members.#one.read_seq = :one, "
                f"members.#other.read_seq = :other{wrote} {last.remove}",
                f"last_seq = :read_seq AND {unchanged}",
                {
                    **last.values,
                    **marks,
                    ":version": {"N": str(head.version)},
                    ":read_seq": {"N": str(read.last_seq)},
                    **({":read_version": {"N": str(read.version)}} if read.version else {}),
                    **({":true": {"BOOL": True}} if wrote else {}),
                },
                {**last.names, **members},
            )
        except ConditionFailed:
            raise HeadChanged(None) from None

    def put_last_change(self, head: Head, change: MessageChange) -> None:
        """Correct the last change in a head, if it has not changed since it was read. Raises HeadChanged."""
        try:
            self.update_head(
                head.message_group_uuid,
                "SET last_change = :change",
                "version = :read",
                {":change": change.in_head, ":read": {"N": str(head.version)}},
                {},
            )
        except ConditionFailed:
            raise HeadChanged(None) from None

    def put_senders(self, messages: Iterable[Message]) -> None:
        """Write the names of the senders of stored messages. 1 write unit each. Raises Busy."""
        names = ("user_handle", "user_display_name")
        text = f'UPDATE "{self.db.table_name}" SET {", ".join(f"{name} = ?" for name in names)} WHERE pk = ? AND sk = ?'
        self._all_done(
            [
                {"Statement": text, "Parameters": [message.item[name] for name in (*names, "pk", "sk")]}
                for message in messages
            ]
        )

    def delete_reactions(self, messages: Iterable[Message], user_uuid: str) -> None:
        """Delete a person's reactions to messages. 1 write unit each. Raises Busy."""
        for message in messages:
            self._remove(message.item, "reactions.#me", user_uuid)

    def delete_hidden(self, message_group_uuid: str, user_uuid: str) -> None:
        """Delete the numbers of the messages that are hidden from a person. 2 write units. Raises Busy."""
        for name in (user_uuid, unseen_attribute(user_uuid)):
            self._remove(Hidden(message_group_uuid).item, "#me", name)

    def _remove(self, item: Item, path: str, user_uuid: str) -> None:
        with suppress(ConditionFailed):  # there is nothing
            until_not_busy(
                lambda: self.db.update(
                    keys.of(item), f"REMOVE {path}", f"attribute_exists({path})", {}, {"#me": user_uuid}
                )
            )

    def changes_of(self, message_group_uuid: str) -> Iterator[MessageChange]:
        """All changes of a conversation's messages in order."""
        return map(MessageChange.from_item, self.db.query_all(keys.changes_pk(message_group_uuid), consistent=True))

    def hidden(self, message_group_uuid: str) -> Hidden:
        """The hidden messages of a conversation."""
        return self.head_and_hidden(message_group_uuid, consistent=True)[1]

    def delete(self, items: Iterable[Item]) -> None:
        """Delete the stored items at the keys of these items. Raises Busy."""
        delete_all(self.db, map(keys.of, items))

    def sent_records(self, message_uuids: Iterable[str]) -> dict[str, Item]:
        """The stored sent records of these different message_uuids, by message_uuid. 1 read unit each."""
        wanted = [keys.key(keys.sent_record_pk(one), keys.SENT_RECORD) for one in message_uuids]
        items = self.db.get_many(wanted, consistent=True)
        return {SentRecord.from_item(item).message_uuid: item for item in items}

    def put_sent_records(self, messages: Sequence[Message], stored: Mapping[str, Item]) -> bool:
        """Write the sent records of messages, if they are still as `stored` (see `sent_records`). 1 write unit each.

        No two messages may share a message_uuid. False if a sent record has changed since. Raises Busy.
        """
        return self._all_done([self._sent_record_statement(one, stored.get(one.message_uuid)) for one in messages])

    def delete_sent_records(self, messages: Iterable[Message]) -> None:
        """Delete the sent records that point to the conversation of these messages. Raises Busy."""
        sent_records = {message.message_uuid: SentRecord.of(message).item for message in messages}
        names = ("pk", "sk", "message_group_uuid")
        statement = f'DELETE FROM "{self.db.table_name}" WHERE {" AND ".join(f"{name} = ?" for name in names)}'
        self._all_done(
            [{"Statement": statement, "Parameters": [item[name] for name in names]} for item in sent_records.values()]
        )

    def _sent_record_statement(self, message: Message, stored: Item | None) -> Item:
        item = SentRecord.of(message).item
        if stored is None:
            return self.db.insert_statement(item)
        shown = [name for name in ("message_group_uuid", "created_at", "digest", "seq") if name in item]
        changes = ", ".join(f"{name} = ?" for name in shown)
        return {
            "Statement": f'UPDATE "{self.db.table_name}" SET {changes} REMOVE "ttl" WHERE {_IS_AS_READ}',
            "Parameters": [*(item[name] for name in shown), *_as_read(stored)],
        }

    def _all_done(self, statements: Sequence[Item]) -> bool:
        outcomes = self.db.execute(statements)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return None not in outcomes


def is_sent_record_of(message: Message, item: Item | None) -> bool:
    """True if the item is the right sent record of this message: permanent, with its place, number and digest.

    The digest of a text that was edited or unsent cannot be checked any more.
    """
    if item is None or "ttl" in item:
        return False
    stored, wanted = SentRecord.from_item(item), SentRecord.of(message)
    return (stored if wanted.digest else stored._replace(digest=None)) == wanted


def _as_read(sent_record: Item) -> list[Item]:
    return [sent_record[name] for name in ("pk", "sk", "message_group_uuid", "created_at")]
