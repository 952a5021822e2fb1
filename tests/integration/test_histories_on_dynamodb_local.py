"""Some of the same histories on DynamoDB Local; the table in memory must give the same answers."""

from functools import partial
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.conftest import examples
from tests.histories.history import Stage
from tests.histories.twin import StreamReader, TwinTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.mark.parametrize("first", range(0, examples(quick=10, soak=60), 10))
def test_inboxes_are_right_and_dynamodb_local_answers_as_the_table_in_memory_does(
    first: int, dynamodb: "DynamoDBClient", dynamodb_endpoint: str, table_name: str
) -> None:
    stage = Stage(table_name)
    stream = StreamReader(boto3.client("dynamodbstreams", endpoint_url=dynamodb_endpoint), table_name)
    for seed in range(first, first + 10):
        stage.tell(seed, partial(TwinTable, dynamodb, stream))
