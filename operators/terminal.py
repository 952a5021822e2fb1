"""A chat on a terminal, line by line."""

import asyncio
import contextlib
import re
import readline
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from functools import partial
from urllib.parse import quote

from cruddur_messages.api import Api
from cruddur_messages.live import Device, together, until_answered
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
_COMMAND = re.compile(r"/(edit|unsend|react|reply|report)(?:\s+#(\d+))?(?:\s+(\S.*))?\s*")
_ARGUMENTS = {"unsend": "", "react": " EMOJI", "report": " REASON COMMENT"}  # of others: TEXT
_REASONS = ("spam", "harassment", "threat", "illegal", "other")
_SETTING = re.compile(r"/(accept|decline|block|mute|archive|pin|unread|leave)\s*")
_QUOTED_CHARS = 30
_UNKNOWN = re.compile(r"/[a-z]+(\s.*)?")
_HELP = """\
/edit TEXT, /unsend: change or take back your last message
/reply TEXT, /react EMOJI: answer the other person's last message, or add or remove a reaction
/edit #98 TEXT and the like: the message with this number
/accept, /decline: answer a request
/block, /mute, /archive, /pin: do that, or end it
/unread, /leave: mark as unread; end the history here
/report REASON COMMENT: show the operators the other person's last message
//TEXT: send a text that begins with /
/quit: end the chat"""
_SENTENCES = {
    "message_exceed_max_chars": "The text is too long.",
    "reactions_exceed_max": "A message takes no more different reactions of one person.",
}
_WARNINGS = {
    "request": "— your message will be a request —",
    "no": "— you cannot write to this person now —",
}


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
        self._api = api
        self._device = Device(api, socket_url, user_uuid, self._notify)
        self._handle = handle
        self._uuid: str | None = None
        self._screen = screen
        self._changed = asyncio.Event()
        self._is_connected = True
        self._shown_seq = 0
        self._shown: dict[int, str] = {}  # by seq: messages, as the screen shows them
        self._waiting: str | None = None  # message_uuid of the last message sent here, until the server has it
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
            if setting := _SETTING.fullmatch(line):
                self._set(setting[1])
            elif command := _COMMAND.fullmatch(line):
                self._change(*command.groups())
            elif line.strip() == "/help":
                for explained in _HELP.splitlines():
                    self._screen.show(explained)
            elif _UNKNOWN.fullmatch(line):
                self._screen.show("— not sent: there is no such command. /help lists them; //TEXT sends /TEXT —")
            elif line.strip():
                self._send(message=line.removeprefix("/") if line.startswith("//") else line)
        try:
            await asyncio.wait_for(self._device.sent(), _SEND_WITHIN)
        except TimeoutError:
            self._screen.show("— not everything could be sent —")

    async def _keep_company(self) -> None:
        """Open the conversation as soon as it exists, and send typing events while a line is being typed."""
        found = await until_answered(partial(self._api.get, f"/api/message_groups/@{quote(self._handle)}"))
        if uuid := found.body.get("message_group_uuid"):
            await self._device.fetch(self._device.inbox.know(uuid))
            self._uuid = uuid
        if found.body["can_write"] in _WARNINGS:
            self._screen.show(_WARNINGS[found.body["can_write"]])
        while not (conversation := self._conversation):
            self._changed.clear()
            await self._changed.wait()
        await self._device.fetch(conversation.open())
        self._shown_seq = max(0, conversation.held_seq - _LAST_MESSAGES)
        self._read_seq = conversation.other_read_seq or 0
        self._show_news(conversation)
        if conversation.folder == "requests":
            self._screen.show("— this is a request: /accept, /decline or /block, or answer it —")
        await self._device.watch(conversation.uuid)
        told = ""
        while True:
            await asyncio.sleep(1)
            typed = self._screen.typed()
            if typed and typed != told:
                told = typed
                await self._device.tell(type="typing", message_group_uuid=conversation.uuid)
                await asyncio.sleep(_TYPING_EVERY - 1)

    def _send(self, **body: str) -> None:
        if self._conversation:
            self._waiting = self._device.send(message_group_uuid=self._conversation.uuid, **body)
        else:
            self._waiting = self._device.send(handle=self._handle, **body)

    def _set(self, command: str) -> None:
        """Run a command on the conversation. /block, /mute, /archive and /pin also end it."""
        conversation, api = self._conversation, self._api
        if not conversation:
            self._screen.show("— there is no conversation yet —")
            return
        uuid, other = conversation.uuid, conversation.other["user_uuid"]
        is_pinned, is_archived = uuid in self._device.inbox.pins, conversation.folder == "archive"
        change = partial(api.change_message_group, uuid)
        requests: dict[str, tuple[Callable[[], object], str]] = {
            "accept": (partial(api.accept, uuid), "accepted"),
            "decline": (partial(api.decline, uuid), "declined"),
            "leave": (partial(api.leave, uuid), "left: its next message begins anew"),
            "block": (partial(api.block, other), "blocked"),
            "mute": (partial(change, muted_until="forever"), "muted"),
            "archive": (partial(change, archived=not is_archived), "archived" if not is_archived else "in the inbox"),
            "pin": (partial(change, pinned=not is_pinned), "pinned" if not is_pinned else "not pinned"),
            "unread": (partial(change, marked_unread=True), "marked as unread"),
        }
        if conversation.blocked:
            requests["block"] = (partial(api.unblock, other), "not blocked")
        if conversation.is_muted():
            requests["mute"] = (partial(change, muted_until=None), "not muted")
        self._device.set(uuid, *requests[command])

    def _report(self, conversation: Conversation, message: Message, text: str) -> None:
        """Report a message: the first word is the reason."""
        reason, _, comment = text.partition(" ")
        if reason in _REASONS:
            report = partial(self._api.report, conversation.uuid, [message["uuid"]], reason, comment.strip())
            self._device.set(conversation.uuid, report, "reported")
        else:
            self._screen.show(f"— a reason is one of {', '.join(_REASONS)} —")

    def _change(self, command: str, number: str | None, text: str | None) -> None:
        """Run a command on a message: on the last one that fits, or by its number."""
        if (text is None) != (command == "unsend"):
            rest = _ARGUMENTS.get(command, " TEXT")
            self._screen.show(f"— write /{command}{rest}, or /{command} #NUMBER{rest} —")
            return
        is_own = command in ("edit", "unsend")
        uuid = self._conversation.uuid if self._conversation else None
        message = self._message(number, is_own=is_own)
        if message is None and not (is_own and self._waiting and number is None):
            self._screen.show("— there is no such message —")
        elif command == "report" and message and self._conversation:
            self._report(self._conversation, message, text or "")
        elif command == "reply" and message:
            self._send(message=text or "", reply_to=message["uuid"])
        elif command == "react" and message:
            self._device.change(self._reaction(message, text or ""), uuid, message["uuid"], text or "")
        else:
            message_uuid = message["uuid"] if message else str(self._waiting)
            arguments = (text,) if text else ()
            self._device.change(command, uuid, message_uuid, *arguments, seen=message)

    def _message(self, number: str | None, *, is_own: bool) -> Message | None:
        """The message of this number, or the last one of this person or the other. None for one on its way, too."""
        conversation = self._conversation
        if not conversation or (is_own and number is None and self._waiting):
            return None
        for message in reversed(conversation.messages):
            if "hidden" in message or "unsent_at" in message:
                continue
            if message["seq"] == int(number) if number else conversation.is_mine(message) == is_own:
                return message
        return None

    def _reaction(self, message: Message, emoji: str) -> str:
        """The name of the change that sets a reaction, or removes it if this person has it already."""
        theirs = self._conversation and self._conversation.other["user_uuid"]
        mine = [one["emoji"] for one in message.get("reactions", ()) if set(one["user_uuids"]) - {theirs}]
        return "unreact" if _plain(emoji) in map(_plain, mine) else "react"

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
                self._waiting = None
                detail = event["detail"]
                sentence = next((_SENTENCES[code] for code in _SENTENCES if code in detail), detail)
                self._screen.show(f"— not sent: {sentence} —")
                if "text" in event:
                    self._screen.show(event["text"])
            case "set":
                self._screen.show(f"— {event['done']} —")
        conversation = self._conversation
        if conversation and conversation.is_open:
            self._show_news(conversation)
            if event.get("message_group_uuid") == conversation.uuid:
                self._show_presence(conversation, event)

    def _show_news(self, conversation: Conversation) -> None:
        messages, mark = conversation.messages, conversation.other_read_seq or 0
        last = messages[-1] if messages else None
        is_mine = last and "hidden" not in last and conversation.is_mine(last)
        if last and is_mine and self._read_seq < last["seq"] <= min(mark, self._shown_seq):
            self._screen.show(f"{'':>6}{conversation.other['display_name']} has read it ✓✓")
        for message in messages:
            seq, text = message["seq"], self._text(conversation, message)
            if seq > self._shown_seq:
                self._show_lines(self._line(conversation, message, text))
                self._shown_seq = seq
                self._typing_until = 0
            elif seq in self._shown and self._shown[seq] != text:
                self._show_lines(f"* {self._line(conversation, message, text)}")
            else:
                continue
            self._shown[seq] = text
            if message.get("uuid") == self._waiting:
                self._waiting = None
        self._read_seq = max(self._read_seq, mark)
        self._device.mark_read(conversation.uuid)

    def _show_lines(self, text: str) -> None:
        """Show a message. A bar before its second and later lines tells them from the chat's own."""
        first, *others = text.split("\n")
        self._screen.show(first)
        for line in others:
            self._screen.show(f"{'':>6}│ {line}")

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

    def _line(self, conversation: Conversation, message: Message, text: str) -> str:
        if "hidden" in message:
            return f"#{message['seq']} {text}"
        name, tick = message["display_name"], ""
        if conversation.is_mine(message):
            name = "you"
            tick = " ✓✓" if message["seq"] <= (conversation.other_read_seq or 0) else " ✓"
        at = datetime.fromisoformat(message["created_at"]).astimezone()
        day = "" if at.date() == datetime.now().astimezone().date() else f"{at:%d %b} "
        return f"#{message['seq']} {day}{at:%H:%M} {name}: {text}{tick}"

    def _text(self, conversation: Conversation, message: Message) -> str:
        """A message's text, with its reactions and the message that it replies to."""
        text = _text(message)
        if "edited_at" in message:
            text += " (edited)"
        for reaction in message.get("reactions", ()):
            count = len(reaction["user_uuids"])
            text += f" [{reaction['emoji']}{count if count > 1 else ''}]"
        if quote := conversation.quoted(message):
            quoted = _text(quote).replace("\n", " ")
            text += f" [reply to #{quote['seq']}: {quoted[:_QUOTED_CHARS]}{'…' if len(quoted) > _QUOTED_CHARS else ''}]"
        return text


def _text(message: Message) -> str:
    if "hidden" in message:
        return "— hidden —"
    return "— unsent —" if "unsent_at" in message or "unsent" in message else str(message.get("message", "…"))


def _plain(emoji: str) -> str:
    """An emoji without variation selectors, which the server adds where they belong."""
    return emoji.replace("\ufe0f", "").replace("\ufe0e", "")


def _up(text: str) -> str:
    """The escape sequence that moves the cursor from the end of a text to its first row."""
    rows = (len(text) - 1) // shutil.get_terminal_size().columns
    return f"\x1b[{rows}A" if rows else ""
