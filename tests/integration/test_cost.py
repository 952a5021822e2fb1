"""docs/cost.md is what the script writes for the code as it stands."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from operators.cost import METRICS, page
from tests.cost import PAGE
from tests.integration.budgets import measure

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_the_page_is_what_make_cost_writes(dynamodb: "DynamoDBClient", dynamodb_endpoint: str) -> None:
    assert PAGE.read_text() == page(measure(dynamodb, dynamodb_endpoint)), "run `make cost`"


def test_the_metrics_that_are_billed_are_those_that_the_functions_count() -> None:
    code = "".join(file.read_text() for file in (Path(__file__).parents[2] / "functions").rglob("*.py"))
    counts = " ".join(re.findall(r" count\((.*?)\)\n", code, re.DOTALL))

    assert len(set(re.findall(r"(\w+)=", counts))) == METRICS
