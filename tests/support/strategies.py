"""Hypothesis strategies for people, messages, conversations and histories."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from messaging.services.rewrite_inbox import Change

uuids = st.uuids().map(str)
# Two days from either end of datetime's range, so that every offset from UTC fits.
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)).map(lambda when: when.replace(tzinfo=UTC))
zones = st.timezones()
times = moments.map(keys.format_time)
seqs = st.integers(1, 10**18 - 1)
inbox_sks = times | st.builds(keys.tiebroken_inbox_sk, times, uuids)
handles = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}", fullmatch=True)

people = st.builds(Person, uuids, handles, st.text(), st.booleans())
pairs = st.lists(people, min_size=2, max_size=2, unique_by=lambda person: person.user_uuid)
messages = st.builds(Message, uuids, uuids, st.text(), people, times, seqs)
_marks = st.integers(0, 10**18 - 1)
_versions = st.integers(0, 10**18 - 1)
inbox_entries = st.builds(
    InboxEntry, uuids, uuids, st.text(), people, inbox_sks, seqs, _marks, st.none() | _marks, _versions
)
unread = st.builds(Unread, uuids, uuids, seqs, _marks, _versions)
sent_records = st.builds(SentRecord, uuids, uuids, times, st.none() | st.text(min_size=1), st.none() | seqs)


@st.composite
def heads(draw: st.DrawFn) -> Head:
    members = sorted(draw(pairs), key=lambda person: person.user_uuid)
    group = keys.pair_uuid(*(person.user_uuid for person in members))
    last = Message(group, draw(uuids), draw(st.text()), draw(st.sampled_from(members)), draw(times), draw(seqs))
    return Head(
        group,
        {person.user_uuid: person for person in members},
        last,
        {person.user_uuid: draw(_marks) for person in members},
        draw(_versions),
        draw(st.frozensets(st.sampled_from([person.user_uuid for person in members]))),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """The stream records of one conversation, in order: messages, each later than the one before."""
    head = draw(heads())
    first = draw(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))).replace(tzinfo=UTC)
    offsets = sorted(draw(st.lists(st.integers(0, 10**9), min_size=2, max_size=8, unique=True)))
    stages = [
        replace(
            head,
            last=replace(head.last, seq=seq, created_at=keys.format_time(first + timedelta(microseconds=offset))),
            version=seq,
        )
        for seq, offset in enumerate(offsets, 1)
    ]
    before = draw(st.integers(0, 10**20))
    return [Change(str(before + new.last_seq), old, new) for old, new in pairwise(stages)]


def shuffled(value: Any, random: random.Random) -> Any:
    """The same value with every map, and every set of DynamoDB's, in another order."""
    match value:
        case {"SS": [*members]}:
            return {"SS": random.sample(members, len(members))}
        case dict():
            return {name: shuffled(value[name], random) for name in random.sample(list(value), len(value))}
        case list():
            return [shuffled(one, random) for one in value]
    return value
