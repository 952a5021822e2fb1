"""docs/cost.md is up to date with the code."""

from typing import TYPE_CHECKING

from operators.cost import METRICS, page
from operators.schema import template
from tests.support.budgets import measure
from tests.unit.test_alarms import counted
from tools.cost import PAGE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_make_cost_writes_the_page(dynamodb: "DynamoDBClient", dynamodb_endpoint: str) -> None:
    assert PAGE.read_text() == page(measure(dynamodb, dynamodb_endpoint)), "run `make cost`"


def test_the_metrics_that_are_billed_are_those_that_the_functions_count() -> None:
    filters = [one for one in template()["Resources"].values() if one["Type"] == "AWS::Logs::MetricFilter"]

    assert len(counted()) + len(filters) == METRICS
