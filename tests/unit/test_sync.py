"""The reference client's rules, on an API in memory, with a socket that loses, duplicates and reorders events."""

from functools import partial
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from client.sync import Inbox, Page, Steps, follow
from tests.support.fake_api import FakeApi

_ME, _OTHERS = "bayko", ("londo", "kenji", "vir", "gkar", "lennier")


class Phone:
    """A device of bayko's; the test hands over its socket's events."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.inbox = Inbox()
        self.seen = 0

    def follow(self, steps: Steps) -> None:
        follow(steps, partial(self.api.get, _ME))

    def catch_up(self) -> None:
        self.follow(self.inbox.catch_up())

    def receive_all(self, leave_out: tuple[int, ...] = ()) -> None:
        for number, event in enumerate(self.api.pushed[_ME][self.seen :]):
            if number not in leave_out:
                self.follow(self.inbox.receive(event))
        self.seen = len(self.api.pushed[_ME])

    def seqs(self, uuid: str) -> list[int]:
        return [message["seq"] for message in self.inbox.conversations[uuid].messages]


def opened(messages: int) -> tuple[FakeApi, Phone, str]:
    """A conversation with this many messages of londo's, and a phone that has the newest page."""
    api = FakeApi()
    for _ in range(messages):
        uuid = api.send("londo", _ME)["message_group_uuid"]
    phone = Phone(api)
    phone.catch_up()
    phone.follow(phone.inbox.conversations[uuid].open())
    phone.seen = len(api.pushed[_ME])
    return api, phone, uuid


def test_the_first_time_every_conversation_is_known_and_no_message_is_fetched() -> None:
    api = FakeApi()
    for other in _OTHERS:
        api.send(other, _ME)
    phone = Phone(api)

    phone.catch_up()

    assert {one.other["handle"]: one.unread_count for one in phone.inbox.conversations.values()} == dict.fromkeys(
        _OTHERS, 1
    )
    assert phone.inbox.unread == {"message_groups": 5, "messages": 5}
    assert all(one.messages == [] for one in phone.inbox.conversations.values())


def test_the_second_time_only_changed_conversations_are_listed() -> None:
    api, phone, _ = opened(1)
    for other in _OTHERS[1:]:
        for _ in range(7):
            api.send(other, _ME)
    phone.catch_up()
    api.send("vir", _ME)
    asked: list[str] = []

    def get(path: str) -> Page:
        asked.append(path)
        return api.get(_ME, path)

    follow(phone.inbox.catch_up(), get)

    assert asked == ["/api/message_groups?since=24", "/api/message_groups/bayko-londo", "/api/unread"]
    assert phone.inbox.unread == api.unread(_ME)


def test_an_open_conversation_reads_back_to_its_first_message() -> None:
    _, phone, uuid = opened(8)
    assert phone.seqs(uuid) == [6, 7, 8]

    for _ in range(4):
        phone.follow(phone.inbox.conversations[uuid].read_back())

    assert phone.seqs(uuid) == list(range(1, 9))


def test_a_message_of_a_lost_push_is_fetched_when_the_next_one_comes() -> None:
    api, phone, uuid = opened(1)
    for _ in range(9):
        api.send("londo", _ME)

    phone.receive_all(leave_out=tuple(range(8)))

    assert phone.seqs(uuid) == list(range(1, 11))


def test_a_push_that_is_early_waits_for_those_before_it() -> None:
    api, phone, uuid = opened(1)
    api.send("londo", _ME)
    api.send("londo", _ME)
    second, third = api.pushed[_ME][-2:]
    asked: list[str] = []

    def get(path: str) -> Page:
        asked.append(path)
        follow(phone.inbox.receive(second), get)  # it comes while the gap is being fetched
        return api.get(_ME, path)

    follow(phone.inbox.receive(third), get)

    assert phone.seqs(uuid) == [1, 2, 3]
    assert len(asked) == 1


def test_a_conversation_with_a_lost_event_is_fetched() -> None:
    api, phone, _ = opened(1)
    uuid = api.send("kenji", _ME)["message_group_uuid"]

    phone.receive_all(leave_out=(0,))

    assert phone.inbox.conversations[uuid].other["handle"] == "kenji"
    assert phone.inbox.unread == api.unread(_ME)


def test_a_mark_moved_by_another_device_while_this_one_was_away_is_found_by_the_totals() -> None:
    api, phone, uuid = opened(4)
    for other in _OTHERS[1:]:
        for _ in range(7):
            api.send(other, _ME)
    phone.catch_up()
    api.mark_read(_ME, uuid, 4)  # its last message was long ago: it is not among the conversations that changed

    phone.catch_up()

    assert phone.inbox.unread == api.unread(_ME) == {"message_groups": 4, "messages": 28}


def test_marks_of_the_other_are_known_unless_hidden() -> None:
    api, phone, uuid = opened(1)
    api.send(_ME, "londo")
    api.mark_read("londo", uuid, 2)
    phone.receive_all()
    conversation = phone.inbox.conversations[uuid]
    assert conversation.other_read_seq == 2

    api.hidden.add("londo")
    phone.catch_up()
    api.send("londo", _ME)
    phone.receive_all()

    assert conversation.other_read_seq is None


def test_the_other_has_the_name_of_their_newest_message() -> None:
    api, phone, uuid = opened(1)
    for _ in range(2):
        api.send("londo", _ME)
    renamed = {"display_name": "Emperor Mollari", "handle": "emperor"}
    api.pushed[_ME][-1] |= renamed
    phone.receive_all()
    phone.follow(phone.inbox.receive(api.pushed[_ME][-2]))  # again, with the name of before

    other = phone.inbox.conversations[uuid].other
    assert {name: other[name] for name in renamed} == renamed


def test_an_interrupted_listing_starts_over() -> None:
    api = FakeApi()
    for other in _OTHERS:
        api.send(other, _ME)
    phone = Phone(api)
    steps = phone.inbox.catch_up()
    next(steps)
    steps.send(api.get(_ME, "/api/message_groups"))  # the first of two pages, and then the connection is lost

    phone.catch_up()

    assert phone.inbox.unread == api.unread(_ME)


class Histories:
    """Two phones, and random events around them at any moment, even while they fetch pages."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.api = FakeApi()
        self.phones = [Phone(self.api), Phone(self.api)]
        self.catching_up: list[Phone] = []

    def something_happens(self) -> None:
        happenings = [self.londo_or_another_sends] * 3 + [self.bayko_sends, self.somebody_reads, self.catch_up]
        self.random.choice([*happenings, self.a_socket_brings_something, self.a_socket_brings_something])()

    def londo_or_another_sends(self) -> None:
        self.api.send(self.random.choice(_OTHERS), _ME)

    def bayko_sends(self) -> None:
        self.api.send(_ME, self.random.choice(_OTHERS))

    def somebody_reads(self) -> None:
        if self.api.marks:
            uuid = self.random.choice(list(self.api.marks))
            reader = self.random.choice(list(self.api.marks[uuid]))
            self.api.mark_read(reader, uuid, self.random.randint(1, len(self.api.messages[uuid])))

    def a_socket_brings_something(self) -> None:
        """Deliver one of the last few events: some are never delivered, some twice, some late."""
        if pushed := self.api.pushed[_ME][-6:]:
            follow(self.random.choice(self.phones).inbox.receive(self.random.choice(pushed)), self.get)

    def catch_up(self) -> None:
        phone = self.random.choice(self.phones)
        if phone in self.catching_up:
            return
        self.catching_up.append(phone)
        follow(phone.inbox.catch_up(), self.get)
        for conversation in list(phone.inbox.conversations.values()):
            if not conversation.is_open and self.random.random() < 0.5:
                follow(conversation.open(), self.get)
        self.catching_up.remove(phone)

    def get(self, path: str) -> Page:
        if self.random.random() < 0.3:
            self.something_happens()
        page = self.api.get(_ME, path)
        if self.random.random() < 0.3:
            self.something_happens()
        return page


@given(random=st.randoms(use_true_random=False), steps=st.integers(1, 60))
def test_every_message_is_there_once_and_every_count_is_right_when_all_is_quiet(random: Random, steps: int) -> None:
    histories = Histories(random)
    api = histories.api
    for _ in range(steps):
        histories.something_happens()

    for phone in histories.phones:
        phone.catch_up()
        assert phone.inbox.unread == api.unread(_ME)
        assert set(phone.inbox.conversations) == set(api.marks)
        for uuid, conversation in phone.inbox.conversations.items():
            if not conversation.is_open:
                phone.follow(conversation.open())
            for _ in range(len(api.messages[uuid])):
                phone.follow(conversation.read_back())
            assert phone.seqs(uuid) == list(range(1, len(api.messages[uuid]) + 1))
            assert conversation.other_read_seq == api.get(_ME, f"/api/message_groups/{uuid}").body["other_read_seq"]
