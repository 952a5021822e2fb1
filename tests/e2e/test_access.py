"""The functions' permissions on the table: the deployed roles, enforced. Tokens are in test_abuse.py."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.conftest import System

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
    role = system.client("iam").get_role(RoleName=system.environment.physical_ids[f"{function}Role"])["Role"]["Arn"]
    credentials = system.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "dynamodb",
        endpoint_url=system.environment.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


_READING = {"GetItem", "transaction: Get"}
_PUTTING = {"PutItem", "transaction: Put"}
_UPDATING = {"UpdateItem", "transaction: Update"}
_DELETING = {"DeleteItem", "transaction: Delete"}
_TELLING = {*_READING, "BatchGetItem", *_DELETING, "Query"}
_CHANGING = {*_READING, "BatchGetItem", *_PUTTING, *_UPDATING}
_BLOCKING = {*_READING, "BatchGetItem", *_PUTTING, *_UPDATING, "transaction: ConditionCheck"}
_SENDING = {*_READING, "BatchGetItem", *_PUTTING, *_UPDATING}


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("ListMessages", {*_READING, "BatchGetItem", "Query"}),
        ("ListMessageGroups", {*_READING, "BatchGetItem", "Query"}),
        ("CreateMessageGroup", _SENDING),
        ("CreateMessage", _SENDING),
        ("ShowMessage", {*_READING, "BatchGetItem"}),
        ("EditMessage", _CHANGING),
        ("DeleteMessage", {*_CHANGING, *_DELETING}),
        ("PutReaction", _CHANGING),
        ("DeleteReaction", _CHANGING),
        ("ListChanges", {*_READING, "BatchGetItem", "Query"}),
        ("FindMessageGroup", {*_READING, "BatchGetItem", *_UPDATING}),
        ("ChangeMessageGroup", {"BatchGetItem", *_UPDATING}),
        ("LeaveMessageGroup", _UPDATING),
        ("AcceptRequest", _UPDATING),
        ("DeclineRequest", _UPDATING),
        ("MarkRead", _UPDATING),
        ("CountUnread", {*_READING, "Query"}),
        ("ShowUser", {"BatchGetItem", *_UPDATING}),
        ("ShowMe", _READING),
        ("CreateMe", _READING),
        ("UpdateMe", {*_READING, "Query", *_PUTTING, *_UPDATING, *_DELETING}),
        ("BlockUser", _BLOCKING),
        ("UnblockUser", {*_BLOCKING, *_DELETING}),
        ("ListBlocks", {"BatchGetItem", "Query"}),
        ("CreateReport", {"BatchGetItem", *_PUTTING, *_UPDATING}),
        ("PreSignUp", _READING),
        ("PostConfirmation", _UPDATING),
        (
            "StreamHandler",
            {*_READING, "Query", *_PUTTING, *_DELETING, "transaction: ConditionCheck", "PartiQL: batch"},
        ),
        ("CreateTicket", {*_READING, *_PUTTING, *_UPDATING}),
        ("Authorize", _DELETING),
        ("Connect", {*_TELLING, *_PUTTING}),
        ("Disconnect", _TELLING),
        ("Receive", {*_TELLING, *_PUTTING, *_UPDATING}),
        ("Push", _TELLING),
    ],
)
def test_a_function_is_refused_every_request_outside_its_pattern(
    system: System, function: str, allowed: set[str]
) -> None:
    as_function = _as_function(system, function)
    table = system.environment.outputs["TableName"]
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


def test_a_functions_boundary_holds_for_any_policy_of_its_role(system: System) -> None:
    # SAM's policies let a role write every log; somebody may attach any other policy.
    iam, role = system.client("iam"), system.environment.physical_ids["ShowUserRole"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName="everything", PolicyDocument=json.dumps(everything))
    try:
        dynamodb = _as_function(system, "ShowUser")
        for refused in (dynamodb.scan, dynamodb.delete_table):
            with pytest.raises(ClientError, match="AccessDenied"):
                refused(TableName=system.environment.outputs["TableName"])
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="everything")
