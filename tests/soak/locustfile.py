"""The load: signed-in people, each with a friend, and all of them with a few popular people; the limits are on.

SOAK_PEOPLE names a file with everybody's handle and token, SOAK_SENT a file for a line per answered message,
SOAK_TOLD a file for the uuid of each message that its sender's own socket delivered, SOAK_LIMITED a file for a line per
request that was refused for a limit. SOAK_SOCKETS is the address of the sockets.
"""

import contextlib
import json
import os
import random
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

from locust import HttpUser, between, task
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

_random = random.SystemRandom()
_WAITING = json.loads(Path(os.environ["SOAK_PEOPLE"]).read_text())
_HANDLES = [person["handle"] for person in _WAITING]
_SETTINGS: list[tuple[str, object]] = [
    ("muted_until", "forever"),
    ("muted_until", None),
    ("pinned", True),
    ("marked_unread", True),
    ("archived", True),
]
_POPULAR = 4  # people that everybody writes to


class Member(HttpUser):
    """A person who reads more than they write, as most people do."""

    wait_time = between(5, 15)

    def on_start(self) -> None:
        person = _WAITING.pop()
        self.handle: str = person["handle"]
        self.client.headers["Authorization"] = f"Bearer {person['access_token']}"
        friend = _HANDLES[_HANDLES.index(self.handle) ^ 1]
        self.friend = self.client.get(f"/api/users/@{friend}/short", name="look up a handle").json()
        self.others = [friend, *(handle for handle in _HANDLES[:_POPULAR] if handle not in (self.handle, friend))]
        self.conversations: list[str] = []
        self.archived = ""
        self.inbox_etag = ""
        ticket = self.client.post("/api/connections/ticket", name="get a ticket").json()["ticket"]
        self.socket = connect(f"{os.environ['SOAK_SOCKETS']}?ticket={ticket}", open_timeout=60)
        self.listening = threading.Thread(target=self._listen, daemon=True)
        self.listening.start()
        if self.handle == _HANDLES[0]:
            self._flood()

    def on_stop(self) -> None:
        self.socket.close()
        self.listening.join(30)

    @task(4)
    def send(self) -> None:
        other = _random.choice(self.others)
        self._send("send", {"handle": other, "message": f"To {other}: {uuid4()}", "message_uuid": str(uuid4())})

    @task(1)
    def send_and_repeat(self) -> None:
        body = {"handle": self.others[0], "message": f"Twice: {uuid4()}", "message_uuid": str(uuid4())}
        first = self._send("send", body)
        again = self._send("repeat a send", body)
        if again != first:
            raise AssertionError(f"a repetition of {body['message_uuid']} got another answer")

    @task(4)
    def read(self) -> None:
        self._read_page(pages=1)

    @task(2)
    def read_back(self) -> None:
        self._read_page(pages=3)

    @task(4)
    def list_inbox(self) -> None:
        headers = {"If-None-Match": self.inbox_etag}
        response = self.client.get("/api/message_groups?limit=100", headers=headers, name="list the inbox")
        self.inbox_etag = response.headers.get("etag", "")
        if response.status_code == 200:
            groups = [group["uuid"] for group in response.json()]
            if len(set(groups)) != len(groups):
                raise AssertionError("an inbox lists a conversation twice")
            if not set(self.conversations) - {self.archived} <= set(groups):
                raise AssertionError("an inbox lacks a conversation")

    @task(2)
    def mark_read(self) -> None:
        if not self.conversations:
            return
        path = f"/api/message_groups/{_random.choice(self.conversations)}"
        seq = self.client.get(path, name="show a conversation").json()["last_seq"]
        response = self.client.put(f"{path}/read", json={"seq": seq}, name="mark as read")
        response.raise_for_status()
        marks = response.json()
        if marks["read_seq"] < seq or marks["unread_count"] > marks["last_seq"] - marks["read_seq"]:
            raise AssertionError(f"a mark at {seq} was answered with {marks}")

    @task(4)
    def count_unread(self) -> None:
        self.client.get("/api/unread", name="count unread messages").raise_for_status()

    @task(2)
    def change_setting(self) -> None:
        """Change one setting of a conversation; archive one of them at most, for good."""
        if not self.conversations:
            return
        group = _random.choice(self.conversations)
        name, value = _random.choice(
            [
                ("muted_until", "forever"),
                ("muted_until", None),
                ("pinned", True),
                ("marked_unread", True),
                ("archived", True),
            ]
        )
        if name == "archived":
            group = self.archived = self.archived or group
        path = f"/api/message_groups/{group}"
        response = self.client.patch(path, json={name: value}, name="change a setting")
        response.raise_for_status()

    @task(1)
    def block_for_a_moment(self) -> None:
        """Block the friend, who may be sending, and cannot be written to meanwhile."""
        path = f"/api/blocks/{self.friend['uuid']}"
        self.client.put(path, name="block").raise_for_status()
        body = {"handle": self.friend["handle"], "message": "While I block", "message_uuid": str(uuid4())}
        with self.client.post(
            "/api/messages", json=body, name="send to a blocked person", catch_response=True
        ) as answer:
            if answer.status_code == 409:
                answer.success()
            else:
                answer.failure(f"a send to a blocked person got {answer.status_code}")
        self.client.delete(path, name="unblock").raise_for_status()

    def _flood(self) -> None:
        """Send to the last person faster than the limit allows, until a refusal says how long to wait."""
        while True:
            body = {"handle": _HANDLES[-1], "message": f"Flood: {uuid4()}", "message_uuid": str(uuid4())}
            with self.client.post("/api/messages", json=body, name="flood", catch_response=True) as answer:
                if answer.status_code == 429 and 1 <= int(answer.headers["retry-after"]) <= 60:
                    answer.success()
                    self._note("SOAK_LIMITED", answer.headers["ratelimit"])
                    return
            answer.raise_for_status()
            self._note_sent(answer.json())

    def _listen(self) -> None:
        """Record this person's own messages as their socket delivers them."""
        with contextlib.suppress(ConnectionClosed):
            for frame in self.socket:
                for event in json.loads(frame):
                    if event["type"] == "message" and event["handle"] == self.handle:
                        self._note("SOAK_TOLD", event["uuid"])

    def _send(self, name: str, body: dict[str, str]) -> Any:
        response = self.client.post("/api/messages", json=body, name=name)
        response.raise_for_status()
        sent = response.json()
        self._note_sent(sent)
        return sent

    def _note_sent(self, sent: Any) -> None:
        if sent["message_group_uuid"] not in self.conversations:
            self.conversations.append(sent["message_group_uuid"])
        self._note("SOAK_SENT", json.dumps(sent))

    def _note(self, file: str, line: str) -> None:
        with Path(os.environ[file]).open("a") as opened:
            opened.write(f"{line}\n")

    def _read_page(self, pages: int) -> None:
        """Read the newest pages of a conversation; their numbers must be contiguous."""
        if not self.conversations:
            return
        path, query, seqs = f"/api/messages/{_random.choice(self.conversations)}", "", list[int]()
        for name in ["read the newest page", *["read an older page"] * (pages - 1)]:
            response = self.client.get(path + query, name=name)
            response.raise_for_status()
            seqs = [message["seq"] for message in response.json()] + seqs
            if seqs != list(range(seqs[0], seqs[-1] + 1)):
                raise AssertionError(f"the numbers of {path} have a gap: {seqs}")
            if "prev" not in response.links:
                break
            query = response.links["prev"]["url"]
