"""bin/ddb/verify sees any single damage to an item, and bin/ddb/repair fixes it or says that it cannot."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.membership import FOREVER
from messaging.model.message import Draft
from messaging.model.person import SPREADING, Person
from messaging.model.reach import OPEN, REQUESTS, Reach
from messaging.model.settings_change import SettingsChange
from messaging.services.blocks import block, unblock
from messaging.services.changes import Window, edit, react, unsend
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.services.settings import change_settings, decline_request, leave
from messaging.storage.table import Table
from operators import verify as verifying
from operators.repair import Repair, repair_inboxes
from operators.scan import kind_of
from operators.verify import Violation, verify
from tests.conftest import examples
from tests.support import dynamodb_local
from tests.support.checks import read_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Nothing else in the table tells these: a message keeps the names of its time, and a profile has notes.
# The texts of messages that were edited or unsent, and what goes with them, are nowhere else.
_CHANGED = {"1": {"message", "salt", "edited_at", "digest"}, "3": {"unsent_at", "digest"}}
_OF_HEAD = {"sent", "request.at", "declined", "archived", "block.read"}  # who blocks shows nobody how far they read
# Reactions are nowhere else, and only the last change is also in the head.
_OWN = {
    "message": {"user_handle", "user_display_name", "reactions"},
    "change": {"kind", "at"},
    "profile": {"changed_at", SPREADING},
    "head": _OF_HEAD,
    "left": _OF_HEAD | {"read_seq"},  # no entry shows the marks of one to which only one of the two has written
    "unopened": {  # no entry shows a head without messages
        "settings",
        "set_at",
        "shown_at",
        "created_at",
        "user_uuid",
        "version",
        "block.read",
        "block.other_read",
    },
}
_VALUES: list[Item] = [
    *({"S": text} for text in ("", "x", "londo", "00000000-0000-4000-8000-000000000000")),
    *({"S": f"20{year}-01-01T00:00:00.000000+00:00"} for year in (20, 40)),
    *({"N": number} for number in ("-1", "0", "1", "3", "99")),
    {"BOOL": False},
    {"BOOL": True},
    {"NULL": True},
    {"M": {}},
]


def _uuid(name: str) -> str:
    """The same in every run, so that a drawn example is the same, too."""
    return str(uuid5(NAMESPACE_URL, name))


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


@dataclass
class Healthy:
    """A table with conversations in all folders and no violation."""

    client: "DynamoDBClient"
    name: str
    items: dict[tuple[str, str], Item]

    def find(self, kind: str, number: int = 0) -> Item:
        """One of the items of a kind, in order of their keys."""
        return [item for _, item in sorted(self.items.items()) if kind_of(item) == kind][number]

    def verify(self) -> list[Violation]:
        return verify(self.client, self.name)

    def fix(self) -> list[Violation]:
        return Repair(self.client, self.name, None).fix(self.verify())

    def put(self, item: Item) -> None:
        self.client.put_item(TableName=self.name, Item=item)

    def delete(self, item: Item) -> None:
        self.client.delete_item(TableName=self.name, Key=keys.of(item))

    def read(self) -> dict[tuple[str, str], Item]:
        return {_key(item): item for item in read_all(self.client, self.name)}

    def restore(self) -> None:
        stored = self.read()
        for key in stored.keys() - self.items.keys():
            self.delete(stored[key])
        for key, item in self.items.items():
            if stored.get(key) != item:
                self.put(item)


@pytest.fixture(scope="module")
def table(engine: str) -> Iterator[Healthy]:
    dynamodb = dynamodb_local.client(engine)
    name = f"damage-{uuid4()}"
    dynamodb_local.create_table_without_stream(dynamodb, name)
    table = Table(dynamodb, name)
    bayko, londo, kenji = (Person(_uuid(handle), handle, handle.title()) for handle in ("bayko", "londo", "kenji"))
    for person in (bayko, londo, kenji):
        table.register(person)
    profile = table.profile(londo.user_uuid)
    assert profile
    table.change_profile(profile, replace(profile.person, read_receipts=False))
    group = send_to_handle(table, bayko.user_uuid, "londo", Draft(_uuid("0"), "0")).message.message_group_uuid
    for number, sender in enumerate((londo, londo, bayko, londo), 1):
        send_to_conversation(table, sender.user_uuid, group, Draft(_uuid(str(number)), str(number)))
    changed = [_uuid(str(number)) for number in (1, 2, 3)]
    edit(table, londo.user_uuid, group, changed[0], "edited", 0, Window(None))
    react(table, bayko.user_uuid, group, changed[0], "👍")
    react(table, bayko.user_uuid, group, changed[1], "👍")
    unsend(table, bayko.user_uuid, group, changed[2], Window(None))
    alone = send_to_handle(table, kenji.user_uuid, "bayko", Draft(_uuid("Hello"), "Hello")).message.message_group_uuid
    for one in (group, alone, *_with_settings(table, londo, kenji)):
        repair_inboxes(table, one)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifying, "SETTLE_SECONDS", 0.0)
        healthy = Healthy(dynamodb, name, {_key(item): item for item in read_all(dynamodb, name)})
        assert healthy.verify() == []
        yield healthy
    dynamodb.delete_table(TableName=name)


def _with_settings(table: Table, londo: Person, kenji: Person) -> list[str]:
    """Conversations of Londo and others: blocked twice, archived, declined, and a request; and a block before all."""
    vir, morden, delenn, lennier = (
        Person(_uuid(handle), handle, handle.title()) for handle in ("vir", "morden", "delenn", "lennier")
    )
    for person in (vir, morden, delenn, lennier):
        table.register(person)
    asking = Reach(REQUESTS, timedelta(days=30))
    texts = count()

    def send(sender: Person, receiver: Person, reach: Reach = OPEN) -> str:
        draft = Draft(_uuid(f"{sender.handle} {next(texts)}"), "Hi")
        return send_to_handle(table, sender.user_uuid, receiver.handle, draft, reach=reach).message.message_group_uuid

    blocked = send(vir, londo)
    send(londo, vir)
    for _ in range(2):
        send(vir, londo)
        block(table, londo.user_uuid, vir.user_uuid)
        send(vir, londo)
        unblock(table, londo.user_uuid, vir.user_uuid)
    block(table, londo.user_uuid, vir.user_uuid)
    archived = send(londo, delenn)
    change_settings(table, londo.user_uuid, archived, SettingsChange(archived=True, muted_until=FOREVER, pinned=True))
    change_settings(table, delenn.user_uuid, archived, SettingsChange(marked_unread=True, pinned=True))
    declined, asked = send(morden, londo, asking), send(lennier, londo, asking)
    decline_request(table, londo.user_uuid, declined)
    left = send(morden, delenn)
    leave(table, delenn.user_uuid, left)
    block(table, kenji.user_uuid, vir.user_uuid)
    return [blocked, archived, declined, asked, left]


def _kind_of(item: Item) -> str:
    """The kind of an item; a head without messages is "unopened", and one that a member has left or declined "left"."""
    if kind_of(item) != "head":
        return kind_of(item)
    if item["last_seq"] == {"N": "0"}:
        return "unopened"
    return "left" if any("begins_after" in member["M"] for member in item["members"]["M"].values()) else "head"


def _places(kind: str, attributes: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each attribute of an item that is not one of its keys, and those in its maps."""
    uuid = attributes.get("message_uuid", {}).get("S") or attributes.get("pk", {}).get("S", "").removeprefix("MID#")
    own = next((names for number, names in _CHANGED.items() if uuid == _uuid(number)), set())
    for name, value in attributes.items():
        full_name = ".".join([*path[-2:-1], name])
        if {name, full_name}.isdisjoint({"pk", "sk"} | _OWN.get(kind, set()) | own):
            yield (*path, name)
            yield from _places(kind, value.get("M", {}), (*path, name, "M"))


def _changed(item: Item, path: tuple[str, ...], value: Item | None) -> Item:
    """An item with another value at a path, or without any."""
    item = copy.deepcopy(item)
    attributes = item
    for name in path[:-1]:
        attributes = attributes[name]
    if value is None:
        del attributes[path[-1]]
    else:
        attributes[path[-1]] = value
    return item


def _assert_seen_and_fixed(table: Healthy, healthy: Item, damaged: Item | None) -> list[Violation]:
    """Store a damaged item, or none, in the place of a healthy one. Returns what a repair cannot fix."""
    try:
        table.delete(healthy) if damaged is None else table.put(damaged)
        assert table.verify() != []
        left = table.fix()
        assert left != [] or table.verify() == []
        _assert_no_message_is_lost_doubled_or_changed(table, healthy, damaged)
        return left
    finally:
        table.restore()


def _assert_no_message_is_lost_doubled_or_changed(table: Healthy, healthy: Item, damaged: Item | None) -> None:
    """The message that was damaged may be as it was before, or as it is."""
    before, after = (
        {key: item for key, item in items.items() if kind_of(item) == "message"}
        for items in (table.items, table.read())
    )
    touched = _key(healthy)
    was, is_now = before.pop(touched, None), after.pop(touched, None)
    without_salt = {name: value for name, value in (was or {}).items() if name != "salt"}  # as a head has it
    assert is_now in (damaged, was, without_salt)
    assert after == before


def test_any_single_damage_is_seen_and_fixed_or_left(table: Healthy) -> None:
    items = [item for item in table.items.values() if kind_of(item) != "pins"]  # nothing else tells of pins
    random = Random()  # noqa: S311
    for _ in range(examples(quick=20, soak=200)):
        item = random.choice(items)
        path = random.choice([(), *_places(_kind_of(item), item)])
        value = random.choice([None, *_VALUES])
        damaged = _changed(item, path, value) if path else None
        if damaged == item:
            continue
        try:
            _assert_seen_and_fixed(table, item, damaged)
        except Exception as error:
            error.add_note(f"{item}, with {value} at {path}, or without it if that is None")
            raise


# Kinds of damage that once ended in a traceback, or that a repair made worse.
_NAMED: dict[str, Callable[[Healthy], tuple[Item, Item | None]]] = {
    f"{kind} without {name}": lambda table, kind=kind, name=name: (
        table.find(kind),
        _changed(table.find(kind), (name,), None),
    )
    for kind, name in (
        ("handle", "user_uuid"),
        ("handle", "handle"),
        ("handle", "display_name"),
        ("profile", "handle"),
        ("unread", "read_seq"),
        ("message-group", "message_group_uuid"),
        ("message-group", "read_seq"),
        ("head", "message"),
        ("head", "user_uuid"),
        ("head", "members"),
        ("sent-record", "created_at"),
    )
} | {
    f"{kind} with {name} {value}": lambda table, kind=kind, name=name, value=value: (  # type: ignore[misc]
        table.find(kind),
        _changed(table.find(kind), (name,), value),
    )
    for kind, name, value in (
        ("head", "created_at", {"S": "2040-01-01T00:00:00.000000+00:00"}),
        ("head", "created_at", {"S": ""}),
        ("head", "last_seq", {"N": "99"}),
        ("head", "version", {"N": "0"}),
        ("handle", "user_uuid", {"S": "londo"}),
        ("profile", "handle", {"S": ""}),
        ("profile", "version", {"N": "99"}),
        ("sent-record", "created_at", {"S": ""}),
        ("change", "created_at", {"S": "2020-01-01T00:00:00.000000+00:00"}),
        ("message", "message_uuid", {"S": "00000000-0000-4000-8000-000000000000"}),
        ("pins", "pins", {"L": [{"S": "00000000-0000-4000-8000-000000000000"}]}),
        ("pins", "pins", {"NULL": True}),
        ("block", "at", {"S": ""}),
        ("block", "at", {"S": "2040-01-01T00:00:00.000000+00:00"}),
    )
}


def _head(table: Healthy, one: str, other: str) -> Item:
    return table.items[keys.conversation_pk(keys.pair_uuid(_uuid(one), _uuid(other))), keys.HEAD]


def _of_member(table: Healthy, handle: str, other: str, value: Item, *path: str) -> tuple[Item, Item]:
    """The head of two people, and with another value for one of them, or at a path within."""
    head = _head(table, handle, other)
    return head, _changed(head, ("members", "M", _uuid(handle), *path), value)


_NAMED["a mark below 0"] = lambda table: _of_member(table, "delenn", "londo", {"N": "-1"}, "M", "read_seq")
_NAMED["no version of a head without messages"] = lambda table: (
    _head(table, "kenji", "vir"),
    _changed(_head(table, "kenji", "vir"), ("version",), {"N": "-1"}),
)
_NAMED["nothing of a blocking member"] = lambda table: _of_member(table, "londo", "vir", {"M": {}})
_NAMED["nothing of an archiving member"] = lambda table: _of_member(table, "londo", "delenn", {"M": {}})
_NAMED["no head"] = lambda table: (table.find("head", 0), None)
_NAMED["no head of changed messages"] = lambda table: (table.find("head", 1), None)


@pytest.mark.parametrize("damage", _NAMED.values(), ids=_NAMED)
def test_damage_that_other_items_tell_is_fixed(
    table: Healthy, damage: Callable[[Healthy], tuple[Item, Item | None]]
) -> None:
    assert _assert_seen_and_fixed(table, *damage(table)) == []


def test_a_message_uuid_comes_back_from_its_sent_record(table: Healthy) -> None:
    """Otherwise a late retry of the message would be stored as a second one."""
    message = table.find("message")
    table.put(_changed(message, ("message_uuid",), {"S": str(uuid4())}))
    try:
        assert table.fix() == []
        assert table.read()[_key(message)] == message
    finally:
        table.restore()


def test_one_unreadable_item_does_not_hide_other_violations(table: Healthy) -> None:
    handle, entry = table.find("handle"), table.find("message-group")
    other = next(one for one in table.items.values() if kind_of(one) == "message-group" and one != entry)
    (head,) = (item for item in table.items.values() if item.get("last_seq") == {"N": "5"} and kind_of(item) == "head")
    try:
        table.put(_changed(entry, ("message",), None))
        table.put(_changed(handle, ("user_uuid",), None))
        table.put(_changed(head, ("message",), None))
        table.delete(other)

        kinds = [one.kind for one in table.verify()]
        assert kinds.count("unreadable") == 3
        assert {"missing", "headless", "person"} <= {*kinds}
        assert table.fix() == []
        assert table.verify() == []
    finally:
        table.restore()
