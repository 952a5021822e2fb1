"""docs/cost.md is what the script writes for the code as it stands."""

import ast
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
    files = (Path(__file__).parents[2] / "functions").rglob("*.py")
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    calls = (node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "count")

    assert len({keyword.arg for call in calls for keyword in call.keywords}) == METRICS
