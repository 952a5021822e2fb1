"""Checking a whole table against the design's rules, and rebuilding message groups from the heads of conversations."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from messaging import keys
from messaging.inbox import rebuild
from messaging.items import Head, Item, Message, MessageGroup, Person, Receipt
from messaging.table import Table

SEGMENTS = 4  # of the parallel scan
_SETTLE = 3.0  # seconds: an inbox may be behind its conversation by as much while the system runs
_BATCH = 100  # keys in one BatchGetItem
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True, order=True)
class Break:
    """A break of a rule: its kind, the conversation or partition it is in, and more in ids and numbers."""

    kind: str
    where: str
    detail: str

    @property
    def of_inbox(self) -> bool:
        """True if a message group is wrong, which the head of its conversation can mend."""
        return self.kind in ("missing", "double", "stale")

    def __str__(self) -> str:
        return f"{self.kind:<10} {self.where}  {self.detail}"


def verify(client: Any, table_name: str, progress: Callable[[int], None] = lambda _: None) -> list[Break]:
    """Every break of the rules in a table, sorted. Reads each item once or twice, in memory that does not grow with it.

    What may only be an inbox a little behind its conversation is looked at again after a moment. `progress` is told
    how many items each page has brought.
    """
    with ThreadPoolExecutor(SEGMENTS) as threads:
        segments = [_Segment(client, table_name, number, progress) for number in range(SEGMENTS)]
        breaks = {one for found in threads.map(_Segment.run, segments) for one in found}
    behind = {one.where for one in breaks if one.of_inbox}
    if behind:
        time.sleep(_SETTLE)
        table = Table(client, table_name)
        breaks = {one for one in breaks if not one.of_inbox}
        breaks |= {one for group in behind for one in inbox_breaks(table, group)}
    return sorted(breaks)


def inbox_breaks(table: Table, message_group_uuid: str) -> list[Break]:
    """How the two message groups of a conversation differ from what its head says."""
    head = table.head(message_group_uuid, consistent=True)
    if head is None:
        return []
    breaks = []
    for wanted in head.message_groups:
        lying = _lying(table, wanted)
        if not lying:
            breaks.append(Break("missing", message_group_uuid, f"from the inbox of {wanted.owner_uuid}"))
        elif len(lying) > 1:
            places = ", ".join(group.sk for group in lying)
            breaks.append(Break("double", message_group_uuid, f"in the inbox of {wanted.owner_uuid}: {places}"))
        elif lying[0] not in (wanted, wanted.beside()):
            breaks.append(Break("stale", message_group_uuid, f"in the inbox of {wanted.owner_uuid}: {lying[0].sk}"))
    return breaks


def repair(table: Table, message_group_uuid: str) -> None:
    """Rebuilds both message groups of a conversation from its head. Safe while the system runs. Raises Busy."""
    head = table.head(message_group_uuid, consistent=True)
    if head:
        rebuild(table, head, {group.created_at for wanted in head.message_groups for group in _lying(table, wanted)})


def _lying(table: Table, wanted: MessageGroup) -> list[MessageGroup]:
    """Every message group of a conversation in one person's inbox."""
    found: list[MessageGroup] = []
    page = table.inbox(wanted.owner_uuid, _BATCH)
    while page:
        found += [group for group in page if group.message_group_uuid == wanted.message_group_uuid]
        page = table.inbox(wanted.owner_uuid, _BATCH, page[-1].sk)
    return found


class _Segment:
    """One part of the table: scanned, each partition checked as it passes, and what it points to looked up."""

    def __init__(self, client: Any, table_name: str, number: int, progress: Callable[[int], None]) -> None:
        self._client = client
        self._table_name = table_name
        self._table = Table(client, table_name)
        self._number = number
        self._progress = progress
        self._breaks: list[Break] = []
        self._lookups: list[tuple[Item, Callable[[Item | None], None]]] = []

    def run(self) -> list[Break]:
        checks: dict[str, Callable[[str, Iterator[Item]], None]] = {
            keys.conversation_pk(""): self._conversation,
            keys.inbox_pk(""): self._inbox,
            keys.receipt_pk(""): self._receipt,
            keys.profile_pk(""): self._profile,
            keys.handle_pk(""): self._handle,
        }
        for pk, items in groupby(self._scan(), key=lambda item: str(item["pk"]["S"])):
            prefix, _, identifier = pk.partition("#")
            check = checks.get(f"{prefix}#")
            if check is None:
                self._report("unknown", pk, "is no partition of this model")
                continue
            try:
                check(identifier, items)
            except _UNREADABLE as error:
                self._report("unreadable", pk, f"{type(error).__name__}: {error}")
        while self._lookups:
            self._look_up()
        return self._breaks

    def _conversation(self, group: str, items: Iterator[Item]) -> None:
        seq, last, head, senders = 0, None, None, set()
        for item in items:
            if item["sk"]["S"] == keys.HEAD:
                head = Head.from_item(item)
                continue
            message = Message.from_item(item)
            senders.add(message.sender.user_uuid)
            if not keys.is_time(message.created_at):
                self._report("order", group, f"{message.created_at} is not a time")
            if message.seq != seq + 1:
                self._report("gap", group, f"seq {message.seq} follows {seq}")
            seq, last = message.seq, message
        if head is None:
            self._report("orphan", group, f"{seq} messages without a head")
            return
        if last is None or (head.last_seq, head.created_at, head.message, head.sender_uuid) != (
            last.seq,
            last.created_at,
            last.message,
            last.sender.user_uuid,
        ):
            self._report("head", group, f"says {head.last_seq}, the last message is {seq}")
        if len(head.members) != 2 or keys.pair_uuid(*head.members) != group:
            self._report("members", group, "is not the conversation of its members")
            return
        if not senders <= set(head.members):
            self._report("members", group, "has messages of somebody else")
        for wanted in head.message_groups:
            self._expect_group(wanted)

    def _expect_group(self, wanted: MessageGroup) -> None:
        def beside(item: Item | None) -> None:
            if item is None or MessageGroup.from_item(item) != wanted.beside():
                self._report("missing", wanted.message_group_uuid, f"from the inbox of {wanted.owner_uuid}")

        def plain(item: Item | None) -> None:
            if item is None or MessageGroup.from_item(item) != wanted:
                self._expect(wanted.beside().item, beside)

        self._expect(wanted.item, plain)

    def _inbox(self, _: str, items: Iterator[Item]) -> None:
        seen: set[str] = set()
        for item in items:
            group = MessageGroup.from_item(item)
            if group.message_group_uuid in seen:
                self._report("double", group.message_group_uuid, f"in the inbox of {group.owner_uuid}")
            seen.add(group.message_group_uuid)
            self._expect_head(group)

    def _expect_head(self, group: MessageGroup) -> None:
        def check(item: Item | None) -> None:
            if item is None:
                self._report(
                    "orphan", group.message_group_uuid, f"no conversation, but in the inbox of {group.owner_uuid}"
                )
                return
            wanted = [one for one in Head.from_item(item).message_groups if one.owner_uuid == group.owner_uuid]
            if not wanted or group not in (wanted[0], wanted[0].beside()):
                self._report("stale", group.message_group_uuid, f"in the inbox of {group.owner_uuid}: {group.sk}")

        self._expect(keys.key(keys.conversation_pk(group.message_group_uuid), keys.HEAD), check)

    def _receipt(self, message_uuid: str, items: Iterator[Item]) -> None:
        for item in items:
            receipt = Receipt.from_item(item)

            def check(found: Item | None) -> None:
                if found is None or found["message_uuid"]["S"] != message_uuid:
                    self._report("orphan", keys.receipt_pk(message_uuid), "a receipt without its message")

            self._expect(keys.key(keys.conversation_pk(receipt.message_group_uuid), receipt.created_at), check)

    def _profile(self, user_uuid: str, items: Iterator[Item]) -> None:
        for item in items:
            person = Person.from_profile_item(item)
            self._expect_person(person, person.handle_item, Person.from_handle_item, keys.profile_pk(user_uuid))

    def _handle(self, handle: str, items: Iterator[Item]) -> None:
        for item in items:
            person = Person.from_handle_item(item)
            self._expect_person(person, person.profile_item, Person.from_profile_item, keys.handle_pk(handle))

    def _expect_person(self, person: Person, other: Item, read: Callable[[Item], Person], where: str) -> None:
        def check(found: Item | None) -> None:
            if found is None or read(found) != person:
                self._report("person", where, "profile and handle do not belong together")

        self._expect(other, check)

    def _report(self, kind: str, where: str, detail: str) -> None:
        self._breaks.append(Break(kind, where, detail))

    def _expect(self, item: Item, check: Callable[[Item | None], None]) -> None:
        """`check` will be called with what lies at the key of `item`."""
        self._lookups.append((keys.key(item["pk"]["S"], item["sk"]["S"]), check))
        if len(self._lookups) >= _BATCH:
            self._look_up()

    def _look_up(self) -> None:
        lookups, self._lookups = self._lookups[:_BATCH], self._lookups[_BATCH:]
        wanted = {(key["pk"]["S"], key["sk"]["S"]): key for key, _ in lookups}
        items = self._table.get_many(list(wanted.values()), consistent=True)
        found = {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
        for key, check in lookups:
            check(found.get((key["pk"]["S"], key["sk"]["S"])))

    def _scan(self) -> Iterator[Item]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table_name, Segment=self._number, TotalSegments=SEGMENTS, ConsistentRead=True
        )
        for page in pages:
            self._progress(len(page["Items"]))
            yield from page["Items"]
