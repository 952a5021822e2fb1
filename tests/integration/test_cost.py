"""docs/cost.md, docs/scale.md and the totals in README.md are up to date with the code."""

from typing import TYPE_CHECKING

import pytest

from operators.cost import METRICS, Consumed, Month, ours, total
from operators.scale import BATCH, lag
from operators.schema import template
from tests.support.budgets import BUDGETS, measure
from tests.unit.test_alarms import counted
from tools.cost import PAGES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="module")
def measured(dynamodb: "DynamoDBClient", dynamodb_endpoint: str) -> dict[str, Consumed]:
    return measure(dynamodb, dynamodb_endpoint)


def test_make_cost_writes_the_pages(measured: dict[str, Consumed]) -> None:
    for path, page in PAGES.items():
        assert path.read_text() == page(measured), "run `make cost`"


@pytest.mark.parametrize(("is_prod", "dollars"), [(False, 3), (True, 8)])
def test_a_month_in_which_nobody_comes_costs_next_to_nothing(*, is_prod: bool, dollars: float) -> None:
    assert total(ours(BUDGETS, Month(1e-9), is_prod=is_prod)) <= dollars


def test_a_shard_keeps_up_to_its_capacity_and_falls_behind_above() -> None:
    assert lag(200, BATCH)[0] < 1
    assert lag(1000, 1)[0] < 1
    behind, grows = lag(1000, BATCH)
    assert behind > 60
    assert grows


def test_the_metrics_that_are_billed_are_those_that_the_functions_count() -> None:
    filters = [one for one in template()["Resources"].values() if one["Type"] == "AWS::Logs::MetricFilter"]

    assert len(counted()) + len(filters) == METRICS
