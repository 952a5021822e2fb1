"""Facts about DynamoDB that the code relies on, on both engines: DynamoDB Local and the local AWS.

Each names its source, a page of https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/ (API_…) or of
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/. AWS itself was not asked: docs/aws.md.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from local.ministack import Ministack
from messaging.model import keys
from operators.schema import create_table_request
from tests.conftest import free_port

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Facts:
    """One table on one engine."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client = client
        self.name = name

    def put(self, sk: str, **attributes: Any) -> dict[str, Any]:
        item = {**keys.key("P", sk), **attributes}
        self.client.put_item(TableName=self.name, Item=item)
        return item

    def get(self, sk: str) -> dict[str, Any] | None:
        return self.client.get_item(TableName=self.name, Key=keys.key("P", sk), ConsistentRead=True).get("Item")

    def execute(self, *statements: tuple[str, list[Any]]) -> list[dict[str, Any]]:
        answer: Any = self.client.batch_execute_statement(
            Statements=[
                {"Statement": text.replace("TABLE", f'"{self.name}"'), "Parameters": parameters}
                for text, parameters in statements
            ]
        )
        responses: list[dict[str, Any]] = answer["Responses"]
        return responses

    def transact(self, *actions: dict[str, dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
        """The cancellation reasons; [] for a transaction that was carried out."""
        writes: Any = [
            {kind: {"TableName": self.name, **request} for kind, request in action.items()} for action in actions
        ]
        try:
            self.client.transact_write_items(TransactItems=writes, **options)
        except self.client.exceptions.TransactionCanceledException as error:
            reasons: Any = error.response["CancellationReasons"]
            return list(reasons)
        return []

    def update(self, sk: str, **request: Any) -> Any:
        return self.client.update_item(TableName=self.name, Key=keys.key("P", sk), **request)


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["DynamoDBClient"]:
    ministack = Ministack(free_port(), tmp_path_factory.mktemp("ministack") / "log")
    ministack.start()
    try:
        yield ministack.place.client("dynamodb")
    finally:
        ministack.stop()


@pytest.fixture(params=["DynamoDB Local", "ministack"])
def facts(request: pytest.FixtureRequest) -> Iterator[Facts]:
    fixture = "ministack" if request.param == "ministack" else "dynamodb"
    client: DynamoDBClient = request.getfixturevalue(fixture)
    name = f"facts-{uuid4()}"
    client.create_table(**create_table_request(name))
    yield Facts(client, name)
    client.delete_table(TableName=name)


def number(value: int) -> dict[str, str]:
    return {"N": str(value)}


# PartiQL


def test_a_delete_returns_the_old_item(facts: Facts) -> None:
    """ql-reference.delete.html"""
    item = facts.put("1", version=number(3))

    (response,) = facts.execute(
        (
            "DELETE FROM TABLE WHERE pk = ? AND sk = ? AND version <= ? RETURNING ALL OLD *",
            [item["pk"], item["sk"], number(3)],
        )
    )

    assert response["Item"] == item
    assert facts.get("1") is None


def test_a_delete_of_a_missing_key_succeeds_and_returns_nothing(facts: Facts) -> None:
    """ql-reference.delete.html: a DELETE that matches no item "succeeds"."""
    key = keys.key("P", "missing")

    (response,) = facts.execute(
        ("DELETE FROM TABLE WHERE pk = ? AND sk = ? RETURNING ALL OLD *", [key["pk"], key["sk"]])
    )

    assert "Error" not in response
    assert not response.get("Item")


@pytest.mark.parametrize("sk", ["stored", "missing"])
def test_an_update_with_a_false_condition_is_refused(facts: Facts, sk: str) -> None:
    """API_BatchStatementError.html: ConditionalCheckFailed; an UPDATE inserts nothing where no item is."""
    facts.put("stored", version=number(3))
    key = keys.key("P", sk)

    (response,) = facts.execute(
        (
            "UPDATE TABLE SET message = ? WHERE pk = ? AND sk = ? AND version < ?",
            [{"S": "x"}, key["pk"], key["sk"], number(3)],
        )
    )

    assert response["Error"]["Code"] == "ConditionalCheckFailed"
    assert facts.get("missing") is None


def test_an_update_can_set_several_attributes_and_remove_others_stored_or_not(facts: Facts) -> None:
    """ql-reference.update.html: `[SET|REMOVE] path [= data] […]`."""
    item = facts.put("1", version=number(3), muted_until={"S": "forever"}, skipped={"S": "3-4"})

    (response,) = facts.execute(
        (
            "UPDATE TABLE SET message = ?, version = ? REMOVE muted_until REMOVE skipped REMOVE blocking REMOVE folder "
            "WHERE pk = ? AND sk = ? AND version < ?",
            [{"S": "x"}, number(4), item["pk"], item["sk"], number(4)],
        )
    )

    assert "Error" not in response
    assert facts.get("1") == {**keys.of(item), "message": {"S": "x"}, "version": number(4)}


def test_an_insert_of_a_stored_key_is_refused(facts: Facts) -> None:
    """ql-reference.insert.html: DuplicateItem."""
    item = facts.put("1")

    (response,) = facts.execute(("INSERT INTO TABLE VALUE {'pk': ?, 'sk': ?}", [item["pk"], item["sk"]]))

    assert response["Error"]["Code"] == "DuplicateItem"


def test_a_refused_statement_does_not_keep_others_of_its_batch(facts: Facts) -> None:
    """API_BatchExecuteStatement.html: each statement succeeds or fails by itself, and responses have their order."""
    item, other = facts.put("1"), keys.key("P", "2")
    insert = "INSERT INTO TABLE VALUE {'pk': ?, 'sk': ?}"

    responses = facts.execute((insert, [item["pk"], item["sk"]]), (insert, [other["pk"], other["sk"]]))

    assert ["Error" in response for response in responses] == [True, False]
    assert facts.get("2") == other


def test_a_batch_has_at_most_25_statements(facts: Facts) -> None:
    """API_BatchExecuteStatement.html"""
    insert = "INSERT INTO TABLE VALUE {'pk': ?, 'sk': ?}"
    all_keys = [keys.key("P", f"{number:02}") for number in range(26)]

    assert len(facts.execute(*[(insert, [key["pk"], key["sk"]]) for key in all_keys[:25]])) == 25
    with pytest.raises(ClientError):
        facts.execute(*[(insert, [key["pk"], key["sk"]]) for key in all_keys])


def test_null_can_be_a_parameter(facts: Facts) -> None:
    """ql-reference.data-types.html"""
    item = facts.put("1", other_read_seq=number(1), version=number(1))

    (response,) = facts.execute(
        ("UPDATE TABLE SET other_read_seq = ? WHERE pk = ? AND sk = ?", [{"NULL": True}, item["pk"], item["sk"]])
    )

    assert "Error" not in response
    assert facts.get("1") == {**item, "other_read_seq": {"NULL": True}}


# Conditions


def test_a_refused_write_can_return_the_stored_item(facts: Facts) -> None:
    """API_UpdateItem.html#DDB-UpdateItem-request-ReturnValuesOnConditionCheckFailure"""
    item = facts.put("1", seq=number(1))

    with pytest.raises(ClientError) as refused:
        facts.update(
            "1",
            UpdateExpression="SET seq = :two",
            ConditionExpression="seq = :two",
            ExpressionAttributeValues={":two": number(2)},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == item  # type: ignore[typeddict-item]


def test_a_condition_on_a_missing_member_is_false_and_not_an_error(facts: Facts) -> None:
    """Expressions.OperatorsAndFunctions.html: a comparison with a missing attribute is false, also below NOT … IN."""
    facts.put("1", members={"M": {}})

    for condition in ("members.#me.handle = :x", "attribute_exists(members.#me) AND NOT members.#me.handle IN (:x)"):
        with pytest.raises(ClientError) as refused:
            facts.update(
                "1",
                UpdateExpression="SET seq = :one",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#me": "nobody"},
                ExpressionAttributeValues={":x": {"S": "x"}, ":one": number(1)},
            )
        assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"


def test_add_counts_from_zero_where_the_attribute_is_missing(facts: Facts) -> None:
    """API_UpdateItem.html: ADD."""
    facts.put("1")

    facts.update("1", UpdateExpression="ADD version :one", ExpressionAttributeValues={":one": number(1)})

    assert (facts.get("1") or {})["version"] == number(1)


def test_a_set_that_loses_its_last_element_disappears(facts: Facts) -> None:
    """HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.SetTypes: empty sets are not allowed."""
    facts.put("1", subscriptions={"SS": ["a"]})

    facts.update("1", UpdateExpression="DELETE subscriptions :a", ExpressionAttributeValues={":a": {"SS": ["a"]}})

    assert facts.get("1") == keys.key("P", "1")


def test_contains_and_size_know_sets(facts: Facts) -> None:
    """Expressions.OperatorsAndFunctions.html#Expressions.OperatorsAndFunctions.Functions"""
    facts.put("1", subscriptions={"SS": ["a", "b"]})
    request = {
        "UpdateExpression": "ADD subscriptions :set",
        "ConditionExpression": "contains(subscriptions, :one) OR size(subscriptions) < :most",
    }

    facts.update(
        "1", **request, ExpressionAttributeValues={":set": {"SS": ["a"]}, ":one": {"S": "a"}, ":most": number(2)}
    )
    with pytest.raises(ClientError) as refused:
        facts.update(
            "1", **request, ExpressionAttributeValues={":set": {"SS": ["c"]}, ":one": {"S": "c"}, ":most": number(2)}
        )

    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"


# Transactions


def test_a_cancelled_transaction_gives_a_reason_for_each_action_and_the_stored_items(facts: Facts) -> None:
    """API_TransactWriteItems.html: CancellationReasons, in the order of the actions."""
    item = facts.put("1")
    absent = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

    reasons = facts.transact(
        {"Put": {"Item": keys.key("P", "2")}},
        {"Put": {"Item": item, **absent}},
        {"Delete": {"Key": keys.key("P", "3")}},
    )

    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"] == item
    assert facts.get("2") is None


def test_a_condition_that_nothing_stored_can_meet_returns_no_item(facts: Facts) -> None:
    """API_CancellationReason.html"""
    (reason,) = facts.transact(
        {
            "Update": {
                "Key": keys.key("P", "missing"),
                "UpdateExpression": "SET seq = :one",
                "ConditionExpression": "seq = :one",
                "ExpressionAttributeValues": {":one": number(1)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )

    assert reason["Code"] == "ConditionalCheckFailed"
    assert not reason.get("Item")


def test_a_transaction_cannot_name_an_item_twice(facts: Facts) -> None:
    """API_TransactWriteItems.html: ValidationException."""
    put = {"Put": {"Item": keys.key("P", "1")}}

    with pytest.raises(ClientError) as refused:
        facts.transact(put, put)

    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_transaction_has_at_most_100_actions(facts: Facts) -> None:
    """API_TransactWriteItems.html"""
    puts = [{"Put": {"Item": keys.key("P", f"{number:03}")}} for number in range(101)]

    assert facts.transact(*puts[:100]) == []
    with pytest.raises(ClientError) as refused:
        facts.transact(*puts)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_transaction_with_the_same_token_is_carried_out_once(facts: Facts) -> None:
    """API_TransactWriteItems.html#DDB-TransactWriteItems-request-ClientRequestToken"""
    facts.put("1", seq=number(0))
    add = {
        "Update": {
            "Key": keys.key("P", "1"),
            "UpdateExpression": "ADD seq :one",
            "ExpressionAttributeValues": {":one": number(1)},
        }
    }

    token = str(uuid4())
    assert facts.transact(add, ClientRequestToken=token) == facts.transact(add, ClientRequestToken=token) == []

    assert (facts.get("1") or {})["seq"] == number(1)


# Reading


def test_times_sort_as_text_and_the_head_after_them(facts: Facts) -> None:
    """API_Query.html: strings are sorted by their UTF-8 bytes."""
    times = ["2026-01-01T00:00:00.000000+00:00", "2026-01-01T00:00:00.000001+00:00", "9999-12-31T23:59:59.999999+00:00"]
    for sk in (keys.HEAD, *reversed(times), f"{times[0]}#{uuid4()}"):
        facts.put(sk)

    items = facts.client.query(
        TableName=facts.name, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "P"}}
    )["Items"]

    found = [item["sk"]["S"] for item in items]
    assert found == sorted(found)
    assert found[-1] == keys.HEAD


def test_between_includes_both_ends_and_a_filter_does_not_end_a_query(facts: Facts) -> None:
    """Query.KeyConditionExpressions.html"""
    for sk in "1234":
        facts.put(sk, message_group_uuid={"S": sk})

    items = facts.client.query(
        TableName=facts.name,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :two AND :three",
        FilterExpression="message_group_uuid = :three",
        ExpressionAttributeValues={":pk": {"S": "P"}, ":two": {"S": "2"}, ":three": {"S": "3"}},
    )["Items"]

    assert [item["sk"]["S"] for item in items] == ["3"]


def test_a_batch_get_has_at_most_100_keys_and_none_twice(facts: Facts) -> None:
    """API_BatchGetItem.html: ValidationException."""
    many: Any = [keys.key("P", f"{number:03}") for number in range(101)]
    for wanted in (many, [many[0], many[0]]):
        with pytest.raises(ClientError) as refused:
            facts.client.batch_get_item(RequestItems={facts.name: {"Keys": wanted}})
        assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_an_item_has_at_most_400_kilobytes(facts: Facts) -> None:
    """Constraints.html"""
    facts.put("1", message={"S": "x" * 399_000})
    with pytest.raises(ClientError) as refused:
        facts.put("2", message={"S": "x" * 410_000})
    assert refused.value.response["Error"]["Code"] == "ValidationException"
