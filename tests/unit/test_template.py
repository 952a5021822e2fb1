"""template.yaml as written: functions, routes, the stream, the protection of the table."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from messaging import retry
from messaging.model import keys
from messaging.model import profile_values as people_module
from messaging.model.conversation import Head
from messaging.model.message import Message
from messaging.model.person import Person
from operators.schema import TEMPLATE, template
from tests.support.processed import logical_ids, output, resources

ROOT = TEMPLATE.parent
LOADED = template()
RESOURCES: dict[str, dict[str, Any]] = LOADED["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = LOADED["Parameters"]
LONGEST_REQUEST = 8  # seconds, see messaging.storage.table.open_table

ROUTES = {
    "ListMessages": "GET /api/messages/{message_group_uuid}",
    "ListMessageGroups": "GET /api/message_groups",
    "CreateMessageGroup": "POST /api/message_groups",
    "CreateMessage": "POST /api/messages",
    "ShowMessage": "GET /api/messages/{message_group_uuid}/{message_uuid}",
    "EditMessage": "PATCH /api/messages/{message_group_uuid}/{message_uuid}",
    "DeleteMessage": "DELETE /api/messages/{message_group_uuid}/{message_uuid}",
    "PutReaction": "PUT /api/messages/{message_group_uuid}/{message_uuid}/reactions/{emoji}",
    "DeleteReaction": "DELETE /api/messages/{message_group_uuid}/{message_uuid}/reactions/{emoji}",
    "ListChanges": "GET /api/messages/{message_group_uuid}/changes",
    "FindMessageGroup": "GET /api/message_groups/{message_group}",
    "ChangeMessageGroup": "PATCH /api/message_groups/{message_group_uuid}",
    "LeaveMessageGroup": "DELETE /api/message_groups/{message_group_uuid}",
    "AcceptRequest": "POST /api/message_groups/{message_group_uuid}/accept",
    "DeclineRequest": "POST /api/message_groups/{message_group_uuid}/decline",
    "MarkRead": "PUT /api/message_groups/{message_group_uuid}/read",
    "CountUnread": "GET /api/unread",
    "ShowUser": "GET /api/users/{handle}/short",
    "ShowMe": "GET /api/users/me",
    "CreateMe": "PUT /api/users/me",
    "UpdateMe": "PATCH /api/users/me",
    "BlockUser": "PUT /api/blocks/{user_uuid}",
    "UnblockUser": "DELETE /api/blocks/{user_uuid}",
    "ListBlocks": "GET /api/blocks",
    "CreateReport": "POST /api/reports",
    "CreateTicket": "POST /api/connections/ticket",
}
ISSUER = {"TokenIssuer": "https://idp.example.com/realms/one", "TokenAudience": "app,phone"}
SOCKET_ROUTES = {"$connect": "Connect", "$disconnect": "Disconnect", "$default": "Receive"}


def _of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by their logical ids."""
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


FUNCTIONS = _of_type("AWS::Serverless::Function")
each_function = pytest.mark.parametrize("name", FUNCTIONS)


# The functions


@each_function
def test_a_function_has_exactly_one_event(name: str) -> None:
    of_sockets = [*SOCKET_ROUTES.values(), "Authorize"].count(name)
    assert len(FUNCTIONS[name].get("Events", {})) + of_sockets == 1


def test_the_sockets_have_their_routes_and_tickets() -> None:
    api = RESOURCES["SocketApi"]["Properties"]

    assert api["RouteSelectionExpression"] == "$request.body.type"
    assert api["StageName"] == "live"
    assert api["Routes"] == {route: {"FunctionArn": {"!Ref": f"{name}.Alias"}} for route, name in SOCKET_ROUTES.items()}
    assert api["Auth"] == {
        "AuthType": "CUSTOM",
        "AuthArn": {"!Ref": "Authorize.Alias"},
        "IdentitySource": ["route.request.querystring.ticket"],
    }


def _file_of(name: str) -> Path:
    function = FUNCTIONS[name]
    return ROOT / str(function["CodeUri"]) / f"{function['Handler'].partition('.')[0]}.py"


SENDS_TO_SOCKETS = {name for name in FUNCTIONS if "open_sockets" in _file_of(name).read_text()}


VARIABLES = {
    "SendSettings": {
        "MESSAGE_MAX_CHARS",
        "MESSAGES_PER_MINUTE",
        "CONVERSATIONS_PER_DAY",
        "PENDING_REQUESTS",
        "REQUEST_PAUSE_DAYS",
        "LOOKUPS_PER_HOUR",
        "MESSAGES_FROM",
    },
    "FindSettings": {"LOOKUPS_PER_HOUR", "MESSAGES_FROM", "REQUEST_PAUSE_DAYS"},
    "LookupSettings": {"LOOKUPS_PER_HOUR"},
    "RequestSettings": {"PENDING_REQUESTS", "REQUEST_PAUSE_DAYS"},
    "ReportSettings": {"REPORTS_PER_DAY", "REPORT_RETENTION_DAYS"},
    "TicketSettings": {"TICKETS_PER_HOUR"},
    "EditSettings": {"MESSAGE_MAX_CHARS", "EDIT_WITHIN_HOURS", "KEEP_VERSIONS"},
    "UnsendSettings": {"UNSEND_WITHIN_HOURS"},
    "ProfileSettings": {"MESSAGES_FROM"},
    "SignUpSettings": {"MESSAGES_FROM", "HANDLE_CLAIM", "DISPLAY_NAME_CLAIM", "PICTURE_CLAIM", "EMAIL_CLAIM"},
}


@each_function
def test_a_function_has_only_the_variables_it_reads(name: str) -> None:
    reads: set[str] = set()
    if name in SENDS_TO_SOCKETS:
        reads.add("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI")
    for settings, variables in VARIABLES.items():
        if settings in _file_of(name).read_text():
            reads |= variables

    assert FUNCTIONS[name].get("Environment", {"Variables": {}})["Variables"].keys() == reads


def _event_of(name: str) -> dict[str, Any]:
    (event,) = FUNCTIONS[name]["Events"].values()
    found: dict[str, Any] = event
    return found


def test_the_api_has_the_routes_of_the_design() -> None:
    routes = {}
    for name, function in FUNCTIONS.items():
        event = _event_of(name) if "Events" in function else {}
        if event.get("Type") == "HttpApi":
            routes[name] = f"{event['Properties']['Method']} {event['Properties']['Path']}"

    assert routes == ROUTES


def test_every_route_asks_for_a_token_of_the_pool_or_of_the_issuer() -> None:
    def trusted(**parameters: str) -> Any:
        body = resources(**parameters)["Api"]["Properties"]["Body"]
        (scheme,) = body["components"]["securitySchemes"].values()
        return scheme["x-amazon-apigateway-authorizer"]["jwtConfiguration"]

    pool = "https://cognito-idp.us-east-1.amazonaws.com/UserPool"
    assert trusted() == {"issuer": pool, "audience": ["UserPoolClient"]}
    assert trusted(**ISSUER) == {"issuer": ISSUER["TokenIssuer"], "audience": ISSUER["TokenAudience"]}
    for name in ROUTES:
        assert _event_of(name)["Properties"].keys() == {"ApiId", "Method", "Path"}
        assert _event_of(name)["Properties"]["ApiId"] == {"!Ref": "Api"}


def test_with_an_issuer_there_is_no_user_pool_and_nothing_refers_to_one() -> None:
    # `resources` would leave the name of a resource that is missing.
    without = resources(**ISSUER)
    gone = resources().keys() - without.keys()

    assert {"UserPool", "UserPoolClient", "PreSignUp", "PostConfirmation", "SignUpRefusals"} <= gone
    assert '"FunctionName", "none", {"label": "PreSignUp"}' in without.pop("Dashboard")["Properties"]["DashboardBody"]
    assert not [name for name in gone if re.search(rf"\b{name}\b", json.dumps(without))]


@pytest.mark.parametrize(
    ("parameters", "client"), [({}, "app"), ({"WebClientId": "page"}, "page")], ids=["the first audience", "of its own"]
)
def test_the_web_client_gets_the_issuer(parameters: dict[str, str], client: str) -> None:
    told = json.loads(output("WebConfig", **ISSUER, **parameters))

    expected = {"issuer": ISSUER["TokenIssuer"], "client_id": client, "audience": "app"}
    assert told == {"api": "", "socket": "/live", "message_max_chars": 1024, **expected}
    policy = resources(**ISSUER, WebClient="true")["WebHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    content = policy["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "connect-src 'self' https://idp.example.com;" in content


@pytest.mark.parametrize("sign_up", [True, False])
def test_the_web_client_gets_the_user_pool_and_learns_if_people_sign_up(sign_up: bool) -> None:
    told = json.loads(output("WebConfig", SelfSignUp=json.dumps(sign_up)))

    assert told == {
        "api": "",
        "socket": "/live",
        "message_max_chars": 1024,
        "cognito": "https://cognito-idp.us-east-1.amazonaws.com",
        "user_pool_id": "UserPool",
        "client_id": "UserPoolClient",
        "sign_up": sign_up,
    }


def test_other_functions_load_nothing_of_sockets() -> None:
    others = [
        ".".join(_file_of(name).relative_to(ROOT).with_suffix("").parts)
        for name in FUNCTIONS
        if name not in SENDS_TO_SOCKETS
    ]
    loading = f"import importlib, sys; [importlib.import_module(name) for name in {others}]; print(*sys.modules)"
    loaded = subprocess.check_output(
        [sys.executable, "-c", loading],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'shared'}"},
        text=True,
        timeout=60,
    )

    assert "messaging.storage.table" in loaded.split()
    assert not {"messaging.storage.sockets", "messaging.live.delivery"} & set(loaded.split())


@each_function
def test_a_function_is_a_file_of_its_own_with_a_sample_event(name: str) -> None:
    module, _, function = FUNCTIONS[name]["Handler"].partition(".")

    defined = {node.name for node in ast.parse(_file_of(name).read_text()).body if isinstance(node, ast.FunctionDef)}
    sample = json.loads((ROOT / "events" / f"{module}.json").read_text())

    assert function in defined
    assert "".join(word.title() for word in module.split("_")) == name
    assert sample.get("routeKey") == ROUTES.get(name)
    if name in SOCKET_ROUTES.values():
        assert SOCKET_ROUTES[sample["requestContext"]["routeKey"]] == name


def test_every_file_of_a_function_is_deployed() -> None:
    assert set(map(_file_of, FUNCTIONS)) == set((ROOT / "functions").rglob("*.py"))


def test_a_changed_layer_publishes_a_version_of_every_function() -> None:
    text = TEMPLATE.read_text()
    before, after = (
        logical_ids(text.replace("ContentUri: layers/shared", f"ContentUri: s3://bucket/{content}"))
        for content in ("before", "after")
    )

    published = {name.partition("Version")[0] for name in after - before if not name.startswith("Shared")}
    assert published == set(FUNCTIONS)


def test_ci_deploys_the_oldest_python_and_the_one_that_goes_to_aws() -> None:
    """The local system deploys for the Python that it runs on."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")

    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert pythons == [oldest, PARAMETERS["PythonRuntime"]["Default"].removeprefix("python")]


def test_retries_end_before_the_function_and_the_function_before_the_api() -> None:
    timeout = LOADED["Globals"]["Function"]["Timeout"]

    assert retry.RETRY_BUDGET_SECONDS + 2 * LONGEST_REQUEST < timeout < 30
    for name in ROUTES:
        assert "Timeout" not in FUNCTIONS[name]


def test_the_functions_have_the_variables_of_their_settings() -> None:
    variables = LOADED["Globals"]["Function"]["Environment"]["Variables"]

    assert variables.keys() >= {"TABLE_NAME", "SERVICE_NAME"}
    assert variables["TABLE_NAME"] == {"!Ref": "Table"}
    of_parameters = [function.get("Environment", {}).get("Variables", {}) for function in FUNCTIONS.values()]
    for name, value in (pair for one in of_parameters for pair in one.items()):
        if not name.startswith("AWS_"):
            assert value == {"!Ref": "".join(word.title() for word in name.split("_"))}
    assert variables["METRICS_NAMESPACE"] == "CruddurMessages"
    assert PARAMETERS["MessageMaxChars"]["Default"] == 1024


def test_a_page_of_the_largest_messages_fits_into_one_query() -> None:
    # Four bytes per code point. A Query reads a megabyte; a cut-off page would look like the last one.
    uuid, time = str(UUID(int=0)), "2026-01-01T00:00:00.000000+00:00"
    text = "👋" * PARAMETERS["MessageMaxChars"]["MaxValue"]
    people = [Person(str(UUID(int=number)), "a" * 30, "👋" * people_module.MAX_NAME_LENGTH) for number in (1, 2)]
    message = Message(uuid, uuid, text, people[0], time, 10**18)

    page = [Head.of_first(message, people[1]).item, *[message.item] * 100]
    groups = [Head.of_first(message, people[1]).inbox_entries[0].tiebroken().item] * 101

    assert sum(map(_size, page)) < 2**20
    assert sum(map(_size, groups)) < 2**20


def _size(item: Any) -> int:
    """An upper bound of an item's bytes in DynamoDB: its JSON is larger."""
    return len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())


# The stream


def test_the_stream_wakes_the_handler_for_changed_heads_only() -> None:
    (written,) = _event_of("StreamHandler")["Properties"]["FilterCriteria"]["Filters"]

    assert json.loads(written["Pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
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


def test_pushes_happen_at_once_or_not_at_all() -> None:
    mapping = _event_of("Push")["Properties"]

    (written,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(written["Pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"Keys": {"sk": {"S": [keys.HEAD, keys.HIDDEN, keys.PINS, keys.PROFILE]}}},
    }
    assert mapping["StartingPosition"] == "LATEST"
    # Of the 10 functions that a new account runs at once, two readers of the stream take 3.
    assert mapping["ParallelizationFactor"] == 2
    assert _event_of("StreamHandler")["Properties"].get("ParallelizationFactor", 1) == 1
    assert mapping["MaximumRetryAttempts"] <= 2
    assert mapping["MaximumRecordAgeInSeconds"] == 60  # the minimum
    assert not {"FunctionResponseTypes", "DestinationConfig"} & mapping.keys()


def test_a_record_that_cannot_be_processed_ends_in_the_failure_queue() -> None:
    mapping = _event_of("StreamHandler")["Properties"]
    queue = RESOURCES["FailureQueue"]["Properties"]

    # Both default to -1, no limit: one record would block its shard for a day.
    assert 1 <= mapping["MaximumRetryAttempts"] <= 100
    assert 60 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert mapping["DestinationConfig"] == {
        "OnFailure": {"Type": "SQS", "Destination": {"!GetAtt": "FailureQueue.Arn"}}
    }
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


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
    entry, of_issuer = (
        json.loads(resources(**parameters)["ApiApiGatewayDefaultStage"]["Properties"]["AccessLogSettings"]["Format"])
        for parameters in ({}, ISSUER)
    )

    assert access["DestinationArn"] == {"!GetAtt": "ApiLogs.Arn"}
    assert {name: value for name, value in entry.items() if name != "user_uuid"} == of_issuer
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


_ISSUER = {"TokenIssuer": "https://login.example.com/", "TokenAudience": "messages"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, _ISSUER),
        (_ISSUER, {**_ISSUER, "UserIdClaim": "uid"}),
        (_ISSUER, {**_ISSUER, "HandleClaim": "nickname"}),
        ({}, {"MessageMaxChars": "2000"}),
        ({}, {"EditWithinHours": "1"}),
        ({}, {"UnsendWithinHours": "1"}),
        ({}, {"MessagesFrom": "nobody"}),
        ({}, {"MessagesPerMinute": "1"}),
        ({}, {"ConversationsPerDay": "1"}),
        ({}, {"PendingRequests": "1"}),
        ({}, {"RequestPauseDays": "1"}),
        ({}, {"LookupsPerHour": "1"}),
        ({}, {"ReportsPerDay": "1"}),
        ({}, {"ReportRetentionDays": "1"}),
        ({}, {"TicketsPerHour": "1"}),
        ({}, {"PythonRuntime": "python3.13"}),
        ({}, {"Architecture": "x86_64"}),
        ({}, {"PrivateNetwork": "true"}),
        ({}, {"SnapStart": "true"}),
        ({}, {"Tracing": "true"}),
    ],
    ids=lambda parameters: " ".join(parameters),
)
def test_a_function_that_a_parameter_changes_gets_a_new_version(before: dict[str, str], after: dict[str, str]) -> None:
    """Aliases lead to versions, and SAM publishes one only if the version's description changes."""
    (old, old_versions), (new, new_versions) = _functions(**before), _functions(**after)
    changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}

    assert changed
    assert {name for name in changed if old_versions[name] == new_versions[name]} == set()


def _functions(**parameters: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The functions of a stack by name, and the descriptions of their versions."""
    made = [(name, one["Type"], one["Properties"]) for name, one in resources(**parameters).items()]
    functions = {name: properties for name, kind, properties in made if kind == "AWS::Lambda::Function"}
    versions = {one["FunctionName"]: one["Description"] for _, kind, one in made if kind == "AWS::Lambda::Version"}
    return functions, versions
