"""The survey: reads a whole source, and plans its conversations."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.person import Person
from messaging.storage.dynamodb import DynamoDB
from operators.bootcamp.people import Names, resolve
from operators.bootcamp.report import Note, Outcome
from operators.bootcamp.source import LONG_AGO, handle_of, scan, text_of, time_of, user_of
from operators.environments import OperatorError


@dataclass
class _Group:
    """The source's evidence of a message group's members: the people its two items name, and its senders."""

    pairs: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    senders: Counter[str | None] = field(default_factory=Counter)


@dataclass
class Plan:
    """The people that the source's users are here, those to register, and the message groups of each conversation.

    `members` are the two people of each message group of the source; a conversation is its two people.
    """

    user_uuids: dict[str, str]
    people: dict[str, Person]
    unknown_here: list[Person]
    members: dict[str, tuple[str, str]]
    conversations: dict[tuple[str, str], list[str]]
    outcome: Outcome

    def pair_of(self, group: str, sender: str | None) -> tuple[str, str]:
        """The two people of a message's conversation. Its sender never changes."""
        members = self.members[group]
        user_uuid = self.user_uuids[sender] if sender else members[0]
        return members if user_uuid in members else pair_of_people(user_uuid, members[0])


def survey(client: Any, source: str, target: str, on_progress: Callable[[int], None] = lambda _: None) -> Plan:
    """Read the whole source and the people of the target; write nothing.

    `on_progress` gets the number of items in each page. Raises OperatorError if the source is no bootcamp table.
    """
    schema = client.describe_table(TableName=source)["Table"]["KeySchema"]
    if source == target or {key["AttributeName"] for key in schema} != {"pk", "sk"}:
        problem = "is the table to write to" if source == target else "is not a bootcamp table"
        raise OperatorError(f"{source} {problem}.")
    outcome = Outcome()
    seen: dict[str, Names] = defaultdict(Names)
    groups: dict[str, _Group] = defaultdict(_Group)
    for item in scan(DynamoDB(client, source), on_progress):
        _survey_item(item, seen, groups, outcome)

    db = DynamoDB(client, target)
    resolved = resolve(db, seen)
    outcome.notes += resolved.notes
    known = {
        uuid: _known_members(uuid, group, resolved.user_uuids, outcome)
        for uuid, group in sorted(groups.items())
        if group.senders
    }
    outcome.notes += [Note("empty", uuid, "a message group without messages") for uuid in groups.keys() - known.keys()]
    unknown = {uuid: [f"{uuid}?{number}" for number in range(len(two), 2)] for uuid, two in known.items()}
    placeholders = resolve(db, {one: Names() for missing in unknown.values() for one in missing})
    for uuid, missing in unknown.items():
        for one in missing:
            user_uuid = placeholders.user_uuids[one]
            known[uuid].append(user_uuid)
            outcome.notes.append(Note("unknown", uuid, f"nothing tells who else is in it: {user_uuid}"))

    plan = Plan(
        resolved.user_uuids,
        resolved.people | placeholders.people,
        [*resolved.unknown_here, *placeholders.unknown_here],
        {uuid: pair_of_people(*two) for uuid, two in known.items()},
        {},
        outcome,
    )
    _assign(plan, groups)
    return plan


def _survey_item(item: Item, seen: dict[str, Names], groups: dict[str, _Group], outcome: Outcome) -> None:
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    if sk == keys.HEAD:
        raise OperatorError("The source is not a bootcamp table: it contains heads, which only this system makes.")
    kind, _, identifier = pk.partition("#")
    user = user_of(item)
    if kind == "MSG":
        groups[identifier].senders[user] += 1
        outcome.counts["messages"] += 1
    elif kind == "GRP" and (group := text_of(item, "message_group_uuid")):
        owner = keys.canonical_uuid(identifier) or identifier
        groups[group].pairs[owner, user] += 1
        seen.setdefault(owner, Names())
    else:
        outcome.notes.append(Note("strange", f"{pk} {sk}", "is neither a message nor a message group"))
        return
    if user:
        at = time_of(sk) or LONG_AGO
        seen[user].see(Names((at, handle_of(item)), (at, text_of(item, "user_display_name").strip())))


def _known_members(uuid: str, group: _Group, user_uuids: Mapping[str, str], outcome: Outcome) -> list[str]:
    """The known members, at most two: from the source's message groups, or else the senders."""
    pairs: Counter[tuple[str, str]] = Counter()
    others: set[str] = set()
    for (owner, other), count in group.pairs.items():
        known = {user_uuids[user] for user in (owner, other) if user}
        others |= known
        if len(known) == 2:
            pairs[pair_of_people(*known)] += count
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
    """Add the message groups of each conversation to a plan."""
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


def pair_of_people(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
