"""The import itself: writes the difference between the plan and the stored items."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.inbox_entry import InboxEntry
from messaging.model.items import Item
from messaging.model.message import Draft, Message, Quote
from messaging.model.sent_record import SentRecord
from messaging.retry import until_not_busy
from messaging.storage.dynamodb import DynamoDB
from messaging.storage.table import HeadChanged
from operators.bootcamp import source as bootcamp
from operators.bootcamp.report import Note, Outcome
from operators.bootcamp.source import SourceMessage, is_naive, made_uuid, time_of
from operators.bootcamp.survey import Plan
from operators.conversation_table import ConversationTable, is_sent_record_of
from operators.repair import repair_inboxes
from operators.writing import Line, continued, put_all

_MAX_CONCURRENCY = 4  # conversations


def carry_out(
    client: Any,
    source: str,
    target: str,
    plan: Plan,
    *,
    write: bool,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Write the items that the target lacks: people, then each conversation with its inbox entries.

    Without `write` it only counts. `on_progress` gets the number of messages in each conversation. Raises Busy, and
    HandleTaken if somebody has signed up with a handle since the survey: then run it again.
    """
    importer = _Importer(client, source, target, plan, write=write, on_progress=on_progress)
    total = Outcome()
    with ThreadPoolExecutor(_MAX_CONCURRENCY) as threads:
        if write:
            for _ in threads.map(importer.table.register, plan.unknown_here):
                pass
        for outcome in threads.map(importer.bring, plan.conversations):
            total.add(outcome)
    return total


class _Importer:
    def __init__(
        self, client: Any, source: str, target: str, plan: Plan, *, write: bool, on_progress: Callable[[int], None]
    ) -> None:
        self.table = ConversationTable(client, target)
        self._source = DynamoDB(client, source)
        self._plan = plan
        self._write = write
        self._on_progress = on_progress

    def bring(self, pair: tuple[str, str]) -> Outcome:
        """Import one conversation."""
        outcome = Outcome()
        lines = self._lines(pair, outcome)
        outcome.counts += until_not_busy(lambda: self._try(pair, lines))
        self._on_progress(len(lines))
        return outcome

    def _try(self, pair: tuple[str, str], lines: list[Line]) -> Counter[str]:
        try:
            return self._write_difference(pair, lines)
        except HeadChanged:
            raise Busy("People keep sending messages in a conversation.") from None

    def _lines(self, pair: tuple[str, str], outcome: Outcome) -> list[Line]:
        """The messages of two people in the source, in order of time, each once."""
        plan = self._plan
        messages = [
            one for group in plan.conversations[pair] for one in _messages(self._source, group, pair, plan, outcome)
        ]
        messages.sort(key=lambda one: (one.at, one.group, one.sk))
        lines: dict[str, Line] = {}
        for one in messages:
            sender = plan.people[plan.user_uuids[one.sender] if one.sender else pair[0]]
            message_uuid = one.message_uuid or made_uuid(one.where)
            line = Line(Draft(message_uuid, one.text), sender, one.at)
            if lines.get(message_uuid) == line:
                outcome.counts["copies"] += 1
                continue
            if message_uuid in lines:
                outcome.counts["made"] += 1
                line = Line(Draft(made_uuid(one.where), one.text), sender, one.at)
            lines[line.draft.message_uuid] = line
        outcome.counts["made"] += sum(one.message_uuid is None for one in messages)
        outcome.counts["without text"] += sum(not line.draft.message for line in lines.values())
        return list(lines.values())

    def _write_difference(self, pair: tuple[str, str], lines: list[Line]) -> Counter[str]:
        """Write the difference. Raises HeadChanged if somebody meanwhile sent a message, or used a message_uuid."""
        group = keys.pair_uuid(*pair)
        head, stored = self._stored(group)
        arrived = {message.message_uuid for message in stored}
        sent_records = self.table.sent_records(line.draft.message_uuid for line in lines)
        requested = {line.draft.message_uuid for line in lines}
        lines = [_owned(line, group, arrived, sent_records.get(line.draft.message_uuid)) for line in lines]
        sent_here = {message.message_uuid: message for message in stored}
        lines = [_as_changed(line, sent_here.get(line.draft.message_uuid)) for line in lines]
        for line in lines:
            sent_here.pop(line.draft.message_uuid, None)
        members = head.members if head else {one: self._plan.people[one] for one in pair}
        merged = sorted([*map(_line, sent_here.values()), *lines], key=lambda line: line.at)
        named = (replace(line, sender=members[line.sender.user_uuid]) for line in merged)
        conversation = list(continued((members[pair[0]], members[pair[1]]), named, None))
        wanted = {message.created_at: message for message in _with_quotes([message for message, _ in conversation])}
        wanted_head = _read(conversation[-1][1], head)

        there = {message.created_at: message for message in stored}
        differing = [message for message in wanted.values() if _other(there.get(message.created_at), message)]
        sent_records |= self.table.sent_records({message.message_uuid for message in wanted.values()} - requested)
        unclaimed = [message for message in wanted.values() if message.message_uuid not in sent_records]
        misplaced = [
            message for message in wanted.values() if _is_misplaced(sent_records.get(message.message_uuid), message)
        ]
        new = sum(message.message_uuid not in arrived for message in differing)
        counts = Counter({"new": new, "there": len(wanted) - len(differing), "renumbered": len(differing) - new})
        head_differs = head is None or _position(head) != _position(wanted_head)
        stands = not head_differs and head is not None and self._inboxes_stand(head)
        counts["made"] = len({line.draft.message_uuid for line in lines} - requested)
        counts["changed conversations"] += bool(differing or unclaimed or misplaced or not stands)
        if self._write:
            self._put_sent_records(unclaimed, sent_records)
            self._put(there, differing, misplaced, sent_records)
            self._delete(set(there) - set(wanted), group)
            self._move_changes(group, stored, wanted.values())
            if head_differs:
                self.table.put_head(wanted_head, head)
            if not stands:
                repair_inboxes(self.table, group)
        return counts

    def _put(
        self,
        there: Mapping[str, Message],
        messages: list[Message],
        misplaced: list[Message],
        sent_records: Mapping[str, Item],
    ) -> None:
        """Put messages so that at every moment each stored message exists somewhere and its sent record points to it.

        Messages move to later times, so the latest is put first. `misplaced` are messages with another sent record.
        """
        displacing = [
            message
            for message in messages
            if message.created_at in there and there[message.created_at].message_uuid != message.message_uuid
        ]
        times = {message.created_at for message in displacing}
        put_all(self.table.db, (message.item for message in messages if message.created_at not in times))
        self._put_sent_records([message for message in misplaced if message.created_at not in times], sent_records)
        for message in reversed(displacing):
            self.table.db.put(message.item)
            self._put_sent_records([one for one in misplaced if one.created_at == message.created_at], sent_records)

    def _put_sent_records(self, messages: list[Message], sent_records: Mapping[str, Item]) -> None:
        if not self.table.put_sent_records(messages, sent_records):
            raise HeadChanged(None)

    def _delete(self, times: Iterable[str], group: str) -> None:
        for time in sorted(times):
            self.table.db.delete(keys.key(keys.conversation_pk(group), time))

    def _move_changes(self, group: str, stored: Iterable[Message], wanted: Iterable[Message]) -> None:
        """Let changes and hidden messages follow the messages that have moved."""
        placed = {message.message_uuid: message for message in wanted}
        now = {old.created_at: (old.seq, placed[old.message_uuid]) for old in stored if old.message_uuid in placed}
        moved = {time: new for time, (seq, new) in now.items() if (seq, time) != (new.seq, new.created_at)}
        if not moved:
            return
        changes = [one for one in self.table.changes_of(group) if one.created_at in moved]
        put_all(
            self.table.db,
            (one._replace(created_at=moved[one.created_at].created_at).item(group) for one in changes),
        )
        head = self.table.head(group, consistent=True)
        if head and head.changed and head.changed.created_at in moved:
            self.table.put_last_change(
                head, head.changed._replace(created_at=moved[head.changed.created_at].created_at)
            )
        seqs = {seq: new.seq for seq, new in now.values()}
        hidden = self.table.hidden(group)
        for user_uuid, mine in hidden.seqs.items():
            hidden = replace(hidden, seqs={**hidden.seqs, user_uuid: frozenset(seqs.get(seq, seq) for seq in mine)})
        if hidden.seqs:
            self.table.db.put(hidden.item)

    def _stored(self, group: str) -> tuple[Head | None, list[Message]]:
        head, messages = None, []
        for item in self.table.db.query_all(keys.conversation_pk(group), consistent=True):
            if item["sk"]["S"] == keys.HEAD:
                head = Head.from_item(item)
            elif item["sk"]["S"] != keys.HIDDEN:
                messages.append(Message.from_item(item))
        return head, messages

    def _inboxes_stand(self, head: Head) -> bool:
        possible = [entry for plain in head.inbox_entries for entry in (plain, plain.tiebroken())]
        wanted = [keys.key(keys.inbox_pk(entry.owner_uuid), entry.sk) for entry in possible]
        stored = map(InboxEntry.from_item, self.table.db.get_many(wanted, consistent=True))
        return {group.owner_uuid for group in stored if group in possible} == {
            group.owner_uuid for group in head.inbox_entries
        }


def _messages(
    source: DynamoDB, group: str, pair: tuple[str, str], plan: Plan, outcome: Outcome
) -> Iterator[SourceMessage]:
    """A message group's messages that belong to this conversation, in the order of their keys."""
    for one in bootcamp.messages(source, group):
        if plan.pair_of(group, one.sender) != pair:
            continue
        if time_of(one.sk) is None:
            outcome.notes.append(Note("time", one.where, f"cannot be read; becomes {keys.format_time(one.at)}"))
        elif is_naive(one.sk):
            outcome.counts["naive"] += 1
        if one.sender is None:
            outcome.notes.append(Note("guess", one.where, f"has no sender; becomes one of {pair[0]}"))
        yield one


def _line(message: Message) -> Line:
    return Line(message.draft, message.sender, datetime.fromisoformat(message.created_at), message)


def _with_quotes(messages: list[Message]) -> list[Message]:
    """The messages, with the places of those that they reply to."""
    places = {
        message.message_uuid: Quote(message.message_uuid, message.created_at, message.seq) for message in messages
    }
    return [
        replace(one, reply_to=places.get(one.reply_to.message_uuid, one.reply_to)) if one.reply_to else one
        for one in messages
    ]


def _as_changed(line: Line, stored: Message | None) -> Line:
    """The line as its message is stored, if people have changed that since it was imported."""
    return replace(line, draft=stored.draft, stored=stored) if stored and stored.change else line


def _other(stored: Message | None, wanted: Message) -> bool:
    """True if another message is stored at its key. Names may differ: they are from the time of writing."""
    return stored is None or (stored.draft, stored.sender.user_uuid, stored.seq) != (
        wanted.draft,
        wanted.sender.user_uuid,
        wanted.seq,
    )


def _owned(line: Line, group: str, arrived: set[str], sent_record: Item | None) -> Line:
    """The line with a message_uuid that no other conversation has, the same in every run."""
    made = made_uuid(f"{group} {line.draft.message_uuid}")
    is_taken = sent_record is not None and SentRecord.from_item(sent_record).message_group_uuid != group
    if made in arrived or (is_taken and line.draft.message_uuid not in arrived):
        return replace(line, draft=replace(line.draft, message_uuid=made))
    return line


def _is_misplaced(sent_record: Item | None, message: Message) -> bool:
    """True if this conversation has a wrong sent record with the message's uuid."""
    if sent_record is None or is_sent_record_of(message, sent_record):
        return False
    return SentRecord.from_item(sent_record).message_group_uuid == message.message_group_uuid


def _read(wanted: Head, head: Head | None) -> Head:
    """Set the marks: imported messages count as read; of messages sent here (`head`), as many as before."""
    if head is None:
        return replace(wanted, read_seqs=dict.fromkeys(wanted.members, wanted.last_seq))
    unread = {one: head.last_seq - mark for one, mark in head.read_seqs.items()}
    marks = {one: wanted.last_seq - unread[one] for one in wanted.members}
    return replace(wanted, read_seqs=marks, version=head.version + 1)


def _position(head: Head) -> tuple[int, str, str, str]:
    return head.last_seq, head.created_at, head.last.sender.user_uuid, head.last.message
