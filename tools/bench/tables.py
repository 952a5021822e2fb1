"""Tables to measure on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from operators.schema import create_table_request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@contextmanager
def new_table(client: "DynamoDBClient") -> Iterator[str]:
    """Create the template's table without its stream for the block; yield its name.

    DynamoDB Local writes more slowly the longer a stream is.
    """
    name = f"bench-{uuid4()}"
    request = create_table_request(name)
    del request["StreamSpecification"]
    client.create_table(**request)
    yield name
    client.delete_table(TableName=name)
