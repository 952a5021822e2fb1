"""Requests that the servers of the local system refuse at once."""

import asyncio
from typing import Any

import pytest

from local import guard
from local.server import guarded

_PORT, _PAGE = 4566, 4567
_PAGES = [*guard.origins(_PAGE), "http://localhost:5173"]
_KEY = "the-key-of-this-run"
_SOCKET = "/_aws/execute-api/0a1b2c3d/live"
_COGNITO = "AWSCognitoIdentityProviderService."


def asked(method: str = "POST", path: str = "/", query: str = "", **headers: str) -> dict[str, Any]:
    """An ASGI request, to the right host by default."""
    headers = {"host": f"127.0.0.1:{_PORT}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


def socket(path: str = _SOCKET, **headers: str) -> dict[str, Any]:
    scope = asked("GET", path, "ticket=good", **headers)
    return {name: value for name, value in scope.items() if name != "method"} | {"type": "websocket"}


def signed(key: str = _KEY) -> str:
    return f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=x"


def served(scope: dict[str, Any]) -> bool:
    """False if it was properly refused: 403, or a socket that closes before it opens."""
    seen: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    async def ministack(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(guarded(ministack, _PORT, _PAGES, {_KEY})(scope, receive, send))
    if not seen:
        assert sent[0].get("status") == 403 or sent == [{"type": "websocket.close", "code": 1008}]
    return bool(seen)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": f"localhost:{_PORT}"},
        {"host": f"LocalHost:{_PORT}"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-site", "origin": f"http://127.0.0.1:{_PAGE}"},
        {"sec_fetch_site": "cross-site", "origin": f"http://localhost:{_PAGE}"},
        {"sec_fetch_site": "same-site", "origin": "http://localhost:5173"},
        {"host": f"d123.cloudfront.localhost:{_PORT}"},
    ],
)
def test_programs_and_the_web_client_are_served(headers: dict[str, str]) -> None:
    assert served(asked(authorization=signed(), **headers))
    assert served(socket(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1"},
        {"host": f"127.0.0.1:{_PAGE}"},
        {"host": ""},
        {"host": f"evil.example:{_PORT}"},
        {"host": f"127.0.0.1.evil.example:{_PORT}"},
        {"host": f"evil.localhost:{_PORT}"},
        {"host": f"d123.cloudfront.net:{_PORT}"},
        {"host": f"evil.example.cloudfront.localhost:{_PORT}"},
        {"host": f"0.0.0.0:{_PORT}"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"http://127.0.0.1:{_PORT}"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://127.0.0.1:5173"},
        {"origin": "https://localhost:5173"},
        {"origin": f"https://127.0.0.1:{_PAGE}"},
        {"origin": f"http://127.0.0.1:{_PAGE}.evil.example"},
        {"origin": "https://evil.example", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "anything else"},
    ],
)
def test_other_hosts_and_pages_are_refused_with_the_key_too(headers: dict[str, str]) -> None:
    assert not served(asked(authorization=signed(), **headers))
    assert not served(socket(**headers))


def test_a_header_that_comes_twice_is_refused() -> None:
    for name, value in ((b"host", b"evil.example"), (b"origin", b"null"), (b"sec-fetch-site", b"cross-site")):
        scope = asked(authorization=signed(), origin=f"http://127.0.0.1:{_PAGE}")
        scope["headers"].append((name, value))
        assert served(scope) is (name == b"sec-fetch-site")  # the Origin header already shows the web client


@pytest.mark.parametrize("key", ["test", "", "123456789012", "000000000000", "AKIAIOSFODNN7EXAMPLE"])
def test_other_access_keys_are_refused_wherever_they_stand(key: str) -> None:
    scope = f"{key}/20260101/us-east-1/lambda/aws4_request"
    functions = "/2015-03-31/functions"
    assert not served(asked(path=functions, authorization=signed(key)))
    assert not served(asked(path=functions, authorization=f"AWS {key}:signature"))
    assert not served(asked(path=functions, query=f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}"))
    assert not served(asked(path=functions, query=f"AWSAccessKeyId={key}&Signature=x"))
    if key:
        assert not served(asked(authorization=signed(key), x_amz_target=f"{_COGNITO}InitiateAuth"))
        assert not served(asked("GET", f"{_SOCKET}/x", f"X-Amz-Credential={scope}"))


def test_the_key_of_this_run_is_taken_from_header_and_query() -> None:
    functions = "/2015-03-31/functions"
    assert served(asked(path=functions, authorization=signed()))
    assert served(asked(path=functions, query=f"X-Amz-Credential={_KEY}/20260101/us-east-1/lambda/aws4_request"))


@pytest.mark.parametrize(
    "scope",
    [
        asked("GET", "/_aws/execute-api/0a1b2c3d/$default/api/message_groups", authorization="Bearer token"),
        asked("OPTIONS", "/_aws/execute-api/0a1b2c3d/$default/api/messages"),
        asked("OPTIONS"),
        asked(x_amz_target=f"{_COGNITO}InitiateAuth"),
        asked(x_amz_target=f"{_COGNITO}SignUp"),
        asked("GET", "/us-east-1_abcdef/.well-known/jwks.json"),
        socket(),
        {"type": "lifespan"},
    ],
)
def test_requests_that_aws_answers_unsigned_need_no_key(scope: dict[str, Any]) -> None:
    assert served(scope)


@pytest.mark.parametrize(
    "scope",
    [
        asked(x_amz_target=f"{_COGNITO}AdminCreateUser"),
        asked(x_amz_target="InitiateAuth"),
        asked(x_amz_target="DynamoDB_20120810.Scan"),
        asked(path="/_ministack/reset", x_amz_target=f"{_COGNITO}InitiateAuth"),
        asked(path="/2015-03-31/functions", x_amz_target=f"{_COGNITO}InitiateAuth"),
        asked("GET", "/", x_amz_target=f"{_COGNITO}InitiateAuth"),
        asked(query="Action=CreateRole&Version=2010-05-08"),
        asked("GET", "/"),
        asked("GET", "/bucket/key"),
        asked("PUT", "/bucket/key"),
        asked("OPTIONS", "/bucket/key"),
        asked("GET", "/bucket/key/.well-known/jwks.json"),
        asked("POST", f"{_SOCKET}/@connections/abc"),
        asked("GET", "/restapis/0a1b2c3d/live/_user_request_/x"),
        asked("GET", "/oauth2/authorize"),
        socket("/"),
        socket("/mqtt"),
    ],
)
def test_everything_else_is_refused_without_a_key(scope: dict[str, Any]) -> None:
    assert not served(scope)


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/health", "/_localstack/health", "/_aws/ses"])
def test_ministacks_own_interface_is_closed_with_the_key_too(path: str) -> None:
    assert not served(asked(path=path, authorization=signed()))


def test_the_web_client_is_served_to_itself_and_to_programs_only() -> None:
    def refusal(**headers: str) -> str | None:
        return guard.refusal(
            {name.replace("_", "-"): value for name, value in headers.items()}, _PAGE, guard.origins(_PAGE)
        )

    assert refusal(host=f"127.0.0.1:{_PAGE}") is None
    assert refusal(host=f"localhost:{_PAGE}", sec_fetch_site="same-origin") is None
    assert refusal(host=f"127.0.0.1:{_PAGE}", origin=f"http://127.0.0.1:{_PAGE}") is None
    assert refusal()
    assert refusal(host=f"evil.example:{_PAGE}", sec_fetch_site="same-origin")
    assert refusal(host=f"127.0.0.1:{_PAGE}", sec_fetch_site="cross-site")
    assert refusal(host=f"127.0.0.1:{_PAGE}", sec_fetch_site="same-site")
    assert refusal(host=f"127.0.0.1:{_PAGE}", origin=f"http://evil.example:{_PAGE}")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("http://localhost:5173", True),
        ("https://front.example", True),
        ("http://127.0.0.1:3000", True),
        ("localhost:5173", False),
        ("http://localhost:5173/", False),
        ("http://LOCALHOST:5173", False),
        ("*", False),
        ("null", False),
        ("http://*:5173", False),
        ("http://a,http://b", False),
        ("http://localhost:5173\n", False),
        ("", False),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(text: str, is_one: bool) -> None:
    assert guard.is_origin(text) is is_one
