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


def _requests(table: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """One request of every kind: the client's method, its parameters."""

    def transaction(**item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        items = [{name: {"TableName": table, **parameters}} for name, parameters in item.items()]
        return "transact_write_items", {"TransactItems": items}

    def one(method: str, **parameters: Any) -> tuple[str, dict[str, Any]]:
        return method, {"TableName": table, **parameters}

    update = {"Key": _KEY, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
    select = f'SELECT * FROM "{table}"'  # noqa: S608
    insert = f"INSERT INTO \"{table}\" VALUE {{'pk': 'MSG#x', 'sk': 'x'}}"
    return {
        "GetItem": one("get_item", Key=_KEY),
        "BatchGetItem": ("batch_get_item", {"RequestItems": {table: {"Keys": [_KEY]}}}),
        "transaction: Get": (
            "transact_get_items",
            {"TransactItems": [{"Get": {"TableName": table, "Key": _KEY}}]},
        ),
        "Query": one("query", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "MSG#x"}}),
        "Scan": one("scan"),
        "PutItem": one("put_item", Item=_KEY),
        "UpdateItem": one("update_item", **update),
        "DeleteItem": one("delete_item", Key=_KEY),
        "BatchWriteItem": (
            "batch_write_item",
            {"RequestItems": {table: [{"PutRequest": {"Item": _KEY}}]}},
        ),
        "transaction: Put": transaction(Put={"Item": _KEY}),
        "transaction: Update": transaction(Update=update),
        "transaction: Delete": transaction(Delete={"Key": _KEY}),
        "transaction: ConditionCheck": transaction(
            ConditionCheck={"Key": _KEY, "ConditionExpression": "attribute_not_exists(nothing)"}
        ),
        "PartiQL: select": ("execute_statement", {"Statement": select}),
        "PartiQL: insert": ("execute_statement", {"Statement": insert}),
        "PartiQL: batch": ("batch_execute_statement", {"Statements": [{"Statement": insert}]}),
        "PartiQL: transaction": ("execute_transaction", {"TransactStatements": [{"Statement": insert}]}),
        "DescribeTable": one("describe_table"),
        "DeleteTable": one("delete_table"),
        "UpdateTable": one("update_table", DeletionProtectionEnabled=False),
        "UpdateTimeToLive": one(
            "update_time_to_live", TimeToLiveSpecification={"AttributeName": "a", "Enabled": False}
        ),
        "CreateBackup": one("create_backup", BackupName="backup"),
    }


def _as_function(system: System, function: str) -> Any:
    """A client of DynamoDB with the role of a function."""
    role = system.client("iam").get_role(RoleName=system.place.physical_ids[f"{function}Role"])["Role"]["Arn"]
    credentials = system.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "dynamodb",
        endpoint_url=system.place.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


_READING = {"GetItem", "transaction: Get"}
_PUTTING = {"PutItem", "transaction: Put"}
_SENDING = {*_READING, "BatchGetItem", *_PUTTING, "UpdateItem", "transaction: Update"}


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("ListMessages", {*_READING, "Query"}),
        ("ListMessageGroups", {"Query"}),
        ("CreateMessageGroup", _SENDING),
        ("CreateMessage", _SENDING),
        ("FindMessageGroup", _READING),
        ("ShowUser", _READING),
        ("PostConfirmation", _PUTTING),
        (
            "StreamHandler",
            {*_READING, *_PUTTING, "transaction: ConditionCheck", "PartiQL: batch"},
        ),
    ],
)
def test_a_function_is_refused_every_request_outside_its_pattern(
    system: System, function: str, allowed: set[str]
) -> None:
    as_function = _as_function(system, function)
    table = system.place.outputs["TableName"]
    administrator = system.client("dynamodb")

    permitted = set()
    for name, (method, parameters) in _requests(table).items():
        try:
            getattr(as_function, method)(**parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
        else:
            permitted.add(name)
        administrator.delete_item(TableName=table, Key=_KEY)

    assert permitted == allowed


def test_a_functions_boundary_holds_whatever_its_role_is_given(system: System) -> None:
    # SAM's policies let a role write every log; somebody may add what he likes.
    iam, role = system.client("iam"), system.place.physical_ids["ShowUserRole"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName="everything", PolicyDocument=json.dumps(everything))
    try:
        dynamodb = _as_function(system, "ShowUser")
        for refused in (dynamodb.scan, dynamodb.delete_table):
            with pytest.raises(ClientError, match="AccessDenied"):
                refused(TableName=system.place.outputs["TableName"])
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="everything")
