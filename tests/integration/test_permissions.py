"""Every function, action, partition and circumstance, judged by two implementations of IAM.

The expected decisions follow docs/access_patterns.md: TABLE_ACTIONS for items, the lists below for everything else.

The judges disagree on one question, which no row asks: whether a boundary limits a permission that a key policy gives
to everyone. ministack says yes, iam-simulate no.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from tests.support.iam import ACCOUNT, Policies, Request, by_iam_simulate, by_ministack
from tests.support.prepare import has_iam_simulate
from tests.support.processed import resources
from tests.unit.test_security import (
    ITEM_ACTIONS,
    OFF,
    ON,
    OUTSIDE,
    PARTITIONS,
    SAM_POLICIES,
    STREAM_ACTIONS,
    TABLE_ACTIONS,
)

TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/cruddur-messages-Table-1"
STREAM = f"{TABLE}/stream/2026-01-01T00:00:00.000"
OTHER_TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/other"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
OTHER_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/other"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:cruddur-messages-FailureQueue-1"
LOGS = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/cruddur-messages"
SOCKETS = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:SocketApi"
INTERFACE = f"arn:aws:ec2:us-east-1:{ACCOUNT}:network-interface/eni-1"
# References to attributes, which the processed template leaves by name.
ARNS = {
    "Table.Arn": TABLE,
    "Table.StreamArn": STREAM,
    "Key.Arn": KEY,
    "FailureQueue.Arn": QUEUE,
    "FunctionLogs.Arn": f"{LOGS}:*",
}

TLS = {"aws:SecureTransport": "true"}
FROM_CODE = {"lambda:SourceFunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:any"}
VIA_TABLE = {"kms:ViaService": "dynamodb.us-east-1.amazonaws.com", "kms:CallerAccount": ACCOUNT}
VIA_QUEUE = VIA_TABLE | {"kms:ViaService": "sqs.us-east-1.amazonaws.com"}

EVERY = set(TABLE_ACTIONS)
NOBODY: set[str] = set()
STREAM_READERS = {"StreamHandler", "Push"}

# Requests to anything but items: action, resource, condition keys, and the functions that may make it.
Row = tuple[str, str, dict[str, str], set[str]]
ELSEWHERE: list[Row] = [
    ("dynamodb:DeleteTable", TABLE, {}, NOBODY),
    ("dynamodb:DescribeTable", TABLE, {}, NOBODY),
    ("dynamodb:ExportTableToPointInTime", TABLE, {}, NOBODY),
    ("dynamodb:PutResourcePolicy", TABLE, {}, NOBODY),
    ("dynamodb:UpdateTable", TABLE, {}, NOBODY),
    *((action, STREAM, {}, STREAM_READERS) for action in sorted(STREAM_ACTIONS)),
    ("dynamodb:GetRecords", f"{OTHER_TABLE}/stream/1", {}, NOBODY),
    ("dynamodb:ListStreams", "*", {}, STREAM_READERS),
    ("dynamodb:ListTables", "*", {}, NOBODY),
    ("execute-api:ManageConnections", f"{SOCKETS}/live/POST/@connections/1", {}, OUTSIDE),
    ("execute-api:ManageConnections", f"{SOCKETS}/live/DELETE/@connections/1", {}, OUTSIDE),
    ("execute-api:ManageConnections", f"{SOCKETS}/live/GET/@connections/1", {}, NOBODY),
    ("execute-api:ManageConnections", f"{SOCKETS}/other/POST/@connections/1", {}, NOBODY),
    ("execute-api:ManageConnections", f"{SOCKETS}Other/live/POST/@connections/1", {}, NOBODY),
    ("execute-api:Invoke", f"{SOCKETS}/live/POST/@connections/1", {}, NOBODY),
    ("sqs:SendMessage", QUEUE, {}, {"StreamHandler"}),
    ("sqs:SendMessage", f"{QUEUE}-other", {}, NOBODY),
    ("sqs:ReceiveMessage", QUEUE, {}, NOBODY),
    ("logs:CreateLogStream", f"{LOGS}:log-stream:1", {}, EVERY),
    ("logs:CreateLogStream", f"{LOGS}-other:log-stream:1", {}, NOBODY),
    ("logs:PutLogEvents", f"{LOGS}:log-stream:1", {}, EVERY),
    ("logs:PutLogEvents", f"{LOGS}-other:log-stream:1", {}, NOBODY),
    ("logs:CreateLogGroup", LOGS, {}, NOBODY),
    ("xray:PutTraceSegments", "*", {}, EVERY),
    ("xray:PutTelemetryRecords", "*", {}, EVERY),
    ("xray:GetTraceSummaries", "*", {}, NOBODY),
    *(
        (f"ec2:{action}", resource, context, functions)  # by Lambda, which makes network interfaces, not by code
        for action, resource in (
            ("AssignPrivateIpAddresses", INTERFACE),
            ("CreateNetworkInterface", INTERFACE),
            ("DeleteNetworkInterface", INTERFACE),
            ("DescribeNetworkInterfaces", "*"),
            ("DescribeSubnets", "*"),
            ("UnassignPrivateIpAddresses", INTERFACE),
        )
        for context, functions in (({}, EVERY), (FROM_CODE, NOBODY))
    ),
]
# Further ones of a closed stack, which has a key.
CLOSED: list[Row] = [
    *((f"kms:{action}", KEY, VIA_TABLE, EVERY) for action in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey")),
    *((f"kms:{action}", KEY, {}, NOBODY) for action in ("Decrypt", "PutKeyPolicy", "ScheduleKeyDeletion")),
    ("kms:Decrypt", KEY, VIA_TABLE | {"kms:ViaService": "s3.us-east-1.amazonaws.com"}, NOBODY),
    ("kms:Decrypt", KEY, VIA_TABLE | {"kms:CallerAccount": "2"}, NOBODY),
    ("kms:Decrypt", KEY, VIA_TABLE | {"kms:EncryptionContext:aws:dynamodb:tableName": "any"}, EVERY),
]
# Actions on the key: its administration by the account, and its use, through the table and the queue only.
ADMINISTRATION = {
    *("CancelKeyDeletion", "DescribeKey", "DisableKey", "EnableKey", "EnableKeyRotation", "GetKeyPolicy"),
    *("GetKeyRotationStatus", "ListGrants", "ListResourceTags", "PutKeyPolicy", "RevokeGrant", "ScheduleKeyDeletion"),
    *("TagResource", "UntagResource", "UpdateKeyDescription"),
}
USE = {"Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"}
CREATION = {"CreateGrant", "GenerateDataKeyWithoutPlaintext"}  # by those who create the table and the queue


pytestmark = pytest.mark.skipif(not has_iam_simulate(), reason="iam-simulate is not here. Install it: make prepare")


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_both_judges_allow_each_function_its_access_patterns_and_nothing_else(closed: bool) -> None:
    """A closed stack has every parameter on: only its network and operators reach its items."""
    expected = _expected(closed)
    requests = [request for request, _ in expected]
    policies = _policies(closed)

    for judge in (by_iam_simulate, by_ministack):
        decisions = judge(policies, requests)
        assert [pair for pair, decided in zip(expected, decisions, strict=True) if pair[1] != decided] == []


def test_no_statement_can_be_wider_or_narrower_unnoticed() -> None:
    policies = _policies(closed=True)
    expected = _expected(closed=True)
    changed: dict[str, Any] = dict(policies)
    noticed = {}
    for name in policies.keys() - SAM_POLICIES.keys() - {"anything", "OtherKey"}:
        concerned = [(request, allowed) for request, allowed in expected if _applies(name, request)]
        for what, actions, mutant in _mutants(policies[name]):
            change = f"{name}: {what}"
            changed[change] = mutant
            # The first may become the question on which the judges disagree.
            for request, allowed in reversed(concerned):
                if request.action in actions or "dynamodb:*" in actions:
                    under_change = _under(request, name, change)
                    if by_ministack(changed, [under_change]) != [allowed]:
                        noticed[change] = (under_change, not allowed)
                        break

    equal = {change for change in changed if change.endswith(" as it is")}
    # No action on AWS: only the deployed ministack asks for it (tests/e2e/test_access.py).
    equal.add("StreamHandlerRole: RunStatements removed")
    assert changed.keys() - policies.keys() - noticed.keys() == equal
    requests, wrong = zip(*noticed.values(), strict=True)
    assert by_iam_simulate(changed, requests) == [*wrong]


# The policies of a stack


def _policies(closed: bool) -> Policies:
    """By name; a role's own policy has the name of the role."""
    found = {name: _allowing(actions) for name, actions in SAM_POLICIES.items()} | {"anything": _allowing("*")}
    for name, resource in _stack(closed).items():
        match resource:
            case {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}:
                found[name] = policy["PolicyDocument"]
            case {
                "Type": "AWS::IAM::ManagedPolicy" | "AWS::EC2::VPCEndpoint",
                "Properties": {"PolicyDocument": policy},
            }:
                found[name] = policy
            case {"Properties": {"ResourcePolicy": {"PolicyDocument": policy}} | {"KeyPolicy": policy}}:
                found[name] = policy
    found["OtherKey"] = _allowing("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    text = json.dumps(found)
    for name, arn in ARNS.items():
        text = text.replace(f'"{name}"', f'"{arn}"')
    policies: Policies = json.loads(text)
    return policies


def _allowing(actions: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*", **more}]}


def _stack(closed: bool) -> dict[str, dict[str, Any]]:
    return resources(**(ON if closed else OFF))


# The requests, each with whether it is allowed


def _expected(closed: bool) -> list[tuple[Request, bool]]:
    expected = []
    stack = _stack(closed)
    for function, actions in TABLE_ACTIONS.items():
        caller = _caller(stack, function)
        expected += list(_items(caller, actions, reachable=not closed or function in OUTSIDE))
        for action, resource, context, functions in ELSEWHERE + (CLOSED if closed else []):
            expected.append((_ask(caller, action, resource, **context), function in functions))
    return expected + list(_limits(replace(_caller(stack, "Push"), identity=("anything",)), closed=closed))


def _caller(stack: dict[str, dict[str, Any]], function: str) -> Request:
    """A function's request, but for action and resource."""
    role_name = stack[function]["Properties"]["Role"].removesuffix(".Arn")
    role = stack[role_name]["Properties"]
    in_network = "VpcConfig" in stack[function]["Properties"]
    return Request(
        principal=f"arn:aws:iam::{ACCOUNT}:role/cruddur-messages-{role_name}-1",
        context=TLS | ({"aws:SourceVpc": "Network"} if in_network else {}),
        identity=(*role.get("ManagedPolicyArns", ()), *([role_name] if "Policies" in role else [])),
        boundary=role.get("PermissionsBoundary"),
        endpoint="TableEndpoint" if in_network else None,
    )


def _ask(caller: Request, action: str, resource: str, **context: Any) -> Request:
    return replace(
        caller,
        action=action,
        resource=resource,
        context={"aws:PrincipalArn": caller.principal, **caller.context, **context},
        resource_policy={TABLE: "Table", KEY: "Key", OTHER_KEY: "OtherKey"}.get(resource),
        # Lambda, from outside the network, reads the stream and writes to the queue and the logs.
        endpoint=caller.endpoint if resource in (TABLE, OTHER_TABLE) else None,
    )


def _items(caller: Request, used: dict[str, set[str]], *, reachable: bool) -> Iterator[tuple[Request, bool]]:
    """Requests to items. `reachable`: the caller's are allowed from any network."""
    for action, partition in product(sorted(ITEM_ACTIONS), sorted(PARTITIONS)):
        leading_keys = {"dynamodb:LeadingKeys": [f"{partition}1"]}
        yield _ask(caller, action, TABLE, **leading_keys), partition in used.get(action, ())
    for action, partitions in used.items():
        keys = [f"{partition}1" for partition in sorted(partitions)]
        for resource, context, allowed in (
            (TABLE, {"dynamodb:EnclosingOperation": "TransactWriteItems"}, True),
            (TABLE, {"dynamodb:Attributes": ["message"], "dynamodb:Select": "SPECIFIC_ATTRIBUTES"}, True),
            (TABLE, {"dynamodb:LeadingKeys": [*keys, "OTHER#1"]}, False),
            (TABLE, {"dynamodb:LeadingKeys": [keys[0].replace("#", "X#")]}, False),
            (TABLE, {"aws:SecureTransport": "false"}, False),
            (TABLE, {"aws:SourceVpc": "vpc-of-somebody-else"}, reachable),
            (OTHER_TABLE, {}, False),
        ):
            yield _ask(caller, action, resource, **{"dynamodb:LeadingKeys": keys, **context}), allowed


def _limits(bounded: Request, *, closed: bool) -> Iterator[tuple[Request, bool]]:
    """Requests by roles that any permission is attached to: a function's, an operator's, an administrator's."""
    in_boundary = {action for name in EVERY - {"StreamHandler"} for action in TABLE_ACTIONS[name]}
    in_boundary.add("dynamodb:ConditionCheckItem")  # of a first call, where people are an issuer's
    through_endpoint = {action for name in EVERY - OUTSIDE for action in TABLE_ACTIONS[name]}
    operator = Request(f"arn:aws:iam::{ACCOUNT}:role/operators/londo", identity=("anything",), context=TLS)
    administrator = replace(operator, principal=f"arn:aws:iam::{ACCOUNT}:role/administrator")
    inside = replace(administrator, endpoint="TableEndpoint", context=TLS | {"aws:SourceVpc": "Network"})
    for action in sorted(ITEM_ACTIONS):
        yield _ask(bounded, action, TABLE), action in in_boundary
        yield _ask(bounded, action, OTHER_TABLE), False
        yield _ask(operator, action, TABLE), True
        yield _ask(administrator, action, TABLE), not closed
        yield _ask(administrator, action, TABLE, **{"aws:SecureTransport": "false"}), False
        if closed:
            yield _ask(inside, action, TABLE), action in through_endpoint
            yield _ask(inside, action, OTHER_TABLE), False
    for action, resource, context, functions in ELSEWHERE:
        yield _ask(bounded, action, resource, **context), bool(functions - {"StreamHandler"})
        yield _ask(administrator, action, resource, **context), True
    for action in sorted(ADMINISTRATION) if closed else ():
        yield _ask(administrator, f"kms:{action}", KEY), True
    for action in sorted(USE | CREATION) if closed else ():
        yield _ask(administrator, f"kms:{action}", KEY), False
        yield _ask(administrator, f"kms:{action}", KEY, **VIA_TABLE), True
        yield _ask(administrator, f"kms:{action}", KEY, **VIA_QUEUE), True
    for action in sorted(USE | CREATION | {"DescribeKey"}) if closed else ():
        yield _ask(bounded, f"kms:{action}", OTHER_KEY), False
        yield _ask(bounded, f"kms:{action}", OTHER_KEY, **VIA_TABLE), action not in CREATION


# Policies with one statement wider or narrower


def _mutants(policy: Any) -> Iterator[tuple[str, list[str], Any]]:
    """The change, the actions it concerns, the changed policy."""
    statements = _list(policy["Statement"])
    for number, statement in enumerate(statements):
        for change, actions, changed in _changes(statement):
            mutant = policy | {"Statement": [*statements[:number], *changed, *statements[number + 1 :]]}
            yield f"{statement.get('Sid', number)} {change}", actions, mutant


def _changes(statement: dict[str, Any]) -> Iterator[tuple[str, list[str], list[dict[str, Any]]]]:
    actions = _list(statement["Action"])
    arns = _list(statement["Resource"])
    yield "as it is", actions, [statement]
    yield "removed", actions, []
    for action in actions if len(actions) > 1 else ():
        yield f"without {action}", [action], [statement | {"Action": _without(actions, action)}]
    for arn in arns if len(arns) > 1 else ():
        yield f"without {arn}", actions, [statement | {"Resource": _without(arns, arn)}]
    match statement:
        case {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [_, _, *_] as keys}}}:
            for key in keys:
                others = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": _without(keys, key)}}
                yield f"without {key}", actions, [statement | {"Condition": others}]
    if "Condition" in statement:
        yield "without condition", actions, [{key: value for key, value in statement.items() if key != "Condition"}]
    if arns != ["*"]:
        yield "for every resource", actions, [statement | {"Resource": "*"}]
    if arns == [TABLE]:
        yield "with Scan", ["dynamodb:Scan"], [statement | {"Action": [*actions, "dynamodb:Scan"]}]


def _without(values: list[str], value: str) -> list[str]:
    return [other for other in values if other != value]


def _applies(policy: str, request: Request) -> bool:
    return policy in (*request.identity, request.boundary, request.endpoint, request.resource_policy)


def _under(request: Request, policy: str, changed: str) -> Request:
    """The request under a changed policy. That of a role counts alone, without boundary and endpoint."""
    if policy in request.identity:
        identity = tuple(changed if name == policy else name for name in request.identity)
        return replace(request, identity=identity, boundary=None, endpoint=None)
    limits = {"boundary": request.boundary, "endpoint": request.endpoint, "resource_policy": request.resource_policy}
    return replace(request, **{limit: changed for limit, name in limits.items() if name == policy})  # type: ignore[arg-type]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
