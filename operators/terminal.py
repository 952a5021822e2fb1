"""A chat on a terminal, line by line."""

import asyncio
import contextlib
import readline
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

from cruddur_messages.api import Api
from cruddur_messages.live import Device, together
from cruddur_messages.sync import Conversation, Event, Message
from messaging.model.text import printable

_PROMPT = "> "
_CLEAR = "\r\x1b[J"  # from the beginning of the row to the end of the screen
# Readline ignores the width of text between \x01 and \x02. So a prompt stands at the beginning of a row, even after
# another thread's output.
_READLINE_PROMPT = f"\x01{_CLEAR}\x02{_PROMPT}"
_TYPING_EVERY = 3  # seconds; the server relays no more
_TYPING_LASTS = 5
_SEND_WITHIN = 30  # seconds, when the chat ends
_LAST_MESSAGES = 10


class Screen:
    """Output and input of lines. On a terminal, output does not disturb the line being typed."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdin.isatty() and sys.stdout.isatty()

    def show(self, line: str) -> None:
        """Show one line, with all terminal controls escaped (messaging.model.text)."""
        line = printable(line)
        if self._is_terminal:
            typed = _PROMPT + self.typed()
            print(f"{_up(typed)}{_CLEAR}{line}\n{typed}", end="", flush=True)
        else:
            print(line, flush=True)

    def typed(self) -> str:
        """The line being typed."""
        if not self._is_terminal:
            return ""
        return readline.get_line_buffer()

    async def lines(self) -> AsyncIterator[str]:
        """Yield lines until the input ends. A thread waits for them; it ends with the process."""
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str | None] = asyncio.Queue()

        def read() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                for line in self._read():
                    loop.call_soon_threadsafe(lines.put_nowait, line)
                loop.call_soon_threadsafe(lines.put_nowait, None)

        with self._as_it_was():
            threading.Thread(target=read, daemon=True).start()
            while (line := await lines.get()) is not None:
                yield line

    def _read(self) -> Iterator[str]:
        if not self._is_terminal:
            yield from map(str.rstrip, sys.stdin)
            return
        with contextlib.suppress(EOFError):
            while True:
                line = input(_READLINE_PROMPT)
                # Shown again when it is sent.
                print(f"\x1b[A{_up(_PROMPT + line)}{_CLEAR}", end="", flush=True)
                yield line

    @contextlib.contextmanager
    def _as_it_was(self) -> Iterator[None]:
        """Restore the terminal: the thread may still be reading when the chat ends, with the echo switched off."""
        if not self._is_terminal:
            yield
            return
        import termios

        before = termios.tcgetattr(sys.stdin)
        try:
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
            print(_CLEAR, end="", flush=True)


class Chat:
    """One conversation with the owner of a handle, until the input ends."""

    def __init__(self, api: Api, socket_url: str, user_uuid: str, handle: str, screen: Screen) -> None:
        self._device = Device(api, socket_url, user_uuid, self._notify)
        self._handle = handle
        self._uuid: str | None = None
        self._screen = screen
        self._changed = asyncio.Event()
        self._is_connected = True
        self._shown_seq = 0
        self._read_seq = 0  # the other's mark, as the screen shows it
        self._typing_until = 0.0

    async def run(self) -> None:
        """Run the chat. Raises Refused."""
        await together(self._device.run(), self._keep_company(), self._read_lines())

    @property
    def _conversation(self) -> Conversation | None:
        """The conversation with the person of the handle, which may change meanwhile."""
        conversations = self._device.inbox.conversations
        if self._uuid is None:
            for conversation in conversations.values():
                if conversation.other["handle"].lower() == self._handle.lower():
                    self._uuid = conversation.uuid
        return conversations[self._uuid] if self._uuid else None

    async def _read_lines(self) -> None:
        async for line in self._screen.lines():
            self._device.look()
            if line.strip() == "/quit":
                break
            if line.strip():
                self._send(line)
        try:
            await asyncio.wait_for(self._device.sent(), _SEND_WITHIN)
        except TimeoutError:
            self._screen.show("— not everything could be sent —")

    async def _keep_company(self) -> None:
        """Open the conversation as soon as it exists, and send typing events while a line is being typed."""
        while not (conversation := self._conversation):
            self._changed.clear()
            await self._changed.wait()
        await self._device.fetch(conversation.open())
        self._shown_seq = max(0, conversation.held_seq - _LAST_MESSAGES)
        self._read_seq = conversation.other_read_seq or 0
        self._show_news(conversation)
        await self._device.watch(conversation.uuid)
        told = ""
        while True:
            await asyncio.sleep(1)
            typed = self._screen.typed()
            if typed and typed != told:
                told = typed
                await self._device.tell(type="typing", message_group_uuid=conversation.uuid)
                await asyncio.sleep(_TYPING_EVERY - 1)

    def _send(self, line: str) -> None:
        if self._conversation:
            self._device.send(message_group_uuid=self._conversation.uuid, message=line)
        else:
            self._device.send(handle=self._handle, message=line)

    def _notify(self, event: Event) -> None:
        self._changed.set()
        match event["type"]:
            case "disconnected":
                self._is_connected = False
                self._screen.show("— connection lost, reconnecting —")
            case "replaced":
                self._is_connected = False
                self._screen.show("— too many devices are connected; press Enter to connect this one again —")
            case "caught_up" if not self._is_connected:
                self._is_connected = True
                self._screen.show("— reconnected —")
            case "refused":
                self._screen.show(f"— not sent: {event['detail']} —")
        conversation = self._conversation
        if conversation and conversation.is_open:
            self._show_news(conversation)
            if event.get("message_group_uuid") == conversation.uuid:
                self._show_presence(conversation, event)

    def _show_news(self, conversation: Conversation) -> None:
        last, mark = conversation.messages[-1], conversation.other_read_seq or 0
        if self._read_seq < last["seq"] <= mark and conversation.is_mine(last) and last["seq"] <= self._shown_seq:
            self._screen.show(f"{'':>6}{conversation.other['display_name']} has read it ✓✓")
        for message in conversation.messages:
            if message["seq"] > self._shown_seq:
                self._screen.show(self._line(conversation, message))
                self._shown_seq = message["seq"]
                self._typing_until = 0
        self._read_seq = max(self._read_seq, mark)
        self._device.mark_read(conversation.uuid)

    def _show_presence(self, conversation: Conversation, event: Event) -> None:
        name = conversation.other["display_name"]
        match event:
            case {"type": "typing"}:
                now = asyncio.get_running_loop().time()
                if now > self._typing_until:
                    self._screen.show(f"{'':>6}{name} is typing …")
                self._typing_until = now + _TYPING_LASTS
            case {"type": "presence", "online": online}:
                self._screen.show(f"{'':>6}{name} is {'online' if online else 'offline'}")

    def _line(self, conversation: Conversation, message: Message) -> str:
        name, tick = message["display_name"], ""
        if conversation.is_mine(message):
            name = "you"
            tick = " ✓✓" if message["seq"] <= (conversation.other_read_seq or 0) else " ✓"
        at = datetime.fromisoformat(message["created_at"]).astimezone()
        day = "" if at.date() == datetime.now().astimezone().date() else f"{at:%d %b} "
        return f"{day}{at:%H:%M} {name}: {message['message']}{tick}"


def _up(text: str) -> str:
    """The escape sequence that moves the cursor from the end of a text to its first row."""
    rows = (len(text) - 1) // shutil.get_terminal_size().columns
    return f"\x1b[{rows}A" if rows else ""
