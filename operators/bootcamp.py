"""Bringing a table of the bootcamp's Cruddur (week 5) into this model.

The source is read twice: once for who is in which message group, then conversation by conversation, so that no more
than a few conversations are in memory. What a conversation must be follows from the source and from what was sent here,
and nothing else. It is compared with what lies here, and the difference is written: a second run writes nothing, and
one that was cut off is finished by the next. Notes and counts hold ids, never a text or a name.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from itertools import islice
from typing import Any, Self
from uuid import UUID, uuid5

from messaging.model import keys
from messaging.model.cognito_users import MAX_NAME_LENGTH, usable_handle, usable_name
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Invalid
from messaging.model.inbox_entry import InboxEntry
from messaging.model.items import Item
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.retry import attempts
from messaging.storage.table import HeadChanged, Table
from operators.conversation_table import ConversationTable, is_sent_record_of
from operators.environments import OperatorError
from operators.repair import repair_inboxes
from operators.verify import items_of
from operators.writing import Line, continued, put_all, put_head

# The namespace of what the source lacks. Changing it would import such messages and people a second time.
_NAMESPACE = UUID("5d0c3c1e-8f0e-4b7e-9c52-6f2a0f6f1c7b")
_MAX_CONCURRENCY = 4  # conversations
_BATCH = 100  # keys in one BatchGetItem
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, order=True)
class Note:
    """Something an operator may want to look at, in ids: what it is, where, and more of it."""

    kind: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind:<10} {self.where}  {self.detail}"


@dataclass
class Outcome:
    """How many of what there was, and what is to be said by itself."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)

    def add(self, other: Self) -> None:
        self.counts += other.counts
        self.notes += other.notes


@dataclass(frozen=True, slots=True)
class _Said:
    """A message as the source has it. `sender` is a user of the source, None if it is not known who."""

    group: str
    sk: str
    at: datetime
    sender: str | None
    message_uuid: str | None
    text: str

    @property
    def where(self) -> str:
        return f"{keys.conversation_pk(self.group)} {self.sk}"


@dataclass
class _Seen:
    """The newest names of a user, with when they were seen. ("" is older than any.)"""

    handle: tuple[datetime, str] = (_LONG_AGO, "")
    display_name: tuple[datetime, str] = (_LONG_AGO, "")

    def see(self, other: "_Seen") -> None:
        self.handle = max((self.handle, other.handle), key=_known_then_newest)
        self.display_name = max((self.display_name, other.display_name), key=_known_then_newest)


@dataclass
class _Group:
    """What the source tells about who is in a message group: its message groups' owners and others, its senders."""

    pairs: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    senders: Counter[str | None] = field(default_factory=Counter)


@dataclass
class Plan:
    """Who the source's users are here, who has to be made, and which message groups make up each conversation.

    `members` are the two people of each message group of the source; a conversation is its two people.
    """

    user_uuids: dict[str, str]
    people: dict[str, Person]
    unknown_here: list[Person]
    members: dict[str, tuple[str, str]]
    conversations: dict[tuple[str, str], list[str]]
    outcome: Outcome

    def pair_of(self, group: str, sender: str | None) -> tuple[str, str]:
        """Whose conversation a message is in: its sender is never another than the source says."""
        members = self.members[group]
        user_uuid = self.user_uuids[sender] if sender else members[0]
        return members if user_uuid in members else _pair(user_uuid, members[0])


def survey(client: Any, source: str, target: str, progress: Callable[[int], None] = lambda _: None) -> Plan:
    """Reads the whole source and the people of the target, and writes nothing.

    `progress` is told how many items each page has brought. Raises OperatorError if the source is no bootcamp table.
    """
    schema = client.describe_table(TableName=source)["Table"]["KeySchema"]
    if source == target or {key["AttributeName"] for key in schema} != {"pk", "sk"}:
        raise OperatorError(f"{source} is no bootcamp table{' but the one to write to' if source == target else ''}.")
    outcome = Outcome()
    seen: dict[str, _Seen] = defaultdict(_Seen)
    groups: dict[str, _Group] = defaultdict(_Group)
    for item in _scan(client, source, progress):
        _survey_item(item, seen, groups, outcome)

    table = Table(client, target)
    user_uuids, people, unknown_here = _resolve(table, seen, outcome)
    known: dict[str, list[str]] = {}
    strangers: dict[str, list[str]] = {}
    for uuid, group in sorted(groups.items()):
        if not group.senders:
            outcome.notes.append(Note("empty", uuid, "a message group without messages"))
            continue
        known[uuid] = _known_members(uuid, group, user_uuids, outcome)
        strangers[uuid] = [f"{uuid}?{number}" for number in range(len(known[uuid]), 2)]
    placeholders, others, made = _resolve(table, {one: _Seen() for two in strangers.values() for one in two}, Outcome())
    for uuid, missing in strangers.items():
        for one in missing:
            known[uuid].append(placeholders[one])
            outcome.notes.append(Note("unknown", uuid, f"nothing tells who else is in it: {placeholders[one]}"))

    members = {uuid: _pair(*two) for uuid, two in known.items()}
    plan = Plan(user_uuids, people | others, [*unknown_here, *made], members, {}, outcome)
    _assign(plan, groups)
    return plan


def carry_out(
    client: Any, source: str, target: str, plan: Plan, *, write: bool, progress: Callable[[int], None] = lambda _: None
) -> Outcome:
    """Writes what is not in the target yet: people, then each conversation with its message groups.

    Without `write` it only tells what it would write. `progress` is told of the messages of each conversation. Raises
    Busy, and HandleTaken if somebody has signed up with a handle since the survey; to be run again then.
    """
    importer = _Importer(client, source, target, plan, write=write, progress=progress)
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
        self, client: Any, source: str, target: str, plan: Plan, *, write: bool, progress: Callable[[int], None]
    ) -> None:
        self.table = ConversationTable(client, target)
        self._client = client
        self._source = source
        self._target = target
        self._plan = plan
        self._write = write
        self._progress = progress

    def bring(self, pair: tuple[str, str]) -> Outcome:
        """Brings one conversation to where it must be."""
        outcome = Outcome()
        lines = self._lines(pair, outcome)
        for _ in attempts():
            try:
                outcome.counts += self._write_difference(pair, lines)
                break
            except HeadChanged:
                pass
        else:
            raise Busy("Messages are being sent in a conversation all the time.")
        self._progress(len(lines))
        return outcome

    def _lines(self, pair: tuple[str, str], outcome: Outcome) -> list[Line]:
        """What two people have said to each other in the source, in the order of time, each message once."""
        plan = self._plan
        said = [
            one
            for group in plan.conversations[pair]
            for one in _messages(self._client, self._source, group, pair, plan, outcome)
        ]
        said.sort(key=lambda one: (one.at, one.group, one.sk))
        lines: dict[str, Line] = {}
        for one in said:
            sender = plan.people[plan.user_uuids[one.sender] if one.sender else pair[0]]
            message_uuid = one.message_uuid or _made_uuid(one.where)
            line = Line(message_uuid, sender, one.text, one.at)
            if lines.get(message_uuid) == line:
                outcome.counts["copies"] += 1
                continue
            if message_uuid in lines:
                outcome.counts["made"] += 1
                line = Line(_made_uuid(one.where), sender, one.text, one.at)
            lines[line.message_uuid] = line
        outcome.counts["made"] += sum(one.message_uuid is None for one in said)
        outcome.counts["without text"] += sum(not line.text for line in lines.values())
        return list(lines.values())

    def _write_difference(self, pair: tuple[str, str], lines: list[Line]) -> Counter[str]:
        """Raises HeadChanged if somebody has sent a message, or used the message_uuid of one, meanwhile."""
        group = keys.pair_uuid(*pair)
        head, stored = self._stored(group)
        arrived = {message.message_uuid for message in stored}
        sent_records = self.table.sent_records(line.message_uuid for line in lines)
        asked = {line.message_uuid for line in lines}
        lines = [_owned(line, group, arrived, sent_records.get(line.message_uuid)) for line in lines]
        sent_here = {message.message_uuid: message for message in stored}
        for line in lines:
            sent_here.pop(line.message_uuid, None)
        members = head.members if head else {one: self._plan.people[one] for one in pair}
        merged = sorted([*map(_line, sent_here.values()), *lines], key=lambda line: line.at)
        named = (replace(line, sender=members[line.sender.user_uuid]) for line in merged)
        conversation = list(continued((members[pair[0]], members[pair[1]]), named, None))
        wanted = {message.created_at: message for message, _ in conversation}
        wanted_head = _read(conversation[-1][1], head)

        there = {message.created_at: message for message in stored}
        differing = [message for message in wanted.values() if _other(there.get(message.created_at), message)]
        sent_records |= self.table.sent_records({message.message_uuid for message in wanted.values()} - asked)
        unclaimed = [message for message in wanted.values() if message.message_uuid not in sent_records]
        misplaced = [
            message for message in wanted.values() if _is_misplaced(sent_records.get(message.message_uuid), message)
        ]
        new = sum(message.message_uuid not in arrived for message in differing)
        counts = Counter({"new": new, "there": len(wanted) - len(differing), "renumbered": len(differing) - new})
        head_differs = head is None or _position(head) != _position(wanted_head)
        stands = not head_differs and head is not None and self._inboxes_stand(head)
        counts["made"] = len({line.message_uuid for line in lines} - asked)
        counts["changed conversations"] += bool(differing or unclaimed or misplaced or not stands)
        if self._write:
            self._put_sent_records(unclaimed, sent_records)
            self._put(there, differing, misplaced, sent_records)
            self._delete(set(there) - set(wanted), group)
            if head_differs:
                put_head(self._client, self._target, wanted_head, head)
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
        """Puts messages so that at every moment each stored one is stored somewhere, and its receipt leads to it.

        What has to give way has moved to later times: the latest first. `misplaced` are those with another receipt.
        """
        displacing = [
            message
            for message in messages
            if message.created_at in there and there[message.created_at].message_uuid != message.message_uuid
        ]
        times = {message.created_at for message in displacing}
        put_all(self._client, self._target, (message.item for message in messages if message.created_at not in times))
        self._put_sent_records([message for message in misplaced if message.created_at not in times], sent_records)
        for message in reversed(displacing):
            self._client.put_item(TableName=self._target, Item=message.item)
            self._put_sent_records([one for one in misplaced if one.created_at == message.created_at], sent_records)

    def _put_sent_records(self, messages: list[Message], sent_records: Mapping[str, Item]) -> None:
        if not self.table.put_sent_records(messages, sent_records):
            raise HeadChanged(None)

    def _delete(self, times: Iterable[str], group: str) -> None:
        for time in sorted(times):
            self._client.delete_item(TableName=self._target, Key=keys.key(keys.conversation_pk(group), time))

    def _stored(self, group: str) -> tuple[Head | None, list[Message]]:
        head, messages = None, []
        for item in items_of(self._client, self._target, keys.conversation_pk(group)):
            if item["sk"]["S"] == keys.HEAD:
                head = Head.from_item(item)
            else:
                messages.append(Message.from_item(item))
        return head, messages

    def _inboxes_stand(self, head: Head) -> bool:
        possible = [entry for plain in head.inbox_entries for entry in (plain, plain.tiebroken())]
        wanted = [keys.key(keys.inbox_pk(entry.owner_uuid), entry.sk) for entry in possible]
        stored = map(InboxEntry.from_item, self.table.get_many(wanted, consistent=True))
        return {group.owner_uuid for group in stored if group in possible} == {
            group.owner_uuid for group in head.inbox_entries
        }


def _survey_item(item: Item, seen: dict[str, _Seen], groups: dict[str, _Group], outcome: Outcome) -> None:
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    if sk == keys.HEAD:
        raise OperatorError("The source is no bootcamp table: it has heads, as this system makes them.")
    kind, _, identifier = pk.partition("#")
    user = _user(item)
    if kind == "MSG":
        groups[identifier].senders[user] += 1
        outcome.counts["messages"] += 1
    elif kind == "GRP" and (group := _text(item, "message_group_uuid")):
        owner = keys.canonical_uuid(identifier) or identifier
        groups[group].pairs[owner, user] += 1
        seen.setdefault(owner, _Seen())
    else:
        outcome.notes.append(Note("strange", f"{pk} {sk}", "is neither a message nor a message group"))
        return
    if user:
        at = _time(sk) or _LONG_AGO
        seen[user].see(_Seen((at, _handle(item)), (at, _text(item, "user_display_name").strip())))


def _resolve(
    table: Table, seen: Mapping[str, _Seen], outcome: Outcome
) -> tuple[dict[str, str], dict[str, Person], list[Person]]:
    """The user_uuid here of each of the source's users, the people with these, and those of them to be made.

    A user is who has this very user_uuid here, or else who has the user's handle: the bootcamp's user_uuids are those
    of its Postgres, and were made anew whenever that was. So users of one handle are one person.
    """
    by_handle: dict[str, _Seen] = defaultdict(_Seen)
    identity = {user: one.handle[1].lower() or user for user, one in seen.items()}
    users: dict[str, list[str]] = defaultdict(list)
    for user in sorted(seen):
        by_handle[identity[user]].see(seen[user])
        users[identity[user]].append(user)
    handles = {one: _acceptable_handle(by_handle[one].handle[1], one) for one in by_handle}

    found = _get_all(
        table,
        [
            *(keys.key(keys.profile_pk(uuid), keys.PROFILE) for uuid in {_user_uuid(user) for user in seen}),
            *(keys.key(keys.handle_pk(handle), keys.HANDLE) for handle in {one.lower() for one in handles.values()}),
        ],
    )
    profiles = {item["pk"]["S"]: Person.from_profile_item(item) for item in found if item["sk"]["S"] == keys.PROFILE}
    owners = {item["pk"]["S"]: Person.from_handle_item(item) for item in found if item["sk"]["S"] == keys.HANDLE}

    user_uuids: dict[str, str] = {}
    people: dict[str, Person] = {}
    made: dict[str, Person] = {}
    for user, one in identity.items():
        same = [profiles[pk] for each in (user, *users[one]) if (pk := keys.profile_pk(_user_uuid(each))) in profiles]
        owner = owners.get(keys.handle_pk(handles[one]))
        person = same[0] if same else owner
        if person is None:
            uuid = min(users[one], key=lambda each: (keys.canonical_uuid(each) is None, each))
            name = _acceptable_name(by_handle[one].display_name[1]) or handles[one]
            person = made[one] = Person(_user_uuid(uuid), handles[one], name)
        user_uuids[user] = person.user_uuid
        people.setdefault(person.user_uuid, person)

    for one, person in made.items():
        outcome.notes.append(Note("new person", person.user_uuid, "has a handle that nobody has here"))
        if handles[one] != by_handle[one].handle[1]:
            outcome.notes.append(Note("handle", person.user_uuid, f"none or not acceptable; becomes {handles[one]}"))
        if by_handle[one].display_name[1] and not _acceptable_name(by_handle[one].display_name[1]):
            outcome.notes.append(Note("name", person.user_uuid, "not acceptable; becomes the handle"))
    for several in users.values():
        if len(several) > 1:
            ids = ", ".join(several)
            outcome.notes.append(Note("same", user_uuids[several[0]], f"users with one handle: {ids}"))
    return user_uuids, people, list(made.values())


def _known_members(uuid: str, group: _Group, user_uuids: Mapping[str, str], outcome: Outcome) -> list[str]:
    """At most two people: those of the source's message groups, or else the senders."""
    pairs: Counter[tuple[str, str]] = Counter()
    others: set[str] = set()
    for (owner, other), count in group.pairs.items():
        known = {user_uuids[user] for user in (owner, other) if user}
        others |= known
        if len(known) == 2:
            pairs[_pair(*known)] += count
    senders: Counter[str] = Counter()
    for sender, count in group.senders.items():
        if sender:
            senders[user_uuids[sender]] += count
    if pairs:
        pair = max(sorted(pairs), key=lambda pair: (pairs[pair], sum(senders[one] for one in pair)))
        if len(pairs) > 1:
            outcome.notes.append(Note("guess", uuid, f"its message groups tell of {len(pairs)} pairs of people"))
        return list(pair)
    ranked = sorted(senders, key=lambda one: (-senders[one], one))
    people = [*ranked, *sorted(others - set(ranked))]
    if len(people) > 2:
        outcome.notes.append(Note("guess", uuid, f"{len(people)} people wrote in it, and no message group tells whose"))
    return people[:2]


def _assign(plan: Plan, groups: Mapping[str, _Group]) -> None:
    """Which message groups have messages of which conversation."""
    conversations: dict[tuple[str, str], set[str]] = defaultdict(set)
    for uuid in plan.members:
        for sender, count in groups[uuid].senders.items():
            pair = plan.pair_of(uuid, sender)
            conversations[pair].add(uuid)
            if pair != plan.members[uuid]:
                detail = f"{count} messages of somebody who is not in it go to {keys.pair_uuid(*pair)}"
                plan.outcome.notes.append(Note("guess", uuid, detail))
    for pair, uuids in sorted(conversations.items()):
        plan.conversations[pair] = sorted(uuids)
        if len(uuids) > 1:
            plan.outcome.notes.append(Note("merged", keys.pair_uuid(*pair), f"of {', '.join(sorted(uuids))}"))


def _messages(
    client: Any, source: str, group: str, pair: tuple[str, str], plan: Plan, outcome: Outcome
) -> Iterator[_Said]:
    """A message group's messages that belong to this conversation, in the order of their keys.

    A time that cannot be read becomes the latest of those before it.
    """
    last = _LONG_AGO
    for item in items_of(client, source, keys.conversation_pk(group)):
        sk, sender = item["sk"]["S"], _user(item)
        at = _time(sk)
        last = max(at or last, last)
        if plan.pair_of(group, sender) != pair:
            continue
        said = _Said(
            group, sk, at or last, sender, keys.canonical_uuid(_text(item, "message_uuid")), _text(item, "message")
        )
        if at is None:
            outcome.notes.append(Note("time", said.where, f"cannot be read; becomes {keys.format_time(last)}"))
        elif _is_naive(sk):
            outcome.counts["naive"] += 1
        if sender is None:
            outcome.notes.append(Note("guess", said.where, f"has no sender; becomes one of {pair[0]}"))
        yield said


def _line(message: Message) -> Line:
    return Line(message.message_uuid, message.sender, message.message, datetime.fromisoformat(message.created_at))


def _other(stored: Message | None, wanted: Message) -> bool:
    """True if not this message lies there. Names may differ: they are those of the time it was written."""
    return stored is None or (stored.message_uuid, stored.sender.user_uuid, stored.message, stored.seq) != (
        wanted.message_uuid,
        wanted.sender.user_uuid,
        wanted.message,
        wanted.seq,
    )


def _owned(line: Line, group: str, arrived: set[str], sent_record: Item | None) -> Line:
    """The line with a message_uuid that no other conversation has, the same in every run."""
    made = _made_uuid(f"{group} {line.message_uuid}")
    is_taken = sent_record is not None and SentRecord.from_item(sent_record).message_group_uuid != group
    if made in arrived or (is_taken and line.message_uuid not in arrived):
        return replace(line, message_uuid=made)
    return line


def _is_misplaced(sent_record: Item | None, message: Message) -> bool:
    """True if there is a receipt of this conversation with the message's uuid, and it is not as it must be."""
    if sent_record is None or is_sent_record_of(message, sent_record):
        return False
    return SentRecord.from_item(sent_record).message_group_uuid == message.message_group_uuid


def _read(wanted: Head, head: Head | None) -> Head:
    """With the marks: what was imported has been read, and of what was sent here, `head`, as much as before."""
    if head is None:
        return replace(wanted, read_seqs=dict.fromkeys(wanted.members, wanted.last_seq))
    unread = {one: head.last_seq - mark for one, mark in head.read_seqs.items()}
    marks = {one: wanted.last_seq - unread[one] for one in wanted.members}
    return replace(wanted, read_seqs=marks, version=head.version + 1)


def _position(head: Head) -> tuple[int, str, str, str]:
    return head.last_seq, head.created_at, head.sender_uuid, head.message


def _known_then_newest(name: tuple[datetime, str]) -> tuple[bool, datetime, str]:
    return bool(name[1]), *name


def _acceptable_handle(handle: str, identity: str) -> str:
    try:
        return usable_handle(handle)
    except Invalid:
        return f"user-{uuid5(_NAMESPACE, identity).hex[:25]}"


def _acceptable_name(name: str) -> str:
    """As much of it as is allowed, "" for one that nobody may have."""
    try:
        return usable_name(name[:MAX_NAME_LENGTH])
    except Invalid:
        return ""


def _user(item: Item) -> str | None:
    """The user that an item names: by user_uuid, or `@` and the handle where that is missing."""
    user_uuid, handle = _text(item, "user_uuid").strip(), _handle(item)
    return keys.canonical_uuid(user_uuid) or user_uuid or (f"@{handle.lower()}" if handle else None)


def _user_uuid(user: str) -> str:
    return keys.canonical_uuid(user) or _made_uuid(user)


def _made_uuid(name: str) -> str:
    return str(uuid5(_NAMESPACE, name))


def _handle(item: Item) -> str:
    return _text(item, "user_handle").strip().removeprefix("@")


def _text(item: Item, name: str) -> str:
    """An attribute that is a string or a number, as text; "" for what is missing or of another type."""
    value = next(iter(item.get(name, {}).values()), "")
    return value if isinstance(value, str) else ""


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _time(text: str) -> datetime | None:
    """A naive time is UTC: the bootcamp's servers, on Fargate and Gitpod, have no other. None if it cannot be read."""
    try:
        at = datetime.fromisoformat(text)
        at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return at if MINYEAR < at.year < MAXYEAR else None


def _is_naive(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is None


def _get_all(table: Table, wanted: Iterable[Item]) -> list[Item]:
    left, found = iter(wanted), []
    while batch := list(islice(left, _BATCH)):
        found += table.get_many(batch, consistent=True)
    return found


def _scan(client: Any, table_name: str, progress: Callable[[int], None]) -> Iterator[Item]:
    for page in client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        progress(len(page["Items"]))
        yield from page["Items"]
