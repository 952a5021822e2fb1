"""A person's own settings of a conversation, over HTTP: folders, requests, leaving, unread flags and pins."""

from typing import Any

from tests.e2e.conftest import Client, eventually


def _folder(person: Client, folder: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = person.get(f"/api/message_groups?folder={folder}").json()
    return listed


def _set(person: Client, group: str, **settings: object) -> dict[str, Any]:
    response = person.request("PATCH", f"/api/message_groups/{group}", json=settings)
    assert response.status_code == 200, response.text
    entry: dict[str, Any] = response.json()
    return entry


def test_a_conversation_is_archived_and_comes_back(bayko: Client, londo: Client) -> None:
    group = bayko.send(handle=londo.handle, message="1")["message_group_uuid"]
    eventually(londo.inbox)

    assert _set(londo, group, archived=True)["folder"] == "archive"
    eventually(lambda: [entry["uuid"] for entry in _folder(londo, "archive")] == [group])
    assert londo.inbox() == []
    assert londo.get("/api/unread").json() == {"message_groups": 0, "messages": 0, "requests": 0}

    bayko.send(message_group_uuid=group, message="2")
    eventually(lambda: [entry["message"] for entry in londo.inbox()] == ["2"])
    assert _folder(londo, "archive") == []
    assert len(bayko.inbox()) == 1


def test_a_request_is_accepted_or_declined(bayko: Client, londo: Client, eve: Client) -> None:
    assert londo.request("PATCH", "/api/users/me", json={"messages_from": "requests"}).status_code == 200
    groups = [one.send(handle=londo.handle, message="Hello")["message_group_uuid"] for one in (bayko, eve)]
    eventually(lambda: {entry["uuid"] for entry in _folder(londo, "requests")} == {*groups})
    assert londo.inbox() == []
    eventually(lambda: londo.get("/api/unread").json() == {"message_groups": 0, "messages": 0, "requests": 2})

    assert londo.post(f"/api/message_groups/{groups[0]}/accept", None).json()["folder"] == "inbox"
    assert londo.post(f"/api/message_groups/{groups[1]}/decline", None).json() == {"message_group_uuid": groups[1]}
    assert londo.post(f"/api/message_groups/{groups[0]}/decline", None).status_code == 409
    eventually(lambda: [entry["uuid"] for entry in londo.inbox()] == [groups[0]])
    eventually(lambda: _folder(londo, "requests") == [])
    eventually(lambda: londo.get("/api/unread").json() == {"message_groups": 1, "messages": 1, "requests": 0})
    for person, group in zip((bayko, eve), groups, strict=True):
        (entry,) = person.inbox()
        assert (entry["uuid"], entry["folder"], entry["other_read_seq"]) == (group, "inbox", None)


def test_who_leaves_comes_back_with_the_next_message(bayko: Client, londo: Client) -> None:
    group = bayko.send(handle=londo.handle, message="1")["message_group_uuid"]
    eventually(londo.inbox)

    left = londo.request("DELETE", f"/api/message_groups/{group}")
    assert (left.status_code, left.json()) == (200, {"message_group_uuid": group})
    eventually(lambda: londo.inbox() == [])
    assert londo.get(f"/api/message_groups/{group}").json()["folder"] is None

    bayko.send(message_group_uuid=group, message="2")
    eventually(lambda: [(entry["message"], entry["unread_count"]) for entry in londo.inbox()] == [("2", 1)])
    assert [message["message"] for message in londo.get(f"/api/messages/{group}").json()] == ["2"]
    assert [message["message"] for message in bayko.get(f"/api/messages/{group}").json()] == ["1", "2"]


def test_pins_come_first_and_mutes_do_not_count(bayko: Client, londo: Client, eve: Client) -> None:
    older = bayko.send(handle=londo.handle, message="1")["message_group_uuid"]
    newer = eve.send(handle=londo.handle, message="1")["message_group_uuid"]
    eventually(lambda: londo.get("/api/unread").json()["messages"] == 2)

    assert _set(londo, older, pinned=True, muted_until="forever", marked_unread=True)["pinned"]
    assert [(entry["uuid"], entry["pinned"]) for entry in londo.inbox()] == [(older, True), (newer, False)]
    eventually(lambda: londo.get("/api/unread").json() == {"message_groups": 1, "messages": 1, "requests": 0})

    assert londo.request("PUT", f"/api/message_groups/{older}/read", json={"seq": 1}).status_code == 200
    eventually(lambda: not londo.inbox()[0]["marked_unread"])
    assert londo.inbox()[0]["muted_until"] == "forever"


def test_strangers_get_the_answer_for_no_conversation(bayko: Client, londo: Client, eve: Client) -> None:
    group = bayko.send(handle=londo.handle, message="1")["message_group_uuid"]

    for method, path, body in (
        ("PATCH", "", {"archived": True}),
        ("PATCH", "", {"pinned": True}),
        ("DELETE", "", None),
        ("POST", "/accept", None),
        ("POST", "/decline", None),
    ):
        stranger, nowhere = (
            eve.request(method, f"/api/message_groups/{one}{path}", json=body) for one in (group, eve.user_uuid)
        )
        assert (stranger.status_code, stranger.content) == (404, nowhere.content)
