"""Blocks and requests through HTTP, with the roles of the functions, the stream and both inboxes."""

from typing import Any

from tests.e2e.conftest import Client, eventually


def _block(blocker: Client, blocked: Client, method: str = "PUT") -> dict[str, Any]:
    response = blocker.request(method, f"/api/blocks/{blocked.user_uuid}")
    assert response.status_code == 200, response.text
    person: dict[str, Any] = response.json()
    return person


def test_a_block_before_the_first_message_and_its_end(bayko: Client, londo: Client) -> None:
    assert _block(bayko, londo)["blocked_at"]
    assert [one["uuid"] for one in bayko.get("/api/blocks").json()] == [londo.user_uuid]

    group = londo.send(handle=bayko.handle, message="1")["message_group_uuid"]
    assert bayko.post("/api/messages", {"handle": londo.handle, "message": "?"}).status_code == 409
    assert bayko.get(f"/api/message_groups/@{londo.handle}").json()["can_write"] == "no"
    assert londo.get(f"/api/message_groups/@{bayko.handle}").json()["can_write"] == "yes"

    assert _block(bayko, londo, "DELETE")["blocked_at"] is None
    assert bayko.get("/api/blocks").json() == []
    londo.send(message_group_uuid=group, message="2")
    eventually(lambda: [one["message"] for one in bayko.inbox()] == ["2"])
    assert bayko.get("/api/unread").json()["messages"] == 1
    page = bayko.get(f"/api/messages/{group}").json()
    assert [one.get("message") for one in page] == [None, "2"]


def test_a_block_in_a_conversation_stops_its_entry_and_hides_what_comes(bayko: Client, londo: Client) -> None:
    group = londo.send(handle=bayko.handle, message="1")["message_group_uuid"]
    _block(bayko, londo)
    londo.send(message_group_uuid=group, message="2")

    eventually(lambda: londo.inbox()[0]["last_seq"] == 2)
    (entry,) = bayko.inbox()
    assert (entry["last_seq"], entry["unread_count"], entry["message"], entry["blocked"]) == (1, 1, "", True)
    assert [one["message"] for one in bayko.get(f"/api/messages/{group}").json()] == ["1"]


def test_a_text_edited_during_a_block_waits_for_its_end_and_not_for_that_of_the_next(
    bayko: Client, londo: Client
) -> None:
    sent = londo.send(handle=bayko.handle, message="1")
    group = sent["message_group_uuid"]
    path = f"/api/messages/{group}/{sent['uuid']}"

    def shown() -> list[str | None]:
        return [one.get("message") for one in bayko.get(f"/api/messages/{group}").json()]

    for number, before, after in ((0, "1", "2"), (1, "2", "3")):
        _block(bayko, londo)
        assert shown() == [before]
        edited = londo.request("PATCH", path, json={"message": after, "change": number})
        assert (edited.status_code, edited.json()["change"]) == (200, number + 1)
        assert shown() == [None]
        _block(bayko, londo, "DELETE")
        assert shown() == [after]


def test_a_block_without_messages_leaves_nothing_when_it_ends(bayko: Client, londo: Client) -> None:
    for method in ("PUT", "DELETE", "PUT", "DELETE"):
        _block(bayko, londo, method)

    assert bayko.send(handle=londo.handle, message="Hello")["seq"] == 1


def test_a_stranger_asks_and_is_answered(bayko: Client, londo: Client) -> None:
    me = londo.request("PATCH", "/api/users/me", json={"messages_from": "requests"})
    assert (me.status_code, me.json()["messages_from"]) == (200, "requests")
    for text in ("1", "2", "3"):
        group = bayko.send(handle=londo.handle, message=text)["message_group_uuid"]

    refused = bayko.post("/api/messages", {"message_group_uuid": group, "message": "4"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "This person has not accepted your request yet.")
    eventually(lambda: londo.get("/api/unread").json()["requests"] == 1)
    assert londo.inbox() == []

    londo.send(message_group_uuid=group, message="Yes?")
    assert bayko.send(message_group_uuid=group, message="5")["seq"] == 5
    eventually(lambda: [one["last_seq"] for one in londo.inbox()] == [5])
