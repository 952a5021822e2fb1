"""Some of the same histories on DynamoDB Local; the table in memory must give the same answers."""

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.conftest import examples
from tests.histories.history import Stage
from tests.histories.twin import StreamReader, TwinTable
from tests.support import dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.mark.usefixtures("stream")
@pytest.mark.parametrize("first", range(0, examples(quick=10, soak=60), 10))
def test_inboxes_are_right_and_dynamodb_local_answers_as_the_table_in_memory_does(
    first: int, dynamodb: "DynamoDBClient", dynamodb_endpoint: str, table_name: str
) -> None:
    stage = Stage(table_name)
    stream = StreamReader(dynamodb_local.streams_client(dynamodb_endpoint), table_name)
    for seed in range(first, first + 10):
        stage.tell(seed, partial(TwinTable, dynamodb, stream))
