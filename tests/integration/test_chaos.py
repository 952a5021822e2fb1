"""When all is quiet, every device has each message once, as it is now, and right counts. tests/soak runs it longer."""

from typing import TYPE_CHECKING

from tests.support.chaos import chaos

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_each_device_ends_with_every_message_once_and_right_counts(
    dynamodb: "DynamoDBClient", dynamodb_endpoint: str
) -> None:
    happened = chaos(dynamodb, dynamodb_endpoint, messages=400, seed=1)

    assert happened["quiet"] == 2
    for what in ("lost", "doubled", "out of order", "cuts", "marks", "changes"):
        assert happened[what] > 3, happened
