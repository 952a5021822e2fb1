"""The arithmetic of docs/cost.md and docs/scale.md. test_budgets.py checks that they are up to date with the code."""

import pytest

from operators.cost import METRICS, Month, ours, total
from operators.scale import BATCH, lag
from operators.schema import template
from tests.support.budgets import BUDGETS
from tests.unit.test_alarms import counted


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
