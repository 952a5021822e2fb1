"""bin/ddb/import-bootcamp: every message of a bootcamp table arrives once and in order, despite all its defects."""

import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Gone
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.services.changes import Window, edit, hide, react, unsend
from messaging.services.read import changes_after, newest_messages
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from operators.bootcamp.carry_out import carry_out
from operators.bootcamp.survey import survey
from operators.people_table import PeopleTable
from operators.repair import repair_inboxes
from operators.verify import verify
from tests.conftest import examples
from tests.support import dynamodb_local
from tests.support.bootcamp import CONVERSATIONS, START, Bootcamp, Generator, User, written
from tests.support.checks import read_all, stored_messages
from tests.support.scripts import BIN, environment, run_on_dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.processes

LONDO = User("6f1c0d1e-0000-4000-8000-000000000001", "londo", "Londo Mollari")
VIR = User("6f1c0d1e-0000-4000-8000-000000000002", "vir", "Vir Cotto")
GKAR = User("6f1c0d1e-0000-4000-8000-000000000003", "gkar", "G'Kar")


def at(seconds: float) -> str:
    """Format a time as the newest version of the bootcamp's code does."""
    return (START + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def new_table(dynamodb: "DynamoDBClient") -> Iterator[Callable[[], str]]:
    """Make an empty table with the bootcamp's keys."""
    names = []

    def make() -> str:
        names.append(f"table-{uuid4()}")
        dynamodb_local.create_table_without_stream(dynamodb, names[-1])
        return names[-1]

    yield make
    for name in names:
        dynamodb.delete_table(TableName=name)


@pytest.fixture
def source(dynamodb: "DynamoDBClient", new_table: Callable[[], str]) -> Bootcamp:
    return Bootcamp(dynamodb, new_table())


@pytest.fixture
def target(new_table: Callable[[], str]) -> str:
    return new_table()


@pytest.fixture
def run(source: Bootcamp, target: str, dynamodb_endpoint: str) -> Callable[..., list[str]]:
    """Save the source, import it by the command, and return the lines of the report."""

    def import_it(*arguments: str, into: str = target) -> list[str]:
        source.save()
        done = run_on_dynamodb_local(dynamodb_endpoint, "import-bootcamp", source.name, "--stack", into, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return import_it


def conversations(items: list[dict[str, Any]]) -> dict[frozenset[str], list[Message]]:
    """The messages of each pair of people, in order."""
    members = {
        head.message_group_uuid: frozenset(head.members)
        for head in (Head.from_item(item) for item in items if item["sk"]["S"] == keys.HEAD)
    }
    found = defaultdict(list)
    for message in stored_messages(items):
        found[members[message.message_group_uuid]].append(message)
    return {two: sorted(messages, key=lambda message: message.seq) for two, messages in found.items()}


def texts(dynamodb: "DynamoDBClient", table_name: str, *two: User | Person) -> list[str]:
    found = conversations(read_all(dynamodb, table_name))
    return [message.message for message in found.get(frozenset(one.user_uuid for one in two), [])]


def test_a_large_table_with_all_its_defects_arrives_whole(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient", dynamodb_endpoint: str
) -> None:
    count = examples(quick=3_000, soak=30_000)
    # Of more people some would have no message without a defect.
    generated = Generator(source, count, people=examples(quick=40, soak=80))
    table = Table(dynamodb, target)
    for user in generated.people[: len(generated.people) // 2]:
        table.register(Person(str(uuid4()), user.handle.title(), user.name))
    generated.fill()
    assert len(generated.sent) > 0.95 * count

    report = run("--write")

    assert run_on_dynamodb_local(dynamodb_endpoint, "verify", "--stack", target).stdout.startswith("0 violations")
    items = read_all(dynamodb, target)
    arrived = conversations(items)
    people = {
        person.handle.lower(): person.user_uuid
        for person in (Person.from_handle_item(item) for item in items if item["sk"]["S"] == keys.HANDLE)
    }
    environments = {message.message: (two, message) for two, messages in arrived.items() for message in messages}
    assert Counter(message.message for messages in arrived.values() for message in messages) == Counter(
        sent.text for sent in generated.sent
    )
    for sent in generated.sent:
        if not sent.text:
            continue
        two, message = environments[sent.text]
        assert message.sender.user_uuid == people[sent.sender]
        assert not sent.to or two == {people[sent.sender], people[sent.to]}
        assert timedelta(0) <= datetime.fromisoformat(message.created_at) - sent.at < timedelta(milliseconds=1)
    assert len(arrived) <= CONVERSATIONS + 5 + 2
    assert f"Wrote {len(generated.sent):,} new and 0 renumbered messages in {len(arrived)} conversations" in report[-1]
    assert not [line for line in report if "Text" in line or "Person" in line]

    again = run("--write")

    assert again[-1] == (
        f"Wrote 0 new and 0 renumbered messages in 0 conversations; {len(generated.sent):,} existed already."
    )
    assert read_all(dynamodb, target) == items


def test_an_import_that_was_killed_is_finished_by_the_next(
    source: Bootcamp,
    new_table: Callable[[], str],
    target: str,
    run: Callable[..., list[str]],
    dynamodb: "DynamoDBClient",
    dynamodb_endpoint: str,
) -> None:
    Generator(source, examples(quick=600, soak=5_000)).fill()
    whole = new_table()
    run("--write", into=whole)
    wanted = sorted(read_all(dynamodb, whole), key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    for share in (0.1, 0.3, 0.6):
        process = subprocess.Popen(
            [BIN / "ddb/import-bootcamp", source.name, "--stack", target, "--write", "dynamodb-local"],
            env=environment(DYNAMODB_ENDPOINT=dynamodb_endpoint),
            stdout=subprocess.DEVNULL,
        )
        while _count(dynamodb, target) < share * len(wanted):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(read_all(dynamodb, target)) < len(wanted)
    run("--write")

    assert verify(dynamodb, target) == []
    assert sorted(read_all(dynamodb, target), key=lambda item: (item["pk"]["S"], item["sk"]["S"])) == wanted


def _count(dynamodb: "DynamoDBClient", table_name: str) -> int:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table_name, Select="COUNT")
    return sum(page["Count"] for page in pages)


def test_without_write_nothing_is_written_and_the_report_is_the_same(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    source.message("g1", at(1), "one", LONDO)
    source.message("g2", at(2), "two", VIR)
    source.message_groups(LONDO, VIR, "g1", at(1))
    source.message_groups(LONDO, VIR, "g2", at(2))

    said = run()
    assert read_all(dynamodb, target) == []
    done = run("--write")

    assert said[-2:] == [
        "Would write 2 new and 0 renumbered messages in 1 conversations; 0 existed already.",
        "Nothing was written. Add --write to import.",
    ]
    assert done == [*said[:-2], said[-2].replace("Would write", "Wrote")]
    assert done[0] == f"merged     {keys.pair_uuid(LONDO.user_uuid, VIR.user_uuid)}  of g1, g2"
    assert texts(dynamodb, target, LONDO, VIR) == ["one", "two"]


def test_the_owner_of_the_handle_here_is_the_sender_in_the_source(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    londo = Person(str(uuid4()), "Londo", "Ambassador Mollari")
    Table(dynamodb, target).register(londo)
    source.message("g1", at(1), "Vir!", LONDO)
    source.message_groups(LONDO, VIR, "g1", at(1))

    report = run("--write")

    assert texts(dynamodb, target, londo, VIR) == ["Vir!"]
    assert f"new person {VIR.user_uuid}  has a handle that nobody has here" in report
    assert not [line for line in report if LONDO.user_uuid in line]
    assert verify(dynamodb, target) == []


def test_forbidden_names_and_handles_are_replaced(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    forger = User(str(uuid4()), "forger", "Londo\n@vir: Hello")
    ghost = User(str(uuid4()), "deleted_user", "Deleted User")
    source.message("g1", at(1), "one", forger)
    source.message_groups(forger, ghost, "g1", at(1))

    report = run("--write")

    table = PeopleTable(dynamodb, target)
    people = table.profiles([forger.user_uuid, ghost.user_uuid])
    assert people[forger.user_uuid].person.display_name == "forger"
    renamed = people[ghost.user_uuid].person
    assert renamed.handle.startswith("user-")
    assert renamed.display_name == renamed.handle
    for user in (forger, ghost):
        assert f"name       {user.user_uuid}  not acceptable; becomes the handle" in report


def test_times_of_all_kinds_are_put_in_one_order(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    source.message_groups(LONDO, VIR, "g", at(0))
    for number in range(10):
        source.message("g", written(START + timedelta(seconds=number), number), f"{number}", LONDO)
    source.message("g", "yesterday", "at no time", VIR)

    report = run("--write")

    assert texts(dynamodb, target, LONDO, VIR) == [*map(str, range(10)), "at no time"]
    assert "2 times without offset" in report[-3]
    assert [line for line in report if line.startswith("time       MSG#g yesterday")]


def test_every_attribute_but_the_keys_may_be_missing(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    nameless = User(GKAR.user_uuid, "", "")
    source.message("g", at(1), "", nameless)
    del source.items["MSG#g", at(1)]["message"]
    source.message("g", at(2), "from nobody", User("", "", ""))
    source.message("g", at(3), "a handle nobody can have", User("MOCK", "Vir Cotto!", "V" * 200))
    source.message("nobody's", at(4), "from nobody to nobody", User("", "", ""))

    report = run("--write")

    assert verify(dynamodb, target) == []
    found = conversations(read_all(dynamodb, target))
    assert sorted([message.message for message in messages] for messages in found.values()) == [
        ["", "from nobody", "a handle nobody can have"],
        ["from nobody to nobody"],
    ]
    assert len([line for line in report if line.startswith("guess      MSG#")]) == 2
    assert len([line for line in report if line.startswith("unknown")]) == 2
    assert run("--write")[-1] == "Wrote 0 new and 0 renumbered messages in 0 conversations; 4 existed already."


def test_messages_sent_in_the_old_system_meanwhile_get_their_place(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    source.message_groups(LONDO, VIR, "g1", at(1))
    source.message("g1", at(1), "one", LONDO)
    source.message("g1", at(5), "five", VIR)
    run("--write")
    source.message("g1", at(9), "nine", LONDO)
    source.message("g2", at(3), "three", VIR)
    source.message_groups(LONDO, VIR, "g2", at(3))

    report = run("--write")

    assert texts(dynamodb, target, LONDO, VIR) == ["one", "three", "five", "nine"]
    assert report[-1] == "Wrote 2 new and 1 renumbered messages in 1 conversations; 1 existed already."
    assert verify(dynamodb, target) == []


def test_messages_sent_here_before_the_import_follow_the_history(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    table = Table(dynamodb, target)
    londo, vir = (Person(str(uuid4()), user.handle, user.name) for user in (LONDO, VIR))
    table.register(londo)
    table.register(vir)
    sent = send_to_handle(table, londo.user_uuid, vir.handle, Draft(str(uuid4()), "new")).message
    source.message_groups(LONDO, VIR, "g", at(1))
    source.message("g", at(1), "old", VIR)
    run("--write")
    newer = send_to_conversation(table, vir.user_uuid, sent.message_group_uuid, Draft(str(uuid4()), "newer")).message
    repair_inboxes(table, sent.message_group_uuid)

    again = run("--write")

    found = conversations(read_all(dynamodb, target))[frozenset((londo.user_uuid, vir.user_uuid))]
    assert [(one.message, one.seq) for one in found] == [("old", 1), ("new", 2), ("newer", 3)]
    assert [one.message_uuid for one in found[1:]] == [sent.message_uuid, newer.message_uuid]
    assert again[-1] == "Wrote 0 new and 0 renumbered messages in 0 conversations; 3 existed already."
    assert verify(dynamodb, target) == []


def test_changes_replies_and_hidden_messages_follow_messages_that_move(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    table = Table(dynamodb, target)
    londo, vir = (Person(str(uuid4()), user.handle, user.name) for user in (LONDO, VIR))
    table.register(londo)
    table.register(vir)
    sent = send_to_handle(table, londo.user_uuid, vir.handle, Draft(str(uuid4()), "new")).message
    group = sent.message_group_uuid
    reply = send_to_conversation(
        table, vir.user_uuid, group, Draft(str(uuid4()), "reply"), reply_to=sent.message_uuid
    ).message
    edit(table, londo.user_uuid, group, sent.message_uuid, "edited", 0, Window(None))
    react(table, vir.user_uuid, group, sent.message_uuid, "👍")
    unsend(table, vir.user_uuid, group, reply.message_uuid, Window(None))
    hide(table, vir.user_uuid, group, sent.message_uuid)
    send_to_conversation(table, vir.user_uuid, group, Draft(str(uuid4()), "again"), reply_to=sent.message_uuid)
    repair_inboxes(table, group)
    source.message_groups(LONDO, VIR, "g", at(1))
    source.message("g", at(1), "old", VIR)
    source.message("g", at(2), "old, too", LONDO)

    for _ in range(2):
        run("--write")

        page = newest_messages(table, londo.user_uuid, group, 10)
        assert [one.message for one in page.messages] == ["old", "old, too", "edited", "", "again"]
        assert [(one.seq, one.change) for one in page.messages[2:]] == [(3, 2), (4, 3), (5, 0)]
        assert page.messages[2].reactions == {vir.user_uuid: ("👍",)}
        assert [one.reply_to.seq for one in page.messages if one.reply_to] == [3]
        assert newest_messages(table, vir.user_uuid, group, 10).hidden == {3: 0}
        assert [one.number for one in changes_after(table, vir.user_uuid, group, 0, 10).changes] == [1, 2, 3]
        assert verify(dynamodb, target) == []
    with pytest.raises(Gone):
        edit(table, vir.user_uuid, group, reply.message_uuid, "back", 3, Window(None))
    edit(table, vir.user_uuid, group, page.messages[0].message_uuid, "older", 0, Window(None))
    repair_inboxes(table, group)
    run("--write")
    assert newest_messages(table, londo.user_uuid, group, 10).messages[0].message == "older"
    assert verify(dynamodb, target) == []


def test_a_message_uuid_that_another_conversation_has_is_replaced_the_same_in_every_run(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    message_uuid = str(uuid4())
    for group, one in (("g1", VIR), ("g2", GKAR)):
        source.message_groups(LONDO, one, group, at(1))
        source.message(group, at(1), f"from {one.handle}", one, message_uuid)

    report = run("--write")
    items = read_all(dynamodb, target)
    again = run("--write")

    assert verify(dynamodb, target) == []
    assert texts(dynamodb, target, LONDO, VIR) == ["from vir"]
    assert texts(dynamodb, target, LONDO, GKAR) == ["from gkar"]
    assert report[-2].startswith("1 message_uuids made")
    assert again[-1] == "Wrote 0 new and 0 renumbered messages in 0 conversations; 2 existed already."
    assert read_all(dynamodb, target) == items


def test_sent_records_follow_moved_messages_and_the_next_run_makes_missing_ones(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    table = Table(dynamodb, target)
    londo, vir = (Person(str(uuid4()), user.handle, user.name) for user in (LONDO, VIR))
    table.register(londo)
    table.register(vir)
    moment = START + timedelta(seconds=1)
    sent = [
        send_to_handle(table, londo.user_uuid, vir.handle, Draft(str(uuid4()), text), lambda: moment).message
        for text in ("here", "and here")
    ]
    for number in range(3):
        source.message(f"g{number}", at(1), f"old {number}", VIR)
        source.message_groups(LONDO, VIR, f"g{number}", at(number))
    run("--write")

    for message in sent:
        again = send_to_handle(table, londo.user_uuid, vir.handle, Draft(message.message_uuid, message.message))
        assert (again.repeated, again.message.message_uuid) == (True, message.message_uuid)
    assert texts(dynamodb, target, londo, vir) == ["here", "old 0", "old 1", "old 2", "and here"]
    assert verify(dynamodb, target) == []
    for item in read_all(dynamodb, target):
        if item["sk"]["S"] == keys.SENT_RECORD:
            dynamodb.delete_item(TableName=target, Key=keys.key(item["pk"]["S"], keys.SENT_RECORD))
    assert run("--write")[-1].startswith("Wrote 0 new and 0 renumbered messages in 1 conversations")
    assert verify(dynamodb, target) == []


def test_inboxes_are_fixed_by_the_next_run(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb: "DynamoDBClient"
) -> None:
    source.message_groups(LONDO, VIR, "g", at(1))
    source.message("g", at(1), "one", VIR)
    run("--write")
    stored = Table(dynamodb, target).inbox(VIR.user_uuid, 1)[0].item
    dynamodb.delete_item(TableName=target, Key=keys.key(stored["pk"]["S"], stored["sk"]["S"]))

    assert run("--write")[-1].startswith("Wrote 0 new and 0 renumbered messages in 1 conversations")
    assert verify(dynamodb, target) == []


@pytest.mark.parametrize("wrong", ["the target itself", "a table of this system", "no table"])
def test_a_table_of_another_kind_is_a_clear_error(
    source: Bootcamp, target: str, run: Callable[..., list[str]], dynamodb_endpoint: str, wrong: str
) -> None:
    source.message_groups(LONDO, VIR, "g", at(1))
    source.message("g", at(1), "one", VIR)
    run("--write")
    table, into = {
        "the target itself": (target, target),
        "a table of this system": (target, source.name),
        "no table": ("no-such-table", target),
    }[wrong]

    done = run_on_dynamodb_local(dynamodb_endpoint, "import-bootcamp", table, "--stack", into)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("import-bootcamp: ")
    assert "Traceback" not in done.stderr


_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(("g1", "g2", "g3")),
        st.integers(0, 6).map(lambda tens: START + timedelta(microseconds=tens)),
        st.integers(0, 4),
        st.sampled_from((LONDO, VIR)),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda message: (message[0], written(message[1], message[2])),
)


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink, each try on new tables, takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(messages=_MESSAGES, first=st.integers(0, 12), sent_here=st.integers(0, 2))
def test_in_any_order_of_arrival_each_message_is_stored_once_and_in_order(
    dynamodb: "DynamoDBClient", messages: list[tuple[str, datetime, int, User]], first: int, sent_here: int
) -> None:
    source, target = (f"table-{uuid4()}" for _ in range(2))
    for name in (source, target):
        dynamodb_local.create_table_without_stream(dynamodb, name)
    try:
        bootcamp = Bootcamp(dynamodb, source)
        table = Table(dynamodb, target)
        bring = partial(_bring, dynamodb, source, target)
        for number, group in enumerate(("g1", "g2", "g3")):
            bootcamp.message_groups(LONDO, VIR, group, at(number))
        for number, (group, when, how, sender) in enumerate(messages):
            if number == first:
                bootcamp.save()
                bring()
            bootcamp.message(group, written(when, how), f"{number}", sender)
        if table.head(keys.pair_uuid(LONDO.user_uuid, VIR.user_uuid), consistent=True):
            for number in range(sent_here):
                send_to_handle(table, VIR.user_uuid, LONDO.handle, Draft(str(uuid4()), f"here {number}"))
        bootcamp.save()
        bring()

        assert verify(dynamodb, target) == []
        found = texts(dynamodb, target, LONDO, VIR)
        here = [text for text in found if text.startswith("here")]
        keyed = sorted(range(len(messages)), key=lambda number: _place(messages[number]))
        assert found == [*map(str, keyed), *here]
        assert here == [f"here {number}" for number in range(len(here))]
        assert bring() == 0
    finally:
        for name in (source, target):
            dynamodb.delete_table(TableName=name)


def _place(message: tuple[str, datetime, int, User]) -> tuple[datetime, str, str]:
    group, when, how, _ = message
    return when, group, written(when, how)


def _bring(dynamodb: "DynamoDBClient", source: str, target: str) -> int:
    """Import; return the number of changed conversations."""
    plan = survey(dynamodb, source, target)
    return carry_out(dynamodb, source, target, plan, write=True).counts["changed conversations"]
