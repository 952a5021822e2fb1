"""The design's budgets: requests and capacity units of each operation, with short messages and a warm function."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from operators.cost import Consumed
from tests.support.budgets import BUDGETS, measure

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_every_operation_is_within_its_budget(
    dynamodb: "DynamoDBClient", dynamodb_endpoint: str, record_property: Callable[[str, object], None]
) -> None:
    measured = measure(dynamodb, dynamodb_endpoint)

    record_property("summary", _as_text(measured))
    for operation, budget in BUDGETS.items():
        assert all(is_ <= may for is_, may in zip(measured[operation], budget, strict=True)), operation


def _as_text(measured: dict[str, Consumed]) -> str:
    lines = [
        "Budgets: as measured, of what the design allows",
        f"{'operation':<40}{'requests':>14}{'read units':>14}{'write units':>14}",
    ]
    for operation, budget in BUDGETS.items():
        cells = (f"{is_:g} of {may:g}" for is_, may in zip(measured[operation], budget, strict=True))
        lines.append(f"{operation:<40}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)
