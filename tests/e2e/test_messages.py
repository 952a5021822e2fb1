"""The system from a user's view: send, stream, both inboxes, paging, every error of the API."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import requests

from messaging.storage.table import Delete, Table
from tests.e2e.conftest import Client, System, eventually


def test_a_message_lands_in_the_conversation_and_in_both_inboxes(bayko: Client, londo: Client) -> None:
    opened = bayko.send(handle=londo.handle, message="Hello")
    group = opened["message_group_uuid"]
    answer = londo.send(message_group_uuid=group, message="Hello yourself")

    for reader in (bayko, londo):
        messages = reader.get(f"/api/messages/{group}").json()
        assert [(message["seq"], message["message"]) for message in messages] == [(1, "Hello"), (2, "Hello yourself")]
        eventually(lambda reader=reader: reader.inbox()[0]["created_at"] == answer["created_at"])  # type: ignore[misc]
        (entry,) = reader.inbox()
        other = londo if reader is bayko else bayko
        assert (entry["uuid"], entry["handle"], entry["message"]) == (group, other.handle, "Hello yourself")


def test_an_entry_that_was_lost_comes_back_with_the_next_mark(system: System, bayko: Client, londo: Client) -> None:
    """The stream handler may rebuild a conversation: it reads both inboxes, then writes in a transaction."""
    group = bayko.send(handle=londo.handle, message="1")["message_group_uuid"]
    eventually(lambda: londo.get("/api/unread").json()["messages"] == 1)
    table = Table(system.client("dynamodb"), system.environment.table_name)
    table.write_entries([Delete(entry) for entry in table.inbox(londo.user_uuid, 1)])
    assert londo.inbox() == []

    assert londo.request("PUT", f"/api/message_groups/{group}/read", json={"seq": 1}).status_code == 200

    eventually(lambda: [one["message"] for one in londo.inbox()] == ["1"])


def test_the_requests_of_the_bootcamps_web_client_work_unchanged(bayko: Client, londo: Client) -> None:
    """Send requests as its components do: an access token, and only the fields they know."""
    headers = {"Authorization": f"Bearer {bayko.access_token}", "Accept": "application/json"}
    json_headers = {**headers, "Content-Type": "application/json"}

    user = requests.get(f"{bayko.api}/api/users/@{londo.handle}/short", headers=headers, timeout=60)
    assert (user.status_code, set(user.json())) == (200, {"uuid", "handle", "display_name", "avatar"})

    new = requests.post(
        f"{bayko.api}/api/messages",
        headers=json_headers,
        data=f'{{"message": "Hello", "handle": "{londo.handle}"}}',
        timeout=60,
    )
    assert new.status_code == 200
    group = new.json()["message_group_uuid"]

    more = requests.post(
        f"{bayko.api}/api/messages",
        headers=json_headers,
        data=f'{{"message": "More", "message_group_uuid": "{group}"}}',
        timeout=60,
    )
    assert more.status_code == 200
    assert {"uuid", "display_name", "handle", "message", "created_at"} <= set(more.json())

    messages = requests.get(f"{bayko.api}/api/messages/{group}", headers=headers, timeout=60)
    assert messages.status_code == 200
    assert {"uuid", "display_name", "handle", "message", "created_at"} <= set(messages.json()[0])

    groups = requests.get(f"{bayko.api}/api/message_groups", headers=headers, timeout=60)
    assert groups.status_code == 200
    assert {"uuid", "display_name", "handle", "message", "created_at"} <= set(groups.json()[0])


def test_an_id_token_works_like_an_access_token(bayko: Client, londo: Client) -> None:
    bayko.send(handle=londo.handle, message="Hello")

    response = londo.get("/api/message_groups", headers={"Authorization": f"Bearer {londo.id_token}"})

    assert (response.status_code, len(response.json())) == (200, 1)


def test_a_message_is_found_by_its_uuid_as_soon_as_it_is_sent(bayko: Client, londo: Client, eve: Client) -> None:
    sent = bayko.send(handle=londo.handle, message="Hello")
    address = f"/api/messages/{sent['message_group_uuid']}/{sent['uuid']}"
    (listed,) = londo.get(f"/api/messages/{sent['message_group_uuid']}").json()

    shown = [reader.get(address) for reader in (bayko, londo)]
    refused = [eve.get(address), bayko.get(f"/api/messages/{sent['message_group_uuid']}/{uuid4()}")]

    assert [(response.status_code, response.json()) for response in shown] == [(200, listed)] * 2
    assert [response.status_code for response in refused] == [404, 404]
    assert refused[0].content == refused[1].content


def test_paging_both_ways_while_another_sends(bayko: Client, londo: Client) -> None:
    group = bayko.send(handle=londo.handle, message="1")["message_group_uuid"]
    for number in range(2, 81):
        bayko.send(message_group_uuid=group, message=str(number))
    stop = threading.Event()

    def keep_sending() -> int:
        sent = 0
        while not stop.is_set():
            londo.send(message_group_uuid=group, message="Meanwhile")
            sent += 1
        return sent

    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(keep_sending)
        back: list[int] = []
        response: requests.Response | None = bayko.get(f"/api/messages/{group}", params={"limit": 7})
        while response is not None:
            back = [message["seq"] for message in response.json()] + back
            first = response
            response = bayko.follow(response, "prev")
        stop.set()
        meanwhile = sending.result()

    assert back == list(range(1, back[-1] + 1))
    forth: list[int] = []
    response = first
    while response is not None:
        forth += [message["seq"] for message in response.json()]
        last = response
        response = bayko.follow(response, "next")
    assert forth == list(range(1, 80 + meanwhile + 1))
    assert "monitor" in last.links
    later = londo.send(message_group_uuid=group, message="And later")
    news = bayko.follow(last, "monitor")
    assert news is not None
    assert [message["uuid"] for message in news.json()] == [later["uuid"]]


def test_first_messages_from_both_at_once_leave_one_conversation(bayko: Client, londo: Client) -> None:
    def send(pair: tuple[Client, Client]) -> str:
        sender, receiver = pair
        return str(sender.send(handle=receiver.handle, message="First!")["message_group_uuid"])

    with ThreadPoolExecutor(8) as threads:
        groups = set(threads.map(send, [(bayko, londo), (londo, bayko)] * 8))

    assert len(groups) == 1
    messages = bayko.get(f"/api/messages/{groups.pop()}", params={"limit": 100}).json()
    assert [message["seq"] for message in messages] == list(range(1, 17))
    eventually(lambda: [entry["created_at"] for entry in londo.inbox()] == [messages[-1]["created_at"]])


def test_the_twenty_first_conversation_is_reachable(system: System, bayko: Client) -> None:
    for number in range(21):
        bayko.send(handle=system.person(f"p{number}").handle, message="Hello")

    newest = bayko.get("/api/message_groups")
    rest = bayko.follow(newest, "next")

    assert rest is not None
    assert (len(newest.json()), len(rest.json())) == (20, 1)
    back = bayko.follow(rest, "prev")
    assert back is not None
    assert back.json() == newest.json()


def test_a_conversation_can_be_found_by_handle(bayko: Client, londo: Client) -> None:
    before = bayko.get(f"/api/message_groups/@{londo.handle}")
    group = londo.send(handle=bayko.handle, message="Hello")["message_group_uuid"]
    after = bayko.get(f"/api/message_groups/@{londo.handle}")

    assert (before.status_code, before.json()) == (200, {"can_write": "yes"})
    found = {"message_group_uuid": group, "display_name": "Londo", "can_write": "yes"}
    assert (after.status_code, after.json()) == (200, found)


def test_a_page_the_client_has_is_not_sent_again(bayko: Client, londo: Client) -> None:
    group = bayko.send(handle=londo.handle, message="Hello")["message_group_uuid"]
    for path in ("/api/message_groups", f"/api/messages/{group}"):
        etag = bayko.get(path).headers["etag"]

        again = bayko.get(path, headers={"If-None-Match": etag})

        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_a_stranger_and_no_conversation_get_the_same_answer(bayko: Client, londo: Client, eve: Client) -> None:
    group = bayko.send(handle=londo.handle, message="Secret")["message_group_uuid"]
    missing = str(uuid4())

    read, read_missing = (eve.get(f"/api/messages/{uuid}") for uuid in (group, missing))
    sent, sent_missing = (
        eve.post("/api/messages", {"message_group_uuid": uuid, "message": "Hi"}) for uuid in (group, missing)
    )

    for response in (read, read_missing, sent, sent_missing):
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
        assert response.content == read_missing.content
    assert len(bayko.get(f"/api/messages/{group}").json()) == 1
    assert eve.inbox() == []


@pytest.mark.parametrize(
    ("body", "status", "codes"),
    [
        ({"handle": "x", "message": ""}, 422, ["message_blank"]),
        ({"handle": "x", "message": " \n"}, 422, ["message_blank"]),
        ({"handle": "x"}, 422, ["message_blank"]),
        ({"handle": "x", "message": "👋" * 1025}, 422, ["message_exceed_max_chars"]),
        ({"handle": "", "message": "Hi"}, 422, ["user_reciever_handle_blank"]),
        ({"message_group_uuid": "", "message": "Hi"}, 422, ["message_group_uuid_blank"]),
        ({"handle": "ME", "message": "Hi"}, 422, ["user_receiver_is_self"]),
        ({"handle": "nobody-at-all", "message": "Hi"}, 404, None),
        ({"handle": "not a handle!", "message": "Hi"}, 404, None),
        ({"message_group_uuid": "1", "message": "Hi"}, 400, None),
        ({"handle": "x", "message": "Hi", "message_uuid": "1"}, 400, None),
        ({"handle": "x", "message": 7}, 400, None),
        ({"handle": ["x"], "message": "Hi"}, 400, None),
        ([], 400, None),
        ("text", 400, None),
        (None, 400, None),
    ],
)
def test_an_unsendable_text_is_refused_clearly(bayko: Client, body: Any, status: int, codes: list[str] | None) -> None:
    if isinstance(body, dict) and body.get("handle") == "ME":
        body = {**body, "handle": bayko.handle}

    response = bayko.post("/api/messages", body)

    assert response.status_code == status, response.text
    if codes:
        assert response.json() == codes
    else:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == status
        assert response.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"message": "\\ud800", "handle": "x"}',
        b"[" * 100_000,
        b'{"message": ' + b"1" * 5000 + b"}",
    ],
)
def test_a_body_that_cannot_be_read_is_refused_clearly(bayko: Client, body: bytes) -> None:
    response = bayko.request("POST", "/api/messages", data=body, headers={"Content-Type": "application/json"})

    assert response.status_code in (400, 413), response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_a_body_too_large_is_refused_clearly(bayko: Client) -> None:
    response = bayko.post("/api/messages", {"handle": "x", "message": "x" * 100_000})

    assert (response.status_code, response.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "limit=%D9%A3"])
def test_a_limit_that_cannot_be_read_is_refused_clearly(bayko: Client, query: str) -> None:
    for path in ("/api/message_groups", f"/api/messages/{uuid4()}"):
        response = bayko.get(f"{path}?{query}")

        assert (response.status_code, response.json()["detail"]) == (400, "limit must be a number from 1 to 100.")


@pytest.mark.parametrize("cursor", ["", "x", "%00", "a" * 5000, "AAAA", "%F0%9F%91%8B"])
def test_a_cursor_that_cannot_be_read_is_refused_clearly(bayko: Client, cursor: str) -> None:
    paths = (
        f"/api/message_groups?cursor={cursor}",
        *(f"/api/messages/{uuid4()}?{way}={cursor}" for way in ("before", "after")),
    )
    for path in paths:
        response = bayko.get(path)

        assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    ["/api/messages/1", "/api/messages/%00", "/api/messages/..%2f..%2fetc", f"/api/messages/{uuid4()}/1"],
    ids=["no uuid", "a null", "a path", "no message_uuid"],
)
def test_a_uuid_that_cannot_be_read_is_refused_clearly(bayko: Client, path: str) -> None:
    assert bayko.get(path).status_code in (400, 404)


@pytest.mark.parametrize("handle", ["@nobody-at-all", "no-at-sign", "@", "@%20", "@%00", "@" + "x" * 300])
def test_a_handle_nobody_has_is_not_found(bayko: Client, handle: str) -> None:
    for path in (f"/api/users/{handle}/short", f"/api/message_groups/{handle}"):
        assert bayko.get(path).status_code == 404


def test_the_same_message_uuid_for_another_message_is_a_conflict(bayko: Client, londo: Client) -> None:
    message_uuid = str(uuid4())
    first = bayko.send(handle=londo.handle, message="Once", message_uuid=message_uuid)

    again = bayko.post(
        "/api/messages",
        {"message_group_uuid": first["message_group_uuid"], "message": "Once", "message_uuid": message_uuid.upper()},
    )
    other = bayko.post("/api/messages", {"handle": londo.handle, "message": "Twice", "message_uuid": message_uuid})

    assert (again.status_code, again.json()) == (200, first)
    assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")


def test_unread_messages_are_counted_and_the_other_sees_a_mark_if_allowed(
    bayko: Client, londo: Client, eve: Client
) -> None:
    group = londo.send(handle=bayko.handle, message="1")["message_group_uuid"]
    for text in "23":
        bayko.send(message_group_uuid=group, message=text)
    eventually(lambda: londo.get("/api/unread").json() == {"message_groups": 1, "messages": 2, "requests": 0})
    eventually(lambda: [entry["unread_count"] for entry in londo.inbox()] == [2])

    def mark(person: Client, seq: int) -> requests.Response:
        return person.request("PUT", f"/api/message_groups/{group}/read", json={"seq": seq})

    assert mark(londo, 3).json() == {"message_group_uuid": group, "last_seq": 3, "read_seq": 3, "unread_count": 0}
    assert (mark(londo, 4).status_code, mark(londo, 4).json()) == (422, ["seq_past_last_message"])
    assert mark(eve, 1).status_code == 404
    eventually(lambda: londo.get("/api/unread").json() == {"message_groups": 0, "messages": 0, "requests": 0})
    eventually(lambda: [entry["other_read_seq"] for entry in bayko.inbox()] == [3])

    assert londo.request("PATCH", "/api/users/me", json={"receipts": False}).json()["receipts"] is False
    assert londo.get("/api/users/me").json()["handle"] == londo.handle
    eventually(lambda: [entry["other_read_seq"] for entry in bayko.inbox()] == [None])
    assert bayko.get(f"/api/message_groups/{group}").json() == bayko.inbox()[0]
    assert eve.get(f"/api/message_groups/{group}").status_code == 404


def test_a_returning_client_gets_the_changed_conversations(bayko: Client, londo: Client, eve: Client) -> None:
    for other in (londo, eve):
        group = bayko.send(handle=other.handle, message="Hello")["message_group_uuid"]
    listed = bayko.get("/api/message_groups")
    londo.send(handle=bayko.handle, message="Hello yourself")
    eventually(lambda: bayko.inbox()[0]["handle"] == londo.handle)

    changed = bayko.follow(listed, "monitor")
    assert changed
    assert [entry["handle"] for entry in changed.json()] == [eve.handle, londo.handle]
    since = bayko.get("/api/message_groups", params={"since": listed.json()[0]["created_at"]})
    assert [(entry["handle"], entry["last_seq"]) for entry in since.json()] == [(londo.handle, 2)]
    assert group != since.json()[0]["uuid"]
