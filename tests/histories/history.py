"""One history: people write, read, hide, set, block and leave; the stream comes in any order; folders are right.

Right means: at every moment, between any two writes, each inbox lists each conversation once; and when the stream is
drained, each entry matches GET /api/message_groups/{uuid} and the newest message, and totals are sums.
"""

import json
import logging
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from tests.histories.events import as_lambda_has_it, event_of, reaches_stream_handler, sample_event
from tests.histories.network import EFFECTS, Call, Fault, Network, shuffled
from tests.histories.place import Environment
from tests.histories.process import Machine, Process
from tests.support.faults import TRANSIENT, Killed

_STREAM_HANDLER = "functions.stream_handler.stream_handler"
_FUNCTIONS = (
    "functions.blocks.block_user",
    "functions.blocks.unblock_user",
    "functions.messages.create_message",
    "functions.messages.delete_message",
    "functions.messages.delete_reaction",
    "functions.messages.edit_message",
    "functions.messages.list_changes",
    "functions.messages.list_messages",
    "functions.messages.put_reaction",
    "functions.message_groups.accept_request",
    "functions.message_groups.change_message_group",
    "functions.message_groups.count_unread",
    "functions.message_groups.create_message_group",
    "functions.message_groups.decline_request",
    "functions.message_groups.find_message_group",
    "functions.message_groups.leave_message_group",
    "functions.message_groups.list_message_groups",
    "functions.message_groups.mark_read",
    "functions.users.post_confirmation",
    "functions.users.update_me",
)
_SCRIPTS = (
    "operators.erasure",
    "operators.people",
    "operators.people_table",
    "operators.profiles",
    "operators.repair",
)
_NEXT = re.compile(r'<\?([^>]*)>; rel="next"')
_LONG_AGO = "2000-01-01T00:00:00.000000+00:00"
_MINUTE = 60_000_000  # microseconds
_DAY = 1440 * _MINUTE
_FOLDERS = ("inbox", "requests", "archive")


# Makes a DynamoDB client that calls its argument with the partition of each written item.
MakeEngine = Callable[[Callable[[str], None]], Any]


class Violation(AssertionError):
    """A check failed. The text contains the whole history."""


class Unfinished(Exception):
    """A script reports unfinished work."""


@dataclass(eq=False)
class Person:
    """A person, as client and user pool know them. `listed` has the last_seq of each conversation in the folders."""

    user_uuid: str
    handle: str
    name: str
    has_joined: bool = False
    is_renamed: bool = False
    leaves: bool = False
    is_gone: bool = False
    takes_requests: bool = False
    listed: dict[str, int] = field(default_factory=dict)
    reads: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Conversation:
    """A conversation as its members know it: `uuid` is "" and `sent` empty until a message was answered 200.

    `sent` are texts by message_uuid, None if somebody tried to change one; `changes` are the numbers of last changes.
    `out` are the members who have tried to leave, to decline or to block. `blockers` block the other for certain, and
    `unblocks` counts the times that somebody tried to end that. `secrets` are the texts that each may never see.
    """

    members: tuple[Person, Person]
    uuid: str = ""
    sent: dict[str, str | None] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    unsent: set[str] = field(default_factory=set)
    is_doubtful: bool = False
    out: set[Person] = field(default_factory=set)
    blockers: set[Person] = field(default_factory=set)
    unblocks: int = 0
    secrets: dict[Person, set[str]] = field(default_factory=dict)

    def other(self, person: Person) -> Person:
        return self.members[1 if person is self.members[0] else 0]


class History:
    """The history of a seed. `make_engine` gets a function to call after each write."""

    def __init__(
        self, seed: int, machine: Machine, functions: Process, scripts: Process, make_engine: MakeEngine
    ) -> None:
        self._seed = seed
        self._chance = random.Random(seed)  # noqa: S311
        self._machine = machine
        self._functions = functions
        self._scripts = scripts
        self._engine = make_engine(self._wrote)
        self._network = Network(self._engine, seed)
        machine.chance = self._chance
        machine.client = self._network
        machine.microseconds = 0
        self.story: list[str] = []
        self.deliveries = 0
        self._people = [self._new_person(name) for name in ("anna", "bert", "carl", "dora")]
        pairs = [(0, 1), (0, 2), (1, 2), (0, 3)][: self._chance.choice((1, 1, 2, 2, 2, 3, 4))]
        self._conversations = [Conversation((self._people[one], self._people[other])) for one, other in pairs]
        self._warm = [self._new_stream_handler()]
        self._reached: list[Any] = []
        self._filtered = 0
        self._delivered = 0
        self._is_looking = False
        self._next: re.Match[str] | None = None

    def _new_person(self, name: str) -> Person:
        uuid = self._new_uuid()
        return Person(uuid, f"{name}-{uuid[:8]}", name.title())

    def _new_uuid(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def _new_stream_handler(self) -> Process:
        return Process(self._machine, _STREAM_HANDLER)

    # The history

    def tell(self) -> None:
        """Run the history. Raises Violation."""
        for person in self._people:
            self._join(person)
        for conversation in self._conversations:
            if self._chance.random() < 0.9:
                self._send(conversation, None)
        self._deliver_all_at_first()
        for _ in range(self._chance.randint(6, 16)):
            self._pass_time()
            self._step()
        for person in self._people:
            if person.leaves and not person.is_gone:
                self._erase(person, Call())
        while self._delivered < len(self._records()):
            self._deliver(trouble=self._chance.random() < 0.5)
        self._check_all()
        if self._chance.random() < 0.5:
            self._deliver_again()
            self._check_all()
        self._check_messages()

    def _step(self) -> None:
        conversation = self._chance.choice(self._conversations)
        person = self._chance.choice(conversation.members)
        steps: list[tuple[int, Callable[[], None]]] = [
            (20, lambda: self._send_some(conversation)),
            (14, lambda: self._mark(conversation, person, self._some_call())),
            (14, lambda: self._change(conversation, person, self._some_call(conversation))),
            (12, lambda: self._show_receipts(person, self._some_call())),
            (18, lambda: self._set(conversation, person, self._some_call(conversation))),
            (8, lambda: self._block(conversation, person, self._some_call(conversation))),
            (6, lambda: self._answer(conversation, person, self._some_call(conversation))),
            (2, lambda: self._rename(person, self._some_call(depth=1))),
            (2, lambda: self._erase(person, self._some_call(depth=1))),
            (4, lambda: self._repair(conversation, self._some_call(conversation, depth=1))),
            (47, self._deliver),
        ]
        self._one_of(steps)

    def _meanwhile(self, conversation: Conversation | None, depth: int) -> None:
        """Run other actions while a function waits for DynamoDB's answer."""
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            chosen = conversation or self._chance.choice(self._conversations)
            person = self._chance.choice(chosen.members)
            steps: list[tuple[int, Callable[[], None]]] = [
                (5, partial(self._send, chosen, Call())),
                (3, partial(self._mark, chosen, person, Call())),
                (3, partial(self._change, chosen, person, Call())),
                (2, partial(self._show_receipts, person, Call())),
                (3, partial(self._set, chosen, person, Call())),
                (2, partial(self._block, chosen, person, Call())),
                (2, partial(self._repair, chosen, Call())),
            ]
            if depth:
                steps.append((10, partial(self._deliver, trouble=False)))
            self._one_of(steps)

    def _one_of(self, steps: list[tuple[int, Callable[[], None]]]) -> None:
        weights = [weight for weight, _ in steps]
        ((_, step),) = self._chance.choices(steps, weights)
        step()

    def _some_call(self, conversation: Conversation | None = None, depth: int = 0) -> Call:
        most = 10 if depth else 4  # requests
        call = Call(self._some_fault(most) if self._chance.random() < 0.25 else None)
        if self._chance.random() < (0.6 if depth else 0.25):
            call.meanwhile_at = self._chance.randint(1, most)
            call.meanwhile = partial(self._meanwhile, conversation, depth)
        return call

    def _some_fault(self, most: int, *errors: str) -> Fault:
        first = self._chance.choice((1, 2, 2, 3, self._chance.randint(1, most)))
        last = self._chance.choice([first] * 14 + [first + 1, 10**9])
        return Fault(first, last, self._chance.choice(EFFECTS), self._chance.choice((*TRANSIENT, *errors)))

    def _pass_time(self) -> None:
        self._machine.microseconds += self._chance.choice((0, 0, 0, 0, 1, 1, 1, 2, 2, 1_000_000, 31 * _DAY))

    # Actions of people

    def _join(self, person: Person) -> None:
        event = sample_event("post_confirmation")
        event["request"]["userAttributes"] |= self._attributes(person)
        with self._network.calling(Call()):
            self._functions["functions.users.post_confirmation"].lambda_handler(event, None)
        person.has_joined = True
        if self._chance.random() < 0.2:
            person.takes_requests = True
            body = {"messages_from": "requests"}
            self._call("functions.users.update_me", person, Call(), body=body)
            self._machine.microseconds += _MINUTE

    def _send(self, conversation: Conversation, call: Call | None) -> None:
        """Let one of the two send, by any route; this opens the conversation if necessary."""
        sender = self._chance.choice(conversation.members)
        receiver, unblocks = conversation.other(sender), conversation.unblocks
        is_secret = receiver in conversation.blockers
        if call is None:
            call = self._some_call(conversation)
        body = {"message_uuid": self._new_uuid(), "message": f"{self._chance.getrandbits(32):x}"}
        name = "functions.messages.create_message"
        if conversation.uuid and self._chance.random() < 0.8:
            body["message_group_uuid"] = conversation.uuid
        else:
            body["handle"] = conversation.other(sender).handle
            if self._chance.random() < 0.5:
                name = "functions.message_groups.create_message_group"
        status, answer = self._call(name, sender, call, body=body)
        if status != 200 and self._chance.random() < 0.5:
            status, answer = self._call(name, sender, Call(), body=body)
        if status == 200:
            conversation.uuid = answer["message_group_uuid"]
            conversation.sent[answer["uuid"]] = answer["message"]
            if is_secret and unblocks == conversation.unblocks:
                conversation.secrets.setdefault(receiver, set()).add(answer["message"])
        else:
            conversation.is_doubtful = True
            is_nobody = any(person.leaves or person.is_renamed for person in conversation.members)
            is_refused = (status == 403 and receiver.takes_requests) or (status == 409 and sender in conversation.out)
            is_known = status in (None, 429, 503) or (status == 404 and is_nobody)
            self._require(is_known or is_refused, "sending", answer)

    def _send_some(self, conversation: Conversation) -> None:
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            self._send(conversation, self._some_call(conversation))
            self._pass_time()

    def _mark(self, conversation: Conversation, person: Person, call: Call) -> None:
        if not conversation.uuid:
            return
        seq = self._chance.choice((1, len(conversation.sent), len(conversation.sent), len(conversation.sent) + 1))
        status, answer = self._call(
            "functions.message_groups.mark_read",
            person,
            call,
            body={"seq": max(seq, 1)},
            parameters={"message_group_uuid": conversation.uuid},
        )
        is_past = seq > len(conversation.sent) or person in conversation.out
        may_be_past = answer == ["seq_past_last_message"] and is_past
        self._require(status in (200, None, 503) or may_be_past or person.leaves, "marking", answer)

    def _change(self, conversation: Conversation, person: Person, call: Call) -> None:
        """Let one of the two edit, unsend, react to or hide a message of either."""
        if not conversation.sent:
            return
        uuid = self._chance.choice(list(conversation.sent))
        parameters = {"message_group_uuid": conversation.uuid, "message_uuid": uuid}
        how = self._chance.choice(("edit_message", "delete_message", "put_reaction", "put_reaction", "delete_reaction"))
        changes: dict[str, Any] = {}
        match how:
            case "edit_message":
                seen = conversation.changes.get(uuid, 0)
                changes["body"] = {
                    "message": self._chance.choice("AB"),
                    "change": max(0, seen - self._chance.choice((0, 0, 1))),
                }
                conversation.sent[uuid] = None
            case "delete_message":
                changes["query"] = {"for": self._chance.choice(("everyone", "me"))}
                conversation.sent[uuid] = None
            case _:
                parameters["emoji"] = self._chance.choice("👍👎")
        name = f"functions.messages.{how}"
        status, answer = self._call(name, person, call, parameters=parameters, **changes)
        if status == 200 and "change" in answer:
            conversation.changes[uuid] = max(conversation.changes.get(uuid, 0), answer["change"])
            if "unsent_at" in answer:
                conversation.unsent.add(uuid)
        is_refused = status in (404, 409) and (person in conversation.out or person.takes_requests)
        is_known = status in (200, None, 403, 410, 412, 503)
        self._require(is_known or is_refused or person.leaves, "changing", answer)

    def _set(self, conversation: Conversation, person: Person, call: Call) -> None:
        """Let one of the two change a setting, or leave."""
        if not conversation.uuid:
            return
        parameters = {"message_group_uuid": conversation.uuid}
        if self._chance.random() < 0.15:
            conversation.out.add(person)
            status, answer = self._call(
                "functions.message_groups.leave_message_group", person, call, parameters=parameters
            )
        else:
            name = self._chance.choice(
                ("archived", "archived", "muted_until", "muted_until", "pinned", "marked_unread")
            )
            soon = (self._machine.now + timedelta(microseconds=self._chance.randint(1, 3))).isoformat()
            value = (
                self._chance.choice((None, "forever", soon)) if name == "muted_until" else self._chance.random() < 0.6
            )
            status, answer = self._call(
                "functions.message_groups.change_message_group", person, call, body={name: value}, parameters=parameters
            )
        self._require(status in (200, None, 503) or person.leaves, "setting", answer)

    def _answer(self, conversation: Conversation, person: Person, call: Call) -> None:
        """Let one of the two accept or decline a request, if there is one."""
        if not conversation.uuid:
            return
        name = self._chance.choice(("accept_request", "decline_request"))
        if name == "decline_request":
            conversation.out.add(person)
        parameters = {"message_group_uuid": conversation.uuid}
        status, answer = self._call(f"functions.message_groups.{name}", person, call, parameters=parameters)
        self._require(status in (200, None, 409, 503) or person.leaves, "answering", answer)

    def _block(self, conversation: Conversation, person: Person, call: Call) -> None:
        """Let one of the two block the other, or end that."""
        blocks = self._chance.random() < 0.6
        conversation.out.add(person)
        if not blocks:
            conversation.unblocks += 1
            conversation.blockers.discard(person)
        other, unblocks = conversation.other(person), conversation.unblocks
        name = f"functions.blocks.{'block_user' if blocks else 'unblock_user'}"
        status, answer = self._call(name, person, call, parameters={"user_uuid": other.user_uuid})
        if blocks and status == 200 and unblocks == conversation.unblocks:
            conversation.blockers.add(person)
        is_gone = person.leaves or other.leaves
        self._require(status in (200, None, 503) or (status == 404 and is_gone), "blocking", answer)

    def _show_receipts(self, person: Person, call: Call) -> None:
        body = {"receipts": self._chance.random() < 0.5}
        status, answer = self._call("functions.users.update_me", person, call, body=body)
        if status == 429 and not self._network.depth:  # allowed once a minute; DynamoDB never takes that long
            self._machine.microseconds += _MINUTE
            status, answer = self._call("functions.users.update_me", person, Call(), body=body)
        self._require(status in (200, None, 429, 503) or person.leaves, "receipts", answer)

    # Actions of operators

    def _rename(self, person: Person, call: Call) -> None:
        if person.leaves:
            return
        person.name = f"{person.name.split()[0]} {self._chance.randint(1, 9)}"
        if self._chance.random() < 0.5:
            person.handle = f"{person.name.split()[0].lower()}-{self._new_uuid()[:8]}"

        def sync() -> None:
            failed = self._scripts["operators.profiles"].sync_profiles(self._place).failed
            if failed:
                raise Unfinished(failed)

        person.is_renamed = True
        if not self._operate(f"{person.name} is @{person.handle} now", call, sync):
            self._operate("again", Call(), sync)
        person.is_renamed = False

    def _erase(self, person: Person, call: Call) -> None:
        if person.is_gone:
            return
        self._settle()
        person.leaves = True

        def erase() -> None:
            found = self._scripts["operators.people"].find(self._place, person.user_uuid)
            self._scripts["operators.erasure"].erase(self._place, [found], lambda _: None)

        person.is_gone = self._operate(f"{person.name} is erased", call, erase)

    def _repair(self, conversation: Conversation, call: Call) -> None:
        if not conversation.uuid:
            return
        table = self._scripts["operators.people_table"].PeopleTable(self._network, self._machine.table_name)
        repair = self._scripts["operators.repair"].repair_inboxes
        if not self._operate("inboxes are repaired", call, lambda: repair(table, conversation.uuid)):
            self._operate("again", Call(), lambda: repair(table, conversation.uuid))

    def _operate(self, what: str, call: Call, run: Callable[[], object]) -> bool:
        """Run a script. False if it was interrupted, which only a fault may cause."""
        self._tell(what, call)
        try:
            with self._network.calling(call):
                run()
        except (Killed, Exception) as error:
            self._require_fault(call, error, what)
            return False
        return True

    @property
    def _place(self) -> Environment:
        return Environment(self._machine.table_name, self._network, self._accounts)

    def _accounts(self) -> list[dict[str, str]]:
        return [self._attributes(person) for person in self._people if not person.is_gone]

    def _attributes(self, person: Person) -> dict[str, str]:
        return {"sub": person.user_uuid, "preferred_username": person.handle, "name": person.name}

    # Actions of Lambda

    def _records(self) -> list[Any]:
        """The records that reach the stream handler."""
        new = self._engine.records[self._filtered :]
        self._filtered += len(new)
        self._reached += [record for record in new if reaches_stream_handler(record)]
        return self._reached

    def _deliver_all_at_first(self) -> None:
        """In half of all histories, deliver the openings to the inboxes first."""
        if self._chance.random() < 0.5:
            while self._delivered < len(self._records()):
                self._deliver(trouble=False)

    def _deliver(self, *, trouble: bool = True) -> None:
        """Deliver a batch of any size: the next one or a repeated one, to a warm process, another, or a new one."""
        records = self._records()
        if not records:
            return
        start = self._delivered
        if start == len(records) or (trouble and self._chance.random() < 0.35):
            start = self._chance.randint(0, min(start, len(records) - 1))
        size = self._chance.choice((1, 1, 2, self._chance.randint(1, len(records) - start), len(records) - start))
        batch = records[start : start + size]
        call = Call()
        if trouble and self._chance.random() < 0.45:
            call.fault = self._some_fault(4, "killed", "killed", "killed", "AccessDeniedException")
        if trouble and self._chance.random() < 0.2:
            call.meanwhile_at = self._chance.randint(1, 5)
            call.meanwhile = partial(self._meanwhile, None, 0)
        done = self._deliver_batch(start, batch, call)
        end = start + done
        if done < len(batch):
            self._delivered = min(self._delivered, end)
        elif trouble and self._chance.random() < 0.2:
            self.story.append("  and the acknowledgement is lost")
            self._delivered = min(self._delivered, start)
        else:
            self._delivered = end if self._chance.random() < 0.5 else max(end, self._delivered)
            if self._delivered >= len(self._records()):
                self._check_all()

    def _deliver_again(self) -> None:
        """Deliver random parts again, after everything was delivered."""
        records = self._records()
        start = self._chance.randint(0, len(records))
        batch = records[start : start + self._chance.randint(0, len(records) - start)]
        if batch:
            self._deliver_batch(start, batch, Call())

    def _deliver_batch(self, start: int, batch: Sequence[Any], call: Call) -> int:
        """Deliver a batch; return the number of finished records."""
        self.deliveries += 1
        handler = self._some_stream_handler()
        batch = [record for record in batch for _ in range(2 if self._chance.random() < 0.05 else 1)]
        envelope = sample_event("stream_handler")["Records"][0]
        event = {"Records": [shuffled(as_lambda_has_it(record, envelope), self._chance) for record in batch]}
        self._tell(f"records {start + 1} to {start + len(batch)} to process {self._warm.index(handler)}", call)
        try:
            with self._network.calling(call):
                answer = handler[_STREAM_HANDLER].lambda_handler(event, None)
        except (Killed, Exception) as error:
            self._require_fault(call, error, "the stream handler")
            if isinstance(error, Killed):
                self._warm.remove(handler)
            return 0
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        if failed:
            self.story.append(f"  failed: {failed}")
            self._require(call.fault is not None, "the stream handler", failed)
        numbers = dict.fromkeys(record["dynamodb"]["SequenceNumber"] for record in batch)
        return min((list(numbers).index(number) for number in failed), default=len(numbers))

    def _some_stream_handler(self) -> Process:
        if not self._warm or (len(self._warm) < 3 and self._chance.random() < 0.1):
            self._warm.append(self._new_stream_handler())
        return self._chance.choice(self._warm)

    # Checks

    def _wrote(self, partition: str) -> None:
        """After each write, check that the affected inboxes list each conversation once."""
        if self._is_looking:
            return
        self._is_looking = True
        for person in self._people:
            is_read = not person.reads or partition in person.reads
            if is_read and person.has_joined and not person.leaves:
                self._list(person)
        self._is_looking = False

    def _list(self, person: Person) -> list[Any]:
        """List all folders; check that each conversation is in them, once in each, and that none goes back."""
        self._engine.queried.clear()
        entries: list[Any] = []
        for folder in _FOLDERS:
            query = {"limit": "100", "folder": folder}
            status, listed = self._call("functions.message_groups.list_message_groups", person, None, query=query)
            self._require(status == 200, "listing", listed)
            uuids = [entry["uuid"] for entry in listed]
            self._require(len(uuids) == len(set(uuids)), f"{person.name} lists a conversation twice", listed)
            self._require(
                {entry["folder"] for entry in listed} <= {folder}, f"{person.name} lists another folder", listed
            )
            entries += listed
        person.reads = set(self._engine.queried)
        expected = {
            one.uuid for one in self._conversations if person in one.members and one.uuid and person not in one.out
        }
        found = {entry["uuid"] for entry in entries}
        self._require(expected <= found, f"{person.name} misses {expected - found}", entries)
        last: dict[str, int] = {}
        for entry in entries:  # a replay may show a conversation in an earlier folder, too
            last[entry["uuid"]] = max(entry["last_seq"], last.get(entry["uuid"], 0))
        for uuid, last_seq in last.items():
            known = person.listed.get(uuid, 0)
            goes_back = last_seq < known and uuid in expected  # a replay may show a conversation again that was left
            self._require(not goes_back, f"{person.name} has listed {known} messages before", [uuid, last_seq])
        # A pinned one may come from its head, which is ahead of the stream.
        pinned = {entry["uuid"] for entry in entries if entry["pinned"]}
        person.listed |= {uuid: last_seq for uuid, last_seq in last.items() if uuid not in pinned}
        secrets = {text for one in self._conversations for text in one.secrets.get(person, ())}
        shown = secrets & {entry["message"] for entry in entries}
        self._require(not shown, f"{person.name} sees what a block hides", entries)
        return entries

    def _check_all(self) -> None:
        """Check that answers agree, after the stream is drained."""
        self.story.append("  all is compared")
        self._settle()
        for person in self._people:
            if not person.leaves:
                self._check_inbox(person)
            elif person.is_gone:
                self._check_gone(person)

    def _check_gone(self, person: Person) -> None:
        """Check that only an unexpired token is left of an erased person."""
        nothing: list[Any] = [[], {"message_groups": 0, "messages": 0, "requests": 0}]
        for name in ("functions.message_groups.list_message_groups", "functions.message_groups.count_unread"):
            status, answer = self._call(name, person, None)
            self._require(status == 404 or answer in nothing, f"{person.name} is gone", answer)

    def _check_inbox(self, person: Person) -> None:
        entries = self._list(person)
        for folder in _FOLDERS:
            inbox = [entry for entry in entries if entry["folder"] == folder]
            times = [entry["created_at"] for entry in inbox if not entry["pinned"]]
            self._require(times == sorted(times, reverse=True), f"{person.name}'s {folder} has another order", times)
            pages = self._pages(person, {"limit": "1", "folder": folder})
            self._require(_sorted(pages) == _sorted(inbox), f"{person.name}'s pages are another inbox", [pages, inbox])
        self._check_folders(person, entries)
        for entry in entries:
            uuid = entry["uuid"]
            _, stored = self._call(
                "functions.message_groups.find_message_group", person, None, parameters={"message_group": uuid}
            )
            hides = bool(stored.pop("hidden", 0))
            self._require(entry == stored, f"{person.name}'s entry is not as the conversation", [entry, stored])
            unread = {*range(entry["read_seq"] + 1, entry["last_seq"] + 1)}
            unread = unread.difference(*(range(first, last + 1) for first, last in entry.get("unseen", [])))
            self._require(entry["unread_count"] == len(unread), f"{person.name}'s count is wrong", entry)
            _, (newest,) = self._call(
                "functions.messages.list_messages",
                person,
                None,
                query={"limit": "1"},
                parameters={"message_group_uuid": uuid},
            )
            self._check_changes(person, entry, hides=hides)
            if "hidden" in newest:
                continue
            shown = (entry["message"], entry["created_at"], entry["last_seq"])
            last = (newest["message"], newest["created_at"], newest["seq"])
            if entry["blocked"] or not entry["message"]:
                shown, last = ("", *shown[1:]), ("", *last[1:])
            self._require(shown == last, f"{person.name}'s entry is not as the last message", [entry, newest])
        self._check_totals(person, entries)

    def _check_folders(self, person: Person, entries: list[Any]) -> None:
        """Check that each conversation is in the folder that it says, and nowhere if that is none."""
        for conversation in self._conversations:
            if person not in conversation.members or not conversation.uuid:
                continue
            parameters = {"message_group": conversation.uuid}
            status, stored = self._call(
                "functions.message_groups.find_message_group", person, None, parameters=parameters
            )
            self._require(status in (200, 404), "finding", stored)
            wanted = [stored["folder"]] if status == 200 and stored["folder"] else []
            found = [entry["folder"] for entry in entries if entry["uuid"] == conversation.uuid]
            self._require(found == wanted, f"{person.name} has a conversation in another folder", [found, stored])

    def _check_totals(self, person: Person, entries: list[Any]) -> None:
        """Check that the totals are sums: requests apart, and without what is archived or muted."""
        now = self._machine.now.isoformat(timespec="microseconds")
        unread = [entry for entry in entries if entry["unread_count"] or entry["marked_unread"]]
        counted = [one for one in unread if one["folder"] == "inbox" and (one["muted_until"] or "") <= now]
        wanted = {
            "message_groups": len(counted),
            "messages": sum(entry["unread_count"] for entry in counted),
            "requests": sum(entry["folder"] == "requests" for entry in unread),
        }
        _, totals = self._call("functions.message_groups.count_unread", person, None)
        self._require(totals == wanted, f"{person.name}'s totals are no sums", [totals, wanted, entries])

    def _check_changes(self, person: Person, entry: Any, *, hides: bool) -> None:
        """Check that the feed alone leads to the same messages as the pages."""
        conversation = next(one for one in self._conversations if one.uuid == entry["uuid"])
        parameters = {"message_group_uuid": entry["uuid"]}
        name = "functions.messages.list_messages"
        _, page = self._call(name, person, None, query={"limit": "100"}, parameters=parameters)
        feed: list[Any] = []
        query: dict[str, str] | None = {"limit": "2"}
        while query:
            _, part = self._call("functions.messages.list_changes", person, None, query=query, parameters=parameters)
            feed += part
            query = dict(parse_qsl(self._next[1])) if self._next else None
        seqs = feed.pop()["seqs"] if feed and "seqs" in feed[-1] else []
        numbers = [one["change"] for one in feed]
        self._require(numbers == [*range(1, entry["last_change"] + 1)], "changes have a gap", [feed, entry])
        secrets = conversation.secrets.get(person, set())
        shown = secrets & {one["message"] for one in page if "hidden" not in one}
        self._require(not shown, f"{person.name} reads what a block hides", page)
        hidden = [one["seq"] for one in page if "hidden" in one]
        if person in conversation.out:  # only pages hide what a block does, and end where the history begins
            hidden, hides = seqs, bool(seqs)
        self._require((seqs, bool(seqs)) == (hidden, hides), "the feed hides other messages", [seqs, page])
        changed = {one["uuid"]: one for one in page if one.get("change") and "hidden" not in one}
        told = {one["message"]["uuid"]: one["message"] for one in feed if "uuid" in one.get("message", {})}
        self._require(told == changed, "the feed is not as the pages", [told, changed])
        for uuid in conversation.unsent & changed.keys():
            self._require(changed[uuid]["message"] == "", "an unsent text is back", changed[uuid])

    def _pages(self, person: Person, query: dict[str, str]) -> list[Any]:
        """Read the inbox page by page: within a page, duplicates are hidden.

        Since a time, conversations with changes come again, after those with messages.
        """
        found: list[Any] = []
        is_since = "since" in query
        while True:
            _, page = self._call("functions.message_groups.list_message_groups", person, None, query=query)
            found += page
            if not self._next:
                return [*{entry["uuid"]: entry for entry in found}.values()] if is_since else found
            query = dict(parse_qsl(self._next[1]))

    def _settle(self) -> None:
        """Find out whether conversations with an unanswered first message are open."""
        for conversation in self._conversations:
            one, other = conversation.members
            if conversation.is_doubtful and not conversation.uuid and not (one.leaves or other.leaves):
                parameters = {"message_group": f"@{other.handle}"}
                _, found = self._call("functions.message_groups.find_message_group", one, None, parameters=parameters)
                conversation.uuid = found.get("message_group_uuid", "")
                conversation.is_doubtful = False

    def _check_messages(self) -> None:
        """Check that every message answered with 200 is there once, and that the numbers have no gap."""
        for conversation in self._conversations:
            person = next((one for one in conversation.members if not one.leaves and one not in conversation.out), None)
            if conversation.uuid and person:
                _, messages = self._call(
                    "functions.messages.list_messages",
                    person,
                    None,
                    query={"limit": "100"},
                    parameters={"message_group_uuid": conversation.uuid},
                )
                stored = {message["uuid"]: message["message"] for message in messages if "hidden" not in message}
                unchanged = {uuid: text for uuid, text in conversation.sent.items() if text is not None}
                self._require(unchanged.items() <= stored.items(), "messages are lost", messages)
                numbers = [message["seq"] for message in messages]
                self._require(numbers == [*range(1, len(messages) + 1)], "messages are not numbered", messages)

    # Calls

    def _call(self, name: str, person: Person, call: Call | None, **changes: Any) -> tuple[int | None, Any]:
        """Call a function; return status and body, (None, None) if the process was killed. The story records `call`."""
        if call:
            self._tell(f"{person.name}: {name.rpartition('.')[2]} {changes.get('body', '')}", call)
        try:
            with self._network.calling(call or Call()):
                answer = self._functions[name].lambda_handler(event_of(name, person.user_uuid, **changes), None)
        except Killed:
            self.story.append("  killed")
            return None, None
        self._next = _NEXT.search(answer["headers"].get("link", ""))
        status, body = answer["statusCode"], json.loads(answer["body"])
        if call and status != 200:
            self.story.append(f"  {status} {body}")
        self._require(status < 500 or (status == 503 and call is not None and call.fault is not None), name, body)
        return status, body

    def _tell(self, what: str, call: Call) -> None:
        inside = "  " * self._network.depth
        and_then = f", another call at request {call.meanwhile_at}" if call.meanwhile_at else ""
        self.story.append(f"{inside}{what}{f', {call.fault}' if call.fault else ''}{and_then}")

    def _require_fault(self, call: Call, error: BaseException, what: str) -> None:
        """Check that an error has a cause: a failed request, or another call that changed items a script had read."""
        if isinstance(error, Violation):
            raise error
        self.story.append(f"  {type(error).__name__}")
        is_of_fault = isinstance(error, Killed | Unfinished | ClientError | BotoCoreError) or _is_busy(error)
        was_overtaken = bool(call.meanwhile_at) and isinstance(error, Unfinished)
        self._require(was_overtaken or (call.fault is not None and is_of_fault), what, repr(error))

    def _require(self, is_right: bool, what: str, seen: Any) -> None:
        if not is_right:
            lines = [*self.story, f"{what}: {json.dumps(seen, indent=2)}"]
            raise Violation("\n".join([*lines, f"Again: .venv/bin/python -m tests.histories {self._seed}"]))


def _is_busy(error: BaseException) -> bool:
    """True for Busy, by name: each process has classes of its own."""
    return any(one.__name__ == "Busy" for one in type(error).__mro__)


def _sorted(inbox: list[Any]) -> list[Any]:
    return sorted(inbox, key=lambda entry: str(entry["uuid"]))


class Stage:
    """Runs histories one after the other. Functions and scripts keep no state, and are imported once."""

    def __init__(self, table_name: str = "a-table") -> None:
        self._machine = Machine(table_name)
        self._functions = Process(self._machine, *_FUNCTIONS)
        self._scripts = Process(self._machine, *_SCRIPTS)

    def tell(self, seed: int, make_engine: MakeEngine) -> History:
        """Run the history of a seed to its end. Raises Violation."""
        history = History(seed, self._machine, self._functions, self._scripts, make_engine)
        with _silence():
            history.tell()
        return history


@contextmanager
def _silence() -> Iterator[None]:
    """Switch off the functions' logs and metrics: they cost time, and nobody reads them."""
    logging.disable()
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
