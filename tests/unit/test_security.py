"""Permissions and refusals of a deployed stack, with its parameters in every combination.

ministack's IAM evaluates the policies of the processed template, called directly and with facts it never gets over
HTTP: it knows `dynamodb:LeadingKeys`, but its DynamoDB does not report the keys of a request.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import pytest
from botocore.session import get_session
from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_resource_policy, parse_policy_document

from messaging.model import keys
from tests.support.processed import resources

Stack = dict[str, dict[str, Any]]

PARAMETERS = {
    "CustomerManagedKey": ("false", "true"),
    "PrivateNetwork": ("false", "true"),
    "OperatorRole": ("none", "arn:aws:iam::123456789012:role/operators/*"),
    "AuditTrail": ("false", "true"),
    "ConfigRules": ("false", "true"),
    "SelfSignUp": ("false", "true"),
    "MailFrom": ("none", "messages@cruddur.example"),
    "Mfa": ("OFF", "ON"),
    "DeletionProtection": ("false", "true"),
}
OFF = {name: values[0] for name, values in PARAMETERS.items()}
ON = {name: values[1] for name, values in PARAMETERS.items()}

_CHANGE = {
    "dynamodb:BatchGetItem": {"MSG#", "MID#"},
    "dynamodb:GetItem": {"MSG#", "VER#", "USR#"},
    "dynamodb:UpdateItem": {"MSG#"},
    "dynamodb:PutItem": {"CHG#"},
}
_BLOCK = {
    "dynamodb:BatchGetItem": {"USR#"},
    "dynamodb:GetItem": {"MSG#"},
    "dynamodb:ConditionCheckItem": {"USR#"},
    "dynamodb:UpdateItem": {"MSG#"},
    "dynamodb:PutItem": {"BLK#", "MSG#"},
}
FOLDERS = {"GRP#", "REQ#", "ARC#", "OUT#"}
# The only actions and partitions that each function may use, see the tests below.
TABLE_ACTIONS: dict[str, dict[str, set[str]]] = {
    "ListMessages": {
        "dynamodb:BatchGetItem": {"MSG#", "MID#"},
        "dynamodb:Query": {"MSG#"},
        "dynamodb:GetItem": {"MSG#"},
    },
    "ListMessageGroups": {
        "dynamodb:BatchGetItem": {"MSG#"},
        "dynamodb:Query": {"GRP#", "REQ#", "ARC#", "UPD#"},
        "dynamodb:GetItem": {"GRP#", "USR#"},
    },
    "CreateMessageGroup": {
        "dynamodb:BatchGetItem": {"USR#", "HDL#"},
        "dynamodb:GetItem": {"MSG#", "MID#", "USR#"},
        "dynamodb:UpdateItem": {"MSG#", "LIM#"},
        "dynamodb:PutItem": {"MSG#", "MID#", "GRP#", "REQ#", "OUT#"},
    },
    "CreateMessage": {
        "dynamodb:BatchGetItem": {"USR#", "HDL#", "MSG#", "MID#"},
        "dynamodb:GetItem": {"MSG#", "MID#", "USR#"},
        "dynamodb:UpdateItem": {"MSG#", "LIM#"},
        "dynamodb:PutItem": {"MSG#", "MID#", "GRP#", "REQ#", "OUT#"},
    },
    "ShowMessage": {
        "dynamodb:BatchGetItem": {"MSG#", "MID#"},
        "dynamodb:GetItem": {"MSG#", "VER#"},
    },
    "EditMessage": {**_CHANGE, "dynamodb:PutItem": {"CHG#", "VER#"}},
    "DeleteMessage": {**_CHANGE, "dynamodb:UpdateItem": {"MSG#", "MID#"}, "dynamodb:DeleteItem": {"VER#"}},
    "PutReaction": _CHANGE,
    "DeleteReaction": _CHANGE,
    "ListChanges": {
        "dynamodb:BatchGetItem": {"MSG#"},
        "dynamodb:GetItem": {"MSG#"},
        "dynamodb:Query": {"CHG#"},
    },
    "FindMessageGroup": {
        "dynamodb:BatchGetItem": {"USR#", "HDL#", "MSG#", "GRP#"},
        "dynamodb:GetItem": {"MSG#"},
        "dynamodb:UpdateItem": {"LIM#"},
    },
    "ChangeMessageGroup": {
        "dynamodb:BatchGetItem": {"MSG#", "GRP#"},
        "dynamodb:UpdateItem": {"MSG#", "GRP#"},
    },
    "LeaveMessageGroup": {"dynamodb:UpdateItem": {"MSG#"}},
    "AcceptRequest": {"dynamodb:UpdateItem": {"MSG#", "LIM#"}},
    "DeclineRequest": {"dynamodb:UpdateItem": {"MSG#"}},
    "MarkRead": {
        "dynamodb:UpdateItem": {"MSG#"},
    },
    "CountUnread": {
        "dynamodb:Query": {"UNR#"},
        "dynamodb:GetItem": {"USR#"},
    },
    "ShowUser": {
        "dynamodb:BatchGetItem": {"USR#", "HDL#"},
        "dynamodb:UpdateItem": {"LIM#"},
    },
    "ShowMe": {
        "dynamodb:GetItem": {"USR#"},
    },
    "CreateMe": {
        "dynamodb:GetItem": {"USR#"},
    },
    "UpdateMe": {
        "dynamodb:GetItem": {"USR#"},
        "dynamodb:Query": FOLDERS,
        "dynamodb:UpdateItem": {"USR#", "HDL#", "MSG#"},
        "dynamodb:PutItem": {"HDL#"},
        "dynamodb:DeleteItem": {"HDL#"},
    },
    "BlockUser": _BLOCK,
    "UnblockUser": {**_BLOCK, "dynamodb:DeleteItem": {"BLK#", "MSG#"}},
    "ListBlocks": {"dynamodb:Query": {"BLK#"}, "dynamodb:BatchGetItem": {"USR#"}},
    "CreateReport": {
        "dynamodb:BatchGetItem": {"MSG#", "MID#"},
        "dynamodb:UpdateItem": {"LIM#"},
        "dynamodb:PutItem": {"RPT#"},
    },
    "PreSignUp": {
        "dynamodb:GetItem": {"HDL#"},
    },
    "PostConfirmation": {
        "dynamodb:UpdateItem": {"USR#", "HDL#"},
    },
    "StreamHandler": {
        "dynamodb:PartiQLInsert": {*FOLDERS, "UNR#", "UPD#"},
        "dynamodb:PartiQLUpdate": {*FOLDERS, "UNR#", "UPD#"},
        "dynamodb:PartiQLDelete": {*FOLDERS, "UNR#", "UPD#"},
        "dynamodb:PutItem": {*FOLDERS, "UNR#", "UPD#"},
        "dynamodb:DeleteItem": {*FOLDERS, "UNR#", "UPD#"},
        "dynamodb:Query": FOLDERS,
        "dynamodb:ConditionCheckItem": {"MSG#"},
        "dynamodb:GetItem": {"MSG#"},
    },
}
# Permissions for pushing to sockets.
_TELL = {
    "dynamodb:Query": {"CON#", "SUB#"},
    "dynamodb:DeleteItem": {"CON#", "SUB#"},
    "dynamodb:GetItem": {"USR#"},
    "dynamodb:BatchGetItem": {"MSG#"},
}
TABLE_ACTIONS |= {
    "CreateTicket": {
        "dynamodb:GetItem": {"USR#"},
        "dynamodb:UpdateItem": {"LIM#"},
        "dynamodb:PutItem": {"TKT#"},
    },
    "Authorize": {"dynamodb:DeleteItem": {"TKT#"}},
    "Connect": {**_TELL, "dynamodb:PutItem": {"CON#"}},
    "Disconnect": _TELL,
    "Receive": {
        **_TELL,
        "dynamodb:GetItem": {"MSG#", "USR#"},
        "dynamodb:PutItem": {"SUB#"},
        "dynamodb:UpdateItem": {"CON#"},
    },
    "Push": _TELL,
}
# These push to sockets, which cannot be reached from a network without internet.
OUTSIDE = {"Connect", "Disconnect", "Receive", "Push"}
STREAM_ACTIONS = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
# Allowed on everything: the first cannot be narrowed, the second is no action on AWS.
UNBOUND_ACTIONS = {"dynamodb:ListStreams", "dynamodb:BatchExecuteStatement"}
UNBOUND = {"StreamHandler": UNBOUND_ACTIONS, "Push": {"dynamodb:ListStreams"}}

PARTITIONS = (
    {*keys.FOLDER_PREFIXES.values()}
    | {
        pk("")
        for pk in (
            keys.blocks_pk,
            keys.changed_pk,
            keys.changes_pk,
            keys.connections_pk,
            keys.conversation_pk,
            keys.handle_pk,
            keys.limits_pk,
            keys.profile_pk,
            keys.sent_record_pk,
            keys.subscriptions_pk,
            keys.ticket_pk,
            keys.unread_pk,
            keys.versions_pk,
        )
    }
    | {"RPT#"}
)
ITEM_ACTIONS = {
    f"dynamodb:{name}"
    for name in (
        "BatchGetItem",
        "BatchWriteItem",
        "ConditionCheckItem",
        "DeleteItem",
        "GetItem",
        "PartiQLDelete",
        "PartiQLInsert",
        "PartiQLSelect",
        "PartiQLUpdate",
        "PutItem",
        "Query",
        "Scan",
        "UpdateItem",
    )
}
ALL_ACTIONS = ITEM_ACTIONS | {
    f"dynamodb:{operation}"
    for service in ("dynamodb", "dynamodbstreams")
    for operation in get_session().get_service_model(service).operation_names
}
# Policies that SAM adds to a role. Assumed here to allow every action of their services (the one for streams, on any
# stream): the boundary must limit them.
SAM_POLICIES: dict[str, str | list[str]] = {
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole": "logs:*",
    "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole": "ec2:*",
    "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole": [*STREAM_ACTIONS, "dynamodb:ListStreams"],
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess": "xray:*",
}

each_function = pytest.mark.parametrize("function", TABLE_ACTIONS)


@cache
def _every_stack() -> list[Stack]:
    return [resources(**dict(zip(PARAMETERS, values, strict=True))) for values in product(*PARAMETERS.values())]


@cache
def _on() -> Stack:
    return resources(**ON)


@cache
def _off() -> Stack:
    return resources(**OFF)


# Permissions of the functions


def _policies(stack: Stack, function: str) -> str:
    """A function's role, as JSON: a list of policies, then a list of boundaries."""
    role = stack[stack[function]["Properties"]["Role"].removesuffix(".Arn")]["Properties"]
    assert role.keys() <= {"AssumeRolePolicyDocument", "ManagedPolicyArns", "PermissionsBoundary", "Policies", "Tags"}
    policies = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    for name in role.get("ManagedPolicyArns", []):
        if name in SAM_POLICIES:
            policies.append({"Statement": [{"Effect": "Allow", "Action": SAM_POLICIES[name], "Resource": "*"}]})
        else:
            policies.append(stack[name]["Properties"]["PolicyDocument"])
    boundary = role.get("PermissionsBoundary")
    return json.dumps([policies, [stack[boundary]["Properties"]["PolicyDocument"]] if boundary else []])


def _allows(policies: str, action: str, resource: str, **context: Any) -> bool:
    allowing, limits = _parsed(policies)
    request = _request(action, resource, "arn:aws:sts::123456789012:assumed-role/function/session", **context)
    return bool(evaluate(request, allowing, *limits).decision == "Allow")


@cache
def _parsed(policies: str) -> tuple[list[Any], list[list[Any]]]:
    """The policies of a role, and each of its boundaries."""
    allowing, limiting = json.loads(policies)
    return list(map(parse_policy_document, allowing)), [[parse_policy_document(document)] for document in limiting]


def _request(action: str, resource: str, principal: str, *, tls: bool = True, **context: Any) -> EvalContext:
    """`context` are condition keys; a colon in their names is written as two underscores."""
    return EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=principal.split(":")[4],
        action=action,
        resource_arn=resource,
        region="us-east-1",
        source_ip="192.0.2.1",
        secure_transport=tls,
        service_context={key.replace("__", ":").lower(): value for key, value in context.items()},
    )


@cache
def _allowed_partitions(policies: str, resource: str) -> dict[str, set[str]]:
    """Each allowed action of DynamoDB, with its allowed partitions."""
    allowed: dict[str, set[str]] = {}
    near_misses = {partition.replace("#", "X#") for partition in PARTITIONS}
    for action, partition in product(ALL_ACTIONS, PARTITIONS | near_misses):
        if _allows(policies, action, resource, dynamodb__LeadingKeys=[f"{partition}1"]):
            allowed.setdefault(action, set()).add(partition)
    return allowed


@cache
def _policies_in_every_stack(function: str) -> set[str]:
    """A function's role in every stack."""
    return {_policies(stack, function) for stack in _every_stack()}


@each_function
def test_a_function_may_do_to_the_table_only_the_actions_of_its_pattern(function: str) -> None:
    for policies in _policies_in_every_stack(function):
        allowed = _allowed_partitions(policies, "Table.Arn")
        assert {name: on for name, on in allowed.items() if name not in UNBOUND_ACTIONS} == TABLE_ACTIONS[function]


@pytest.mark.parametrize("function", ["ShowMe", "CreateMe"])
def test_with_an_issuer_the_first_call_may_make_a_profile(function: str) -> None:
    stack = resources(TokenIssuer="https://idp.example.com", TokenAudience="app")

    allowed = _allowed_partitions(_policies(stack, function), "Table.Arn")

    making = ("ConditionCheckItem", "PutItem", "UpdateItem")
    assert allowed == {"dynamodb:GetItem": {"USR#"}} | {f"dynamodb:{name}": {"USR#", "HDL#"} for name in making}


@each_function
def test_one_key_beyond_a_functions_partitions_refuses_the_whole_request(function: str) -> None:
    for action, partitions in TABLE_ACTIONS[function].items():
        for keys_of_request, allowed in (([*partitions], True), ([*partitions, "OTHER#1"], False)):
            policies = _policies(_on(), function)
            assert _allows(policies, action, "Table.Arn", dynamodb__LeadingKeys=keys_of_request) == allowed


@each_function
def test_only_its_two_readers_read_the_stream_and_nobody_another_table(function: str) -> None:
    unbound = UNBOUND.get(function, set())
    for policies in _policies_in_every_stack(function):
        on_the_stream = STREAM_ACTIONS | unbound if function in UNBOUND else set()
        assert _allowed_partitions(policies, "Table.StreamArn").keys() == on_the_stream
        assert _allowed_partitions(policies, "arn:aws:dynamodb:us-east-1:123456789012:table/other").keys() == unbound


@each_function
def test_a_function_writes_its_own_logs_only(function: str) -> None:
    for policies in _policies_in_every_stack(function):
        assert _allows(policies, "logs:PutLogEvents", "FunctionLogs.Arn")
        assert not _allows(policies, "logs:PutLogEvents", "ApiLogs.Arn")
        assert not _allows(policies, "logs:CreateLogGroup", "FunctionLogs.Arn")


@each_function
def test_only_lambda_itself_may_make_and_remove_network_interfaces(function: str) -> None:
    # Also where there is no network any more: Lambda removes them some time after the functions have left it.
    for policies in _policies_in_every_stack(function):
        assert _allows(policies, "ec2:CreateNetworkInterface", "*")
        assert _allows(policies, "ec2:DeleteNetworkInterface", "*")
        from_code = {"lambda__SourceFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:any"}
        assert not _allows(policies, "ec2:CreateNetworkInterface", "*", **from_code)
        assert not _allows(policies, "ec2:RunInstances", "*")


def test_no_version_outlives_the_next() -> None:
    """It would keep its network interfaces, and so the subnets, and cost its SnapStart."""
    for stack in _every_stack():
        for version in _of_type(stack, "AWS::Lambda::Version"):
            assert stack[version]["DeletionPolicy"] == "Delete"


@each_function
def test_a_function_uses_keys_through_the_table_only(function: str) -> None:
    boundary = json.loads(_policies(_on(), function))[1]
    for document in boundary:
        as_policy = json.dumps([[document], []])
        assert _allows(as_policy, "kms:Decrypt", "Key.Arn", kms__ViaService="dynamodb.us-east-1.amazonaws.com")
        assert not _allows(as_policy, "kms:Decrypt", "Key.Arn")
    assert not _allows(_policies(_on(), function), "kms:Decrypt", "Key.Arn")


def test_only_functions_have_roles_and_policies_and_only_lambda_assumes_them() -> None:
    for stack in _every_stack():
        of_functions = [_properties(stack, function) for function in TABLE_ACTIONS]
        assert _of_type(stack, "AWS::Lambda::Function") == TABLE_ACTIONS.keys()
        assert _of_type(stack, "AWS::IAM::Role") == {function["Role"].removesuffix(".Arn") for function in of_functions}
        assert _of_type(stack, "AWS::IAM::ManagedPolicy") == {
            "BlockPolicy",
            "ChangePolicy",
            "FunctionBoundary",
            "SendPolicy",
            "SocketPolicy",
        }
        assert not _of_type(stack, "AWS::IAM::Policy") | _of_type(stack, "AWS::IAM::User")
        for name in _of_type(stack, "AWS::IAM::Role"):
            (trust,) = _properties(stack, name)["AssumeRolePolicyDocument"]["Statement"]
            assert (trust["Effect"], _list(trust["Action"])) == ("Allow", ["sts:AssumeRole"])
            assert _list(trust["Principal"]["Service"]) == ["lambda.amazonaws.com"]
            assert trust["Principal"].keys() == {"Service"}


def test_no_action_that_is_allowed_anywhere_is_a_wildcard_or_a_scan() -> None:
    statements = [
        statement
        for found in _values_of("Statement", _on())
        for statement in _list(found)
        if statement["Effect"] == "Allow"
    ]

    assert statements
    for statement in statements:
        assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys()
        for action in _list(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action)
            # A PartiQL SELECT can be a Scan too.
            assert action not in {"dynamodb:Scan", "dynamodb:PartiQLSelect"}


# The table's own policy

FUNCTION = "arn:aws:sts::123456789012:assumed-role/cruddur-messages-ShowUserRole-1/show-user"
OPERATOR = "arn:aws:iam::123456789012:role/operators/londo"


def _table_refuses(stack: Stack, action: str, principal: str = FUNCTION, **context: Any) -> bool:
    policy = _properties(stack, "Table")["ResourcePolicy"]["PolicyDocument"]
    decision = evaluate_resource_policy(policy, _request(action, "Table.Arn", principal, **context)).decision
    assert decision != "Allow"  # what is allowed is in the roles
    return bool(decision == "Deny")


def test_the_table_refuses_every_request_that_is_not_encrypted_in_transit() -> None:
    for stack, action in product((_on(), _off()), ALL_ACTIONS):
        assert _table_refuses(stack, action, tls=False, aws__SourceVpc="Network")
        assert not _table_refuses(stack, action, aws__SourceVpc="Network")


def test_only_the_network_and_operators_reach_items_once_they_are_named() -> None:
    for network, operator in product(PARAMETERS["PrivateNetwork"], PARAMETERS["OperatorRole"]):
        stack = resources(PrivateNetwork=network, OperatorRole=operator)
        closed = (network, operator) == ("true", PARAMETERS["OperatorRole"][1])
        for action in ITEM_ACTIONS:
            assert not _table_refuses(stack, action, aws__SourceVpc="Network")
            assert _table_refuses(stack, action) == closed
            assert _table_refuses(stack, action, aws__SourceVpc="vpc-of-somebody-else") == closed
            assert not _table_refuses(stack, action, OPERATOR)
            for function in OUTSIDE:
                role = f"arn:aws:iam::123456789012:role/cruddur-messages-{function}Role-1"
                assert not _table_refuses(stack, action, role)
                assert _table_refuses(stack, action, role.replace("messages", "others")) == closed


def test_the_network_locks_nobody_out_of_managing_the_table() -> None:
    for action in ALL_ACTIONS - ITEM_ACTIONS:
        assert not _table_refuses(_on(), action)


# Effects of the parameters


def test_optional_resources_are_absent_by_default() -> None:
    costly = {"AWS::KMS::Key", "AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::CloudTrail::Trail", "AWS::S3::Bucket"}
    optional = costly | {"AWS::Config::ConfigRule"}

    assert resources() == resources(**OFF | {"DeletionProtection": "true"})
    assert not {resource["Type"] for resource in _off().values()} & optional
    assert {resource["Type"] for resource in _on().values()} >= optional


def test_a_customer_managed_key_encrypts_the_table_and_the_failure_queue() -> None:
    assert _properties(_off(), "Table")["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert _properties(_on(), "Table")["SSESpecification"]["KMSMasterKeyId"] == "Key.Arn"
    assert _properties(_off(), "FailureQueue")["SqsManagedSseEnabled"] is True
    assert _properties(_on(), "FailureQueue")["SqsManagedSseEnabled"] is False
    assert _properties(_on(), "FailureQueue")["KmsMasterKeyId"] == "Key"
    assert _properties(_on(), "Key")["EnableKeyRotation"] is True
    # Backups need it longer than the stack does.
    assert _on()["Key"]["DeletionPolicy"] == _on()["Key"]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize(
    ("principal", "context", "allowed"),
    [
        (FUNCTION, {"kms__ViaService": "dynamodb.us-east-1.amazonaws.com", "kms__CallerAccount": "123456789012"}, True),
        (FUNCTION, {"kms__ViaService": "sqs.us-east-1.amazonaws.com", "kms__CallerAccount": "123456789012"}, True),
        (FUNCTION, {"kms__ViaService": "s3.us-east-1.amazonaws.com", "kms__CallerAccount": "123456789012"}, False),
        (FUNCTION, {"kms__ViaService": "dynamodb.us-east-1.amazonaws.com", "kms__CallerAccount": "2"}, False),
        (FUNCTION, {"kms__CallerAccount": "123456789012"}, False),
        ("arn:aws:iam::123456789012:root", {"kms__CallerAccount": "123456789012"}, False),
    ],
)
def test_the_key_is_used_through_the_table_and_the_queue_only(
    principal: str, context: dict[str, Any], allowed: bool
) -> None:
    policy = _properties(_on(), "Key")["KeyPolicy"]
    for action in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"):
        decision = evaluate_resource_policy(policy, _request(action, "Key.Arn", principal, **context)).decision
        assert (decision == "Allow") == allowed


def test_the_account_can_manage_the_key() -> None:
    root = "arn:aws:iam::123456789012:root"
    for action in ("kms:PutKeyPolicy", "kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"):
        request = _request(action, "Key.Arn", root)
        assert evaluate_resource_policy(_properties(_on(), "Key")["KeyPolicy"], request).decision == "Allow"


@each_function
def test_only_functions_that_push_may_use_sockets_and_only_of_this_stack(function: str) -> None:
    arn = "arn:aws:execute-api:us-east-1:123456789012"
    for stack in (_on(), _off()):
        policies = _policies(stack, function)
        for method in ("POST", "DELETE"):
            resource = f"{arn}:SocketApi/live/{method}/@connections/1"
            assert _allows(policies, "execute-api:ManageConnections", resource) == (function in OUTSIDE)
            assert not _allows(policies, "execute-api:ManageConnections", resource.replace("SocketApi", "other"))
            assert not _allows(policies, "execute-api:Invoke", resource)


def test_a_socket_opens_with_a_ticket_only() -> None:
    api = _properties(_on(), "SocketApiConnectAuthorizer")
    routes = {name: _properties(_on(), name) for name in _of_type(_on(), "AWS::ApiGatewayV2::Route")}

    assert api["AuthorizerType"] == "REQUEST"
    assert api["IdentitySource"] == ["route.request.querystring.ticket"]
    assert {name: route.get("AuthorizationType") for name, route in routes.items()} == {
        "SocketApiConnectRoute": "CUSTOM",
        "SocketApiDisconnectRoute": None,
        "SocketApiDefaultRoute": None,
    }


def test_sockets_have_no_access_log() -> None:
    # It would need a role for the whole account, and hold the tickets of the query strings if somebody asked for them.
    assert "AccessLogSettings" not in _properties(_on(), "SocketApiliveStage")


def test_every_possible_function_is_in_the_network_and_it_leads_only_to_the_table() -> None:
    for function in TABLE_ACTIONS:
        assert "VpcConfig" not in _properties(_off(), function)
        if function in OUTSIDE:
            assert "VpcConfig" not in _properties(_on(), function)
            continue
        assert _properties(_on(), function)["VpcConfig"] == {
            "SecurityGroupIds": ["FunctionSecurityGroup"],
            "SubnetIds": ["SubnetA", "SubnetB"],
        }
    ways_out = {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::TransitGateway"}
    assert not {resource["Type"] for resource in _on().values()} & ways_out
    assert _of_type(_on(), "AWS::EC2::VPCEndpoint") == {"TableEndpoint"}
    assert "SecurityGroupIngress" not in _properties(_on(), "FunctionSecurityGroup")
    for subnet in _of_type(_on(), "AWS::EC2::Subnet"):
        assert not _properties(_on(), subnet).get("MapPublicIpOnLaunch")


@each_function
def test_a_parameter_that_changes_a_function_publishes_a_version_and_no_other_does(function: str) -> None:
    # SAM notices neither; and Lambda refuses a version of an unchanged function.
    others = {
        "PythonRuntime": "python3.13",
        "Architecture": "x86_64",
        "AllowedOrigins": "*",
        "MessageMaxChars": "99",
        "LogRetentionDays": "7",
        "SnapStart": "true",
        "Tracing": "true",
        "FullMonitoring": "false",
    }
    for name, value in (ON | others).items():
        before, after = _off(), resources(**OFF | {name: value})
        (version,) = (one for one in _of_type(after, "AWS::Lambda::Version") if one.startswith(f"{function}Version"))
        changed = _properties(before, function) != _properties(after, function)
        assert (_properties(before, version) != _properties(after, version)) == changed


def test_the_defaults_are_the_newest_python_on_arm_without_hourly_costs() -> None:
    """No test deploys them where this Python is missing."""
    stack = resources()
    for name in TABLE_ACTIONS:
        function = _properties(stack, name)
        assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["arm64"])
        assert function["SnapStart"] == {"ApplyOn": "None"}
        assert function["TracingConfig"] == {"Mode": "PassThrough"}
    for layer in _of_type(stack, "AWS::Lambda::LayerVersion"):
        assert _properties(stack, layer)["CompatibleRuntimes"] == ["python3.14"]


@each_function
def test_snapshots_are_for_functions_that_are_called_often_and_by_a_python_that_has_them(function: str) -> None:
    """AWS drops a snapshot that nobody used for 14 days, and the next call fails: a sign-up would."""
    for runtime, expected in (("python3.11", "None"), ("python3.14", "PublishedVersions")):
        found = _properties(resources(SnapStart="true", PythonRuntime=runtime), function)["SnapStart"]["ApplyOn"]
        assert found == ("None" if function in {"PreSignUp", "PostConfirmation"} else expected)


@each_function
def test_traces_are_recorded_if_asked_for(function: str) -> None:
    assert _properties(resources(Tracing="true"), function)["TracingConfig"] == {"Mode": "Active"}


def test_the_endpoint_allows_only_the_functions_actions() -> None:
    policy = _properties(_on(), "TableEndpoint")["PolicyDocument"]
    through = {
        action
        for action in ALL_ACTIONS
        if evaluate_resource_policy(policy, _request(action, "Table.Arn", FUNCTION)).decision == "Allow"
    }
    other = {
        action
        for action in ALL_ACTIONS
        if evaluate_resource_policy(policy, _request(action, "Other.Arn", FUNCTION)).decision == "Allow"
    }

    assert through == {
        action for function, actions in TABLE_ACTIONS.items() if function not in OUTSIDE for action in actions
    }
    assert not other


def test_the_trail_records_the_items_of_this_table_and_its_bucket_is_closed() -> None:
    trail, bucket = _properties(_on(), "Trail"), _properties(_on(), "TrailBucket")
    (selector,) = trail["AdvancedEventSelectors"]

    assert {one["Field"]: one["Equals"] for one in selector["FieldSelectors"]} == {
        "eventCategory": ["Data"],
        "resources.type": ["AWS::DynamoDB::Table"],
        "resources.ARN": ["Table.Arn"],
    }
    assert trail["IsLogging"] is trail["EnableLogFileValidation"] is True
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert _on()["TrailBucket"]["DeletionPolicy"] == "Retain"
    *allowed, refused = sorted(
        _properties(_on(), "TrailBucketPolicy")["PolicyDocument"]["Statement"], key=lambda one: one["Effect"]
    )
    assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    for statement in allowed:
        assert statement["Effect"] == "Allow"
        assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert statement["Condition"]["StringEquals"]["aws:SourceArn"].endswith(f":trail/{trail['TrailName']}")


def test_config_rules_watch_this_table() -> None:
    rules = [_properties(_on(), name) for name in _of_type(_on(), "AWS::Config::ConfigRule")]

    assert {rule["Source"]["SourceIdentifier"] for rule in rules} == {
        "DYNAMODB_PITR_ENABLED",
        "DYNAMODB_TABLE_DELETION_PROTECTION_ENABLED",
        "DYNAMODB_TABLE_ENCRYPTED_KMS",
    }
    for rule in rules:
        assert rule["Scope"]["ComplianceResourceId"] == "Table"


def test_a_second_factor_is_an_authenticator_app() -> None:
    assert _properties(_off(), "UserPool")["MfaConfiguration"] == "OFF"
    for mfa in ("OPTIONAL", "ON"):
        pool = _properties(resources(Mfa=mfa), "UserPool")
        assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == (mfa, ["SOFTWARE_TOKEN_MFA"])


def test_people_sign_up_by_themselves_only_if_enabled() -> None:
    """Otherwise SignUp does not reveal whether an address has an account."""
    assert _properties(resources(), "UserPool")["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    pool = _properties(resources(SelfSignUp="true"), "UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": False}


def test_sign_ups_are_checked_before_there_is_an_account_and_completed_after_its_confirmation() -> None:
    """With a refusal at confirmation only, the person would have an account and no profile."""
    triggers = _properties(resources(), "UserPool")["LambdaConfig"]
    assert triggers == {"PreSignUp": "PreSignUpAliaslive", "PostConfirmation": "PostConfirmationAliaslive"}


def test_an_address_counts_when_it_is_verified() -> None:
    for parameters in (OFF, ON):
        pool = _properties(resources(**parameters), "UserPool")
        assert pool["UserAttributeUpdateSettings"] == {"AttributesRequireVerificationBeforeUpdate": ["email"]}
        assert pool["AutoVerifiedAttributes"] == ["email"]


def test_mails_come_by_ses_if_enabled() -> None:
    assert _properties(_off(), "UserPool")["EmailConfiguration"] == {"EmailSendingAccount": "COGNITO_DEFAULT"}
    assert _properties(_on(), "UserPool")["EmailConfiguration"] == {
        "EmailSendingAccount": "DEVELOPER",
        "From": "messages@cruddur.example",
        "SourceArn": "arn:aws:ses:us-east-1:123456789012:identity/cruddur.example",
    }


def test_on_aws_no_password_leaves_the_client() -> None:
    client = _properties(resources(), "UserPoolClient")
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH"]
    local = _properties(resources(LocalEndpoint="http://127.0.0.1:4566"), "UserPoolClient")
    assert local["ExplicitAuthFlows"] == ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]


def test_a_refresh_token_is_valid_once_and_for_the_configured_time() -> None:
    """Rotation requires GetTokensFromRefreshToken; it excludes REFRESH_TOKEN_AUTH and its flow."""
    for days in ("1", "365"):
        client = _properties(resources(RefreshTokenDays=days), "UserPoolClient")
        assert client["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 60}
        assert "ALLOW_REFRESH_TOKEN_AUTH" not in client["ExplicitAuthFlows"]
        assert client["RefreshTokenValidity"] == days
        assert client["TokenValidityUnits"] == {"RefreshToken": "days"}
        assert client["EnableTokenRevocation"] is True


def test_cloudfront_keeps_no_error_of_the_api() -> None:
    """CloudFront would cache these statuses for 10 s, whatever the headers: others would see one person's 404."""
    distribution = _properties(resources(WebClient="true"), "WebDistribution")["DistributionConfig"]
    kept = {one["ErrorCode"]: one["ErrorCachingMinTTL"] for one in distribution["CustomErrorResponses"]}

    assert kept == dict.fromkeys((400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504), 0)


def test_everything_that_can_be_tagged_is() -> None:
    untagged = {
        resource["Type"]
        for resource in _on().values()
        if (property_name := _tag_property(resource["Type"])) and not _is_tagged(resource["Properties"], property_name)
    }

    # SAM gives event source mappings no tags: those of the stack (`sam deploy --tags`) reach them.
    assert untagged == {"AWS::Lambda::EventSourceMapping"}


def _tag_property(kind: str) -> str | None:
    """The name of a type's tags property; None if it has none."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # takes each worker of the tests a second

    tagging = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("tagging", {})
    return tagging["tagProperty"].removeprefix("/properties/") if tagging.get("taggable", True) else None


def _is_tagged(properties: dict[str, Any], property_name: str) -> bool:
    match properties.get(property_name):
        case dict(tags):
            return "service" in tags
        case list(tags):
            return "service" in {tag["Key"] for tag in tags}
    # SAM writes the tags of an API into its OpenAPI body.
    return "service" in {tag["name"] for tag in properties.get("Body", {}).get("tags", [])}


def _properties(stack: Stack, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = stack[name]["Properties"]
    return properties


def _of_type(stack: Stack, kind: str) -> set[str]:
    """The logical ids of the resources of a type."""
    return {name for name, resource in stack.items() if resource["Type"] == kind}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _values_of(key: str, within: Any) -> Iterator[Any]:
    """The values of every key of this name, however deep."""
    match within:
        case dict():
            for name, value in within.items():
                if name == key:
                    yield value
                yield from _values_of(key, value)
        case list():
            for value in within:
                yield from _values_of(key, value)
