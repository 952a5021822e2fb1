"""Requests of a signed-in person to the API."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from cruddur_messages.sync import Page

_TIMEOUT = (5, 30)  # seconds, to connect and to wait for the answer; the second is API Gateway's own limit
_LONGEST_WAIT = 60  # seconds; a limit for hours or days is a refusal


class Unanswered(Exception):
    """No answer, or an answer to retry, after `retry_after` seconds or later. The request may have taken effect."""

    def __init__(self, text: str = "", retry_after: int = 0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Refused(Exception):
    """The request is refused, and a retry would be, too; the text gives the reason."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class _Bearer(AuthBase):
    """The token of a request. As `auth`, since requests would replace a header by credentials of ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Api:
    """Each method is one request. Raises Unanswered and Refused."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        """`token` returns an access token that has not expired."""
        self._url = url
        self._token = token
        self._http = requests.Session()

    def get(self, path: str) -> Page:
        response = self._request("GET", path)
        return Page(response.json(), {relation: link["url"] for relation, link in response.links.items()})

    def send(self, body: dict[str, str]) -> dict[str, Any]:
        """Send a message; return it. With a `message_uuid` in the body it is safe to repeat."""
        sent: dict[str, Any] = self._request("POST", "/api/messages", body).json()
        return sent

    def edit(self, message_group_uuid: str, message_uuid: str, text: str, change: int) -> dict[str, Any]:
        """Return the message with its new text. One that changed after `change` is refused with 412."""
        return self._change("PATCH", message_group_uuid, message_uuid, "", {"message": text, "change": change})

    def unsend(self, message_group_uuid: str, message_uuid: str) -> dict[str, Any]:
        return self._change("DELETE", message_group_uuid, message_uuid, "?for=everyone")

    def hide(self, message_group_uuid: str, message_uuid: str) -> dict[str, Any]:
        return self._change("DELETE", message_group_uuid, message_uuid, "?for=me")

    def react(self, message_group_uuid: str, message_uuid: str, emoji: str) -> dict[str, Any]:
        return self._change("PUT", message_group_uuid, message_uuid, f"/reactions/{quote(emoji)}")

    def unreact(self, message_group_uuid: str, message_uuid: str, emoji: str) -> dict[str, Any]:
        return self._change("DELETE", message_group_uuid, message_uuid, f"/reactions/{quote(emoji)}")

    def mark_read(self, message_group_uuid: str, seq: int) -> None:
        self._request("PUT", f"/api/message_groups/{message_group_uuid}/read", {"seq": seq})

    def change_message_group(self, message_group_uuid: str, **settings: str | bool | None) -> dict[str, Any]:
        """Set `muted_until`, `archived`, `pinned` or `marked_unread`; return the conversation."""
        path = f"/api/message_groups/{message_group_uuid}"
        changed: dict[str, Any] = self._request("PATCH", path, settings).json()
        return changed

    def accept(self, message_group_uuid: str) -> dict[str, Any]:
        """Accept a request; return the conversation."""
        changed: dict[str, Any] = self._request("POST", f"/api/message_groups/{message_group_uuid}/accept").json()
        return changed

    def decline(self, message_group_uuid: str) -> None:
        """Decline a request, which the other person does not notice."""
        self._request("POST", f"/api/message_groups/{message_group_uuid}/decline")

    def leave(self, message_group_uuid: str) -> None:
        """End the history of a conversation here. Its next message begins another."""
        self._request("DELETE", f"/api/message_groups/{message_group_uuid}")

    def block(self, user_uuid: str) -> None:
        """Block a person, who does not notice."""
        self._request("PUT", f"/api/blocks/{user_uuid}")

    def unblock(self, user_uuid: str) -> None:
        """End a block. Messages that were sent meanwhile stay hidden."""
        self._request("DELETE", f"/api/blocks/{user_uuid}")

    def blocks(self) -> Iterator[dict[str, Any]]:
        """Yield the people that this one has blocked."""
        query: str | None = "?limit=100"
        while query:
            page = self.get(f"/api/blocks{query}")
            yield from page.body
            query = page.links.get("next")

    def report(self, message_group_uuid: str, message_uuids: Sequence[str], reason: str, comment: str = "") -> None:
        """Report messages to the operators: `spam`, `harassment`, `threat`, `illegal` or `other`."""
        body = {
            "message_group_uuid": message_group_uuid,
            "message_uuids": list(message_uuids),
            "reason": reason,
            "comment": comment,
        }
        self._request("POST", "/api/reports", body)

    def can_write(self, handle: str) -> str:
        """Return "yes", "request" or "no" for the next message to a person."""
        return str(self.get(f"/api/message_groups/@{quote(handle)}").body["can_write"])

    def ticket(self) -> str:
        """Get a ticket that opens one socket, within a minute."""
        return str(self._request("POST", "/api/connections/ticket").json()["ticket"])

    def _change(
        self, method: str, message_group_uuid: str, message_uuid: str, rest: str, body: object = None
    ) -> dict[str, Any]:
        path = f"/api/messages/{message_group_uuid}/{message_uuid}{rest}"
        changed: dict[str, Any] = self._request(method, path, body).json()
        return changed

    def _request(self, method: str, path: str, body: object = None) -> requests.Response:
        try:
            auth = _Bearer(self._token())
            response = self._http.request(method, self._url + path, auth=auth, json=body, timeout=_TIMEOUT)
        except requests.RequestException as error:
            raise Unanswered(type(error).__name__) from error
        retry_after = response.headers.get("retry-after", "")
        seconds = int(retry_after) if retry_after.isdecimal() else 0
        is_passing = response.status_code in (408, 429) or response.status_code >= 500
        if is_passing and seconds <= _LONGEST_WAIT:
            raise Unanswered(f"{method} {path}: {response.status_code}", seconds)
        if response.status_code != 200:
            raise Refused(_why(response), response.status_code)
        return response


def _why(response: requests.Response) -> str:
    """The reason of a refusal: a sentence, or codes."""
    if response.headers.get("content-type") == "application/problem+json":
        return str(response.json()["detail"])
    return f"{response.status_code} {response.text}"
