"""Measures the DynamoDB requests and capacity units of the design's operations, with a warm function.

DynamoDB Local reports the read units, but none for a key of a batch or a Query that finds nothing, for which AWS takes
the least. It miscounts transactions and does not count PartiQL, so write units are computed by AWS's documented
rules: two for each item of a transaction, one for each other write, of items up to 1 KB.
"""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from messaging.model import keys
from messaging.model.limits import (
    SendLimits,
    conversations_per_day,
    lookups_per_hour,
    messages_per_minute,
    pending_requests,
    reports_per_day,
    tickets_per_hour,
)
from messaging.model.message import Draft
from messaging.model.person import ClaimNames, Person, ProfileChange
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.services.sign_ups import find_or_sign_up, sign_up
from messaging.storage.table import CHANGE_INTERVAL_SECONDS, Table
from operators.cost import Consumed
from operators.schema import create_table_request
from tests.integration.test_list_messages import links
from tests.support import dynamodb_local
from tests.support.checks import read_all
from tests.support.functions import Functions, Stream
from tests.support.socket_functions import SocketFunctions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The design's budget of each operation: requests, read units, write units.
BUDGETS = {
    "A newest 20 messages": Consumed(1, 1, 0),
    "A an older page": Consumed(2, 1.5, 0),
    "A a page of 20 with 4 quotes outside": Consumed(2, 3, 0),
    "A around a message": Consumed(3, 2.5, 0),
    "A one message": Consumed(2, 2, 0),
    "B newest 20 groups": Consumed(1, 1, 0),
    "C new conversation": Consumed(4, 2, 11),
    "D send": Consumed(2, 0.5, 6),
    "inbox after 1 message": Consumed(2, 0, 4),
    "inbox after a burst of 100": Consumed(4, 2, 4),
    # Operations without a row in the design. The requests of the row before also write the unread entries.
    "unread after 1 message": Consumed(0, 0, 1),
    "unread after a burst of 100": Consumed(0, 0, 1),
    "mark read": Consumed(1, 0, 1),
    "inbox after a mark": Consumed(1, 0, 2),
    "unread after a mark": Consumed(0, 0, 1),
    "unread, of 30 conversations": Consumed(1, 0.5, 0),
    "one conversation of the inbox": Consumed(1, 1.5, 0),
    "20 conversations since a time": Consumed(2, 1.5, 0),
    "edit": Consumed(3, 2, 6),
    "inbox after the first change of an hour": Consumed(1, 0, 4),
    "inbox after another change of an hour": Consumed(1, 0, 2),
    "reaction": Consumed(3, 2, 6),
    "unsend": Consumed(3, 2, 6),
    "a change that is done already": Consumed(2, 2, 0),
    "reply": Consumed(2, 1, 6),
    "100 changes since a number": Consumed(2, 13, 0),
    "hide": Consumed(2, 1, 1),
    "A newest 20 messages with hidden ones": Consumed(1, 1, 0),
    "push of 1 change": Consumed(3, 1.5, 0),
    "receipts that are so already": Consumed(1, 1, 0),
    "receipts changed in 31 conversations": Consumed(39, 8, 36),
    "handle, name and avatar changed in 31 conversations": Consumed(39, 8, 38),
    "own profile, with an issuer": Consumed(1, 1, 0),
    "first call, with an issuer": Consumed(2, 1, 6),
    "chosen handle, with an issuer": Consumed(2, 1, 6),
    "nothing unread": Consumed(2, 1, 0),
    "an empty inbox": Consumed(2, 1, 0),
    "block before the first message": Consumed(3, 2, 6),
    "C new conversation with somebody who blocks": Consumed(4, 2, 11),
    "block": Consumed(3, 2, 6),
    "inbox after a block": Consumed(1, 0, 3),
    "D send to somebody who blocks": Consumed(2, 0.5, 6),
    "inbox after 1 message to somebody who blocks": Consumed(2, 0, 3),
    "unblock": Consumed(3, 2, 6),
    "20 blocks": Consumed(2, 11, 0),
    "setting": Consumed(1, 0, 1),
    "inbox after the first setting of an hour": Consumed(1, 0, 3),
    "inbox after another setting of an hour": Consumed(1, 0, 2),
    "archive": Consumed(1, 0, 1),
    "inbox after an archive": Consumed(2, 0, 3),
    "mute of an archived conversation": Consumed(2, 0, 2),
    "leave": Consumed(1, 0, 1),
    "inbox after a leave": Consumed(2, 0, 3),
    "accept": Consumed(2, 0, 2),
    "inbox after an accept": Consumed(2, 0, 4),
    "decline": Consumed(1, 0, 1),
    "pin": Consumed(2, 1, 1),
    "mark that ends marked_unread": Consumed(2, 0, 2),
    "newest 20 groups of the archive": Consumed(1, 1, 0),
    "B an older page": Consumed(2, 1.5, 0),
    "B newest 20 groups with 10 pins below": Consumed(2, 6.5, 0),
    "ticket": Consumed(3, 1, 2),
    "look-up of a handle": Consumed(2, 1, 1),
    "report of 3 messages": Consumed(4, 4, 2),
    "connect": Consumed(4, 2.5, 1),
    "subscribe": Consumed(4, 1, 2),
    "typing": Consumed(2, 1, 0),
    "push of 1 message": Consumed(2, 1, 0),
    "disconnect": Consumed(3, 1, 2),
}

# Limits are counted, and high enough.
_MOST = 10**6
_SENDER = SendLimits(
    messages_per_minute(_MOST), conversations_per_day(_MOST), pending_requests(_MOST, 30), lookups_per_hour(_MOST)
)
LIMITED: dict[str, dict[str, Any]] = {
    "message_groups.create_message_group": {"limits": _SENDER},
    "messages.create_message": {"limits": _SENDER},
    "message_groups.accept_request": {"requests": pending_requests(_MOST, 30)},
    "users.show_user": {"lookups": lookups_per_hour(_MOST)},
    "reports.create_report": {"reports": reports_per_day(_MOST)},
    "connections.create_ticket": {"tickets": tickets_per_hour(_MOST)},
}
AVATAR = "https://lh3.googleusercontent.com/a/ACg8ocKxVx0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH=s96-c"  # as usual


class Meter:
    """A client that counts requests and units. Every item it writes must be smaller than 1 KB.

    `noted` counts the write units of unread entries, which the other count omits.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests, self.read, self.write, self.noted = 0, 0.0, 0, 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self.requests += 1
            noted = sum(keys.unread_pk("") in str(one["Parameters"]) for one in request.get("Statements", ()))
            self.noted += noted
            self.write += 2 * len(request.get("TransactItems", ())) + len(request.get("Statements", ())) - noted
            self.write += name in ("delete_item", "put_item", "update_item")
            answer = getattr(self._client, name)(**request, ReturnConsumedCapacity="TOTAL")
            if name in ("get_item", "query"):
                least = 1 if request.get("ConsistentRead") else 0.5
                self.read += max(least, answer["ConsumedCapacity"]["CapacityUnits"])
            elif name == "batch_get_item":
                read = sum(one["CapacityUnits"] for one in answer["ConsumedCapacity"])
                (wanted,) = request["RequestItems"].values()
                self.read += max(read, len(wanted["Keys"]) * (1 if wanted.get("ConsistentRead") else 0.5))
            return answer

        return call

    def measure(self, operation: Callable[[], Any]) -> Consumed:
        """Run an operation; return its consumption."""
        self.requests, self.read, self.write, self.noted = 0, 0.0, 0, 0
        answer = operation()
        if isinstance(answer, tuple) and isinstance(answer[0], int):
            assert answer[0] == 200, answer
        return Consumed(self.requests, self.read, self.write)


def measure(dynamodb: "DynamoDBClient", endpoint: str) -> dict[str, Consumed]:
    """Measure each operation of the design with short messages, on a table of its own."""
    table_name = f"budgets-{uuid4()}"
    dynamodb.create_table(**create_table_request(table_name))
    with (
        closing(dynamodb_local.functions_client(endpoint)) as client,
        pytest.MonkeyPatch.context() as monkeypatch,
    ):
        measured = _measure(client, endpoint, table_name, monkeypatch)
    items = [item for item in read_all(dynamodb, table_name) if not item["pk"]["S"].startswith("RPT#")]
    assert max(map(size, items)) < 1024
    dynamodb.delete_table(TableName=table_name)
    return measured


def _measure(client: Any, endpoint: str, table_name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Consumed]:
    table, stream = Table(client, table_name), Stream(endpoint, table_name)

    def register(handle: str) -> Person:
        person = Person(str(uuid4()), handle, handle.title())
        table.register(person)
        return person

    bayko, londo = register("bayko"), register("londo")
    for number in range(30):
        send_to_handle(
            table, bayko.user_uuid, register(f"person{number}").handle, Draft(str(uuid4()), "A short message")
        )
    meter = Meter(client)
    functions = Functions(Table(meter, table_name), monkeypatch)  # type: ignore[arg-type]
    for path, changed in LIMITED.items():
        module = functions.handler(path)
        monkeypatch.setattr(module, "settings", module.settings._replace(**changed))
    group = keys.pair_uuid(bayko.user_uuid, londo.user_uuid)
    text = "A short message, as people write them"

    def send(expected_status: int = 200) -> None:
        status, _, _ = functions.create_message(bayko.user_uuid, message_group_uuid=group, message=text)
        assert status == expected_status

    def rewrite(since: int) -> None:
        assert functions.stream_handler(stream.records()[since:]) == []

    measured = {}
    measured["C new conversation"] = meter.measure(
        lambda: functions.create_message_group(bayko.user_uuid, handle=londo.handle, message=text)
    )
    measured["D send"] = meter.measure(send)
    rewrite(since=0)
    send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), text))
    since = len(stream.records())
    measured["inbox after 1 message"] = meter.measure(lambda: rewrite(since - 1))
    measured["unread after 1 message"] = Consumed(0, 0, meter.noted)
    for _ in range(100):
        send_to_conversation(table, bayko.user_uuid, group, Draft(str(uuid4()), text))
    measured["inbox after a burst of 100"] = meter.measure(lambda: rewrite(since))
    measured["unread after a burst of 100"] = Consumed(0, 0, meter.noted)
    for number in range(30):
        send_to_handle(table, londo.user_uuid, f"person{number}", Draft(str(uuid4()), "Good morning"))
        other = table.person_by_handle(f"person{number}")
        assert other
        pair = keys.pair_uuid(londo.user_uuid, other.user_uuid)
        send_to_conversation(table, other.user_uuid, pair, Draft(str(uuid4()), "Good morning to you"))
    rewrite(since=0)
    measured["unread, of 30 conversations"] = meter.measure(lambda: functions.count_unread(londo.user_uuid))
    nobody = register("nobody").user_uuid
    measured["nothing unread"] = meter.measure(lambda: functions.count_unread(nobody))
    measured["an empty inbox"] = meter.measure(lambda: functions.list_message_groups(nobody))
    measured["mark read"] = meter.measure(lambda: functions.mark_read(londo.user_uuid, group, 102))
    since = len(stream.records())
    measured["inbox after a mark"] = meter.measure(lambda: rewrite(since - 1))
    measured["unread after a mark"] = Consumed(0, 0, meter.noted)
    measured["one conversation of the inbox"] = meter.measure(
        lambda: functions.find_message_group(bayko.user_uuid, group)
    )
    measured["20 conversations since a time"] = meter.measure(
        lambda: functions.list_message_groups(bayko.user_uuid, since=keys.FIRST_TIME)
    )
    measured["A newest 20 messages"] = meter.measure(lambda: functions.list_messages(bayko.user_uuid, group))
    older = links(functions.list_messages(bayko.user_uuid, group)[2])["prev"]
    measured["A an older page"] = meter.measure(lambda: functions.list_messages(bayko.user_uuid, group, **older))
    (message,) = functions.list_messages(bayko.user_uuid, group, limit="1")[1]
    measured["A one message"] = meter.measure(lambda: functions.show_message(bayko.user_uuid, group, message["uuid"]))
    measured["B newest 20 groups"] = meter.measure(lambda: functions.list_message_groups(bayko.user_uuid))

    send_to_conversation(
        table, londo.user_uuid, group, Draft(str(uuid4()), text)
    )  # or typing and subscribing do nothing
    sockets = SocketFunctions(functions, monkeypatch)
    show = {"handle": "@londo"}
    reported = [one["uuid"] for one in functions.list_messages(londo.user_uuid, group, limit="3")[1]]
    measured["look-up of a handle"] = meter.measure(
        lambda: functions.call("users.show_user", bayko.user_uuid, parameters=show)
    )
    measured["report of 3 messages"] = meter.measure(
        lambda: functions.create_report(
            londo.user_uuid, message_group_uuid=group, message_uuids=reported, reason="spam", comment="Again"
        )
    )
    measured["ticket"] = meter.measure(lambda: functions.call("connections.create_ticket", bayko.user_uuid))
    measured["connect"] = meter.measure(lambda: sockets.connect(bayko.user_uuid))
    mine = sockets.connect(bayko.user_uuid)
    sockets.connect(londo.user_uuid)
    measured["subscribe"] = meter.measure(
        lambda: sockets.send(bayko.user_uuid, mine, type="subscribe", message_group_uuid=group)
    )
    measured["typing"] = meter.measure(
        lambda: sockets.send(bayko.user_uuid, mine, type="typing", message_group_uuid=group)
    )
    send()
    last = stream.records()[-1:]
    measured["push of 1 message"] = meter.measure(lambda: sockets.push(last))
    measured |= _measure_changes(meter, functions, stream, sockets, bayko, group)
    measured["disconnect"] = meter.measure(lambda: sockets.disconnect(bayko.user_uuid, mine))
    measured["receipts changed in 31 conversations"] = meter.measure(
        lambda: functions.update_me(bayko.user_uuid, receipts=False)
    )
    measured["receipts that are so already"] = meter.measure(
        lambda: functions.update_me(bayko.user_uuid, receipts=False)
    )
    metered = Table(meter, table_name, lambda: time.time() + CHANGE_INTERVAL_SECONDS)  # type: ignore[arg-type]
    later = Functions(metered, monkeypatch)
    measured["handle, name and avatar changed in 31 conversations"] = meter.measure(
        lambda: later.update_me(bayko.user_uuid, handle="bay", display_name="Bay", avatar=AVATAR)
    )
    names = ClaimNames("preferred_username", "name", "picture", "email")
    claims = {"preferred_username": "vir", "name": "Vir Cotto", "picture": AVATAR, "email": "v@example.com"}
    new_uuid = str(uuid4())
    for operation in ("first call, with an issuer", "own profile, with an issuer"):
        measured[operation] = meter.measure(lambda: find_or_sign_up(metered, new_uuid, claims, names))
    chosen = ProfileChange("lennier", "Lennier", AVATAR)
    measured["chosen handle, with an issuer"] = meter.measure(
        lambda: sign_up(metered, str(uuid4()), chosen, claims, names)
    )
    measured |= _measure_settings(meter, functions, stream, londo, register)
    return measured | _measure_blocks(meter, functions, stream, bayko, register)


def _measure_settings(
    meter: Meter, functions: Functions, stream: Stream, londo: Person, register: Callable[[str], Person]
) -> dict[str, Consumed]:
    measured = {}
    me = londo.user_uuid
    assert functions.stream_handler(stream.records()) == []
    _, page, _ = functions.list_message_groups(me, limit="31")
    groups = [entry["uuid"] for entry in page]

    def rewrite() -> None:
        assert functions.stream_handler(stream.records()[-1:]) == []

    def change(number: int, **settings: Any) -> Callable[[], Any]:
        return lambda: functions.change_message_group(me, groups[number], **settings)

    measured["setting"] = meter.measure(change(0, muted_until="forever", marked_unread=True))
    measured["inbox after the first setting of an hour"] = meter.measure(rewrite)
    seq = page[0]["last_seq"]
    measured["mark that ends marked_unread"] = meter.measure(lambda: functions.mark_read(me, groups[0], seq))
    measured["inbox after another setting of an hour"] = meter.measure(rewrite)
    measured["archive"] = meter.measure(change(0, archived=True))
    measured["inbox after an archive"] = meter.measure(rewrite)
    measured["mute of an archived conversation"] = meter.measure(change(0, muted_until=None))
    rewrite()
    measured["leave"] = meter.measure(lambda: functions.leave_message_group(me, groups[0]))
    measured["inbox after a leave"] = meter.measure(rewrite)
    for number in range(10):
        measured["pin"] = meter.measure(change(30 - number, pinned=True))
    measured["B newest 20 groups with 10 pins below"] = meter.measure(lambda: functions.list_message_groups(me))
    older = links(functions.list_message_groups(me)[2])["next"]
    measured["B an older page"] = meter.measure(lambda: functions.list_message_groups(me, **older))
    for number in range(30):
        change(number, archived=True)()
        rewrite()
    measured["newest 20 groups of the archive"] = meter.measure(
        lambda: functions.list_message_groups(me, folder="archive")
    )
    shy = [register(f"shy{number}").user_uuid for number in range(2)]
    asked = []
    for number, one in enumerate(shy):
        functions.update_me(one, messages_from="requests")
        asked.append(functions.create_message_group(me, handle=f"shy{number}", message="Hello")[1])
        rewrite()
    measured["accept"] = meter.measure(lambda: functions.accept_request(shy[0], asked[0]["message_group_uuid"]))
    measured["inbox after an accept"] = meter.measure(rewrite)
    measured["decline"] = meter.measure(lambda: functions.decline_request(shy[1], asked[1]["message_group_uuid"]))
    return measured


def _measure_blocks(
    meter: Meter, functions: Functions, stream: Stream, bayko: Person, register: Callable[[str], Person]
) -> dict[str, Consumed]:
    measured = {}
    blockers = [register(f"blocker{number}").user_uuid for number in range(2)]

    def rewrite() -> None:
        assert functions.stream_handler(stream.records()[-1:]) == []

    def send(handle: str) -> Any:
        return functions.create_message_group(bayko.user_uuid, handle=handle, message="A short message")

    measured["block before the first message"] = meter.measure(
        lambda: functions.block_user(blockers[0], bayko.user_uuid)
    )
    measured["C new conversation with somebody who blocks"] = meter.measure(lambda: send("blocker0"))
    _, sent, _ = send("blocker1")
    rewrite()
    measured["block"] = meter.measure(lambda: functions.block_user(blockers[1], bayko.user_uuid))
    measured["inbox after a block"] = meter.measure(rewrite)
    measured["D send to somebody who blocks"] = meter.measure(
        lambda: functions.create_message(
            bayko.user_uuid, message_group_uuid=sent["message_group_uuid"], message="A short message"
        )
    )
    measured["inbox after 1 message to somebody who blocks"] = meter.measure(rewrite)
    measured["unblock"] = meter.measure(lambda: functions.unblock_user(blockers[1], bayko.user_uuid))
    for number in range(20):
        functions.block_user(blockers[1], register(f"blocked{number}").user_uuid)
    measured["20 blocks"] = meter.measure(lambda: functions.list_blocks(blockers[1]))
    return measured


def _measure_changes(
    meter: Meter, functions: Functions, stream: Stream, sockets: SocketFunctions, bayko: Person, group: str
) -> dict[str, Consumed]:
    measured = {}
    _, page, _ = functions.list_messages(bayko.user_uuid, group, limit="25")
    mine = [message["uuid"] for message in page if message["user_uuid"] == bayko.user_uuid]

    def react(emoji: str) -> Any:
        return functions.put_reaction(bayko.user_uuid, group, mine[-2], emoji)

    def rewrite() -> None:
        assert functions.stream_handler(stream.records()[-1:]) == []

    rewrite()
    edit = partial(functions.edit_message, bayko.user_uuid, group, mine[-2], message="Another text", change=0)
    measured["edit"] = meter.measure(edit)
    measured["inbox after the first change of an hour"] = meter.measure(rewrite)
    measured["a change that is done already"] = meter.measure(edit)
    measured["reaction"] = meter.measure(lambda: react("👍"))
    measured["inbox after another change of an hour"] = meter.measure(rewrite)
    measured["push of 1 change"] = meter.measure(lambda: sockets.push(stream.records()[-1:]))
    everyone, me = {"for": "everyone"}, {"for": "me"}
    measured["unsend"] = meter.measure(lambda: functions.delete_message(bayko.user_uuid, group, mine[-1], **everyone))
    for number in range(97):
        call = (functions.delete_reaction, functions.put_reaction)[number % 2]
        call(bayko.user_uuid, group, mine[-3 - number // 8], "👍" if number % 8 < 2 else "🎉")
    for number in range(60):
        call = (functions.put_reaction, functions.delete_reaction)[number % 2]
        call(bayko.user_uuid, group, mine[number % 20], "🎈")
    measured["100 changes since a number"] = meter.measure(
        lambda: functions.list_changes(bayko.user_uuid, group, after="3", limit="100")
    )
    for quoted in mine[:4]:
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Yes", reply_to=quoted)
    measured["reply"] = meter.measure(
        lambda: functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Yes", reply_to=mine[-3])
    )
    measured["A a page of 20 with 4 quotes outside"] = meter.measure(
        lambda: functions.list_messages(bayko.user_uuid, group)
    )
    measured["A around a message"] = meter.measure(
        lambda: functions.list_messages(bayko.user_uuid, group, around=mine[0])
    )
    for _ in range(20):
        functions.create_message(bayko.user_uuid, message_group_uuid=group, message="Yes")
    _, page, _ = functions.list_messages(bayko.user_uuid, group)
    measured["hide"] = meter.measure(lambda: functions.delete_message(bayko.user_uuid, group, page[3]["uuid"], **me))
    measured["A newest 20 messages with hidden ones"] = meter.measure(
        lambda: functions.list_messages(bayko.user_uuid, group)
    )
    return measured


def size(value: Any) -> int:
    """Approximate bytes: names and values."""
    if isinstance(value, dict):
        return sum(len(name) + size(part) for name, part in value.items())
    return len(str(value).encode())
