"""Who may do what: tokens at the API, roles at the table."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import jwt
import pytest
import requests
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.conftest import Client, System


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _resigned(token: str, **changes: object) -> str:
    """A token with other claims, signed with a key of our own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode({**_claims(token), **changes}, key, "RS256", {"kid": jwt.get_unverified_header(token)["kid"]})


def _changed(token: str, **changes: object) -> str:
    """A token with other claims and the signature it had."""
    header, _, signature = token.split(".")
    payload = base64.urlsafe_b64encode(json.dumps({**_claims(token), **changes}).encode()).decode().rstrip("=")
    return f"{header}.{payload}.{signature}"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: "not-a-token", id="not a token"),
        pytest.param(lambda token: token[:-10], id="cut"),
        pytest.param(lambda token: _changed(token, sub="somebody-else"), id="changed"),
        pytest.param(lambda token: _resigned(token), id="signed by somebody else"),
        pytest.param(lambda token: _resigned(token, exp=int(time.time()) - 60), id="expired"),
        pytest.param(lambda token: jwt.encode(_claims(token), "", "none"), id="not signed"),
        pytest.param(lambda token: _resigned(token, iss="https://example.com/pool"), id="of another pool"),
    ],
)
def test_a_bad_token_is_refused(bayko: Client, spoil: Callable[[str], str]) -> None:
    headers = {"Authorization": f"Bearer {spoil(bayko.access_token)}"}
    for method, path in (("GET", "/api/message_groups"), ("POST", "/api/messages")):
        response = requests.request(method, bayko.api + path, headers=headers, timeout=30)

        assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})


def test_an_expired_token_is_refused_though_the_pool_itself_signed_it(system: System, bayko: Client) -> None:
    key_id = jwt.get_unverified_header(bayko.access_token)["kid"]
    answers = []
    for expires in (60, -60):
        claims = {**_claims(bayko.access_token), "exp": int(time.time()) + expires}
        token = jwt.encode(claims, system.signing_key.read_bytes(), "RS256", {"kid": key_id})
        answers.append(bayko.get("/api/message_groups", headers={"Authorization": f"Bearer {token}"}).status_code)

    assert answers == [200, 401]


def test_a_token_of_another_client_of_the_pool_is_refused(system: System, bayko: Client) -> None:
    cognito = system.client("cognito-idp")
    other = cognito.create_user_pool_client(
        UserPoolId=system.place.outputs["UserPoolId"],
        ClientName="other",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]["ClientId"]
    token = system.sign_in(bayko.email, other)["AccessToken"]

    response = bayko.get("/api/message_groups", headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 401


def test_a_missing_token_is_refused(bayko: Client) -> None:
    assert requests.get(f"{bayko.api}/api/message_groups", timeout=30).status_code == 401


_KEY = {"pk": {"S": "MSG#x"}, "sk": {"S": "x"}}
_ACTIONS: dict[str, dict[str, Any]] = {
    "get_item": {"Key": _KEY},
    "put_item": {"Item": _KEY},
    "update_item": {"Key": _KEY},
    "delete_item": {"Key": _KEY},
    "query": {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "MSG#x"}}},
    "scan": {},
    "describe_table": {},
    "delete_table": {},
    "update_time_to_live": {"TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": False}},
}


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("ListMessages", {"get_item", "query"}),
        ("ListMessageGroups", {"query"}),
        ("CreateMessageGroup", {"get_item", "put_item", "update_item"}),
        ("CreateMessage", {"get_item", "put_item", "update_item"}),
        ("FindMessageGroup", {"get_item"}),
        ("ShowUser", {"get_item"}),
        ("PostConfirmation", {"put_item"}),
        ("StreamHandler", {"get_item", "put_item"}),
    ],
)
def test_a_function_is_refused_every_action_outside_its_role(system: System, function: str, allowed: set[str]) -> None:
    role = system.client("iam").get_role(RoleName=system.place.physical_ids[f"{function}Role"])["Role"]["Arn"]
    credentials = system.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    as_function = boto3.client(
        "dynamodb",
        endpoint_url=system.place.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )

    permitted = set()
    for action, request in _ACTIONS.items():
        try:
            getattr(as_function, action)(TableName=system.place.outputs["TableName"], **request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
        else:
            permitted.add(action)
    system.client("dynamodb").delete_item(TableName=system.place.outputs["TableName"], Key=_KEY)

    assert permitted == allowed
