"""Many sends at once into one conversation: the other member gets through, and no alarm can ring."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from messaging import retry
from messaging.model.errors import MessagingError
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services import send
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import Table
from tests.support import faults
from tests.support.virtual_time import VirtualTime

SENDERS = 60
FLOOD = 5.0  # seconds
FEW = 20  # the other member's conflicts at most; up to 41 if senders do not back off
LONGEST_WAY = 0.006  # seconds to the table, and back


class DistantTable:
    """A client whose requests take time to and fro, and whose transactions conflict while another one is on its way."""

    def __init__(self, client: Any, time: VirtualTime, chance: random.Random) -> None:
        self._client, self._time, self._chance = client, time, chance
        self._transactions = 0

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return partial(self._request, operation)

    def _request(self, operation: str, **request: Any) -> Any:
        self._travel()
        is_transaction = operation == "transact_write_items"
        if is_transaction and self._transactions:
            self._travel()
            faults.fail("conflict", request)
        self._transactions += is_transaction
        try:
            return getattr(self._client, operation)(**request)
        finally:
            self._travel()
            self._transactions -= is_transaction

    def _travel(self) -> None:
        self._time.sleep(self._chance.uniform(LONGEST_WAY / 3, LONGEST_WAY))


@pytest.mark.parametrize("seed", range(3))
def test_a_flooding_sender_is_told_to_wait_and_the_other_gets_through(
    monkeypatch: pytest.MonkeyPatch, table: Table, bayko: Person, londo: Person, seed: int
) -> None:
    time, chance = VirtualTime(), random.Random(seed)  # noqa: S311
    monkeypatch.setattr(retry, "clock", time.clock)
    monkeypatch.setattr(retry, "sleep", time.sleep)
    monkeypatch.setattr(send, "attempts", partial(retry.attempts, uniform=chance.uniform))
    group = send_to_handle(
        table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "Hello")
    ).message.message_group_uuid
    client: Any = DistantTable(table.db.client, time, chance)
    distant = Table(client, table.db.table_name)
    flood: Counter[str] = Counter()
    conflicts: list[int] = []

    def send_repeatedly() -> None:
        while len(conflicts) < 3 and time.clock() < 60:
            try:
                send_to_conversation(distant, bayko.user_uuid, group, Draft(str(uuid4()), "Me!"))
                flood["sent"] += 1
            except MessagingError as error:
                flood[type(error).__name__] += 1

    def send_now_and_then() -> None:
        while time.clock() < FLOOD:
            draft = Draft(str(uuid4()), "Please stop")
            conflicts.append(send_to_conversation(distant, londo.user_uuid, group, draft).conflicts)
            time.sleep(FLOOD / 10)

    time.run([*[send_repeatedly] * SENDERS, send_now_and_then])

    assert max(conflicts) <= FEW
    assert flood["TooManyRequests"] > 0
    assert flood.keys() <= {"sent", "TooManyRequests"}  # no alarm counts these
