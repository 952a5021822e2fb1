"""Abuse: every attempt gets a clear 4xx, reveals and writes nothing, and the system continues."""

import base64
import gzip
import hmac
import http.client
import itertools
import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4, uuid5

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.exceptions import InvalidStatus

from messaging.model import keys
from operators.erasure import erase_from_table
from operators.people import UserPool
from operators.people_table import PeopleTable
from tests.e2e.conftest import PASSWORD, Client, System, eventually
from tests.support.checks import read_all
from tests.support.sockets import handshake, opened, ticket

SECRET = "Zathras never tells"
SENDING = ("/api/messages", "/api/message_groups")


@contextmanager
def nothing_written(system: System) -> Iterator[None]:
    """Check that the table does not change during the test.

    Inbox entries and unread entries are ignored: the stream may still write those of earlier tests. They follow from
    the heads.
    """
    before = _items(system)
    yield
    assert _items(system) == before


def _items(system: System) -> dict[tuple[str, str], Any]:
    items = read_all(system.client("dynamodb"), system.environment.table_name)
    follow = (keys.inbox_pk(""), keys.unread_pk(""))
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items if not item["pk"]["S"].startswith(follow)}


def _assert_problem(response: requests.Response, *statuses: int) -> None:
    """Assert that this is an error of ours, with a detail that quotes nothing."""
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["detail"]
    assert SECRET not in response.text


@pytest.fixture
def group(bayko: Client, londo: Client) -> str:
    """A conversation of bayko and londo with five messages."""
    for number in range(4):
        bayko.send(handle=londo.handle, message=f"{SECRET} {number}")
    group = keys.pair_uuid(bayko.user_uuid, londo.user_uuid)
    londo.send(message_group_uuid=group, message=SECRET, message_uuid=_last_of(group))
    return group


def _last_of(group: str) -> str:
    """The message_uuid of the fifth message."""
    return str(uuid5(UUID(group), "last"))


# Tokens

Route = tuple[str, str, dict[str, Any] | None]


def _routes(group: str, handle: str) -> list[Route]:
    """A valid request of each route."""
    return [
        ("GET", "/api/message_groups", None),
        ("GET", f"/api/messages/{group}", None),
        ("GET", f"/api/messages/{group}/{_last_of(group)}", None),
        ("GET", f"/api/message_groups/@{handle}", None),
        ("GET", f"/api/message_groups/{group}", None),
        ("PATCH", f"/api/message_groups/{group}", {"archived": False}),
        ("PUT", f"/api/message_groups/{group}/read", {"seq": 1}),
        ("GET", "/api/blocks", None),
        ("GET", "/api/unread", None),
        ("GET", f"/api/users/@{handle}/short", None),
        ("GET", "/api/users/me", None),
        ("PATCH", "/api/users/me", {"receipts": True}),
        ("POST", "/api/connections/ticket", None),
        ("POST", "/api/messages", {"message_group_uuid": group, "message": "Hi"}),
        ("POST", "/api/messages", {"handle": handle, "message": "Hi"}),
        ("POST", "/api/message_groups", {"handle": handle, "message": "Hi"}),
    ]


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _changed(token: str, **changes: object) -> str:
    """A token with other claims and its old signature."""
    header, _, signature = token.split(".")
    return f"{header}.{_encoded({**_claims(token), **changes})}.{signature}"


class Forger:
    """Forges tokens from a good one: signed as by the pool itself, or as an attacker can."""

    def __init__(self, system: System, token: str) -> None:
        self._claims = _claims(token)
        self._pool_key = system.signing_key.read_bytes()
        self._key_id = jwt.get_unverified_header(token)["kid"]

    def by_pool(self, *without: str, **changes: object) -> str:
        claims = {name: value for name, value in self._claims.items() if name not in without}
        return jwt.encode(claims | changes, self._pool_key, "RS256", {"kid": self._key_id})

    def by_somebody(self, **changes: object) -> str:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return jwt.encode(self._claims | changes, key, "RS256", {"kid": self._key_id})

    def with_public_key_as_secret(self) -> str:
        """Sign by hand: the library refuses to."""
        public = serialization.load_pem_private_key(self._pool_key, None).public_key()
        secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        token = self.unsigned("HS256").rstrip(".")
        signature = hmac.digest(secret, token.encode(), "sha256")
        return f"{token}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def unsigned(self, algorithm: str) -> str:
        return f"{_encoded({'alg': algorithm, 'kid': self._key_id, 'typ': 'JWT'})}.{_encoded(self._claims)}."


def _token_of_another_client(system: System, person: Client) -> str:
    client = system.client("cognito-idp").create_user_pool_client(
        UserPoolId=system.environment.outputs["UserPoolId"],
        ClientName="other",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]["ClientId"]
    return str(system.sign_in(person.email, client)["AccessToken"])


def _token_of_another_pool(system: System, person: Client) -> str:
    cognito = system.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="other")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="web", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username=person.email, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=person.email, Password=PASSWORD, Permanent=True)
    return str(system.sign_in(person.email, client)["AccessToken"])


def test_no_route_takes_a_bad_token(system: System, bayko: Client, londo: Client, group: str) -> None:
    token, now = bayko.access_token, int(time.time())
    forger = Forger(system, token)
    bad = {
        "empty": "",
        "not a token": "not-a-token",
        "cut": token[:-10],
        "without its signature": token.rpartition(".")[0] + ".",
        "changed": _changed(token, sub=londo.user_uuid),
        "prolonged": _changed(token, exp=now + 10**6),
        "signed by somebody else": forger.by_somebody(),
        "signed by somebody else for another pool": forger.by_somebody(iss="https://example.com/pool"),
        "signed with the public key as a secret": forger.with_public_key_as_secret(),
        "not signed": forger.unsigned("none"),
        "not signed, and spelled otherwise": forger.unsigned("NoNe"),
        "expired": forger.by_pool(exp=now - 60),
        "not valid yet": forger.by_pool(nbf=now + 600),
        "of another issuer": forger.by_pool(iss="https://example.com/pool"),
        "for nobody": forger.by_pool("client_id"),
        "for another audience": forger.by_pool(aud="other"),
        "of another client": _token_of_another_client(system, bayko),
        "of another pool": _token_of_another_pool(system, bayko),
        "twice": f"{token}, {token}",
    }
    headers: dict[str, dict[str, str]] = {
        **{f"a token {name}": {"Authorization": f"Bearer {token}"} for name, token in bad.items()},
        "no token": {},
        "a password": {"Authorization": f"Basic {base64.b64encode(f'{bayko.email}:{PASSWORD}'.encode()).decode()}"},
        "a cookie": {"Cookie": f"Authorization={token}; access_token={token}"},
        "another header": {"X-Authorization": f"Bearer {token}", "X-Amz-Security-Token": token},
    }
    with nothing_written(system):
        for name, given in headers.items():
            for method, path, body in _routes(group, londo.handle):
                response = bayko.http.request(method, bayko.api + path, json=body, headers=given, timeout=60)
                answer = (response.status_code, response.json())
                assert answer == (401, {"message": "Unauthorized"}), (name, method, path)
    for method, path, body in _routes(group, londo.handle):
        good = bayko.request(method, path, json=body, headers={"Authorization": f"Bearer {forger.by_pool()}"})
        assert good.status_code == 200, "the attempts must fail for the token alone"


def test_a_locked_out_person_gets_no_new_tokens_and_keeps_the_old_one_until_it_expires(
    system: System, bayko: Client, londo: Client, group: str
) -> None:
    cognito, renewing = system.client("cognito-idp"), system.sign_in(bayko.email)["RefreshToken"]
    UserPool(system.environment).lock_out(bayko.user_uuid)

    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        system.sign_in(bayko.email)
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.initiate_auth(
            ClientId=system.environment.outputs["UserPoolClientId"],
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": renewing},
        )
    # An access token is checked by its signature and its time: API Gateway does not ask Cognito.
    assert {request.status_code for request in _ask_all(bayko, group, londo.handle)} == {200}


def test_every_route_is_closed_to_an_erased_person_with_a_valid_token(
    system: System, bayko: Client, londo: Client, group: str
) -> None:
    UserPool(system.environment).delete(bayko.user_uuid)
    people = PeopleTable(system.client("dynamodb"), system.environment.table_name)
    with opened(system, bayko) as socket:
        unused = ticket(bayko)
        erase_from_table(people, system.environment.sockets(), bayko.user_uuid, {bayko.handle})
        assert socket.is_closed()

    with nothing_written(system):
        for refused in _ask_all(bayko, group, londo.handle):
            _assert_problem(refused, 404)
    with pytest.raises(InvalidStatus):
        handshake(system, f"?ticket={unused}")


def _ask_all(client: Client, group: str, handle: str) -> list[requests.Response]:
    return [client.request(method, path, json=body) for method, path, body in _routes(group, handle)]


# Other people's data


def test_nobody_reads_or_writes_with_other_peoples_uuids_and_cursors(
    system: System, bayko: Client, londo: Client, eve: Client, group: str
) -> None:
    page = bayko.get(f"/api/messages/{group}", params={"limit": 2})
    missing = str(uuid4())
    inside = [f"?{query}" for query in ("limit=1", "limit=100", *_queries(page))]
    first = bayko.get(f"/api/messages/{group}").json()[0]

    with nothing_written(system):
        for uuid in (group, group.upper()):
            for query in ("", *inside):
                read = eve.get(f"/api/messages/{uuid}{query}")
                _assert_problem(read, 404)
                assert read.content == eve.get(f"/api/messages/{missing}").content
            one = eve.get(f"/api/messages/{uuid}/{first['uuid']}")
            _assert_problem(one, 404)
            assert one.content == eve.get(f"/api/messages/{missing}/{missing}").content
            for body in (
                {"message": "Hi"},
                {"message": first["message"], "message_uuid": first["uuid"]},
                {"message": "Hi", "handle": londo.handle},
            ):
                sent = eve.post("/api/messages", {"message_group_uuid": uuid, **body})
                _assert_problem(sent, 404)
                assert SECRET not in sent.text
            claimed = {"message_group_uuid": uuid, "message": "Hi", "user_uuid": bayko.user_uuid}
            assert eve.post("/api/messages", claimed).json() == ["user_uuid_unknown"]
        # Others' ids in place of a conversation's: of a message, of a person, of a conversation with nobody.
        for path in SENDING:
            body = {"handle": londo.handle, "message": first["message"], "message_uuid": first["uuid"]}
            _assert_problem(eve.post(path, body), 409)
        for uuid in (first["uuid"], bayko.user_uuid, keys.pair_uuid(eve.user_uuid, bayko.user_uuid)):
            _assert_problem(eve.get(f"/api/messages/{uuid}"), 404)
            _assert_problem(eve.get(f"/api/messages/{uuid}/{first['uuid']}"), 404)
            _assert_problem(eve.post("/api/messages", {"message_group_uuid": uuid, "message": "Hi"}), 404)
        for handle in (bayko.user_uuid, group, first["uuid"]):
            _assert_problem(eve.get(f"/api/users/@{handle}/short"), 404)
            _assert_problem(eve.get(f"/api/message_groups/@{handle}"), 404)
            _assert_problem(eve.post("/api/message_groups", {"handle": handle, "message": "Hi"}), 404)

    assert eve.inbox() == []


def test_the_token_alone_identifies_the_sender(bayko: Client, londo: Client, eve: Client) -> None:
    claims = {"sub": bayko.user_uuid, "user_uuid": bayko.user_uuid, "display_name": "Bayko", "cognito_user_id": "x"}
    headers = {f"X-Amzn-Oidc-{name}": bayko.user_uuid for name in ("Identity", "Data")} | {"X-User": bayko.user_uuid}

    body = {"handle": londo.handle, "message": "Hi"}

    claimed = eve.post("/api/messages", {**body, **claims}, headers=headers)
    sent = eve.post("/api/messages", body, params=claims, headers=headers)
    listed = eve.get(f"/api/messages/{sent.json()['message_group_uuid']}", params=claims, headers=headers)

    assert claimed.status_code == 422
    assert (sent.status_code, sent.json()["handle"]) == (200, eve.handle)
    assert [message["user_uuid"] for message in listed.json()] == [eve.user_uuid]


# Cursors


def _queries(page: requests.Response) -> list[str]:
    """before=… and after=… of a page's links."""
    return [link["url"].rpartition("&")[2].lstrip("?") for link in page.links.values()]


def _written(cursor: str) -> str:
    return base64.urlsafe_b64decode(cursor + "==").decode()


def _spoiled(cursor: str, owner: str, another: str) -> Iterator[str]:
    """Invalid cursors for the list, made from a good one of `owner`'s."""
    yield from (cursor[:length] for length in range(len(cursor)))
    yield from (cursor[start:] for start in range(1, len(cursor), 7))
    yield from (cursor + cursor, f"{cursor}A", f"{cursor}====", f"A{cursor}", f"{cursor},{cursor}", cursor.swapcase())
    fields = _written(cursor)
    edited = [
        fields.replace(owner, another),
        fields.replace(owner, owner.upper()),
        fields.replace(owner, ""),
        fields.replace("|", "||"),
        fields.replace("|", ","),
        fields.replace("+00:00", "Z"),
        fields.replace("-", "/"),
        fields + "|",
        f"{fields}\x00",
        fields[::-1],
        fields.upper(),
        json.dumps(fields.split("|")),
    ]
    yield from (base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in edited)


def test_cursors_of_others_cut_or_edited_are_refused(
    system: System, bayko: Client, londo: Client, eve: Client, group: str
) -> None:
    other = bayko.send(handle=eve.handle, message="Elsewhere")["message_group_uuid"]
    before, after = _queries(bayko.get(f"/api/messages/{group}", params={"limit": 2}))
    eventually(lambda: len(bayko.inbox()) == 2)
    inbox, since, _ = _queries(bayko.get("/api/message_groups", params={"limit": 1}))

    def values(query: str, owner: str, another: str) -> Iterable[str]:
        name, _, cursor = query.partition("=")
        assert _written(cursor).startswith(owner)
        return (f"{name}={spoiled}" for spoiled in _spoiled(cursor, owner, another))

    conversation = f"/api/messages/{group}"
    attempts = [
        *((bayko, conversation, query) for asked in (before, after) for query in values(asked, group, other)),
        *(
            (bayko, "/api/message_groups", query)
            for asked in (inbox, since)
            for query in values(asked, bayko.user_uuid, eve.user_uuid)
        ),
        # Whole cursors, at the wrong place.
        *((bayko, f"/api/messages/{other}", query) for query in (before, after)),
        *((eve, f"/api/messages/{other}", query) for query in (before, after)),
        *((somebody, "/api/message_groups", query) for somebody in (londo, eve) for query in (inbox, since)),
        (bayko, "/api/message_groups", before.replace("before", "cursor")),
        (bayko, conversation, inbox.replace("cursor", "before")),
        (bayko, conversation, f"{before}&{after}"),
        (bayko, conversation, f"{before}&{before}"),
        (bayko, "/api/message_groups", f"{inbox}&{inbox}"),
    ]
    with nothing_written(system):
        for client, path, query in attempts:
            _assert_problem(client.get(f"{path}?{query}"), 400)
    for path, query in ((conversation, before), (conversation, after), ("/api/message_groups", inbox)):
        assert bayko.get(f"{path}?{query}").status_code == 200


# Bodies

NOT_TEXT = ["7", "-0.0", "1e400", "true", "[]", "{}", '["Hi"]', '{"S": "Hi"}', "9" * 4000]
NOT_UNICODE = ['"\\ud83d"', '"\\udc4b\\ud83d"', '"Hi \\udfff"']
NOT_JSON = [
    b"",
    b" ",
    b"\x00",
    b"{",
    b"Hi",
    b"'Hi'",
    b'{"message": "Hi",}',
    b'{"message": "Hi"} {}',
    b'{"message": NaN}',
    b'{"message": "a\nb"}',
    b"message=Hi&handle=londo",
    b"<message>Hi</message>",
    b"\xff\xfe{\x00}\x00",
    '\ufeff{"message": "Hi"}'.encode(),
    gzip.compress(b'{"message": "Hi"}'),
    base64.b64encode(b'{"message": "Hi"}'),
    b"[" * 10_000,
    b'{"message":' * 1000,
    b'{"message":' * 1000 + b"1" + b"}" * 1000,
    b"[" * 5000 + b"]" * 5000,
    b"null",
    b"true",
    b"7",
    b'"Hi"',
    b'["Hi"]',
    b"[]",
]
TOO_LARGE = [
    b'{"message": "' + b"a" * 20_000 + b'"}',
    b" " * 1_000_000 + b"{}",
    b"[" * 5_000_000,
    b"\xff" * 1_000_000,
]
NOT_A_HANDLE = ["\u202eevil", "lon\u200bdo", "lοndo", "londo\x00", "../londo", "londo/short", "%6condo", "👋", "a" * 31]  # noqa: RUF001


# Raw bytes and their content types.
HEADERS_OF_NOT_JSON = [
    {"Content-Type": "application/json"},
    {"Content-Type": "application/octet-stream"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "text/plain; charset=utf-16"},
    {"Content-Type": "x" * 1000},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
]


def _wrong_fields(path: str, good: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Bodies with one field that is no text or no Unicode, and the beginning of the detail."""
    for name in ["message_group_uuid"] * (path == "/api/messages") + list(good):
        for values, what in ((NOT_TEXT, "must be a string"), (NOT_UNICODE, "is not Unicode")):
            for value in values:
                fields = ", ".join(f'"{field}": {text}' for field, text in {**good, name: value}.items())
                yield f"{{{fields}}}", f"{name} {what}"


@pytest.mark.parametrize("path", SENDING)
def test_a_body_of_the_wrong_kind_is_refused_clearly(
    system: System, bayko: Client, londo: Client, group: str, path: str
) -> None:
    good = {"message": '"Hi"', "handle": json.dumps(londo.handle), "message_uuid": json.dumps(str(uuid4()))}

    def post(body: bytes, headers: dict[str, str] = HEADERS_OF_NOT_JSON[0]) -> requests.Response:
        return bayko.request("POST", path, data=body, headers=headers)

    with nothing_written(system):
        for body, detail in _wrong_fields(path, good):
            refused = post(body.encode())
            _assert_problem(refused, 400)
            assert refused.json()["detail"].startswith(detail)
        for raw, headers in itertools.product(NOT_JSON, HEADERS_OF_NOT_JSON):
            _assert_problem(post(raw, headers), 400, 413)
        for raw in TOO_LARGE:
            _assert_problem(post(raw), 413)
        for handle in NOT_A_HANDLE:
            _assert_problem(bayko.post(path, {"message": "Hi", "handle": handle}), 404)
        for uuid in ("", "1", f"{uuid4()}\x00", f" {uuid4()}", uuid4().hex, f"\u202e{uuid4()}"):
            _assert_problem(bayko.post(path, {"message": "Hi", "handle": londo.handle, "message_uuid": uuid}), 400)


STRANGE = {
    "right to left": "\u202egnp.exe\u202c שלום \u2067عرب\u2069",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    "1,024 emoji": "👋" * 1024,
    "1,024 parts of a family": "👨‍👩‍👧‍👦" * 146 + "👋" * 2,
    "combining": "Z\u0351\u036b\u0343a\u0300\u0301" * 50 + " é e\u0301",
    "controls": "\x00\x01\x1b[31m\x7f\x85",
    "line ends": "a\r\nb\n\rc\u2028d\u2029e\x0b\x0c",
    "no characters": "\uffff\ufdd0\U0010ffff",
    "what means something elsewhere": "'; DROP TABLE x --<script>alert(1)</script>${jndi:ldap://x}{{7*7}}%s%n\\u0000",
    "space around": " \t Hi \n ",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "as it is"])
def test_an_unusual_text_is_kept_unchanged(bayko: Client, londo: Client, text: str, escaped: bool) -> None:
    assert len(text) <= 1024
    body = json.dumps({"handle": londo.handle, "message": text}, ensure_ascii=escaped).encode()

    sent = bayko.request("POST", "/api/messages", data=body, headers={"Content-Type": "application/json"})

    assert (sent.status_code, sent.json()["message"]) == (200, text)
    for reader in (bayko, londo):
        (listed,) = reader.get(f"/api/messages/{sent.json()['message_group_uuid']}").json()
        assert listed["message"] == text
        (entry,) = reader.inbox()
        assert entry["message"] == text


# Paths, methods and headers


class Wire:
    """Sends requests exactly as written, where an HTTP library would correct them."""

    def __init__(self, client: Client) -> None:
        address = urlsplit(client.api)
        assert address.hostname
        assert address.port
        self._address, self._base = (address.hostname, address.port), address.path
        self._token = client.access_token

    def ask(
        self, method: str, path: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send a request; return status, headers and body. Each step times out after 30 seconds."""
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        try:
            connection.putrequest(method, self._base + path, skip_accept_encoding=True)
            for name, value in (("Authorization", f"Bearer {self._token}"), *headers):
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def write(self, head: str, body: bytes = b"", *, close: bool = False) -> bytes:
        """Send raw bytes; return the first line of the answer, "" if there is none. With `close`, do not listen."""
        head = head.format(base=self._base, authorization=f"Authorization: Bearer {self._token}\r\nHost: localhost\r\n")
        with socket.create_connection(self._address, timeout=60) as connection:
            connection.sendall(head.encode() + b"\r\n" + body)
            if close:
                return b""
            try:
                return connection.recv(65536).partition(b"\r\n")[0]
            except ConnectionResetError:
                return b""


def test_no_path_leads_round_the_routes(system: System, bayko: Client, eve: Client, group: str) -> None:
    wire = Wire(eve)
    paths = [
        *(
            f"/api/messages/{group}{end}"
            for end in ("/", "%2F", "%00", ";a=b", "%20", "/..", "%0d%0aX:y", "%ff", ".json")
        ),
        f"/api/messages/%2e%2e%2f{group}",
        f"/api/messages/%252e%252e%252f{group}",
        f"/api/messages/..%5c{group}",
        f"/api/messages/MSG%23{group}",
        f"/api/message_groups/../messages/{group}",
        f"/api/message_groups/%2e%2e/messages/{group}",
        f"/api/./messages/{group}",
        f"/api//messages//{group}",
        f"/API/MESSAGES/{group}",
        f"/api/messages?message_group_uuid={group}",
        "/api/messages/HEAD",
        f"/api/messages/{group}/HEAD",
        f"/api/messages/{group}/{_last_of(group)}",
        f"/api/messages/{group}/{_last_of(group)}/",
        f"/api/messages/{group}%2F{_last_of(group)}",
        "/api/messages/" + "x" * 8000,
        "/api/messages/" + "/".join(["x"] * 2000),
        "/api/users/@/short",
        f"/api/users/@{bayko.handle}",
        f"/api/users/@{bayko.handle}/long",
        f"/api/users/%2540{bayko.handle}/short",
        f"/api/users/@@{bayko.handle}/short",
        "/api/users/@*/short",
        "/api/users/@" + "%F0%9F%91%8B" * 200 + "/short",
        "/api/message_groups/@" + "x" * 4000,
        "/api",
        "/.env",
        "/api/%",
        "/api/messages/%zz",
        "/?x=%%%",
    ]
    with nothing_written(system):
        for path in paths:
            status, _, body = wire.ask("GET", path)
            assert 400 <= status < 500, (path, status, body)
            assert SECRET.encode() not in body


def test_no_other_method_does_anything(system: System, bayko: Client, londo: Client, group: str) -> None:
    wire, body = (
        Wire(bayko),
        json.dumps({"message": "Hi", "message_group_uuid": group, "handle": londo.handle}).encode(),
    )
    overriding = [(name, "POST") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]
    routes = {(method, path) for method, path, _ in _routes(group, londo.handle)}
    routes.add(("DELETE", f"/api/message_groups/{group}"))
    with nothing_written(system):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "PROPFIND", "GIVE-ME"):
            for path in {path for _, path in routes}:
                if method in ("POST", "PUT", "PATCH", "DELETE") and (method, path) in routes:
                    continue
                status, _, answer = wire.ask(method, path, [("Content-Type", "application/json"), *overriding], body)
                assert status == 200 if (method, path) in routes else 400 <= status < 500, (method, path, status)
                assert (method, path) in routes or SECRET.encode() not in answer


HARMLESS = [
    *(
        ("If-None-Match", tag)
        for tag in ("", ",", '"', "W/", 'W/"x"', '"' * 2000, "a," * 3000, "\xff\xfe", "*", "* , *")
    ),
    *(("Range", value) for value in ("bytes=0-0", "bytes=-1", "bytes=9-1", "x" * 500)),
    *(("Accept", value) for value in ("text/html", "*/*;q=0", "image/png")),
    ("Accept-Encoding", "identity;q=0, x"),
    ("If-Modified-Since", "yesterday"),
    ("If-Match", '"x"'),
    ("Expect", "200-please"),
    ("Connection", "Authorization"),
    ("Upgrade", "websocket"),
    ("Cookie", "a=b; " * 500),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Prefix", "/evil.example"),
    ("X-Original-URL", "/evil.example"),
    ("X-Rewrite-URL", "/evil.example"),
    ("Forwarded", "host=evil.example;for=127.0.0.1"),
    ("Origin", "https://evil.example"),
    ("X-Amzn-Trace-Id", "Root=" + "x" * 500),
    ("X-Long", "x" * 8000),
]


def test_no_header_does_more_than_it_should(system: System, bayko: Client, group: str) -> None:
    wire = Wire(bayko)
    eventually(lambda: [entry["last_seq"] for entry in bayko.inbox()] == [5])
    with nothing_written(system):
        for path in ("/api/message_groups", f"/api/messages/{group}"):
            plain = wire.ask("GET", path)[2]
            for header in HARMLESS:
                status, answered, body = wire.ask("GET", path, [header])
                assert (status, body) in ((200, plain), (304, b"")) or 400 <= status < 500, (header, status, body)
                assert "evil.example" not in f"{answered}{body!r}".replace("Allow-Origin: https://evil.example", "")
            for headers in (
                [("X-Long", "x" * 70_000)],
                [(f"X-{number}", "x") for number in range(3000)],
                [("Authorization", "Bearer not-a-token")],
                [("If-None-Match", '"x"'), ("If-None-Match", "*")],
            ):
                try:
                    status, _, _ = wire.ask("GET", path, headers)
                except ConnectionError:  # the server has closed the connection on unread input
                    continue
                assert status in (200, 304) or 400 <= status < 500, (headers[0][0], status)
            for query in ("&".join(f"a{number}=b" for number in range(2000)), "limit[]=1", "limit=1;limit=2", "&&=&=&"):
                status, _, _ = wire.ask("GET", f"{path}?{query}")
                assert status == 200 or 400 <= status < 500, (query[:20], status)


def test_requests_that_are_no_http_do_nothing(system: System, bayko: Client, londo: Client, group: str) -> None:
    wire = Wire(bayko)
    body = json.dumps({"message": "Hi", "message_group_uuid": group}).encode()
    post = "POST {base}/api/messages HTTP/1.1\r\n{authorization}Content-Type: application/json\r\n"
    with nothing_written(system):
        for head, sent in (
            (post + "Transfer-Encoding: chunked\r\n", b"ZZ\r\n" + body),
            (post + "Transfer-Encoding: chunked\r\n", b"-1\r\n" + body),
            (post + "Content-Length: -1\r\n", body),
            (post + "Content-Length: ten\r\n", body),
            (post + "Content-Length: 5\r\nContent-Length: 6\r\n", body),
            (post + "Content-Length: 5\r\n", body),
            ("GET {base}/api/message_groups\r\n", b""),
            ("GET {base}/api/message_groups HTTP/1.1\r\n{authorization}Nonsense\r\n", b""),
            ("G\x00T {base}/api/message_groups HTTP/1.1\r\n{authorization}", b""),
        ):
            line = wire.write(head, sent)
            assert not line or line.split()[1].startswith(b"4"), (head, line)
        # Half a body, then a disconnect.
        wire.write(post + f"Content-Length: {len(body)}\r\n", body[:20], close=True)
        wire.write(post + "Transfer-Encoding: chunked\r\n", b"5\r\n" + body[:5], close=True)
        assert bayko.get("/api/message_groups").status_code == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream", "", "x"])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_json_is_read_with_any_content_type_and_encoding(
    bayko: Client, londo: Client, content_type: str, chunked: bool
) -> None:
    body = json.dumps({"message": "Grüße 👋", "handle": londo.handle}, ensure_ascii=False).encode()
    data: Any = (body[index : index + 7] for index in range(0, len(body), 7)) if chunked else body

    sent = bayko.request("POST", "/api/messages", data=data, headers={"Content-Type": content_type})

    assert (sent.status_code, sent.json()["message"], sent.json()["seq"]) == (200, "Grüße 👋", 1)
