"""A stack whose people sign in with another issuer than Cognito: its tokens, their profiles, operators' scripts."""

import base64
import hmac
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import connect

from local import stack
from messaging.model import keys
from operators.environments import publish_local
from tests.conftest import free_port
from tests.e2e.conftest import Client, System, deployed, eventually
from tests.support.issuer import Issuer, Key
from tests.support.routes import ROUTED
from tests.support.scripts import run_script

AUDIENCE = "cruddur"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer(free_port()).serving() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def place(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    parameters = {"TokenIssuer": issuer.url, "TokenAudience": f"{AUDIENCE},phone", "WebClientId": "page"}
    with deployed(tmp_path_factory.mktemp("issuer"), **parameters) as system:
        yield system


@pytest.fixture
def scripts_home(place: System, tmp_path: Path) -> Path:
    publish_local(place.environment, tmp_path / "system.json")
    return tmp_path


def caller(place: System, issuer: Issuer, sub: str, /, **claims: Any) -> Client:
    """Somebody with a token, who has not called yet."""
    token = issuer.token(sub, AUDIENCE, **claims)
    return Client(place.api, keys.user_uuid(issuer.url, sub), "", "", "", token, token)


def person(place: System, issuer: Issuer, name: str, **claims: Any) -> Client:
    """Somebody who has called once, with a profile of their claims. The handle is `name` and a unique suffix."""
    handle = f"{name}_{uuid4().hex[:8]}"
    claims = {"preferred_username": handle, "name": name.title(), **claims}
    client = caller(place, issuer, f"idp|{handle}", **claims)
    me = client.get("/api/users/me")
    assert me.status_code == 200, me.text
    client.handle, client.display_name = me.json()["handle"], me.json()["display_name"]
    return client


# Tokens


def test_there_is_no_user_pool(place: System, issuer: Issuer) -> None:
    assert place.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"] == []
    assert "UserPoolId" not in place.environment.outputs
    told = json.loads(place.environment.outputs["WebConfig"])
    assert (told["issuer"], told["client_id"], told["audience"]) == (issuer.url, "page", AUDIENCE)


def forged(issuer: Issuer, alg: str, secret: bytes = b"") -> str:
    """A token that nobody signed, or with HMAC."""
    claims = jwt.decode(issuer.token("auth0|andrew", AUDIENCE), options={"verify_signature": False})
    header = {"typ": "JWT", "alg": alg, "kid": issuer.keys[0].kid}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256')) if secret else ''}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def tokens_that_are_refused(issuer: Issuer) -> dict[str, str]:
    now = int(time.time())
    claims = jwt.decode(issuer.token("auth0|andrew", AUDIENCE), options={"verify_signature": False})
    public = issuer.keys[0].private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stranger = Key("RS256")
    stranger.kid = issuer.keys[0].kid
    elliptic = Key("ES256")
    issuer.keys.append(elliptic)
    return {
        "none": "",
        "no token": "not-a-token",
        "of another audience": issuer.token("auth0|andrew", "another-api"),
        "expired": issuer.token("auth0|andrew", AUDIENCE, iat=now - 600, exp=now - 1),
        "without an end": issuer.token("auth0|andrew", AUDIENCE, exp=None),
        "not valid yet": issuer.token("auth0|andrew", AUDIENCE, nbf=now + 600),
        "of another issuer": issuer.token("auth0|andrew", AUDIENCE, iss="https://idp.example.com"),
        "of the issuer with a slash": issuer.token("auth0|andrew", AUDIENCE, iss=f"{issuer.url}/"),
        "without an issuer": issuer.token("auth0|andrew", AUDIENCE, iss=None),
        "without a subject": issuer.token("auth0|andrew", AUDIENCE, sub=None),
        "with an empty subject": issuer.token("", AUDIENCE),
        "unsigned": forged(issuer, "none"),
        "unsigned, and says otherwise": forged(issuer, "RS256"),
        "signed with the public key as a secret": forged(issuer, "HS256", public),
        "signed with somebody else's key": stranger.sign(claims),
        "signed with an unknown key": Key("RS256").sign(claims),
        "signed with an elliptic curve": elliptic.sign(claims),  # API Gateway knows RSA only
    }


def test_every_route_refuses_every_token_that_is_not_the_issuers_for_us(place: System, issuer: Issuer) -> None:
    routes = [re.sub(r"\{\w+\}", str(uuid4()), route).split() for route in ROUTED.values()]
    refused = tokens_that_are_refused(issuer)

    answers = {}
    for name, token in refused.items():
        for method, path in routes:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            response = requests.request(method, place.api + path, headers=headers, json={}, timeout=60)
            answers[name, method, path] = response.status_code

    assert {request: status for request, status in answers.items() if status != 401} == {}


def test_a_new_key_is_known_and_the_old_one_while_it_is_published(place: System, issuer: Issuer) -> None:
    old = person(place, issuer, "kenji")
    issuer.rotate()
    new = person(place, issuer, "priya")

    assert old.get("/api/users/me").status_code == new.get("/api/users/me").status_code == 200


def test_each_accepted_audience_and_no_other_of_the_client(place: System, issuer: Issuer) -> None:
    def status(**claims: Any) -> int:
        return caller(place, issuer, "auth0|1", **claims).get("/api/users/@nobody/short").status_code

    assert status(aud="phone") == status(aud=["x", AUDIENCE]) == status(aud=None, client_id=AUDIENCE) == 404
    assert status(aud="page", client_id=AUDIENCE) == 401


# Profiles


def test_the_first_call_makes_a_profile_of_the_claims(place: System, issuer: Issuer) -> None:
    handle = f"andrew_{uuid4().hex[:8]}"
    claims = {"preferred_username": handle, "name": "Andrew Brown", "picture": "https://example.com/a.png"}
    andrew = caller(place, issuer, f"auth0|{handle}", **claims)

    refused = andrew.get("/api/message_groups")
    me = andrew.get("/api/users/me")

    assert refused.status_code == 404
    assert me.json() == {
        "uuid": keys.user_uuid(issuer.url, f"auth0|{handle}"),
        "handle": handle,
        "display_name": "Andrew Brown",
        "avatar": "https://example.com/a.png",
        "receipts": True,
        "messages_from": "everyone",
    }
    assert andrew.get("/api/message_groups").json() == []
    assert andrew.get("/api/users/me").json() == me.json()


@pytest.mark.parametrize(
    "sub",
    ["62a6d23b-afe3-4d4e-87dd-c10c49782a16", "auth0|1", "1042", 1042, "bayko@example.com", "Grüße", "a" * 255],
    ids=repr,
)
def test_any_subject_is_one_person_whom_the_system_knows_by_a_uuid(place: System, issuer: Issuer, sub: Any) -> None:
    handle = f"any_{uuid4().hex[:8]}"
    client = caller(place, issuer, str(sub), sub=sub if isinstance(sub, str) else str(sub), preferred_username=handle)

    client.get("/api/users/me")

    expected = sub if len(str(sub)) == 36 else keys.user_uuid(issuer.url, str(sub))
    assert client.get("/api/users/me").json()["uuid"] == expected


def test_a_person_whose_claims_have_no_handle_chooses_one(place: System, issuer: Issuer) -> None:
    taken = person(place, issuer, "taken").handle
    handle = f"new_{uuid4().hex[:8]}"
    new = caller(place, issuer, f"idp|{handle}", preferred_username="Not A Handle", name=None)

    def put(**body: Any) -> requests.Response:
        return new.request("PUT", "/api/users/me", json=body)

    assert new.get("/api/users/me").status_code == 404
    assert [put(handle=one).status_code for one in (taken, taken.upper())] == [409, 409]
    assert put(handle="not a handle", avatar="http://example.com").json() == ["handle_invalid", "avatar_invalid"]
    assert put(display_name="New").status_code == 422
    assert put(handle=[handle]).status_code == 400
    assert new.get("/api/users/me").status_code == 404
    made = put(handle=handle, display_name="New Person", avatar="https://example.com/n.png")
    assert (made.status_code, made.json()["handle"], made.json()["avatar"]) == (
        200,
        handle,
        "https://example.com/n.png",
    )
    assert put(handle=handle, display_name="Another").json() == made.json() == new.get("/api/users/me").json()
    assert put(handle=f"{handle}_2").status_code == 409


def test_a_handle_that_the_claims_ask_for_and_somebody_has_is_asked_for(place: System, issuer: Issuer) -> None:
    taken = person(place, issuer, "taken").handle

    other = caller(place, issuer, "idp|other", preferred_username=taken)

    assert other.get("/api/users/me").status_code == 404
    assert other.get("/api/users/me").json()["detail"] == "You have no profile yet. Choose a handle: PUT /api/users/me"


# The system for such people


def test_two_people_converse_live(place: System, issuer: Issuer) -> None:
    bayko, londo = person(place, issuer, "bayko"), person(place, issuer, "londo")
    ticket = londo.request("POST", "/api/connections/ticket").json()["ticket"]

    with connect(f"{stack.socket_url(place.environment)}?ticket={ticket}") as socket:
        sent = bayko.send(handle=londo.handle, message="Hello")
        opened, message = json.loads(socket.recv(30))

        assert (opened["type"], message["type"], message["uuid"]) == ("message_group", "message", sent["uuid"])
        assert message["user_uuid"] == bayko.user_uuid
        assert bayko.request("PATCH", "/api/users/me", json={"display_name": "Emperor"}).status_code == 200
        (renamed,) = json.loads(socket.recv(30))
        assert (renamed["type"], renamed["display_name"]) == ("message_group", "Emperor")
    eventually(lambda: [one["display_name"] for one in londo.inbox()] == ["Emperor"])


# Operators


def test_scripts_work_for_the_issuers_people(place: System, issuer: Issuer, scripts_home: Path) -> None:
    handle = f"priya_{uuid4().hex[:8]}"
    subject = f"idp|{handle}"

    def run(name: str, *arguments: str) -> str:
        done = run_script(f"people/{name}", *arguments, CRUDDUR_LOCAL=str(scripts_home))
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    put = run("put", handle, "--name", "Priya Raman", "--id", subject, "--avatar", "https://example.com/p.png")
    user_uuid = keys.user_uuid(issuer.url, subject)
    assert put == f"@{handle} is {user_uuid}\n"
    email = f"{handle}@example.com"
    priya = caller(place, issuer, subject, email=email, email_verified=True)
    assert priya.get("/api/users/me").json()["handle"] == handle
    listed = [json.loads(line) for line in run("list", "--json").splitlines()]
    (mine,) = [one for one in listed if one["user_uuid"] == user_uuid]
    assert (mine["handle"], mine["email"], mine["email_verified"]) == (handle, email, True)
    for name in (handle, f"@{handle}", email, user_uuid, subject):
        exported = [json.loads(line) for line in run("export", name).splitlines()]
        assert (exported[0]["kind"], exported[0]["handle"], exported[0]["email"]) == ("profile", handle, email)
    run("delete", email, "--yes")
    assert [priya.get(path).status_code for path in ("/api/users/me", "/api/message_groups")] == [404, 404]
    again = priya.request("PUT", "/api/users/me", json={"handle": handle})
    assert (again.status_code, again.json()["detail"]) == (404, "This person was deleted.")
    assert person(place, issuer, "other").request("PATCH", "/api/users/me", json={"handle": handle}).status_code == 200
    verified = run_script("ddb/verify", "local", CRUDDUR_LOCAL=str(scripts_home))
    assert (verified.returncode, verified.stderr) == (0, "")


def test_scripts_of_the_user_pool_name_those_for_everybody(place: System, scripts_home: Path) -> None:
    made = run_script(
        "cognito/create-user", "eve", "--name", "Eve", "--email", "e@example.com", "--password", "x",
        CRUDDUR_LOCAL=str(scripts_home),
    )  # fmt: skip

    assert made.returncode == 2
    assert "there is no user pool. Use bin/people." in made.stderr
