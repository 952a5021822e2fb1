"""Alarms, the dashboard and gradual deployment: template.yaml, and SAM's output where that matters."""

import ast
import json
import re
from typing import Any

import pytest

from operators.schema import TEMPLATE, template
from tests.support.processed import processed, resources

ROOT = TEMPLATE.parent
LOADED = template()
RESOURCES: dict[str, dict[str, Any]] = LOADED["Resources"]
ALARMS = {
    name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"
}
FUNCTIONS = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"}
# A new version of these answers everything at once: see docs/decisions.md.
AT_ONCE = {"PreSignUp", "PostConfirmation", "StreamHandler"}
TAKES_BACK = ("ApiErrors", "SignUpErrors", "StreamErrors", "PushErrors")
# Each namespace: its metrics, and the type of their one resource.
METRICS = {
    "CruddurMessages": ({"ReportsFiled", "SignUpsFailed"}, ""),
    "CruddurMessages/${AWS::StackName}": ({"ApiFailures"}, ""),
    "AWS/ApiGateway": ({"5xx", "Latency"}, "AWS::Serverless::HttpApi"),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents"}, "AWS::DynamoDB::Table"),
    "AWS/Lambda": ({"Errors", "IteratorAge", "Throttles"}, "AWS::Serverless::Function"),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible"}, "AWS::SQS::Queue"),
}
each_alarm = pytest.mark.parametrize("name", ALARMS)


@pytest.fixture(scope="module")
def gradual() -> dict[str, Any]:
    return processed(GradualDeployment="true")


# The alarms


@each_alarm
def test_an_alarm_is_of_a_metric_of_a_resource_of_the_stack(name: str) -> None:
    alarm = ALARMS[name]
    namespace = alarm["Namespace"]
    metrics, kind = METRICS[namespace if isinstance(namespace, str) else namespace["!Sub"]]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions", [])}

    assert alarm["MetricName"] in metrics
    if name == "FunctionThrottles":  # covers the whole account
        assert not dimensions
        return
    if not kind:  # counted by the functions, or in their logs
        assert dimensions in ({}, {"service": {"!Ref": "AWS::StackName"}})
        return
    first, *others = dimensions.values()
    target = first["!Ref"] if "!Ref" in first else first["!GetAtt"].removesuffix(".QueueName")
    assert RESOURCES[target]["Type"] == kind
    if kind == "AWS::Serverless::Function":
        # Every event source invokes the alias.
        assert others == [{"!Sub": f"${{{target}}}:{LOADED['Globals']['Function']['AutoPublishAlias']}"}]
    else:
        assert not others


@each_alarm
def test_an_alarm_and_its_end_are_notified_and_missing_data_is_no_alarm(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == [{"!Ref": "AlarmTopic"}]
    assert ALARMS[name]["TreatMissingData"] == "notBreaching"


@each_alarm
def test_an_alarm_is_named_after_its_stack_and_leads_to_its_runbook(name: str) -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)

    assert ALARMS[name]["AlarmName"] == {"!Sub": f"${{AWS::StackName}}-{name}"}
    assert ALARMS[name]["AlarmDescription"].endswith(f"see docs/operations.md#{name.lower()}")
    assert headings.count(name) == 1


CALLED = re.compile(r"\$\.(\w+) (!?=) \"(\d+)\"")


@pytest.mark.parametrize(
    ("status", "function_status", "is_failure"),
    [
        (200, 200, False),
        (404, 200, False),
        (429, 200, False),  # the caller causes the contention
        (429, "-", False),  # above the throttle of the API
        (500, 200, True),  # a bug that a function has caught, or a crash
        (500, "-", True),
        (500, 429, False),  # no concurrency left, which callers can use up
        (502, 200, True),
        (503, 200, False),  # busy: contention or throttling
        (503, "-", True),  # a timeout
        (503, 429, False),
        (504, "-", True),
    ],
)
def test_errors_callers_can_cause_count_as_no_failure_of_the_api(
    status: int, function_status: object, is_failure: bool
) -> None:
    pattern = RESOURCES["ApiFailures"]["Properties"]["FilterPattern"].strip("{} \n")
    line = {"status": str(status), "functionStatus": str(function_status)}
    # Translates the pattern's language: equality, and, or, brackets.
    condition = CALLED.sub(lambda found: str((line[found[1]] == found[3]) == (found[2] == "=")), pattern)

    assert eval(condition.replace("||", "or").replace("&&", "and")) is is_failure  # noqa: S307


def test_no_alarm_that_rolls_back_counts_errors_callers_can_cause() -> None:
    metrics = {(str(ALARMS[name]["Namespace"]), ALARMS[name]["MetricName"]) for name in TAKES_BACK}

    assert ("AWS/ApiGateway", "5xx") not in metrics
    sign_ups = [dimension["Value"] for dimension in ALARMS["SignUpErrors"]["Dimensions"]]
    assert sign_ups == [{"!Ref": "AWS::StackName"}]


def test_stream_age_rings_long_before_records_are_given_up() -> None:
    mapping = RESOURCES["StreamHandler"]["Properties"]["Events"]["Heads"]["Properties"]
    alarm = ALARMS["StreamAge"]

    assert alarm["Threshold"] / 1000 + alarm["Period"] * alarm["EvaluationPeriods"] < (
        mapping["MaximumRecordAgeInSeconds"] / 10
    )


def test_push_age_rings_before_records_are_skipped() -> None:
    mapping = RESOURCES["Push"]["Properties"]["Events"]["Heads"]["Properties"]

    assert ALARMS["PushAge"]["Threshold"] / 1000 < mapping["MaximumRecordAgeInSeconds"]


def test_without_full_monitoring_the_alarms_of_broken_parts_stay() -> None:
    full, few = (
        {name: one["Type"] for name, one in resources(FullMonitoring=value).items()} for value in ("true", "false")
    )

    assert {name for name in ALARMS if name in full} == ALARMS.keys()
    assert {name for name in ALARMS if name in few} == {*TAKES_BACK, "RecordsGivenUp"}
    assert full.keys() - few.keys() == (ALARMS.keys() - few.keys()) | {"Dashboard"}


def test_nobody_is_notified_without_an_address() -> None:
    assert LOADED["Parameters"]["AlarmEmail"]["Default"] == "none"
    assert RESOURCES["AlarmSubscription"]["Condition"] == "HasAlarmEmail"
    assert "Condition" not in RESOURCES["AlarmTopic"]


# The dashboard


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    text, variables = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["!Sub"]
    (_, alarm, _) = variables["SignUpRefusalsAlarm"]["!If"]
    body: dict[str, Any] = json.loads(text.replace("${SignUpRefusalsAlarm}", alarm["!Sub"]))
    return body


def _metrics(dashboard: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Namespace, metric and first dimension's value of every line; "" if it has none."""
    return {
        (metric[0], metric[1], metric[3] if len(metric) > 3 else "")
        for widget in dashboard["widgets"]
        for metric in widget["properties"].get("metrics", [])
    }


def test_the_dashboard_shows_every_alarm_and_the_metric_it_is_of(dashboard: dict[str, Any]) -> None:
    (alarms,) = (widget["properties"]["alarms"] for widget in dashboard["widgets"] if widget["type"] == "alarm")

    assert alarms == [f"${{{name}.Arn}}" for name in ALARMS]
    assert {alarm["MetricName"] for alarm in ALARMS.values()} <= {name for _, name, _ in _metrics(dashboard)}


@pytest.mark.parametrize("metric", ["Duration", "Errors", "Throttles"])
def test_the_dashboard_shows_each_function(dashboard: dict[str, Any], metric: str) -> None:
    shown = {of for namespace, name, of in _metrics(dashboard) if (namespace, name) == ("AWS/Lambda", metric)}

    assert shown == {f"${{{name}}}" for name in FUNCTIONS}


def counted() -> set[str]:
    """The names of the functions' metrics, and their namespace."""
    return {
        str(keyword.arg)
        for folder in ("functions", "layers/shared")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "count"
        for keyword in node.keywords
    }


def test_the_dashboard_shows_the_functions_metrics(dashboard: dict[str, Any]) -> None:
    variables = LOADED["Globals"]["Function"]["Environment"]["Variables"]

    own = {metric for metric in _metrics(dashboard) if metric[0] == variables["METRICS_NAMESPACE"]}
    assert {name for _, name, _ in own} == counted()
    assert variables["SERVICE_NAME"] == {"!Ref": "AWS::StackName"}
    assert {of for _, _, of in own} == {"${AWS::StackName}"}


def test_the_dashboard_fits_its_grid(dashboard: dict[str, Any]) -> None:
    taken = [
        (x, y)
        for widget in dashboard["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


# Gradual deployment


def test_gradual_deployment_is_off_by_default_and_leaves_no_resource() -> None:
    kinds = {resource["Type"] for resource in processed()["Resources"].values()}

    assert LOADED["Parameters"]["GradualDeployment"]["Default"] == "false"
    assert not [kind for kind in kinds if kind.startswith("AWS::CodeDeploy::")]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_of_the_api_is_deployed_gradually_and_rolled_back_on_alarm(
    gradual: dict[str, Any], name: str
) -> None:
    alias = gradual["Resources"][f"{name}Aliaslive"]
    if name in AT_ONCE:
        assert "UpdatePolicy" not in alias
        return
    group = gradual["Resources"][f"{name}DeploymentGroup"]["Properties"]

    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {
        "Ref": f"{name}DeploymentGroup"
    }
    assert group["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": "Canary10Percent5Minutes"}
    assert group["AlarmConfiguration"]["Enabled"] is True
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert [alarm["Name"]["Fn::Sub"] for alarm in group["AlarmConfiguration"]["Alarms"]] == [
        ALARMS[alarm]["AlarmName"]["!Sub"] for alarm in TAKES_BACK
    ]


@pytest.mark.parametrize("name", TAKES_BACK)
def test_an_alarm_that_rolls_back_rings_within_the_canary(name: str) -> None:
    alarm = ALARMS[name]

    assert alarm["Period"] * alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]) <= 5 * 60
