"""bin/ddb/schema-load, list-tables and drop, through their command lines."""

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from operators.schema import create_table_request
from tests.support.scripts import run_on_dynamodb_local, run_script

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.processes


def script(endpoint: str, name: str, *arguments: str) -> tuple[int, str, str]:
    done = run_on_dynamodb_local(endpoint, name, *arguments)
    return done.returncode, done.stdout, done.stderr


def test_the_table_is_made_as_the_template_says_and_listed_and_dropped(
    dynamodb: "DynamoDBClient", dynamodb_endpoint: str
) -> None:
    name = f"schema-{uuid4()}"

    assert script(dynamodb_endpoint, "schema-load", "--stack", name) == (0, f"{name} is created.\n", "")
    assert script(dynamodb_endpoint, "schema-load", "--stack", name) == (0, f"{name} exists already.\n", "")

    made = dynamodb.describe_table(TableName=name)["Table"]
    wanted = create_table_request(name)
    assert made["KeySchema"] == wanted["KeySchema"]
    assert made["StreamSpecification"] == wanted["StreamSpecification"]
    assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl")

    assert name in script(dynamodb_endpoint, "list-tables")[1].splitlines()
    assert script(dynamodb_endpoint, "drop", name) == (0, f"{name} is deleted.\n", "")
    assert name not in script(dynamodb_endpoint, "list-tables")[1].splitlines()
    assert script(dynamodb_endpoint, "drop", name) == (2, "", f"drop: There is no table {name}.\n")


def test_where_the_table_comes_with_the_stack_none_is_made() -> None:
    done = run_script("ddb/schema-load", "prod")

    assert (done.returncode, done.stdout) == (2, "")
    assert "comes with the stack" in done.stderr
