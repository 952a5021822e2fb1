"""The table, with what operators do to the messages of conversations and their receipts and the functions do not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.message import Message
from messaging.model.sent_record import SentRecord
from messaging.storage.table import Table, insert_statement
from operators.writing import delete_all, put_all

BEFORE_ALL_TIMES = "0"
_PAGE = 100
_IS_AS_READ = "pk = ? AND sk = ? AND message_group_uuid = ? AND created_at = ?"


class ConversationTable(Table):
    """Reads consistently."""

    def messages(self, message_group_uuid: str, after: str = BEFORE_ALL_TIMES) -> Iterator[list[Message]]:
        """All messages of a conversation in order, by the page of 100, or those after a time."""
        page = self.after(message_group_uuid, after, _PAGE, consistent=True)
        while page:
            yield page
            page = self.after(message_group_uuid, page[-1].created_at, _PAGE, consistent=True)

    def put_messages(self, messages: Iterable[Message]) -> None:
        """Puts messages over those that are stored there. Raises Busy."""
        put_all(self._client, self._name, (message.item for message in messages))

    def delete(self, items: Iterable[Item]) -> None:
        """Deletes what is stored at the keys of these items. Raises Busy."""
        delete_all(self._client, self._name, ({"pk": item["pk"], "sk": item["sk"]} for item in items))

    def sent_records(self, message_uuids: Iterable[str]) -> dict[str, Item]:
        """The stored receipts of these message_uuids, which all differ, by message_uuid. 1 read unit each."""
        uuids, found = iter(message_uuids), dict[str, Item]()
        while page := list(islice(uuids, _PAGE)):
            wanted = [keys.key(keys.sent_record_pk(one), keys.SENT_RECORD) for one in page]
            items = self.get_many(wanted, consistent=True)
            found |= {SentRecord.from_item(item).message_uuid: item for item in items}
        return found

    def put_sent_records(self, messages: Sequence[Message], stored: Mapping[str, Item]) -> bool:
        """Writes the receipts of messages, where they are still as `stored` (see `receipts`). 1 write unit each.

        No two messages may have one message_uuid. False if a receipt was not as `stored` any more. Raises Busy.
        """
        return self._all_done([self._sent_record_statement(one, stored.get(one.message_uuid)) for one in messages])

    def delete_sent_records(self, messages: Iterable[Message]) -> None:
        """Deletes the receipts that lead to the conversation of these messages. Raises Busy."""
        sent_records = {message.message_uuid: SentRecord.of(message).item for message in messages}
        names = ("pk", "sk", "message_group_uuid")
        statement = f'DELETE FROM "{self._name}" WHERE {" AND ".join(f"{name} = ?" for name in names)}'
        self._all_done(
            [{"Statement": statement, "Parameters": [item[name] for name in names]} for item in sent_records.values()]
        )

    def _sent_record_statement(self, message: Message, stored: Item | None) -> Item:
        item = SentRecord.of(message).item
        if stored is None:
            return insert_statement(self._name, item)
        shown = ("message_group_uuid", "created_at", "digest")
        changes = ", ".join(f"{name} = ?" for name in shown)
        return {
            "Statement": f'UPDATE "{self._name}" SET {changes} REMOVE "ttl" WHERE {_IS_AS_READ}',
            "Parameters": [*(item[name] for name in shown), *_as_read(stored)],
        }

    def _all_done(self, statements: Sequence[Item]) -> bool:
        outcomes = self._execute(statements)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return None not in outcomes


def is_sent_record_of(message: Message, item: Item | None) -> bool:
    """True if the item is the receipt that this message must have: kept for good, with its place and digest."""
    return item is not None and "ttl" not in item and SentRecord.from_item(item) == SentRecord.of(message)


def _as_read(sent_record: Item) -> list[Item]:
    return [sent_record[name] for name in ("pk", "sk", "message_group_uuid", "created_at")]
