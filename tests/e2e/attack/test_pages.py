"""A page in the developer's browser attacks the local system while `make run` is up.

The browser is a real one. The page is served under a name of the attacker's, and from another port of this machine.
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from local import stack
from tests.e2e.attack.conftest import Target
from tests.e2e.conftest import PASSWORD
from tests.e2e.web.conftest import launched
from tests.support import dynamodb_local

_EVIL = "evil.example"
_SAME_SITE, _CROSS_SITE, _CROSS_NAME = "127.0.0.1", _EVIL, "localhost"


class _AttackersPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in the standard library
        """Log nothing."""


@contextmanager
def _attackers_server() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _AttackersPage)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that resolves every name under evil.example to this machine, as after DNS rebinding."""
    with launched(f"--host-resolver-rules=MAP {_EVIL} 127.0.0.1") as browser:
        yield browser


@pytest.fixture
def attacker(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page at the test's host."""
    with _attackers_server() as port, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://{request.param}:{port}/")
        yield page


everywhere = pytest.mark.parametrize("attacker", [_CROSS_SITE, _SAME_SITE, _CROSS_NAME], indirect=True)


def send(page: Page, url: str, body: str = "", content_type: str = "text/plain") -> None:
    """Send a request that needs no preflight. The page cannot read the answer, but the request has its effect."""
    page.evaluate(
        "([url, body, type]) => fetch(url, {method: 'POST', mode: 'no-cors', body, headers: {'Content-Type': type}})"
        ".catch(() => {})",
        [url, body, content_type],
    )


def credentials(service: str) -> str:
    """Credentials in the query string, without a header. Plain ministack accepts this key with any signature."""
    return urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"test/20260101/us-east-1/{service}/aws4_request",
            "X-Amz-Date": "20260101T000000Z",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": "0" * 64,
        }
    )


@everywhere
def test_no_page_runs_code(target: Target, attacker: Page, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", f"def handler(event, context):\n    open({str(proof)!r}, 'w').close()\n")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "*"}]}
    role = {"Action": "CreateRole", "RoleName": "evil", "AssumeRolePolicyDocument": json.dumps(trust)}
    function = {
        "FunctionName": "evil",
        "Runtime": stack.PYTHON_RUNTIME,
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/evil",
        "Code": {"ZipFile": base64.b64encode(code.getvalue()).decode()},
    }
    functions = f"{target.ministack}/2015-03-31/functions"

    send(attacker, f"{target.ministack}/?{credentials('iam')}", urlencode(role), "application/x-www-form-urlencoded")
    send(attacker, f"{functions}?{credentials('lambda')}", json.dumps(function))
    send(attacker, f"{functions}/evil/invocations?{credentials('lambda')}", "{}")

    assert not proof.exists()
    names = [each["RoleName"] for each in target.system.client("iam").list_roles(MaxItems=1000)["Roles"]]
    assert "evil" not in names
    names = [each["FunctionName"] for each in target.system.client("lambda").list_functions()["Functions"]]
    assert "evil" not in names


@everywhere
def test_no_page_wipes_the_data(target: Target, attacker: Page) -> None:
    send(attacker, f"{target.ministack}/_ministack/reset")

    assert target.system.environment.table_name in target.system.client("dynamodb").list_tables()["TableNames"]


@everywhere
def test_no_page_opens_a_socket_not_even_with_a_ticket(target: Target, attacker: Page) -> None:
    person = target.system.person("bayko")
    address = stack.socket_url(target.system.environment)
    evil = address.replace("127.0.0.1", _EVIL)

    for url in (address, evil):
        ticket = person.post("/api/connections/ticket", {}).json()["ticket"]
        assert opens(attacker, f"{url}?ticket={ticket}") is False


def opens(page: Page, url: str) -> bool:
    opened: bool = page.evaluate(
        """(url) => new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => { socket.close(); resolve(true); };
          socket.onerror = () => resolve(false);
        })""",
        url,
    )
    return opened


@everywhere
def test_no_page_asks_the_api_or_cognito(target: Target, attacker: Page) -> None:
    person = target.system.person("bayko")
    sign_up = {"ClientId": target.system.environment.outputs["UserPoolClientId"], "Username": "evil@example.com"}

    for url in (f"{target.system.api}/api/message_groups", f"{target.ministack}/", f"{target.page}config.json"):
        for address in (url, url.replace("127.0.0.1", _EVIL)):
            assert answer(attacker, address, {"Authorization": f"Bearer {person.access_token}"}) is None
            target_header = {"X-Amz-Target": "AWSCognitoIdentityProviderService.SignUp"}
            assert answer(attacker, address, target_header, json.dumps(sign_up)) is None


def answer(page: Page, url: str, headers: dict[str, str], body: str | None = None) -> str | None:
    """The answer that the page can read, or None."""
    text: str | None = page.evaluate(
        "([url, headers, body]) => fetch(url, {method: body ? 'POST' : 'GET', headers, body})"
        ".then((response) => response.text(), () => null)",
        [url, headers, body],
    )
    return text


@everywhere
def test_no_page_gets_at_the_tests_dynamodb_local(attacker: Page, tmp_path: Path) -> None:
    if not dynamodb_local.is_here():
        pytest.skip("DynamoDB Local is not here: see tests/support/prepare.py")
    with dynamodb_local.running(tmp_path) as endpoint:
        headers = {
            "X-Amz-Target": "DynamoDB_20120810.ListTables",
            "Content-Type": "text/plain",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, "
            "SignedHeaders=host, Signature=x",
        }
        assert answer(attacker, endpoint, headers, "{}") is None


def test_after_dns_rebinding_no_server_answers(target: Target, browser: Browser) -> None:
    """A page with a name that suddenly resolves to this machine has the same origin as the servers there."""
    with browser.new_context() as context:
        page = context.new_page()
        for address in (f"{target.page}config.json", target.page, f"{target.ministack}/_ministack/health"):
            response = page.goto(address.replace("127.0.0.1", _EVIL))
            assert response
            assert response.status == 403
            assert PASSWORD not in page.content()
            for method, url in (("POST", "/_ministack/reset"), ("GET", "/config.json")):
                status = page.evaluate("([method, url]) => fetch(url, {method}).then((r) => r.status)", [method, url])
                assert status in (403, 501)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_web_client_itself_gets_through(target: Target, browser: Browser, host: str) -> None:
    person = target.system.person("bayko")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(target.page.replace("127.0.0.1", host))
        assert PASSWORD in (answer(page, "/config.json", {}) or "")
        authorization = {"Authorization": f"Bearer {person.access_token}"}
        assert answer(page, f"{target.system.api}/api/message_groups", authorization) == "[]"
        ticket = person.post("/api/connections/ticket", {}).json()["ticket"]
        assert opens(page, f"{stack.socket_url(target.system.environment)}?ticket={ticket}")
        page.get_by_role("button", name="Andrew Bayko").wait_for()
