"""Decisions after a refused send; tests/integration races for real."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import repeat

import pytest

from messaging import retry
from messaging.clock import utc_now
from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Busy, Conflict, Forbidden, Invalid, MessageUuidTaken, NotFound, TooManyRequests
from messaging.model.limits import (
    UNLIMITED,
    LimitReached,
    SendLimits,
    Usage,
    conversations_per_day,
    messages_per_minute,
    pending_requests,
)
from messaging.model.membership import Ask
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.reach import EVERYONE, OPEN, REQUESTS, Reach
from messaging.model.sent_record import SentRecord
from messaging.retry import attempts
from messaging.services import send
from messaging.services.send import send_to_conversation, send_to_handle
from messaging.storage.table import AlreadySent, HeadChanged, PositionTaken
from tests.support.api import OTHER, STRANGER, USER
from tests.support.fake_table import FakeTable

BAYKO = Person(USER, "bayko", "Andrew Bayko")
LONDO = Person(OTHER, "londo", "Londo Mollari")
GROUP = keys.pair_uuid(USER, OTHER)
MESSAGE_UUID = "5a1e7f0c-33c5-4d19-a8b6-b0b8fd5f7005"
NOW = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
FIRST = Message(GROUP, "first", "Hello", BAYKO, keys.format_time(NOW - timedelta(days=1)), 1)
HEAD = Head.of_first(FIRST, LONDO)
TRIES = 5


class Racing(FakeTable):
    """A table that refuses a message with each of `refusals` first, and records its requests."""

    def __init__(self, *refusals: Exception, head: Head | None = HEAD) -> None:
        super().__init__(BAYKO, LONDO)
        self.refusals: Iterator[Exception] = iter(refusals)
        self.asked: list[str] = []
        self.tried: list[Message] = []
        if head:
            self.heads[GROUP] = head
            self.messages.append(FIRST)

    def head(self, message_group_uuid: str, *, consistent: bool = False) -> Head | None:
        self.asked.append("head, consistently" if consistent else "head")
        return super().head(message_group_uuid)

    def append(self, head: Head, message: Message, ask: Ask | None = None, sent: str = "") -> None:
        self._refuse("append", message)
        super().append(head, message, ask, sent)

    def create(self, head: Head, message: Message, unopened: Head | None = None) -> None:
        self._refuse("create", message)
        super().create(head, message, unopened)

    def _refuse(self, request: str, message: Message) -> None:
        self.asked.append(request)
        self.tried.append(message)
        for refusal in self.refusals:
            if isinstance(refusal, HeadChanged) and refusal.head:
                self.heads.setdefault(GROUP, refusal.head)
            raise refusal


@pytest.fixture(autouse=True)
def _tries_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "attempts", lambda *_, **__: iter(range(TRIES)))


@pytest.fixture(autouse=True)
def _without_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "_salted", lambda message: message)


def _send(table: FakeTable, sender: str = USER, text: str = "Hello again") -> send.Sent:
    return send_to_conversation(table, sender, GROUP, Draft(MESSAGE_UUID, text), lambda: NOW)


def _open(
    table: FakeTable, handle: str = "londo", sender: str = USER, now: Callable[[], datetime] = lambda: NOW
) -> send.Sent:
    return send_to_handle(table, sender, handle, Draft(MESSAGE_UUID, "Hello"), now)


def _after(head: Head, text: str) -> Message:
    return head.next_message(USER, Draft(MESSAGE_UUID, text), NOW)


def test_a_message_follows_the_head_at_the_current_time() -> None:
    table = Racing()

    sent = _send(table)

    assert sent == send.Sent(Message(GROUP, MESSAGE_UUID, "Hello again", BAYKO, keys.format_time(NOW), 2))
    assert table.messages[-1] == sent.message


def test_after_one_refusal_the_head_it_returned_is_followed_and_later_ones_are_read_again() -> None:
    moved = [replace(HEAD, last=replace(FIRST, seq=seq)) for seq in (2, 3, 4)]
    table = Racing(*(HeadChanged(head) for head in moved))
    table.heads[GROUP] = replace(HEAD, last=replace(FIRST, seq=7))

    sent = _send(table)

    assert [message.seq for message in table.tried] == [8, 3, 8, 8]
    assert table.asked == ["head", "append", "append", *["head, consistently", "append"] * 2]
    assert (sent.message.seq, sent.conflicts) == (8, 3)


@pytest.mark.parametrize("refusal", [Busy("Throttled."), PositionTaken()], ids=["throttled", "its time taken"])
def test_a_message_that_was_not_accepted_is_tried_again(refusal: Exception) -> None:
    table = Racing(refusal)

    assert _send(table) == send.Sent(_after(HEAD, "Hello again"), conflicts=1)


@pytest.mark.parametrize("refusal", [HeadChanged(HEAD), Conflict("Others write.")])
def test_a_sender_losing_against_their_own_messages_is_told_to_wait(refusal: Exception) -> None:
    table = Racing(*repeat(refusal, TRIES))

    with pytest.raises(TooManyRequests) as refused:
        _send(table)

    assert refused.value.retry_after == send.RETRY_AFTER_SECONDS
    assert len(table.tried) == TRIES


def test_a_sender_losing_against_the_other_retries_longer_and_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost: dict[Person, list[float]] = {}
    for winner in (BAYKO, LONDO):
        paused = lost[winner] = list[float]()
        monkeypatch.setattr(send, "attempts", partial(attempts, uniform=lambda _, longest: longest))
        monkeypatch.setattr(retry, "sleep", paused.append)
        monkeypatch.setattr(retry, "clock", lambda paused=paused: sum(paused))
        with pytest.raises((TooManyRequests, Busy)):
            _send(Racing(*repeat(HeadChanged(replace(HEAD, last=FIRST.sent_by(winner))), 1000)))

    assert sum(lost[BAYKO]) <= send.OWN_RACE_BUDGET_SECONDS < 9 < sum(lost[LONDO]) <= retry.RETRY_BUDGET_SECONDS
    assert lost[BAYKO][0] > sum(lost[LONDO][:6])


OTHERS = replace(HEAD, last=FIRST.sent_by(LONDO))


@pytest.mark.parametrize("refusal", [HeadChanged(OTHERS), Busy("Throttled."), PositionTaken()])
def test_after_the_last_retry_the_system_is_busy(refusal: Exception) -> None:
    table = Racing(*repeat(refusal, TRIES))

    with pytest.raises(Busy, match=r"^Too many messages are being sent in this conversation at once\.$"):
        _send(table)

    assert len(table.tried) == TRIES


def test_a_conversation_that_was_erased_meanwhile_is_not_found() -> None:
    table = Racing(HeadChanged(None))

    with pytest.raises(NotFound):
        _send(table)


@pytest.mark.parametrize(
    ("head", "sender"),
    [
        (None, USER),
        (HEAD, STRANGER),
        (replace(HEAD, members={USER: BAYKO, OTHER: LONDO.deleted}), USER),
        (replace(HEAD, members={USER: BAYKO, OTHER: LONDO.deleted}), OTHER),
    ],
    ids=["no conversation", "a stranger", "to somebody deleted", "by somebody deleted"],
)
def test_a_stranger_sends_nothing_into_a_conversation(head: Head | None, sender: str) -> None:
    table = Racing(head=head)

    with pytest.raises(NotFound):
        _send(table, sender)

    assert table.tried == []


@pytest.mark.parametrize("post", [_send, _open])
def test_a_repeated_message_is_answered_with_the_first(post: Callable[[FakeTable], send.Sent]) -> None:
    table = Racing()
    text = "Hello again" if post is _send else "Hello"
    first = replace(FIRST, message_uuid=MESSAGE_UUID, message=text, created_at="2026-01-01T00:00:00.000000+00:00")
    table.messages.append(first)
    table.refusals = iter([AlreadySent(SentRecord(MESSAGE_UUID, GROUP, first.created_at, None))])

    assert post(table) == send.Sent(first, repeated=True)
    assert len(table.messages) == 2


@pytest.mark.parametrize(
    "first",
    [
        replace(FIRST, message="Something else"),
        replace(FIRST, message="Hello again", sender=LONDO),
        replace(FIRST, message="Hello again", message_group_uuid=keys.pair_uuid(USER, STRANGER)),
        None,
    ],
    ids=["another text", "another sender", "another conversation", "a message that is gone"],
)
def test_a_message_uuid_of_another_message_is_taken(first: Message | None) -> None:
    group = first.message_group_uuid if first else GROUP
    table = Racing(AlreadySent(SentRecord(MESSAGE_UUID, group, FIRST.created_at, None)))
    table.messages[:] = [first] if first else []

    with pytest.raises(MessageUuidTaken, match=r"^This message_uuid was used for another message\.$"):
        _send(table)


def test_the_first_message_opens_the_conversation() -> None:
    table = Racing(head=None)

    sent = _open(table)

    message = Message(GROUP, MESSAGE_UUID, "Hello", BAYKO, keys.format_time(NOW), 1)
    assert sent == send.Sent(message, opened=True)
    assert table.heads[GROUP] == Head.of_first(message, LONDO)


def test_an_existing_conversation_is_continued() -> None:
    table = Racing()

    sent = _open(table)

    assert sent == send.Sent(_after(HEAD, "Hello"))
    assert table.asked == ["head, consistently", "append"]


def test_a_conversation_opened_meanwhile_is_read_again_while_it_keeps_changing() -> None:
    table = Racing(*[HeadChanged(HEAD)] * 3, head=None)

    assert _open(table) == send.Sent(_after(HEAD, "Hello"), conflicts=2)
    assert table.asked == ["head, consistently", "create", *["append"] * 2, "head, consistently", "append"]


def test_an_opening_that_nothing_came_of_does_not_count() -> None:
    limits = UNLIMITED._replace(conversations=conversations_per_day(2))
    opened, busy = Racing(HeadChanged(HEAD), head=None), Racing(*repeat(Busy("Throttled."), TRIES), head=None)

    sent = _limited(opened, limits)
    with pytest.raises(Busy):
        _limited(busy, limits)

    assert (sent.opened, sent.usage) == (False, ())
    assert opened.counters == busy.counters == {(USER, f"conversations#{int(NOW.timestamp()) // 86_400}"): 0}


@pytest.mark.parametrize(("messages_from", "name"), [(EVERYONE, "conversations"), (REQUESTS, "requests")])
def test_an_opening_counts_as_a_conversation_or_as_a_request(messages_from: str, name: str) -> None:
    reach = Reach(messages_from, timedelta(days=30))
    limits = UNLIMITED._replace(conversations=conversations_per_day(2), requests=pending_requests(2, 30))

    sent = _limited(Racing(head=None), limits, reach)

    assert [(one.limit.name, one.remaining) for one in sent.usage] == [(name, 1)]
    used_up = Racing(head=None)
    for _ in range(2):
        used_up.spend(USER, f"{name}#{getattr(limits, name).window(NOW.timestamp())}", 2, 0)
    with pytest.raises(LimitReached, match=f"^Your limit of 2 {name} is used up.$"):
        _limited(used_up, limits, reach)
    assert used_up.tried == []


def test_messages_count_in_the_head_and_a_repetition_gets_its_answer_past_the_limit() -> None:
    table, limit = Racing(), messages_per_minute(2)
    limits = UNLIMITED._replace(messages=limit)

    def post(number: int, seconds: int = 0) -> send.Sent:
        now = NOW + timedelta(seconds=seconds)
        return send_to_conversation(table, USER, GROUP, Draft(f"{number}", "Hello"), lambda: now, limits=limits)

    assert [post(number).usage for number in (1, 2)] == [(Usage(limit, 1, 55),), (Usage(limit, 0, 55),)]
    with pytest.raises(LimitReached) as refused:
        post(3, seconds=50)
    assert refused.value.retry_after == 5
    assert (post(2).repeated, post(2).message.seq) == (True, 3)
    assert post(3, seconds=55).usage == (Usage(limit, 1, 60),)
    assert table.counters == {}  # it costs nothing
    head = table.heads[GROUP]
    assert [head.membership(one).sent for one in (USER, OTHER)] == [f"{limit.window(NOW.timestamp()) + 1}:1", ""]


def _limited(table: FakeTable, limits: SendLimits, reach: Reach = OPEN) -> send.Sent:
    return send_to_handle(table, USER, "londo", Draft(MESSAGE_UUID, "Hello"), lambda: NOW, limits=limits, reach=reach)


@pytest.mark.parametrize("post", [_send, _open])
def test_a_suspended_person_sends_nothing_and_still_gets_the_answer_to_what_they_have_sent(
    post: Callable[[FakeTable], send.Sent],
) -> None:
    suspended = replace(BAYKO, suspended=True)
    table = Racing(head=replace(HEAD, members={USER: suspended, OTHER: LONDO}))
    table.people = (suspended, LONDO)

    with pytest.raises(Forbidden, match=r"^You are suspended: "):
        post(table)
    assert table.tried == []

    text = "Hello again" if post is _send else "Hello"
    first = replace(FIRST, message_uuid=MESSAGE_UUID, message=text)
    table.messages = [first]
    assert post(table) == send.Sent(first, repeated=True)


def test_a_suspended_person_opens_nothing() -> None:
    table = Racing(head=None)
    table.people = (replace(BAYKO, suspended=True), LONDO)

    with pytest.raises(Forbidden):
        _open(table)
    assert table.tried == []


def test_a_copy_that_is_late_suspends_nobody() -> None:
    table = Racing(head=replace(HEAD, members={USER: replace(BAYKO, suspended=True), OTHER: LONDO}))

    assert _send(table).message.message == "Hello again"


def test_a_conversation_opens_a_microsecond_later_if_its_key_is_taken() -> None:
    table = Racing(PositionTaken(), Busy("Throttled."), PositionTaken(), head=None)

    sent = _open(table)

    times = [keys.format_time(NOW + timedelta(microseconds=later)) for later in (0, 1, 1, 2)]
    assert [message.created_at for message in table.tried] == times
    assert (sent.opened, sent.conflicts) == (True, 3)


def test_when_no_conversation_can_be_opened_the_system_is_busy() -> None:
    table = Racing(*repeat(Busy("Throttled."), TRIES), head=None)

    with pytest.raises(Busy, match=r"^Too many messages are being sent at once\.$"):
        _open(table)

    assert len(table.tried) == TRIES


@pytest.mark.parametrize(
    ("sender", "handle", "why"),
    [(STRANGER, "londo", "You have no profile yet."), (USER, "delenn", "Nobody has this handle.")],
    ids=["a sender without a profile", "a handle nobody has"],
)
def test_both_people_must_be_known(sender: str, handle: str, why: str) -> None:
    table = Racing(head=None)

    with pytest.raises(NotFound) as refused:
        _open(table, handle, sender)

    assert str(refused.value) == why
    assert table.asked == []


def test_nobody_writes_to_themself() -> None:
    table = Racing(head=None)

    with pytest.raises(Invalid) as refused:
        _open(table, BAYKO.handle)

    assert refused.value.codes == ("user_receiver_is_self",)
    assert table.asked == []


def test_now_is_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)
