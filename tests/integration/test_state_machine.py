"""The design's rules under any interleaving.

People join, send, repeat, read, move marks and catch up. The stream comes in any batches. Requests to DynamoDB fail
before or after they took effect, and processes die half-way.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from messaging.api import views
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy
from messaging.model.membership import ARCHIVE, INBOX
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.services.changes import edit, react, take_back_reaction, unsend
from messaging.services.read import list_message_groups
from messaging.services.rewrite_inbox import Change
from messaging.services.send import send_to_conversation, send_to_handle
from operators.verify import verify
from tests.conftest import examples
from tests.integration.test_list_messages import links
from tests.support.checks import assert_conversations_are_whole, read_all, stored_messages
from tests.support.faults import TRANSIENT, Killed
from tests.support.functions import sample_event
from tests.support.world import Fault, Hook, Run, World, faults

_HANDLES = ("bayko", "londo", "kenji", "vir")
_MOST_WALKS = 6  # at once, so that each advances
_MOST_STEPS = 100  # to the end of any walk, a message at a time
_CLOCK_STEPS = (-1_000_000, 0, 1, 1_000_000)  # microseconds: functions run on machines whose clocks differ


@dataclass(frozen=True)
class Trouble:
    """Faults during one call: some requests fail, and before one of them (0: none) somebody else writes."""

    faults: list[Fault]
    overtaken_at: int
    by_its_repeat: bool


_any = st.integers(0, 99)
_profile_changes = st.fixed_dictionaries(
    {},
    optional={
        "display_name": st.sampled_from(["Emperor", "Vir"]),
        "avatar": st.sampled_from(["https://example.com/e.png", None]),
    },
)
_settings = st.sampled_from(
    [
        *({"archived": archived} for archived in (True, True, False)),
        *({"muted_until": until} for until in ("forever", None)),
        *({"marked_unread": marked} for marked in (True, False)),
    ]
)
_troubles = st.builds(
    Trouble,
    faults=st.lists(faults(*TRANSIENT), max_size=2),
    overtaken_at=st.integers(0, 4),
    by_its_repeat=st.booleans(),
)


@dataclass(frozen=True)
class Send:
    """A message that must be sent once, after any number of requests."""

    sender: Person
    receiver: Person
    message_uuid: str
    message: str

    @property
    def message_group_uuid(self) -> str:
        return keys.pair_uuid(self.sender.user_uuid, self.receiver.user_uuid)


@dataclass
class MessagesWalk:
    """A reader who follows the links of a conversation, to older or to newer messages."""

    reader: Person
    message_group_uuid: str
    edge: int  # the seq seen last
    query: dict[str, str] | None

    @property
    def is_back(self) -> bool:
        return self.query is not None and "before" in self.query


@dataclass
class InboxWalk:
    """A reader who follows the links of their inbox down, and then up again.

    `steady` are the conversations unchanged since: the way down must meet each once. `known` are
    all that were in the inbox at the beginning: the walk must have met them when it reaches the top again.
    """

    reader: Person
    known: set[str]
    steady: set[str]
    query: dict[str, str] | None
    relation: str = "next"
    met: list[str] = field(default_factory=list)


class Messaging(RuleBasedStateMachine):
    """One table and all actions on it. Counts end up in `tally`.

    A rule that cannot act yet returns, instead of having a precondition: the possible actions depend on
    uuids that differ each time, and Hypothesis treats a choice of rules that differs on replay as an error.
    """

    def __init__(self, endpoint: str, monkeypatch: pytest.MonkeyPatch, tally: Counter[str]) -> None:
        super().__init__()
        self.world = World(endpoint, monkeypatch)
        self.tally = tally
        self.sends: list[Send] = []
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.heads: dict[str, Head] = {}
        self.message_walks: list[MessagesWalk] = []
        self.inbox_walks: list[InboxWalk] = []
        self.marks: dict[tuple[str, str], int] = {}  # by conversation and person: the highest acknowledged
        self.read_receipts: dict[str, bool | None] = {}  # last acknowledged; None after an unacknowledged change
        self.synced: dict[str, tuple[dict[str, tuple[int, int]], dict[str, str]]] = {}  # numbers, next query
        self.checkpoint = 0
        self.world.join(*_HANDLES[:2])
        for path in ("messages.create_message", "message_groups.create_message_group"):
            module = self.world.functions.handler(path)
            for send in (send_to_conversation, send_to_handle):
                if hasattr(module, send.__name__):
                    monkeypatch.setattr(module, send.__name__, partial(send, now=self.clock))
        for path, use_case in (
            ("edit_message", edit),
            ("delete_message", unsend),
            ("put_reaction", react),
            ("delete_reaction", take_back_reaction),
        ):
            module = self.world.functions.handler(f"messages.{path}")
            monkeypatch.setattr(module, use_case.__name__, partial(use_case, now=self.clock))
        self.changed: dict[str, int] = {}  # by message_uuid, tried: the largest acknowledged number of a change
        self.unsent: set[str] = set()
        self.hidden: set[tuple[str, str, int]] = set()  # conversation, person, seq
        tally["histories"] += 1

    def clock(self) -> datetime:
        return self.world.now

    # Actions

    @initialize(count=st.integers(0, 5))
    def begin(self, count: int) -> None:
        """Open a conversation if `count` is not 0; otherwise its first messages may race."""
        for _ in range(count):
            self._send_aside(self._new_send(*self.world.people))

    @rule(trouble=_troubles)
    def join(self, trouble: Trouble) -> None:
        """Confirm a sign-up. Cognito retries after a failure; a second call makes no difference."""
        if len(self.world.people) == len(_HANDLES):
            return
        handle = _HANDLES[len(self.world.people)]
        person = Person(str(uuid4()), handle, handle.title())
        event = sample_event("post_confirmation")
        event["request"]["userAttributes"] = {
            "sub": person.user_uuid,
            "preferred_username": person.handle,
            "name": person.display_name,
        }
        sign_up = partial(self.world.functions.handler("users.post_confirmation").lambda_handler, event, None)
        self._call(sign_up, self._hook(trouble, lambda: None))
        sign_up()
        self.world.people.append(person)

    @rule(sender=_any, receiver=_any, route=_any, step=st.sampled_from(_CLOCK_STEPS), trouble=_troubles)
    def send(self, sender: int, receiver: int, route: int, step: int, trouble: Trouble) -> None:
        self.world.now += timedelta(microseconds=step)
        one = self._person(sender)
        others = [person for person in self.world.people if person != one]
        self._post(self._new_send(one, others[receiver % len(others)]), route, trouble)

    @rule(which=_any, route=_any, trouble=_troubles)
    def repeat(self, which: int, route: int, trouble: Trouble) -> None:
        if not self.sends:
            return
        self._post(self.sends[which % len(self.sends)], route, trouble)

    @rule(which=_any, route=_any, change=st.sampled_from(["text", "sender", "receiver"]))
    def take_a_message_uuid_for_another_message(self, which: int, route: int, change: str) -> None:
        if not self.acknowledged:
            return
        sends = [send for send in self.sends if send.message_uuid in self.acknowledged]
        sends = [send for send in sends if send.message_uuid not in self.unsent] or sends
        send = sends[which % len(sends)]
        if send.message_uuid in self.unsent:
            return  # its text can be compared no more
        others = [person for person in self.world.people if person not in (send.sender, send.receiver)]
        match change:
            case "sender":
                send = replace(send, sender=send.receiver, receiver=send.sender)
            case "receiver" if others:
                send = replace(send, receiver=others[which % len(others)])
            case _:
                send = replace(send, message="another")
        assert self._request(send, route)[0] == 409

    @rule(
        which=_any,
        by_sender=st.booleans(),
        how=st.sampled_from(["edit", "edit", "unsend", "put", "put", "delete", "hide"]),
        text=st.sampled_from("ABC"),
        late=st.booleans(),
        trouble=_troubles,
    )
    def change_message(self, which: int, by_sender: bool, how: str, text: str, late: bool, trouble: Trouble) -> None:
        """Edit, unsend, react to or hide a message; `late` is a repetition from before the last change."""
        if not self.acknowledged:
            return
        uuid = list(self.acknowledged)[which % len(self.acknowledged)]
        send = next(one for one in self.sends if one.message_uuid == uuid)
        person, other = (send.sender, send.receiver) if by_sender else (send.receiver, send.sender)
        address = person.user_uuid, send.message_group_uuid, uuid
        seen, functions = self.changed.get(uuid, 0), self.world.functions
        calls: dict[str, Callable[[], Any]] = {
            "edit": lambda: functions.edit_message(*address, message=text, change=max(0, seen - late)),
            "unsend": lambda: functions.delete_message(*address, **{"for": "everyone"}),
            "put": lambda: functions.put_reaction(*address, "👍"),
            "delete": lambda: functions.delete_reaction(*address, "👍"),
            "hide": lambda: functions.delete_message(*address, **{"for": "me"}),
        }
        if how != "hide":
            self.changed.setdefault(uuid, 0)

        def meanwhile() -> None:
            if trouble.by_its_repeat:
                self._send_aside(self._new_send(other, person))
            elif uuid not in self.unsent:
                self.changed.setdefault(uuid, 0)
                done = react(self.world.table, other.user_uuid, *address[1:], "👎", self.clock)
                self.changed[uuid] = max(self.changed[uuid], done.change)

        answer = self._call(calls[how], self._hook(trouble, meanwhile))
        self._touch(send.message_group_uuid)
        if answer is None or answer[0] == 503:
            return
        self.tally[f"changes {answer[0]}"] += 1
        if how in ("edit", "unsend") and not by_sender:
            assert answer[0] == 403
        else:
            self._check_change(send, person, how, text, answer)

    def _check_change(self, send: Send, person: Person, how: str, text: str, answer: tuple[int, Any, Any]) -> None:
        (status, body, _), uuid = answer, send.message_uuid
        if how == "hide":
            assert status == 200
            self.hidden.add((send.message_group_uuid, person.user_uuid, body["seq"]))
        elif status == 200:
            assert body["change"] >= self.changed[uuid] or how == "edit"
            self.changed[uuid] = max(self.changed[uuid], body["change"])
            assert how != "edit" or body["message"] == text
            if how == "unsend":
                assert body["message"] == ""
                self.unsent.add(uuid)
            else:
                assert uuid not in self.unsent
        else:
            assert status == 410 or (how, status) == ("edit", 412)

    @rule(which=_any, reader=st.booleans(), limit=st.integers(1, 4), back=st.booleans(), trouble=_troubles)
    def read_messages(self, which: int, reader: bool, limit: int, back: bool, trouble: Trouble) -> None:
        if not self.heads or len(self.message_walks) == _MOST_WALKS:
            return
        head = list(self.heads.values())[which % len(self.heads)]
        walk = MessagesWalk(list(head.members.values())[reader], head.message_group_uuid, 0, {"limit": str(limit)})
        answer = self._read(walk, trouble)
        if answer:
            page, found = answer
            assert page[-1]["seq"] >= head.last_seq
            assert len(page) == min(limit, page[-1]["seq"])
            walk.edge = page[0 if back else -1]["seq"]
            walk.query = found.get("prev") if back else found.get("next", found.get("monitor"))
            if walk.query:
                self.message_walks.append(walk)
            else:
                assert walk.edge == 1

    @rule(which=_any, trouble=_troubles)
    def read_on(self, which: int, trouble: Trouble) -> None:
        if not self.message_walks:
            return
        self._step(self.message_walks[which % len(self.message_walks)], trouble)

    @rule(reader=_any, limit=st.integers(1, 3))
    def read_inbox(self, reader: int, limit: int) -> None:
        if len(self.inbox_walks) == _MOST_WALKS:
            return
        person = self._person(reader)
        mine = self._conversations_of(person)
        known = {group for group in mine if self.heads[group].folder(person.user_uuid) == INBOX}
        behind = {_group_of(record) for record in self.world.stream.records()[self.checkpoint :]}
        self.inbox_walks.append(InboxWalk(person, known, known - behind, {"limit": str(limit)}))

    @rule(which=_any, trouble=_troubles)
    def read_inbox_on(self, which: int, trouble: Trouble) -> None:
        if not self.inbox_walks:
            return
        self._step_inbox(self.inbox_walks[which % len(self.inbox_walks)], trouble)

    @rule(which=_any, reader=st.booleans(), back=st.integers(-1, 3), trouble=_troubles)
    def advance_mark(self, which: int, reader: bool, back: int, trouble: Trouble) -> None:
        if not self.heads:
            return
        head = list(self.heads.values())[which % len(self.heads)]
        person, other = list(head.members.values())[:: 1 if reader else -1]
        group, seq = head.message_group_uuid, max(1, head.last_seq - back)
        answer = self._call(
            lambda: self.world.functions.mark_read(person.user_uuid, group, seq),
            self._hook(trouble, lambda: self._send_aside(self._new_send(other, person))),
        )
        if answer and answer[0] == 200:
            assert answer[1]["read_seq"] >= max(seq, self.marks.get((group, person.user_uuid), 0))
            assert answer[1]["unread_count"] == answer[1]["last_seq"] - answer[1]["read_seq"]
            self.marks[group, person.user_uuid] = answer[1]["read_seq"]
        elif answer:
            assert answer[0] == 503 or (answer[0] == 422 and seq > head.last_seq)

    @rule(which=_any, member=st.booleans(), change=_settings, trouble=_troubles)
    def change_settings(self, which: int, member: bool, change: dict[str, Any], trouble: Trouble) -> None:
        """Archive, mute, pin or mark a conversation; it may leave the inbox, and come back."""
        if not self.heads:
            return
        head = list(self.heads.values())[which % len(self.heads)]
        person, other = list(head.members.values())[:: 1 if member else -1]
        group = head.message_group_uuid
        answer = self._call(
            lambda: self.world.functions.change_message_group(person.user_uuid, group, **change),
            self._hook(trouble, lambda: self._send_aside(self._new_send(other, person))),
        )
        assert answer is None or answer[0] in (200, 503) or answer[1] == ["pins_exceed_max"]
        self._touch(group)
        for walk in self.inbox_walks:
            walk.known.discard(group)

    @rule(person=_any, read_receipts=st.booleans(), more=_profile_changes, trouble=_troubles)
    def change_profile(self, person: int, read_receipts: bool, more: dict[str, str | None], trouble: Trouble) -> None:
        one = self._person(person).user_uuid
        answer = self._call(
            lambda: self.world.functions.update_me(one, receipts=read_receipts, **more),
            self._hook(trouble, lambda: None),
        )
        assert answer is None or answer[0] in (200, 503)
        self.read_receipts[one] = read_receipts if answer and answer[0] == 200 else None

    @rule(reader=_any, limit=st.integers(1, 3), trouble=_troubles)
    def catch_up(self, reader: int, limit: int, trouble: Trouble) -> None:
        """Catch up: the first time by the whole list, then by changes since, a page at a time."""
        person = self._person(reader)
        others = [one for one in self.world.people if one != person]
        hook = self._hook(trouble, lambda: self._send_aside(self._new_send(others[-1], person)))
        known, since = self.synced.get(person.user_uuid, ({}, {}))
        query = {"limit": str(limit), **since}
        for _ in range(_MOST_STEPS):
            answer = self._call(partial(self.world.functions.list_message_groups, person.user_uuid, **query), hook)
            if answer is None or answer[0] == 503:
                return
            for group in answer[1]:
                last_seq, last_change = known.get(group["uuid"], (0, 0))
                known[group["uuid"]] = max(group["last_seq"], last_seq), max(group["last_change"], last_change)
            found = links(answer[2])
            since = {"since": found["monitor"]["since"]} if "monitor" in found else since
            if "next" not in found:
                self.synced[person.user_uuid] = known, since
                return
            query = found["next"]

    @rule(
        back=st.sampled_from([0, 0, 0, 1, 2, 10]),
        size=st.integers(1, 12),
        twice=st.sampled_from(["no", "no", "each", "all"]),
        trouble=_troubles,
    )
    def deliver(self, back: int, size: int, twice: str, trouble: Trouble) -> None:
        records = self.world.stream.records()
        self.checkpoint = max(0, self.checkpoint - back)
        batch = records[self.checkpoint : self.checkpoint + size]
        if not batch:
            return
        for record in batch:
            self._touch(_group_of(record))
        delivered = {"no": batch, "each": [record for record in batch for _ in range(2)], "all": batch * 2}[twice]
        sender, receiver = self._person(size), self._person(size + 1)
        hook = self._hook(trouble, lambda: self._send_aside(self._new_send(sender, receiver)))
        wrong: list[str] = []

        def look_and_go_on(number: int, run: Run, request: dict[str, Any]) -> Any:
            wrong.extend(self._wrong_listings())
            return hook(number, run, request)

        done = self.world.deliver(delivered, look_and_go_on)
        assert wrong == []
        numbers = [record["dynamodb"]["SequenceNumber"] for record in delivered[done:]]
        self.checkpoint += sum(1 for record in batch if record["dynamodb"]["SequenceNumber"] not in numbers)
        self.tally["batches"] += 1

    @rule()
    def drain(self) -> None:
        self._finish_settings()
        records = self.world.stream.records()
        rest = records[self.checkpoint :]
        for record in rest:
            self._touch(_group_of(record))
        assert self.world.deliver(rest, None) == len(rest)
        self.checkpoint = len(records)
        assert verify(self.world.dynamodb, self.world.table_name) == []
        self._everybody_knows_all_and_how_much_of_it_is_unread()

    # Invariants

    @invariant()
    def conversations_are_whole_and_inboxes_list_each_once(self) -> None:
        items = read_all(self.world.dynamodb, self.world.table_name)
        self.heads = {head.message_group_uuid: head for head in assert_conversations_are_whole(items)}
        stored: dict[str, list[Message]] = {}
        for message in stored_messages(items):
            stored.setdefault(message.message_uuid, []).append(message)
        assert all(len(messages) == 1 for messages in stored.values())
        for message_uuid, body in self.acknowledged.items():
            shown = views.sent_message(stored[message_uuid][0])
            assert shown == body or (message_uuid in self.changed and shown["seq"] == body["seq"])
            assert shown["change"] >= self.changed.get(message_uuid, 0)
            if message_uuid in self.unsent:
                assert shown["message"] == ""
        assert self._wrong_listings() == []
        for (group, user_uuid), mark in self.marks.items():
            assert self.heads[group].read_seqs[user_uuid] >= mark
        for head in self.heads.values():
            for user_uuid, person in head.members.items():
                assert self.read_receipts.get(user_uuid) in (None, person.read_receipts)

    def teardown(self) -> None:
        """Let everybody repeat unacknowledged requests and read to the end; then nothing may be wrong or missing."""
        nothing = Trouble([], 0, by_its_repeat=False)
        try:
            for number, send in enumerate(self.sends):
                assert self._post(send, number, nothing)
            self.conversations_are_whole_and_inboxes_list_each_once()
            self.drain()
            for _ in range(_MOST_STEPS):
                behind = [walk for walk in self.message_walks if walk.is_back or walk.edge < self._last_seq(walk)]
                for walk in behind:
                    self._step(walk, nothing)
                for inbox_walk in list(self.inbox_walks):
                    self._step_inbox(inbox_walk, nothing)
            assert (behind, self.inbox_walks) == ([], [])
            self.tally["messages"] += len(self.sends)
        finally:
            self.world.delete()

    # Helpers

    def _finish_settings(self) -> None:
        """Let everybody with an unacknowledged change of a setting repeat their profile's value."""
        for user_uuid in [one for one, read_receipts in self.read_receipts.items() if read_receipts is None]:
            person = self.world.table.person(user_uuid, consistent=True)
            assert person
            assert self.world.functions.update_me(user_uuid, receipts=person.read_receipts)[0] == 200
            self.read_receipts[user_uuid] = person.read_receipts

    def _everybody_knows_all_and_how_much_of_it_is_unread(self) -> None:
        for number, person in enumerate(self.world.people):
            mine = [self.heads[group] for group in self._conversations_of(person)]
            counted = [
                head
                for head in mine
                if head.folder(person.user_uuid) == INBOX and not head.membership(person.user_uuid).muted_until
            ]
            unread = [head.last_seq - head.read_seqs[person.user_uuid] for head in counted]
            marked = [head.membership(person.user_uuid).marked_unread for head in counted]
            totals = {
                "message_groups": sum(count > 0 or mark for count, mark in zip(unread, marked, strict=True)),
                "messages": sum(unread),
                "requests": 0,
            }
            assert self.world.functions.count_unread(person.user_uuid)[1] == totals
            if person.user_uuid in self.synced:
                self.catch_up(number, 2, Trouble([], 0, by_its_repeat=False))
                known, _ = self.synced[person.user_uuid]
                for head in mine:
                    is_listed = head.folder(person.user_uuid) == INBOX
                    assert known[head.message_group_uuid] == (head.last_seq, head.last_change) or not is_listed

    def _person(self, number: int) -> Person:
        return self.world.people[number % len(self.world.people)]

    def _new_send(self, sender: Person, receiver: Person) -> Send:
        send = Send(sender, receiver, str(uuid4()), f"Message {len(self.sends)}")
        self.sends.append(send)
        return send

    def _hook(self, trouble: Trouble, meanwhile: Callable[[], None]) -> Hook:
        def hook(number: int, run: Run, request: dict[str, Any]) -> Any:
            if number == trouble.overtaken_at:
                meanwhile()
                self.tally["overtaken"] += 1
            for fault in trouble.faults:
                if fault.at == number:
                    self.tally["faults"] += 1
                    return fault(number, run, request)
            return run()

        return hook

    def _call(self, call: Callable[[], Any], hook: Hook) -> Any:
        """Call a function; return its answer, or None if the process was killed or DynamoDB was busy for too long."""
        try:
            with self.world.hooked(hook):
                return call()
        except (Killed, Busy):
            return None

    def _request(self, send: Send, route: int) -> tuple[int, Any, dict[str, str]]:
        """The request of a send (patterns C and D), by any of its three routes."""
        functions, sender = self.world.functions, send.sender.user_uuid
        what = {"message_uuid": send.message_uuid, "message": send.message}
        if route % 3 == 0 and send.message_group_uuid in self.heads:
            return functions.create_message(sender, message_group_uuid=send.message_group_uuid, **what)
        create = functions.create_message if route % 3 == 1 else functions.create_message_group
        return create(sender, handle=send.receiver.handle, **what)

    def _post(self, send: Send, route: int, trouble: Trouble) -> bool:
        """Post a message; True if it was acknowledged."""

        def meanwhile() -> None:
            self._send_aside(send if trouble.by_its_repeat else self._new_send(send.receiver, send.sender))

        answer = self._call(lambda: self._request(send, route), self._hook(trouble, meanwhile))
        self._touch(send.message_group_uuid)
        if answer is None:
            return False
        status, body, _ = answer
        assert status in (200, 503)
        if status == 200:
            self._acknowledge(send, body)
        return bool(status == 200)

    def _send_aside(self, send: Send) -> None:
        """Send from another process, without faults."""
        sent = send_to_handle(
            self.world.table,
            send.sender.user_uuid,
            send.receiver.handle,
            Draft(send.message_uuid, send.message),
            self.clock,
        )
        self._acknowledge(send, views.sent_message(sent.message))
        self._touch(send.message_group_uuid)
        head = self.world.table.head(send.message_group_uuid, consistent=True)
        assert head
        self.heads[send.message_group_uuid] = head

    def _acknowledge(self, send: Send, body: dict[str, Any]) -> None:
        first = self.acknowledged.setdefault(send.message_uuid, body)
        if send.message_uuid in self.changed:
            assert (body["uuid"], body["seq"]) == (send.message_uuid, first["seq"])
        else:
            assert body == first
            assert (body["uuid"], body["message"]) == (send.message_uuid, send.message)
        assert (body["message_group_uuid"], body["handle"]) == (send.message_group_uuid, send.sender.handle)

    def _touch(self, message_group_uuid: str) -> None:
        for walk in self.inbox_walks:
            walk.steady.discard(message_group_uuid)

    def _conversations_of(self, person: Person) -> set[str]:
        return {group for group, head in self.heads.items() if person.user_uuid in head.members}

    def _wrong_listings(self) -> list[str]:
        """The owners of folders that list a conversation twice, and those who miss one."""
        wrong = []
        for person in self.world.people:
            listed = [self._listed(person, folder) for folder in (INBOX, ARCHIVE)]
            is_double = any(len(groups) > len({*groups}) for groups in listed)
            if is_double or {*chain.from_iterable(listed)} != self._conversations_of(person):
                wrong.append(person.handle)
        return wrong

    def _listed(self, person: Person, folder: str) -> list[str]:
        listing = list_message_groups(self.world.table, person.user_uuid, 100, folder=folder)
        return [entry.message_group_uuid for entry in listing.entries]

    def _read(
        self, walk: MessagesWalk, trouble: Trouble
    ) -> tuple[list[dict[str, Any]], dict[str, dict[str, str]]] | None:
        """Read a page and its links; check for gaps and acknowledged messages. None if there was no answer."""
        head = self.heads[walk.message_group_uuid]
        other = head.other(walk.reader.user_uuid)
        answer = self._call(
            lambda: self.world.functions.list_messages(
                walk.reader.user_uuid, walk.message_group_uuid, **(walk.query or {})
            ),
            self._hook(trouble, lambda: self._send_aside(self._new_send(other, walk.reader))),
        )
        if answer is None or answer[0] == 503:
            return None
        status, page, headers = answer
        assert status == 200
        if page:
            assert [message["seq"] for message in page] == list(range(page[0]["seq"], page[-1]["seq"] + 1))
        hidden = {
            seq for group, user, seq in self.hidden if (group, user) == (head.message_group_uuid, walk.reader.user_uuid)
        }
        for message in page:
            if "hidden" in message:
                continue
            assert message["seq"] not in hidden
            body = self.acknowledged.get(message["uuid"], message)
            assert message["seq"] == body["seq"]
            assert message["message"] == body["message"] or message["uuid"] in self.changed
            assert not (message["uuid"] in self.unsent and message["message"])
        self.tally["pages"] += 1
        return page, links(headers)

    def _last_seq(self, walk: MessagesWalk) -> int:
        return self.heads[walk.message_group_uuid].last_seq

    def _step(self, walk: MessagesWalk, trouble: Trouble) -> None:
        """Check that the next page continues the one before; the way back ends at the first message."""
        last_seq = self._last_seq(walk)
        answer = self._read(walk, trouble)
        if answer is None:
            return
        page, found = answer
        if walk.is_back:
            assert page[-1]["seq"] == walk.edge - 1
            walk.edge, walk.query = page[0]["seq"], found.get("prev")
        else:
            assert page[0]["seq"] == walk.edge + 1 if page else walk.edge >= last_seq
            walk.edge = page[-1]["seq"] if page else walk.edge
            walk.query = found.get("next", found.get("monitor"))
        if walk.query is None:
            assert walk.edge == 1
            self.message_walks.remove(walk)

    def _step_inbox(self, walk: InboxWalk, trouble: Trouble) -> None:
        """Walk down to the last page, then up to the top."""
        others = [person for person in self.world.people if person != walk.reader]
        answer = self._call(
            lambda: self.world.functions.list_message_groups(walk.reader.user_uuid, **(walk.query or {})),
            self._hook(trouble, lambda: self._send_aside(self._new_send(others[-1], walk.reader))),
        )
        if answer is None or answer[0] == 503:
            return
        status, page, headers = answer
        assert status == 200
        listed = [group["uuid"] for group in page]
        assert len({*listed}) == len(listed)
        walk.met += listed
        found = links(headers)
        walk.query = found.get(walk.relation)
        if walk.query is None and walk.relation == "next":
            assert all(walk.met.count(group) == 1 for group in walk.steady)
            walk.relation, walk.query = "prev", found.get("prev")
        if walk.query is None:
            assert walk.known <= {*walk.met}
            self.inbox_walks.remove(walk)


def _group_of(record: dict[str, Any]) -> str:
    return Change.from_record(record).new.message_group_uuid


def test_the_rules_hold_for_any_actions_in_any_order(
    dynamodb_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    tally: Counter[str] = Counter()
    run_state_machine_as_test(
        partial(Messaging, dynamodb_endpoint, monkeypatch, tally),  # type: ignore[arg-type]
        settings=settings(
            max_examples=examples(quick=8, soak=60),
            stateful_step_count=30,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink, each try on a new table, takes minutes
        ),
    )
    record_property(
        "reliability",
        [
            "random actions in any order",
            f"{tally['histories']:,} histories, {tally['messages']:,} messages, {tally['pages']:,} pages, "
            f"{tally['batches']:,} batches of the stream, {tally['faults']:,} requests failed",
            "no violation",
        ],
    )
