"""Runs the stream handler and senders as processes of their own, and kills them by SIGKILL while they work.

`python -m tests.support.killed` is such a process. It appends finished work to its journal, on disk before it
continues: a sender its answers, the stream handler the last finished record. When it is started again, it continues
from there, and so repeats work that was done but not written down: a send, an edit, an unsend, a reaction, hiding.
Senders also switch their read receipts off and on, archive, mute, pin and mark conversations, and the stream handler
goes back on purpose, as Lambda does after a lost acknowledgement.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.person import Person
from messaging.storage.table import Table, open_table
from operators.schema import create_table_request
from operators.verify import Violation, verify
from tests.support import dynamodb_local
from tests.support.checks import assert_inboxes_stand_at_the_heads, read_all, stored_messages
from tests.support.functions import Functions, Stream, all_before
from tests.support.plan import Plan, Request, stored_states

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROOT = Path(__file__).parents[2]
_STREAM_HANDLER = "stream_handler"
_BEGUN = "begun"
_LONGEST_LIFE = 1_800  # seconds, in case the parent process is gone and cannot end it


class Journal:
    """Lines on disk that survive a kill."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.journal"
        self._path.touch()

    def append(self, line: str) -> None:
        with self._path.open("ab", buffering=0) as file:
            file.write(f"{line}\n".encode())
            os.fsync(file.fileno())

    def lines(self) -> list[str]:
        """All lines, including the starts of processes."""
        return self._path.read_text().splitlines()

    def finished(self) -> list[str]:
        """The lines of finished work."""
        return [line for line in self.lines() if line != _BEGUN]


class Victim:
    """A process that is killed after one to `longest_life` lines of its journal, at any moment, and restarted."""

    def __init__(
        self, name: str, folder: Path, endpoint: str, table_name: str, chance: random.Random, longest_life: int
    ) -> None:
        self.journal = Journal(folder, name)
        self.kills = 0
        self._command = [sys.executable, "-m", "tests.support.killed", str(folder), table_name, name]
        self._environment = {**os.environ, "AWS_ENDPOINT_URL": endpoint}
        self._log = folder / f"{name}.log"
        self._chance = chance
        self._longest_life = longest_life
        self._start()

    def _start(self) -> None:
        self._kill_at = len(self.journal.lines()) + self._chance.randint(1, self._longest_life)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=_ROOT, env=self._environment, stdout=subprocess.DEVNULL, stderr=log
            )

    def lives(self) -> bool:
        """Kill and restart the process when it is time. False if it has finished."""
        if self._process.poll() is None and len(self.journal.lines()) >= self._kill_at:
            time.sleep(self._chance.uniform(0, 0.05))  # at any point of its work
            if self.end() == -signal.SIGKILL:
                self.kills += 1
                self._start()
        code = self._process.poll()
        assert not code, self._log.read_text()[-3000:]
        return code is None

    def end(self) -> int:
        """End the process; return its exit status."""
        self._process.kill()
        return self._process.wait(timeout=30)


@dataclass(frozen=True)
class Outcome:
    """The result: messages that `differ` from what was answered, and `doubled` ones; texts `left` after an unsend."""

    messages: int
    changes: int
    kills: int
    differ: list[str]
    doubled: list[str]
    left: list[str]
    violations: list[Violation]

    @property
    def reliability(self) -> list[str]:
        """The row for docs/reliability.md."""
        return [
            "stream handler and senders killed",
            f"{self.messages:,} messages, {self.changes:,} changes of them, {self.kills:,} kills by SIGKILL",
            f"lost or wrong {len(self.differ)}, duplicated {len(self.doubled)}, unsent texts left {len(self.left)}",
        ]


def kill_while_sending(
    endpoint: str, folder: Path, *, people: int, messages_each: int, longest_life: int, seed: int, seconds: int
) -> Outcome:
    """Send, change, kill and restart until all is done and the stream is drained; then check. Fails after `seconds`."""
    client = dynamodb_local.client(endpoint)
    table_name = f"killed-{uuid4()}"
    client.create_table(**create_table_request(table_name))
    plan = Plan(
        [Person(str(uuid4()), f"person{number}", f"Person {number}") for number in range(people)],
        messages_each,
        seed,
    )
    plan.write(folder)
    for person in plan.people:
        Table(client, table_name).register(person)
    stream = Stream(endpoint, table_name)
    chance = random.Random(seed)  # noqa: S311
    deadline = time.monotonic() + seconds

    with ExitStack() as ending:
        ending.callback(client.delete_table, TableName=table_name)

        def start(name: str, life: int) -> Victim:
            victim = Victim(name, folder, endpoint, table_name, chance, life)
            ending.callback(victim.end)
            return victim

        handler = start(_STREAM_HANDLER, 8)
        senders = [start(person.handle, longest_life) for person in plan.people]
        sending = senders
        while sending:
            sending = [sender for sender in sending if sender.lives()]
            assert handler.lives()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        while stream.records(after=_last(handler.journal)):
            assert handler.lives()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        handler.end()

        items = read_all(client, table_name)
        assert_inboxes_stand_at_the_heads(items)
        stored, wanted = stored_states(items), plan.end()
        messages = stored_messages(items)
        places = {one.message_uuid: (one.message_group_uuid, one.created_at, one.seq) for one in messages}
        answers = [
            json.loads(line)
            for person, sender in zip(plan.people, senders, strict=True)
            for request, line in zip(plan.requests_of(person), sender.journal.finished(), strict=True)
            if request.how == "send"
        ]
        answered = {one["uuid"]: (one["message_group_uuid"], one["created_at"], one["seq"]) for one in answers}
        assert answered.keys() == wanted.keys()
        everything = str(items)
        return Outcome(
            len(answered),
            sum(state.changes.total() for state in stored.values()),
            handler.kills + sum(sender.kills for sender in senders),
            [
                uuid
                for uuid, state in wanted.items()
                if places.get(uuid) != answered[uuid] or not state.allows(stored[uuid])
            ],
            [uuid for uuid, count in Counter(message.message_uuid for message in messages).items() if count > 1],
            [text for text in plan.unsent_texts() if text in everything],
            verify(client, table_name),
        )


def _last(journal: Journal) -> str | None:
    return next(reversed(journal.finished()), None)


# The processes


def _send(
    functions: Functions, client: "DynamoDBClient", table_name: str, journal: Journal, sender: Person, plan: Plan
) -> None:
    answers = [json.loads(line) for line in journal.finished()]
    requests = plan.requests_of(sender)
    groups = {request.message_group_uuid for request in requests[: len(answers)]}
    seen = {answer["uuid"]: answer["change"] for answer in answers if "uuid" in answer}
    for request in requests[len(answers) :]:
        answer = _answer(functions, sender.user_uuid, request, seen.get(request.message_uuid, 0))
        time.sleep(random.uniform(0, 0.03))  # noqa: S311 - a kill in it loses the answer
        journal.append(json.dumps(answer))
        groups.add(request.message_group_uuid)
        if "uuid" in answer:
            seen[answer["uuid"]] = answer["change"]
        if random.random() < 0.2:  # noqa: S311
            _switch_receipts(client, table_name, sender, groups, read_receipts=False)
            _switch_receipts(client, table_name, sender, groups, read_receipts=True)
        if random.random() < 0.2:  # noqa: S311
            _change_settings(functions, sender, groups)
    _switch_receipts(client, table_name, sender, groups, read_receipts=True)  # a kill may have come between the two


def _answer(functions: Functions, user_uuid: str, request: Request, seen: int) -> Any:
    """Repeat a request until it is answered finally; return the answer. `seen` is the message's change as last seen."""
    while True:
        status, answer, _ = _call(functions, user_uuid, request, seen)
        if status == 412:  # the other person has reacted meanwhile
            _, shown, _ = functions.show_message(user_uuid, request.message_group_uuid, request.message_uuid)
            seen = shown["change"]
        elif status == 404:  # the other person has not sent it yet
            time.sleep(0.02)
        elif status != 503:
            assert status == 200 or (status == 410 and request.how != "send"), answer
            return answer


def _call(functions: Functions, user_uuid: str, request: Request, seen: int) -> tuple[int, Any, dict[str, str]]:
    address = (user_uuid, request.message_group_uuid, request.message_uuid)
    match request.how:
        case "send":
            return functions.create_message(user_uuid, **request.body)
        case "edit":
            return functions.edit_message(*address, message=request.value, change=seen)
        case "unsend":
            return functions.delete_message(*address, **{"for": "everyone"})
        case "react":
            return functions.put_reaction(*address, request.value)
        case "take_back_reaction":
            return functions.delete_reaction(*address, request.value)
    return functions.delete_message(*address, **{"for": "me"})


def _switch_receipts(
    client: "DynamoDBClient", table_name: str, person: Person, groups: Iterable[str], *, read_receipts: bool
) -> None:
    """Write the setting into the heads, as PATCH /api/users/me does, but without its limit of once a minute."""
    for group in groups:
        client.update_item(
            TableName=table_name,
            Key=keys.key(keys.conversation_pk(group), keys.HEAD),
            UpdateExpression="SET members.#me.receipts = :receipts ADD version :one",
            ExpressionAttributeNames={"#me": person.user_uuid},
            ExpressionAttributeValues={":receipts": {"BOOL": read_receipts}, ":one": {"N": "1"}},
        )


def _change_settings(functions: Functions, person: Person, groups: Iterable[str]) -> None:
    """Toggle a setting of each conversation; where it ends does not matter."""
    for group in groups:
        name = random.choice(("archived", "muted_until", "pinned", "marked_unread"))  # noqa: S311
        values: tuple[Any, ...] = ("forever", None) if name == "muted_until" else (True, False)
        for value in random.sample(values, random.randint(1, 2)):  # noqa: S311
            status, answer, _ = functions.change_message_group(person.user_uuid, group, **{name: value})
            assert status in (200, 503), answer


def _handle_stream(functions: Functions, journal: Journal, stream: Stream) -> None:
    before: list[dict[str, Any]] = []  # the work of this process
    while True:
        records = stream.records(after=_last(journal))
        if not records:
            time.sleep(0.05)
        while records:
            batch = records[: random.randint(1, 40)]  # noqa: S311 - each life cuts the stream otherwise
            done = all_before(functions.stream_handler(batch), batch)
            if done:
                journal.append(done[-1]["dynamodb"]["SequenceNumber"])
            before += done
            records = records[len(done) :]
            if records and len(before) > 1 and random.random() < 0.2:  # noqa: S311
                back = random.randint(1, min(len(before) - 1, 60))  # noqa: S311
                records = [*before[-back:], *records]
                del before[-back:]
                journal.append(before[-1]["dynamodb"]["SequenceNumber"])


def _main(folder: Path, table_name: str, name: str) -> None:
    signal.alarm(_LONGEST_LIFE)
    os.environ["KEEP_VERSIONS"] = "2"  # which an unsend deletes
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    plan = Plan.read(folder)
    journal = Journal(folder, name)
    functions = Functions(open_table(table_name), pytest.MonkeyPatch())
    functions.handler("stream_handler.stream_handler" if name == _STREAM_HANDLER else "messages.create_message")
    journal.append(_BEGUN)
    if name == _STREAM_HANDLER:
        _handle_stream(functions, journal, Stream(endpoint, table_name))
    else:
        (sender,) = (person for person in plan.people if person.handle == name)
        _send(functions, dynamodb_local.client(endpoint), table_name, journal, sender, plan)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), *sys.argv[2:])
