"""Many sends at once into one conversation: the other member gets through, and no alarm can ring."""

import threading
import time
from collections import Counter
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from messaging import retry
from messaging.model.errors import MessagingError
from messaging.model.message import Draft
from messaging.model.person import Person
from messaging.services.send import Sent, send_to_conversation, send_to_handle
from messaging.storage.table import Table

MAX_CONCURRENCY = 60
# The other member's maximum attempts, even on a slow machine. Before senders backed off it took 50 and more.
FEW = 40


class Flood:
    """A sender with many threads, each sending repeatedly until `ended` is set."""

    def __init__(self, table: Table, person: Person, group: str) -> None:
        self.answers: Counter[str] = Counter()
        self.ended = threading.Event()
        self._started = threading.Event()
        self._table, self._person, self._group = table, person, group
        self._threads = [threading.Thread(target=self._run) for _ in range(MAX_CONCURRENCY)]

    def __enter__(self) -> "Flood":
        for thread in self._threads:
            thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self.ended.is_set():
            try:
                send_to_conversation(self._table, self._person.user_uuid, self._group, Draft(str(uuid4()), "Me!"))
                answer = "sent"
            except MessagingError as error:
                answer = type(error).__name__
            self.answers[answer] += 1
            self._started.set()


def test_a_flooding_sender_is_told_to_wait_and_the_other_gets_through(
    monkeypatch: pytest.MonkeyPatch,
    dynamodb_endpoint: str,
    table: Table,
    table_name: str,
    bayko: Person,
    londo: Person,
) -> None:
    monkeypatch.setattr(retry, "clock", time.monotonic)  # this test is about the pauses
    monkeypatch.setattr(retry, "sleep", time.sleep)
    client = boto3.client(
        "dynamodb", endpoint_url=dynamodb_endpoint, config=Config(max_pool_connections=2 * MAX_CONCURRENCY)
    )
    group = send_to_handle(
        table, bayko.user_uuid, londo.handle, Draft(str(uuid4()), "Hello")
    ).message.message_group_uuid

    with Flood(Table(client, table_name), bayko, group) as flood:
        answers: list[Sent] = [
            send_to_conversation(table, londo.user_uuid, group, Draft(str(uuid4()), f"Please stop, {number}"))
            for number in range(3)
        ]

    assert all(answer.conflicts <= FEW for answer in answers)
    assert flood.answers["TooManyRequests"] > 0
    assert flood.answers.keys() <= {"sent", "TooManyRequests"}  # no alarm counts these
