"""The reference client's requests and its socket, without a network."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from botocore.exceptions import ClientError
from ministack.services import cognito
from websockets.exceptions import ConnectionClosedError

from cruddur_messages import live, srp
from cruddur_messages.api import Api, Refused, Unanswered
from cruddur_messages.live import Device
from cruddur_messages.session import Session
from cruddur_messages.sync import Event, Page
from tests.support.fake_api import FakeApi

_WITHIN = 60  # seconds, for each expected event


# Requests


def answers(
    monkeypatch: pytest.MonkeyPatch, status: int, body: object, content_type: str = "application/json", **headers: str
) -> Api:
    """Make the API answer every request with this."""
    response = requests.Response()
    response.status_code = status
    response.headers.update({"content-type": content_type, **headers})
    response._content = json.dumps(body).encode()
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: response)
    return Api("http://api", lambda: "token")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_retryable_answer_counts_as_unanswered(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with pytest.raises(Unanswered):
        answers(monkeypatch, status, {}).ticket()


def test_a_client_waits_as_long_as_the_answer_says_and_a_little_more(monkeypatch: pytest.MonkeyPatch) -> None:
    api = answers(monkeypatch, 429, {}, **{"retry-after": "7"})
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        answers(monkeypatch, 200, {"ticket": "of londo"})

    monkeypatch.setattr(asyncio, "sleep", sleep)

    assert asyncio.run(live.until_answered(api.ticket)) == "of londo"
    assert 7 <= waited[0] <= 8


def test_a_limit_for_hours_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = "You can open 50 conversations a day."
    api = answers(monkeypatch, 429, {"detail": detail}, "application/problem+json", **{"retry-after": "3600"})

    with pytest.raises(Refused, match=detail):
        api.send({})


def test_settings_are_one_request_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, object]] = []
    api = answers(monkeypatch, 200, {"can_write": "request"}, link='<?cursor=1>; rel="prev"')
    answer = requests.Session.request

    def request(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        asked.append((method, url.removeprefix("http://api/api"), options["json"]))
        return answer(session, method, url)

    monkeypatch.setattr(requests.Session, "request", request)
    api.change_message_group("g", muted_until=None, pinned=True)
    api.accept("g")
    api.decline("g")
    api.leave("g")
    api.block("u")
    api.unblock("u")
    api.report("g", ["m"], "spam")
    assert api.can_write("londo") == "request"
    list(api.blocks())

    report = {"message_group_uuid": "g", "message_uuids": ["m"], "reason": "spam", "comment": ""}
    assert asked == [
        ("PATCH", "/message_groups/g", {"muted_until": None, "pinned": True}),
        ("POST", "/message_groups/g/accept", None),
        ("POST", "/message_groups/g/decline", None),
        ("DELETE", "/message_groups/g", None),
        ("PUT", "/blocks/u", None),
        ("DELETE", "/blocks/u", None),
        ("POST", "/reports", report),
        ("GET", "/message_groups/@londo", None),
        ("GET", "/blocks?limit=100", None),
    ]


def test_a_refusal_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match=r"^There is no such conversation\.$"):
        answers(monkeypatch, 404, {"detail": "There is no such conversation."}, "application/problem+json").get("/")
    with pytest.raises(Refused, match="message_blank"):
        answers(monkeypatch, 422, ["message_blank"]).send({})


def test_no_network_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "request", fail)

    with pytest.raises(Unanswered):
        Api("http://api", lambda: "token").mark_read("group", 1)


class FakeCognito:
    """Cognito with one person, known by a password verifier; access tokens live for a given number of seconds.

    The server's side of SRP is ministack's, which was compared with Cognito.
    """

    pool = "us-east-1_Pool"

    def __init__(self, password: str, seconds: int) -> None:
        self.seconds = seconds
        self.refreshed: list[str] = []
        self._user = {"Username": "bayko", "_password": password}

    def initiate_auth(self, *, AuthFlow: str, AuthParameters: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        assert AuthFlow == "USER_SRP_AUTH"
        parameters, self._state = cognito._srp_challenge(
            self.pool, self._user, "bayko", AuthParameters["SRP_A"], "c2VjcmV0"
        )
        return {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": parameters}

    def respond_to_auth_challenge(self, *, ChallengeResponses: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        if not cognito._srp_proof_valid(self.pool, self._user, self._state, ChallengeResponses):
            raise ClientError({"Error": {"Message": "Incorrect username or password."}}, "RespondToAuthChallenge")
        return self._tokens()

    def get_tokens_from_refresh_token(self, *, RefreshToken: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.refreshed.append(RefreshToken)
        return self._tokens()

    def _tokens(self) -> dict[str, Any]:
        number = len(self.refreshed)
        claims = {"sub": "bayko", "exp": time.time() + self.seconds, "number": number}
        text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return {
            "AuthenticationResult": {"AccessToken": f"header.{text}.signature", "RefreshToken": f"refresh {number}"}
        }


def sign_in(cognito: FakeCognito, password: str) -> Session:
    return Session(cognito, cognito.pool, "client", "bayko@example.com", password)


@pytest.mark.parametrize("password", ["Passw0rd", "pässwörd 密码 👋", *map(str, range(6))])
def test_a_password_is_proved_and_not_sent(password: str) -> None:
    """Sign in several times: half of a sign-in's numbers have a leading bit that looks negative."""
    assert sign_in(FakeCognito(password, 3600), password).user_uuid == "bayko"
    with pytest.raises(Refused, match="Incorrect username or password"):
        sign_in(FakeCognito(password, 3600), f"{password}.")


def test_a_server_that_fishes_for_the_password_gets_no_proof() -> None:
    challenge = {"USER_ID_FOR_SRP": "bayko", "SECRET_BLOCK": "", "SALT": "1", "SRP_B": f"{srp._PRIME * 2:x}"}
    with pytest.raises(Refused, match="reveal the password"):
        srp.Proof(FakeCognito.pool, "password").answer(challenge, datetime.now(UTC))


def test_a_proof_is_the_one_that_three_libraries_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = json.loads((Path(__file__).parents[1] / "support" / "srp_vector.json").read_text())
    claim = vector["claim"]
    monkeypatch.setattr("secrets.randbits", lambda _: int(vector["secret"]))
    proof = srp.Proof(f"eu-west-2_{claim['pool']}", claim["password"])
    challenge = {
        "USER_ID_FOR_SRP": claim["user"],
        "SALT": claim["salt"],
        "SRP_B": claim["serverValue"],
        "SECRET_BLOCK": claim["secretBlock"],
    }
    answer = proof.answer(challenge, datetime(2000, 2, 1, 3, 4, 5, tzinfo=UTC))
    assert proof.public == vector["public_value"]
    assert (answer["TIMESTAMP"], answer["PASSWORD_CLAIM_SIGNATURE"]) == (claim["timestamp"], vector["signature"])


def test_a_token_is_renewed_before_it_expires_and_each_refresh_token_is_used_once() -> None:
    cognito = FakeCognito("password", seconds=200)
    session = sign_in(cognito, "password")

    session.token()
    cognito.seconds = 3600
    first, second = session.token(), session.token()

    assert first == second
    assert cognito.refreshed == ["refresh 0", "refresh 1"]


# The socket


class Socket:
    """A socket with frames from the test; None closes it."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.told: list[dict[str, str]] = []

    async def recv(self) -> str:
        frame = await self.frames.get()
        if frame is None:
            raise ConnectionClosedError(None, None)
        return frame

    async def send(self, frame: str) -> None:
        self.told.append(json.loads(frame))


class Network:
    """The network of bayko's device: an API in memory, where londo has written, and sockets."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.group = self.api.send("londo", "bayko")["message_group_uuid"]
        self.sockets: list[Socket] = []
        self.answers_lost = self.tickets_lost = 0
        self.posted: list[dict[str, str]] = []
        self.refuses = ""

    def get(self, path: str) -> Page:
        return self.api.get("bayko", path)

    def ticket(self) -> str:
        if self.tickets_lost:
            self.tickets_lost -= 1
            raise Unanswered
        return "ticket"

    def send(self, body: dict[str, str]) -> dict[str, Any]:
        self.posted.append(body)
        if self.answers_lost:
            self.answers_lost -= 1
            raise Unanswered
        if self.refuses:
            raise Refused(self.refuses, 403)
        return self.api.send("bayko", "londo", message_uuid=body["message_uuid"])

    def block(self, user_uuid: str) -> None:
        self.posted.append({"block": user_uuid})
        self.api.block("bayko", self.group)

    def edit(self, group: str, message_uuid: str, text: str, change: int) -> dict[str, Any]:
        self.posted.append({"edit": text})
        message = self._message(group, message_uuid)
        if message["message"] != text and message["change"] != change:
            raise Refused("It has changed meanwhile.", 412)
        self.api.edit(group, message["seq"], text)
        return self._answer(group, message_uuid)

    def unsend(self, group: str, message_uuid: str) -> dict[str, Any]:
        self.posted.append({"unsend": message_uuid})
        self.api.unsend(group, self._message(group, message_uuid)["seq"])
        return self._answer(group, message_uuid)

    def _message(self, group: str, message_uuid: str) -> dict[str, Any]:
        (message,) = [one for one in self.api.messages[group] if one["uuid"] == message_uuid]
        return message

    def _answer(self, group: str, message_uuid: str) -> dict[str, Any]:
        if self.answers_lost:
            self.answers_lost -= 1
            raise Unanswered
        return self._message(group, message_uuid)

    def mark_read(self, message_group_uuid: str, seq: int) -> None:
        self.api.mark_read("bayko", message_group_uuid, seq)

    @asynccontextmanager
    async def connect(self, url: str, **_: object) -> AsyncIterator[Socket]:
        assert url == "ws://sockets?ticket=ticket"
        self.sockets.append(Socket())
        yield self.sockets[-1]

    def push(self, *events: Event) -> None:
        self.sockets[-1].frames.put_nowait(json.dumps(events))


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(live, "connect", network.connect)
    monkeypatch.setattr(live, "pause", lambda _failures: 0)
    return network


def with_device(network: Network, test: Callable[[Device, list[str]], Coroutine[Any, Any, None]]) -> None:
    """Run `test` with a device that has caught up, and the types of its events."""
    types: list[str] = []
    with_events(network, lambda device, _: test(device, types), types)


def with_events(
    network: Network,
    test: Callable[[Device, list[Event]], Coroutine[Any, Any, None]],
    types: list[str] | None = None,
) -> None:
    """Run `test` with a device that has caught up, and its events. `types` gets their types."""

    async def run() -> None:
        told: list[Event] = []

        def notify(event: Event) -> None:
            told.append(event)
            if types is not None:
                types.append(event["type"])

        device = Device(cast(Api, network), "ws://sockets", "bayko", notify)
        running = asyncio.create_task(device.run())
        await until(lambda: {"type": "caught_up"} in told)
        await device.fetch(device.inbox.conversations[network.group].open())
        await test(device, told)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(_WITHIN):
        while not what():
            await asyncio.sleep(0.01)


def test_without_a_network_from_the_start_it_says_so_once_and_connects_later(network: Network) -> None:
    async def test(_: Device, told: list[str]) -> None:
        assert told[:2] == ["disconnected", "caught_up"]

    network.tickets_lost = 3
    with_device(network, test)


def test_a_frame_that_is_no_array_is_skipped(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        network.sockets[-1].frames.put_nowait('{"message": "Too Many Requests"}')
        network.api.send("londo", "bayko")
        network.push(network.api.pushed["bayko"][-1])
        await until(lambda: device.inbox.conversations[network.group].held_seq == 2)
        assert told == ["caught_up", "message"]

    with_device(network, test)


def test_after_a_lost_connection_there_is_another_and_missed_messages_arrive(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        await device.watch(network.group)
        network.api.send("londo", "bayko")
        network.sockets[-1].frames.put_nowait(None)
        await until(lambda: told == ["caught_up", "disconnected", "caught_up"])
        assert device.inbox.conversations[network.group].held_seq == 2
        assert [socket.told for socket in network.sockets] == [
            [{"type": "subscribe", "message_group_uuid": network.group}]
        ] * 2

    with_device(network, test)


def test_one_of_too_many_stays_closed_until_somebody_looks_at_it(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        network.push({"type": "error", "code": "too_many_connections", "detail": "You have more than 10 connections."})
        await until(lambda: told[-1] == "replaced")
        device.send(message="Meanwhile")  # with no pause between attempts, there would be many by now
        await device.sent()
        assert len(network.sockets) == 1

        device.look()
        await until(lambda: told[-1] == "caught_up")
        assert len(network.sockets) == 2

    with_device(network, test)


def test_in_the_silence_it_pings_and_catches_up(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_PING_EVERY", 0.05)

    async def test(device: Device, told: list[str]) -> None:
        network.api.send("londo", "bayko")  # and its push is lost
        await until(lambda: device.inbox.conversations[network.group].held_seq == 2)
        assert {"type": "ping"} in network.sockets[0].told
        assert len(network.sockets) == 1

    with_device(network, test)


def test_a_message_is_sent_again_until_it_is_answered_and_the_next_waits(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        network.answers_lost = 2
        device.send(message="First")
        device.send(message="Second")
        async with asyncio.timeout(_WITHIN):
            await device.sent()
        assert [body["message"] for body in network.posted] == ["First", "First", "First", "Second"]
        assert len({body["message_uuid"] for body in network.posted}) == 2
        assert device.inbox.conversations[network.group].held_seq == 3

    with_device(network, test)


def test_changes_go_once_in_order_after_their_message_which_is_not_sent_yet(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        network.answers_lost = 1
        uuid = device.send(message="First")
        device.change("edit", None, uuid, "Second")
        device.change("edit", None, uuid, "Third")
        device.change("unsend", None, uuid)
        async with asyncio.timeout(_WITHIN):
            await device.sent()
        assert "refused" not in told
        assert [change["kind"] for change in network.api.changes[network.group]] == ["edit", "edit", "unsend"]
        assert device.inbox.conversations[network.group].messages[-1]["message"] == ""

    with_device(network, test)


def test_an_edit_with_a_lost_answer_takes_effect_once(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        (message,) = device.inbox.conversations[network.group].messages
        network.answers_lost = 2
        device.change("edit", network.group, message["uuid"], "Edited", seen=message)
        async with asyncio.timeout(_WITHIN):
            await device.sent()
        assert network.posted == [{"edit": "Edited"}] * 3
        assert len(network.api.changes[network.group]) == 1

    with_device(network, test)


@pytest.mark.parametrize("is_edited", [True, False])
def test_an_edit_of_a_message_that_has_changed_is_refused_unless_only_its_reactions_have(
    network: Network, is_edited: bool
) -> None:
    async def test(device: Device, told: list[str]) -> None:
        (message,) = device.inbox.conversations[network.group].messages
        network.api.react(network.group, 1, "👍")
        if is_edited:
            network.api.edit(network.group, 1, "Of another device")
        device.change("edit", network.group, message["uuid"], "Mine", seen=message)
        async with asyncio.timeout(_WITHIN):
            await device.sent()
        text = "Of another device" if is_edited else "Mine"
        assert network.api.messages[network.group][0]["message"] == text
        assert ("refused" in told) == is_edited

    with_device(network, test)


def test_a_change_of_a_message_that_is_refused_is_refused_too(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        device.change("unsend", None, "not sent")
        await device.sent()
        assert told[-1] == "refused"

    with_device(network, test)


def test_a_message_that_its_receiver_does_not_take_is_given_back_with_the_reason(network: Network) -> None:
    async def test(device: Device, told: list[Event]) -> None:
        network.refuses = "Your request has not been accepted yet."
        device.send(message="Please")
        await device.sent()
        assert told[-1] == {"type": "refused", "detail": network.refuses, "text": "Please"}

    with_events(network, test)


def test_a_setting_waits_for_the_messages_before_it_and_is_shown_when_it_is_done(network: Network) -> None:
    async def test(device: Device, told: list[Event]) -> None:
        network.answers_lost = 1
        device.send(message="First")
        device.set(network.group, partial(network.block, "londo"), "blocked")
        async with asyncio.timeout(_WITHIN):
            await device.sent()
        assert network.posted[-1] == {"block": "londo"}
        assert told[-1] == {"type": "set", "message_group_uuid": network.group, "done": "blocked"}
        assert device.inbox.conversations[network.group].blocked

    with_events(network, test)


def test_reading_a_conversation_that_is_marked_as_unread_is_reported_to_the_api(network: Network) -> None:
    async def test(device: Device, told: list[Event]) -> None:
        network.api.mark_read("bayko", network.group, 1)
        network.api.change_settings("bayko", network.group, {"marked_unread": True})
        network.push(network.api.pushed["bayko"][-1])
        await until(lambda: device.inbox.unread["message_groups"])
        device.mark_read(network.group)
        assert not device.inbox.unread["message_groups"]
        await until(lambda: not network.api.unread("bayko")["message_groups"])

    with_events(network, test)


def test_reading_is_reported_to_the_api(network: Network) -> None:
    async def test(device: Device, told: list[str]) -> None:
        device.mark_read(network.group)
        await until(lambda: network.api.unread("bayko") == {"message_groups": 0, "messages": 0, "requests": 0})
        assert device.inbox.unread == {"message_groups": 0, "messages": 0, "requests": 0}

    with_device(network, test)


def test_pauses_are_random_and_have_a_limit() -> None:
    pauses = [live.pause(failures) for failures in range(100)]

    assert all(0 <= one <= 30 for one in pauses)
    assert len(set(pauses)) == 100
