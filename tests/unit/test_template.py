"""template.yaml, read as it stands: who may do what, and how the table and its stream are kept."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from messaging import keys, retry
from messaging import people as people_module
from messaging.items import Head, Message, Person
from operators.schema import TEMPLATE, template

ROOT = TEMPLATE.parent
LOADED = template()
RESOURCES: dict[str, dict[str, Any]] = LOADED["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = LOADED["Parameters"]
LONGEST_REQUEST = 8  # seconds, see messaging.table.open_table

# What each function may do to the table, and to which partitions. Nothing else, see the tests below.
TABLE_ACTIONS: dict[str, dict[str, set[str]]] = {
    "ListMessages": {
        "dynamodb:Query": {"MSG#*"},
        "dynamodb:GetItem": {"MSG#*"},
    },
    "ListMessageGroups": {
        "dynamodb:Query": {"GRP#*"},
    },
    "CreateMessageGroup": {
        "dynamodb:BatchGetItem": {"USR#*", "HDL#*"},
        "dynamodb:GetItem": {"MSG#*"},
        "dynamodb:UpdateItem": {"MSG#*"},
        "dynamodb:PutItem": {"MSG#*", "MID#*", "GRP#*"},
    },
    "CreateMessage": {
        "dynamodb:BatchGetItem": {"USR#*", "HDL#*"},
        "dynamodb:GetItem": {"MSG#*"},
        "dynamodb:UpdateItem": {"MSG#*"},
        "dynamodb:PutItem": {"MSG#*", "MID#*", "GRP#*"},
    },
    "FindMessageGroup": {
        "dynamodb:GetItem": {"HDL#*", "MSG#*"},
    },
    "ShowUser": {
        "dynamodb:GetItem": {"HDL#*"},
    },
    "PostConfirmation": {
        "dynamodb:PutItem": {"USR#*", "HDL#*"},
    },
    "StreamHandler": {
        "dynamodb:PartiQLInsert": {"GRP#*"},
        "dynamodb:PartiQLDelete": {"GRP#*"},
        "dynamodb:PutItem": {"GRP#*"},
        "dynamodb:ConditionCheckItem": {"MSG#*"},
        "dynamodb:GetItem": {"MSG#*"},
    },
}

# What is not done to items, so that no partition can be named: the action, and what it is allowed on.
OTHER_ACTIONS: dict[str, dict[str, object]] = {
    "StreamHandler": {
        "dynamodb:DescribeStream": {"!GetAtt": "Table.StreamArn"},
        "dynamodb:GetRecords": {"!GetAtt": "Table.StreamArn"},
        "dynamodb:GetShardIterator": {"!GetAtt": "Table.StreamArn"},
        "dynamodb:ListStreams": "*",
        "dynamodb:BatchExecuteStatement": "*",
        "sqs:SendMessage": {"!GetAtt": "FailureQueue.Arn"},
        "logs:CreateLogStream": {"!GetAtt": "FunctionLogs.Arn"},
        "logs:PutLogEvents": {"!GetAtt": "FunctionLogs.Arn"},
        "xray:PutTelemetryRecords": "*",
        "xray:PutTraceSegments": "*",
    },
}

ROUTES = {
    "ListMessages": "GET /api/messages/{message_group_uuid}",
    "ListMessageGroups": "GET /api/message_groups",
    "CreateMessageGroup": "POST /api/message_groups",
    "CreateMessage": "POST /api/messages",
    "FindMessageGroup": "GET /api/message_groups/{handle}",
    "ShowUser": "GET /api/users/{handle}/short",
}


def _of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by their logical ids."""
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


FUNCTIONS = _of_type("AWS::Serverless::Function")
each_function = pytest.mark.parametrize("name", FUNCTIONS)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(function: dict[str, Any]) -> list[dict[str, Any]]:
    """All that a function's role is made of."""
    statements: list[dict[str, Any]] = []
    for policy in function.get("Policies", []):
        match policy:
            case {"!Ref": name}:
                statements += _list(RESOURCES[name]["Properties"]["PolicyDocument"]["Statement"])
            case {"Statement": written}:
                statements += _list(written)
            case _:
                raise AssertionError(f"A policy that this test cannot read: {policy}")
    if "Role" in function:
        role = RESOURCES[function["Role"]["!GetAtt"].removesuffix(".Arn")]["Properties"]
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            statements += _list(policy["PolicyDocument"]["Statement"])
    return statements


def _touches_items(statement: dict[str, Any]) -> bool:
    return any(
        action.startswith("dynamodb:") and action not in OTHER_ACTIONS["StreamHandler"]
        for action in _list(statement["Action"])
    )


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


# What the roles allow


def test_every_function_is_in_the_table_of_what_functions_may_do() -> None:
    assert TABLE_ACTIONS.keys() == FUNCTIONS.keys()


@each_function
def test_a_role_allows_on_the_table_what_its_function_does_and_nothing_else(name: str) -> None:
    allowed: dict[str, set[str]] = {}
    for statement in filter(_touches_items, _statements(FUNCTIONS[name])):
        for action in _list(statement["Action"]):
            allowed.setdefault(action, set()).update(
                statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            )

    assert allowed == TABLE_ACTIONS[name]


@each_function
def test_a_role_allows_beside_the_table_what_its_function_needs_and_nothing_else(name: str) -> None:
    others = [statement for statement in _statements(FUNCTIONS[name]) if not _touches_items(statement)]

    allowed = {action: statement["Resource"] for statement in others for action in _list(statement["Action"])}
    assert allowed == OTHER_ACTIONS.get(name, {})


@each_function
def test_a_statement_about_items_is_an_allow_on_the_table_with_its_partitions(name: str) -> None:
    statements = list(filter(_touches_items, _statements(FUNCTIONS[name])))

    assert statements
    for statement in statements:
        assert statement["Effect"] == "Allow"
        assert statement["Resource"] == {"!GetAtt": "Table.Arn"}
        assert statement["Condition"].keys() == {"ForAllValues:StringLike"}
        assert statement["Condition"]["ForAllValues:StringLike"].keys() == {"dynamodb:LeadingKeys"}
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}


def test_the_partitions_in_the_roles_are_those_that_keys_spells() -> None:
    spelled = {
        f"{pk('')}*" for pk in (keys.inbox_pk, keys.conversation_pk, keys.receipt_pk, keys.profile_pk, keys.handle_pk)
    }

    assert {
        partition for actions in TABLE_ACTIONS.values() for name in actions for partition in actions[name]
    } == spelled
    for leading in _values_of("dynamodb:LeadingKeys", RESOURCES):
        assert set(leading) <= spelled


def test_no_action_anywhere_is_a_wildcard_or_a_scan() -> None:
    actions = [action for found in _values_of("Action", RESOURCES) for action in _list(found)]

    assert actions
    for action in actions:
        assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action)
        # A PartiQL SELECT can be a Scan too.
        assert action not in {"dynamodb:Scan", "dynamodb:PartiQLSelect"}
    assert not list(_values_of("NotAction", RESOURCES))
    assert not list(_values_of("NotResource", RESOURCES))


def test_a_policy_belongs_to_a_function() -> None:
    # One that is attached elsewhere would escape the tests above.
    referred = {
        policy["!Ref"] for function in FUNCTIONS.values() for policy in function.get("Policies", []) if "!Ref" in policy
    }
    roles = {function["Role"]["!GetAtt"] for function in FUNCTIONS.values() if "Role" in function}

    assert _of_type("AWS::IAM::ManagedPolicy").keys() == referred
    assert {f"{name}.Arn" for name in _of_type("AWS::IAM::Role")} == roles
    assert not _of_type("AWS::IAM::Policy")
    for role in _of_type("AWS::IAM::Role").values():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust == {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }


# The functions


@each_function
def test_a_function_has_exactly_one_event(name: str) -> None:
    assert len(FUNCTIONS[name]["Events"]) == 1


def _event_of(name: str) -> dict[str, Any]:
    (event,) = FUNCTIONS[name]["Events"].values()
    found: dict[str, Any] = event
    return found


def test_the_api_has_the_routes_of_the_design() -> None:
    routes = {}
    for name in FUNCTIONS:
        event = _event_of(name)
        if event["Type"] == "HttpApi":
            routes[name] = f"{event['Properties']['Method']} {event['Properties']['Path']}"

    assert routes == ROUTES


def test_every_route_asks_for_a_token_of_the_pool() -> None:
    auth = RESOURCES["Api"]["Properties"]["Auth"]
    authorizer = auth["Authorizers"][auth["DefaultAuthorizer"]]

    assert authorizer["JwtConfiguration"]["audience"] == [{"!Ref": "UserPoolClient"}]
    assert authorizer["JwtConfiguration"]["issuer"]["!Sub"].endswith("/${UserPool}")
    for name in ROUTES:
        assert _event_of(name)["Properties"].keys() == {"ApiId", "Method", "Path"}
        assert _event_of(name)["Properties"]["ApiId"] == {"!Ref": "Api"}


@each_function
def test_a_function_is_a_file_of_its_own_with_a_sample_event(name: str) -> None:
    module, _, function = FUNCTIONS[name]["Handler"].partition(".")
    file = ROOT / FUNCTIONS[name]["CodeUri"] / f"{module}.py"

    defined = {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}
    sample = json.loads((ROOT / "events" / f"{module}.json").read_text())

    assert function in defined
    assert "".join(word.title() for word in module.split("_")) == name
    assert sample.get("routeKey") == ROUTES.get(name)


def test_every_file_of_a_function_is_deployed() -> None:
    deployed = {
        ROOT / function["CodeUri"] / f"{function['Handler'].partition('.')[0]}.py" for function in FUNCTIONS.values()
    }

    assert deployed == set((ROOT / "functions").rglob("*.py"))


def test_retries_end_before_the_function_and_the_function_before_the_api() -> None:
    timeout = LOADED["Globals"]["Function"]["Timeout"]

    assert retry.GIVE_UP_AFTER + 2 * LONGEST_REQUEST < timeout < 30
    for name in ROUTES:
        assert "Timeout" not in FUNCTIONS[name]


def test_the_functions_are_told_what_their_settings_ask_for() -> None:
    variables = LOADED["Globals"]["Function"]["Environment"]["Variables"]

    assert variables.keys() >= {"TABLE_NAME", "MESSAGE_MAX_CHARS", "POWERTOOLS_SERVICE_NAME"}
    assert variables["TABLE_NAME"] == {"!Ref": "Table"}
    assert variables["MESSAGE_MAX_CHARS"] == {"!Ref": "MessageMaxChars"}
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "CruddurMessages"
    assert PARAMETERS["MessageMaxChars"]["Default"] == 1024


def test_a_page_of_the_largest_messages_fits_into_one_query() -> None:
    # Four bytes for each code point. A Query reads a megabyte, and without the rest a page would look like the last.
    uuid, time = str(UUID(int=0)), "2026-01-01T00:00:00.000000+00:00"
    text = "👋" * PARAMETERS["MessageMaxChars"]["MaxValue"]
    people = [Person(str(UUID(int=number)), "a" * 30, "👋" * people_module.LONGEST_NAME) for number in (1, 2)]
    message = Message(uuid, uuid, text, people[0], time, 10**18)

    page = [Head.of_first(message, people[1]).item, *[message.item] * 100]
    groups = [Head.of_first(message, people[1]).message_groups[0].beside().item] * 101

    assert sum(map(_size, page)) < 2**20
    assert sum(map(_size, groups)) < 2**20


def _size(item: Any) -> int:
    """An item's bytes as DynamoDB counts them, rounded up: what JSON needs beside them is more."""
    return len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())


# The stream


def test_the_stream_wakes_the_handler_for_changed_heads_only() -> None:
    (written,) = _event_of("StreamHandler")["Properties"]["FilterCriteria"]["Filters"]

    assert json.loads(written["Pattern"]) == {
        "eventName": ["MODIFY"],
        "dynamodb": {"Keys": {"sk": {"S": [keys.HEAD]}}},
    }


def test_a_batch_is_large_and_its_failures_are_reported_one_by_one() -> None:
    mapping = _event_of("StreamHandler")["Properties"]

    assert _event_of("StreamHandler")["Type"] == "DynamoDB"
    assert mapping["Stream"] == {"!GetAtt": "Table.StreamArn"}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BatchSize"] == 100
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True


def test_a_record_that_cannot_be_processed_ends_in_the_failure_queue() -> None:
    mapping = _event_of("StreamHandler")["Properties"]
    queue = RESOURCES["FailureQueue"]["Properties"]

    # Both are -1, without bound, unless said: one record would hold up its shard for a day.
    assert 1 <= mapping["MaximumRetryAttempts"] <= 100
    assert 60 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert mapping["DestinationConfig"] == {
        "OnFailure": {"Type": "SQS", "Destination": {"!GetAtt": "FailureQueue.Arn"}}
    }
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["SqsManagedSseEnabled"] is True


# The table


def test_the_table_has_one_key_of_two_parts_and_no_index() -> None:
    table = RESOURCES["Table"]["Properties"]

    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert {attribute["AttributeName"]: attribute["AttributeType"] for attribute in table["AttributeDefinitions"]} == {
        "pk": "S",
        "sk": "S",
    }
    assert not {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} & table.keys()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BillingMode", "PAY_PER_REQUEST"),
        ("StreamSpecification", {"StreamViewType": "NEW_AND_OLD_IMAGES"}),
        ("TimeToLiveSpecification", {"AttributeName": "ttl", "Enabled": True}),
        ("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": True}),
        ("SSESpecification", {"SSEEnabled": True}),
        ("DeletionProtectionEnabled", {"!If": ["IsProtected", True, False]}),
    ],
)
def test_the_table_is_kept_as_data_that_matters(setting: str, value: object) -> None:
    assert RESOURCES["Table"]["Properties"][setting] == value


def test_deletion_protection_is_on_unless_it_is_turned_off() -> None:
    assert PARAMETERS["DeletionProtection"]["Default"] == "true"
    assert LOADED["Conditions"]["IsProtected"] == {"!Equals": [{"!Ref": "DeletionProtection"}, "true"]}
    assert RESOURCES["UserPool"]["Properties"]["DeletionProtection"] == {"!If": ["IsProtected", "ACTIVE", "INACTIVE"]}
    assert RESOURCES["Table"]["UpdateReplacePolicy"] == "Retain"


# The logs


def test_no_log_is_kept_for_ever() -> None:
    groups = _of_type("AWS::Logs::LogGroup")

    assert groups.keys() == {"FunctionLogs", "ApiLogs"}
    for group in groups.values():
        assert group["RetentionInDays"] == {"!Ref": "LogRetentionDays"}
    assert PARAMETERS["LogRetentionDays"]["Default"] in PARAMETERS["LogRetentionDays"]["AllowedValues"]


def test_every_function_writes_to_the_log_group_that_is_kept_so_long() -> None:
    assert LOADED["Globals"]["Function"]["LoggingConfig"]["LogGroup"] == {"!Ref": "FunctionLogs"}
    for function in FUNCTIONS.values():
        assert "LoggingConfig" not in function


def test_the_access_log_holds_ids_and_figures_only() -> None:
    access = RESOURCES["Api"]["Properties"]["AccessLogSettings"]
    entry = json.loads(access["Format"])

    assert access["DestinationArn"] == {"!GetAtt": "ApiLogs.Arn"}
    assert set(entry.values()) == {
        "$context.requestId",
        "$context.requestTime",
        "$context.routeKey",
        "$context.status",
        "$context.authorizer.claims.sub",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationLatency",
        "$context.integrationStatus",
        "$context.error.message",
    }
