"""A device on the network: a socket that reconnects, and requests that are retried until they are answered."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from cruddur_messages.api import Api, Refused, Unanswered
from cruddur_messages.sync import Event, Inbox, Message, Page

# Seconds. API Gateway closes a socket after ten silent minutes, and every socket after two hours.
_PING_EVERY = 300
_RECONNECT_AFTER = 6900
_LONGEST_PAUSE = 30
_OPEN_WITHIN = 30

_Answer = TypeVar("_Answer")


def pause(failures: int) -> float:
    """Seconds to wait after this many consecutive failures: random, below a limit that doubles (full jitter).

    So a thousand clients that were disconnected together do not reconnect together.
    """
    return random.uniform(0, min(_LONGEST_PAUSE, 0.5 * 2 ** min(failures, 10)))  # noqa: S311


async def until_answered(request: Callable[[], _Answer]) -> _Answer:
    """Run `request` in a thread until it is not Unanswered; return its result."""
    failures = 0
    while True:
        try:
            return await asyncio.to_thread(request)
        except Unanswered as unanswered:
            failures += 1
            await asyncio.sleep(unanswered.retry_after + pause(failures))


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all parts until one ends; cancel the others. Raises the exception of the part that ended."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Request:
    """A change of a message that waits for its turn: the name of a method of Api, and its last arguments."""

    name: str
    message_group_uuid: str | None
    """None for a message that is still on its way to a handle."""
    message_uuid: str
    arguments: tuple[str, ...] = ()
    seen: Message | None = None
    """For an edit, the message as its author saw it; None if it is still on its way."""


@dataclass(frozen=True)
class Setting:
    """A setting of a conversation that waits for its turn: a request to Api, and a word for it when it is done."""

    message_group_uuid: str
    request: Callable[[], object]
    done: str


class Device:
    """One device of a signed-in person. `run` keeps `inbox` current.

    `notify` is called after each event, when `inbox` has it, and with five more events: `caught_up`, `disconnected`,
    `replaced` (the server closed this socket, the oldest of too many: `look` opens another), and `refused`, with a
    `detail`, for a message or a change that the server does not take, for a message also with its `text`; and `set`,
    with the `done` of a setting.
    """

    def __init__(self, api: Api, socket_url: str, user_uuid: str, notify: Callable[[Event], None]) -> None:
        self.inbox = Inbox()
        self._api = api
        self._socket_url = socket_url
        self._user_uuid = user_uuid
        self._notify = notify
        self._socket: ClientConnection | None = None
        self._is_looked_at = asyncio.Event()
        self._is_looked_at.set()
        self._watched: set[str] = set()
        self._outbox: asyncio.Queue[dict[str, str] | Request | Setting] = asyncio.Queue()
        self._answers: dict[str, dict[str, Any]] = {}  # by message_uuid, the last one to a send or an edit
        self._marks: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Run until cancelled. Raises Refused if the person has no access."""
        await together(self._stay_connected(), self._send_all(), self._mark_all())

    async def fetch(self, steps: Generator[str, Page, object]) -> None:
        """Run `steps` over HTTP. Raises Refused."""
        try:
            path = next(steps)
            while True:
                path = steps.send(await until_answered(partial(self._api.get, path)))
        except StopIteration:
            return

    def send(self, **body: str) -> str:
        """Queue a `message` to a `handle` or into a `message_group_uuid`: sent as soon as possible, once, in order.

        `reply_to` is the message_uuid of another message there. Return the message_uuid.
        """
        message_uuid = str(uuid4())
        self._outbox.put_nowait({**body, "message_uuid": message_uuid})
        return message_uuid

    def change(
        self, name: str, message_group_uuid: str | None, message_uuid: str, *arguments: str, seen: Message | None = None
    ) -> None:
        """Queue `edit` with a text and the message as `seen`, `unsend`, `hide`, `react` or `unreact` with an emoji.

        It is sent once, after everything queued before it. The message itself may still be in the queue.
        """
        self._outbox.put_nowait(Request(name, message_group_uuid, message_uuid, arguments, seen))

    def set(self, message_group_uuid: str, request: Callable[[], object], done: str) -> None:
        """Queue a request to Api that changes settings of a conversation, after everything queued before it."""
        self._outbox.put_nowait(Setting(message_group_uuid, request, done))

    async def sent(self) -> None:
        """Wait until everything is sent or refused."""
        await self._outbox.join()

    def mark_read(self, message_group_uuid: str) -> None:
        """Mark all present messages as read."""
        conversation = self.inbox.conversations[message_group_uuid]
        if conversation.is_unread:
            conversation.marked_unread = False
            conversation.advance_mark(min(conversation.held_seq, conversation.last_seq))
            self._marks.put_nowait(message_group_uuid)

    async def watch(self, message_group_uuid: str) -> None:
        """Subscribe to `presence` events of the other person."""
        self._watched.add(message_group_uuid)
        await self.tell(type="subscribe", message_group_uuid=message_group_uuid)

    def look(self) -> None:
        """Note that somebody looks at this device, so that it connects again if it was replaced."""
        self._is_looked_at.set()

    async def tell(self, **frame: str) -> None:
        """Send a frame to the server, if there is a socket at the moment."""
        if self._socket:
            try:
                await self._socket.send(json.dumps(frame))
            except ConnectionClosed:
                return  # the listener notices, too

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            await self._is_looked_at.wait()
            retry_after = 0
            try:
                ticket = await asyncio.to_thread(self._api.ticket)
                url = f"{self._socket_url}?ticket={ticket}"
                async with asyncio.timeout(_RECONNECT_AFTER), connect(url, open_timeout=_OPEN_WITHIN) as socket:
                    self._socket = socket  # its events wait until everything before them is fetched
                    for message_group_uuid in self._watched:
                        await self.tell(type="subscribe", message_group_uuid=message_group_uuid)
                    await self._catch_up()
                    failures = 0
                    await self._listen(socket)
                    self._notify({"type": "replaced"})
            except (OSError, WebSocketException, Unanswered) as failure:
                if failures == 0:
                    self._notify({"type": "disconnected"})
                failures += 1
                if isinstance(failure, Unanswered):
                    retry_after = failure.retry_after
            self._socket = None
            await asyncio.sleep(retry_after + pause(failures))

    async def _catch_up(self) -> None:
        await self.fetch(self.inbox.catch_up())
        self._notify({"type": "caught_up"})

    async def _listen(self, socket: ClientConnection) -> None:
        """Handle events until the socket closes, which raises its exception, or is replaced by newer ones."""
        loop = asyncio.get_running_loop()
        ping_at = loop.time() + _PING_EVERY
        while self._is_looked_at.is_set():
            try:
                async with asyncio.timeout_at(ping_at):
                    frame = await socket.recv()
            except TimeoutError:
                await self.tell(type="ping")
                await self._catch_up()  # the last push may have been lost, without a later one to reveal it
                ping_at = loop.time() + _PING_EVERY
                continue
            events = json.loads(frame)
            if isinstance(events, list):  # API Gateway's own answers are objects
                for event in events:
                    await self._receive(event)

    async def _receive(self, event: Event) -> None:
        await self.fetch(self.inbox.receive(event))
        if event.get("code") == "too_many_connections":
            self._is_looked_at.clear()
        # Both have written now, or a block has ended.
        if event["type"] in ("message_group", "settings") and event["uuid"] in self._watched:
            await self.tell(type="subscribe", message_group_uuid=event["uuid"])
        self._notify(event)

    async def _send_all(self) -> None:
        while True:
            entry = await self._outbox.get()
            text = {}
            try:
                match entry:
                    case Request():
                        await self._request(entry)
                    case Setting():
                        await self._set(entry)
                    case body:
                        text = {"text": body["message"]}
                        await self._send(body)
            except Refused as refusal:
                self._notify({"type": "refused", "detail": str(refusal), **text})
            self._outbox.task_done()

    async def _set(self, setting: Setting) -> None:
        await until_answered(setting.request)
        await self.fetch(self.inbox.conversations[setting.message_group_uuid].refresh())
        self._notify({"type": "set", "message_group_uuid": setting.message_group_uuid, "done": setting.done})

    async def _send(self, body: dict[str, str]) -> None:
        sent = await until_answered(partial(self._api.send, body))
        self._answers[body["message_uuid"]] = sent
        await self._receive({**sent, "type": "message", "user_uuid": self._user_uuid})

    async def _request(self, request: Request) -> None:
        answer = self._answers.get(request.message_uuid, {})
        group = request.message_group_uuid or answer.get("message_group_uuid")
        if not group:
            raise Refused("The message was not sent.")
        if request.name == "edit":
            changed = await self._edit(group, request)
            self._answers[request.message_uuid] = {**answer, **changed}
        else:
            method = getattr(self._api, request.name)
            changed = await until_answered(partial(method, group, request.message_uuid, *request.arguments))
        self.inbox.conversations[group].take(changed)
        self._notify({"type": "changed", "message_group_uuid": group, "message": changed})

    async def _edit(self, group: str, request: Request) -> Message:
        """Edit a message that has the text that its author saw. Raises Refused, with 412 if it has another."""
        seen = max(request.seen or {}, self._answers.get(request.message_uuid, {}), key=_change)
        while True:
            try:
                (text,) = request.arguments
                return await until_answered(partial(self._api.edit, group, request.message_uuid, text, _change(seen)))
            except Refused as refusal:
                if refusal.status != HTTPStatus.PRECONDITION_FAILED:
                    raise
                path = f"/api/messages/{group}/{request.message_uuid}"
                now: Message = (await until_answered(partial(self._api.get, path))).body
                if now.get("edited_at") != seen.get("edited_at") or "change" not in now:
                    raise
                seen = now  # only reactions have changed

    async def _mark_all(self) -> None:
        while True:
            conversation = self.inbox.conversations[await self._marks.get()]
            await until_answered(partial(self._api.mark_read, conversation.uuid, conversation.read_seq))


def _change(message: Message) -> int:
    number: int = message.get("change", 0)
    return number
