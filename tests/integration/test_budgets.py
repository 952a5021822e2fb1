"""The budgets of the design: requests and capacity units of each operation, with short messages, by a warm function."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from operators.cost import Consumed
from tests.integration.budgets import measure

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BUDGETS = {
    "A newest 20 messages": Consumed(1, 1, 0),
    "A an older page": Consumed(2, 1.5, 0),
    "B newest 20 groups": Consumed(1, 1, 0),
    "C new conversation": Consumed(2, 1, 10),
    "D send": Consumed(2, 0.5, 6),
    "inbox after 1 message": Consumed(2, 0, 4),
    "inbox after a burst of 100": Consumed(2, 0, 4),
    # What the design had no row for. What is unread is written in the requests of the row before.
    "unread after 1 message": Consumed(0, 0, 1),
    "unread after a burst of 100": Consumed(0, 0, 1),
    "mark read": Consumed(1, 0, 1),
    "inbox after a mark": Consumed(1, 0, 2),
    "unread after a mark": Consumed(0, 0, 1),
    "unread, of 30 conversations": Consumed(1, 0.5, 0),
    "one conversation of the inbox": Consumed(1, 0.5, 0),
    "20 conversations since a time": Consumed(1, 1, 0),
    "ticket": Consumed(1, 0, 1),
    "connect": Consumed(3, 1.5, 1),
    "subscribe": Consumed(4, 1, 2),
    "typing": Consumed(2, 1, 0),
    "push of 1 message": Consumed(2, 1, 0),
    "disconnect": Consumed(3, 1, 2),
}


def test_every_operation_is_within_its_budget(
    dynamodb: "DynamoDBClient", dynamodb_endpoint: str, record_property: Callable[[str, object], None]
) -> None:
    measured = measure(dynamodb, dynamodb_endpoint)

    record_property("summary", _as_text(measured))
    for operation, budget in _BUDGETS.items():
        assert all(is_ <= may for is_, may in zip(measured[operation], budget, strict=True)), operation


def _as_text(measured: dict[str, Consumed]) -> str:
    lines = [
        "Budgets: as measured, of what the design allows",
        f"{'operation':<32}{'requests':>14}{'read units':>14}{'write units':>14}",
    ]
    for operation, budget in _BUDGETS.items():
        cells = (f"{is_:g} of {may:g}" for is_, may in zip(measured[operation], budget, strict=True))
        lines.append(f"{operation:<32}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)
