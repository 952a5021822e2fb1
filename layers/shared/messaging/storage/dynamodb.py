"""DynamoDB: requests to one table, with their retries, transactions, PartiQL batches and paging.

The engine does not know the stored entities: `table` has the access patterns. Throttling, conflicts and lost
connections become Busy; any other error is a bug and propagates.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from messaging.model import keys
from messaging.model.errors import Busy, Conflict
from messaging.model.items import Item
from messaging.retry import attempts
from messaging.storage.aws_errors import is_unanswered, refusal_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ABSENT = "attribute_not_exists(pk)"

_BUSY = {
    "500",  # without a code of its own
    "502",
    "503",
    "504",
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionInProgressException",
}
_CONFLICT = {"TransactionConflict", "TransactionConflictException"}
_REFUSED = {"ConditionalCheckFailed", "DuplicateItem"}
_MAX_GETS = 100  # keys in one BatchGetItem
_MAX_STATEMENTS = 25  # in one BatchExecuteStatement
MAX_BATCH_WRITES = 25  # in one BatchWriteItem


class ConditionFailed(Exception):
    """A write's condition refused it. `item` is the stored item, None if there is none."""

    def __init__(self, item: Item | None) -> None:
        self.item = item


class DynamoDB:
    """One table of DynamoDB. Items and keys are attribute maps: {"pk": {"S": "…"}, …}."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    # Reading

    def get(self, key: Item, *, consistent: bool = False) -> Item | None:
        """The item at a key. 0.5 read units per 4 KB, 1 if consistent."""
        answer = self._call(self.client.get_item, TableName=self.table_name, Key=key, ConsistentRead=consistent)
        item: Item | None = answer.get("Item")
        return item

    def get_many(self, wanted: Sequence[Item], *, consistent: bool = False) -> list[Item]:
        """The items stored at these different keys, in any order: a request per 100, none for no keys."""
        found: list[Item] = []
        for start in range(0, len(wanted), _MAX_GETS):
            found += self._get_batch(wanted[start : start + _MAX_GETS], consistent=consistent)
        return found

    def get_two(self, one: Item, other: Item, *, consistent: bool = False) -> tuple[Item | None, Item | None]:
        """The items at two keys with different sort keys, in one request."""
        found = {item["sk"]["S"]: item for item in self.get_many([one, other], consistent=consistent)}
        return found.get(one["sk"]["S"]), found.get(other["sk"]["S"])

    def query(
        self,
        pk: str,
        limit: int,
        operator: str | None = None,
        sk: str | None = None,
        *,
        ascending: bool,
        consistent: bool = False,
    ) -> list[Item]:
        """At most `limit` items of a partition, in one request, and at most a megabyte of them.

        `operator` compares the sort keys with `sk`: "<", "<=", ">" or ">=".
        """
        values: Item = {":pk": {"S": pk}}
        condition = "pk = :pk"
        if operator:
            condition += f" AND sk {operator} :sk"
            values[":sk"] = {"S": sk}
        answer = self._call(
            self.client.query,
            TableName=self.table_name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=ascending,
            Limit=limit,
            ConsistentRead=consistent,
        )
        items: list[Item] = answer["Items"]
        return items

    def query_all(
        self,
        pk: str,
        *,
        between: tuple[str, str] | None = None,
        equal: Item | None = None,
        consistent: bool = False,
    ) -> Iterator[Item]:
        """Items of a partition in order: all, or those between two sort keys or with `equal` attributes.

        A request and 128 read units per stored megabyte, 256 if consistent.
        """
        values: Item = {":pk": {"S": pk}}
        request: Item = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": values}
        if between:
            request["KeyConditionExpression"] += " AND sk BETWEEN :first AND :last"
            values |= {":first": {"S": between[0]}, ":last": {"S": between[1]}}
        if equal:
            request["FilterExpression"] = " AND ".join(f"{name} = :{name}" for name in equal)
            values |= {f":{name}": value for name, value in equal.items()}
        for page in self._pages(self.client.query, ConsistentRead=consistent, **request):
            yield from page

    def scan(self, **request: Any) -> Iterator[list[Item]]:
        """The pages of a Scan: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html"""
        return self._pages(self.client.scan, **request)

    # Writing

    def put(
        self, item: Item, condition: str = "", values: Item | None = None, names: dict[str, str] | None = None
    ) -> None:
        """Put an item. Raises ConditionFailed."""
        self._write(self.client.put_item, self._request(condition, values, names, Item=item))

    def update(self, key: Item, update: str, condition: str, values: Item, names: dict[str, str] | None = None) -> Item:
        """Update an item; return the new one. Raises ConditionFailed."""
        request = self._request(condition, values, names, Key=key, UpdateExpression=update)
        answer = self._write(self.client.update_item, {**request, "ReturnValues": "ALL_NEW"})
        item: Item = answer["Attributes"]
        return item

    def delete(
        self, key: Item, condition: str = "", values: Item | None = None, names: dict[str, str] | None = None
    ) -> Item | None:
        """Delete an item; return it, or None if there was none. Raises ConditionFailed."""
        request = self._request(condition, values, names, Key=key)
        answer = self._write(self.client.delete_item, {**request, "ReturnValues": "ALL_OLD"})
        item: Item | None = answer.get("Attributes")
        return item

    def write_batch(self, requests: Sequence[Item], give_up_after: float) -> None:
        """Run at most MAX_BATCH_WRITES puts and deletes by BatchWriteItem, with retries of throttled ones."""
        pending: Any = {self.table_name: requests}
        for _ in attempts(give_up_after):
            pending = self._call(self.client.batch_write_item, RequestItems=pending)["UnprocessedItems"]
            if not pending:
                return
        raise Busy("DynamoDB is throttling writes.")

    # Transactions

    def put_action(self, item: Item, condition: str = "", values: Item | None = None) -> Item:
        """For `transact`: a put."""
        return {"Put": self._request(condition, values, Item=item)}

    def update_action(
        self, key: Item, update: str, condition: str, values: Item, names: dict[str, str] | None = None
    ) -> Item:
        """For `transact`: an update."""
        return {"Update": self._request(condition, values, names, Key=key, UpdateExpression=update)}

    def delete_action(self, item: Item, condition: str = "", values: Item | None = None) -> Item:
        """For `transact`: the deletion of the stored item at an item's key."""
        return {"Delete": self._request(condition, values, Key=keys.of(item))}

    def check_action(self, item: Item, condition: str, values: Item | None = None) -> Item:
        """For `transact`: a condition on the stored item at an item's key."""
        return {"ConditionCheck": self._request(condition, values, Key=keys.of(item))}

    def transact(self, *actions: Item) -> dict[int, Item]:
        """Run all or nothing. Returns the stored item, {} for none, for each action refused by its condition."""
        try:
            self._call(self.client.transact_write_items, TransactItems=actions)
        except Exception as error:
            reasons: list[Item] = (refusal_of(error) or {}).get("CancellationReasons", [])
            refused = {
                index: reason.get("Item", {})
                for index, reason in enumerate(reasons)
                if reason["Code"] == "ConditionalCheckFailed"
            }
            if refused:
                return refused
            if any(reason["Code"] in _CONFLICT for reason in reasons):
                raise Conflict("Another request is writing the same items.") from error
            if any(reason["Code"] in _BUSY for reason in reasons):
                raise Busy("DynamoDB throttled a transaction.") from error
            raise
        return {}

    # PartiQL

    def insert_statement(self, item: Item) -> Item:
        """For `execute`: puts an item at an empty key."""
        attributes = ", ".join(f"'{name}': ?" for name in item)
        return {"Statement": f'INSERT INTO "{self.table_name}" VALUE {{{attributes}}}', "Parameters": [*item.values()]}

    def execute(self, statements: Sequence[Item]) -> list[Item | Exception | None]:
        """Run PartiQL statements on different items, a request per 25, with retries of throttled ones.

        Returns for each the item it returned ({}: none), None if its condition refused it, or the error: Busy if it
        was throttled to the end.
        """
        outcomes: list[Item | Exception | None] = [Busy("not run")] * len(statements)
        pending = list(range(len(statements)))
        for _ in attempts():
            for start in range(0, len(pending), _MAX_STATEMENTS):
                indexes = pending[start : start + _MAX_STATEMENTS]
                for index, outcome in zip(indexes, self._execute([statements[i] for i in indexes]), strict=True):
                    outcomes[index] = outcome
            pending = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Busy)]
            if not pending:
                break
        return outcomes

    def _execute(self, statements: list[Item]) -> list[Item | Exception | None]:
        try:
            answer = self._call(self.client.batch_execute_statement, Statements=statements)
        except Busy as busy:
            return [busy] * len(statements)
        return [_outcome(response) for response in answer["Responses"]]

    # Requests

    def _request(
        self, condition: str, values: Item | None, names: dict[str, str] | None = None, **request: Any
    ) -> Item:
        """A conditional write, for its own request or for a transaction."""
        request["TableName"] = self.table_name
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            request["ExpressionAttributeValues"] = values
        if names:
            request["ExpressionAttributeNames"] = names
        return request

    def _write(self, operation: Callable[..., Any], request: Item) -> Any:
        try:
            return self._call(operation, **request)
        except Exception as error:
            refusal = refusal_of(error)
            if not refusal or refusal["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ConditionFailed(refusal.get("Item")) from None

    def _get_batch(self, wanted: Sequence[Item], *, consistent: bool) -> list[Item]:
        pending: Any = {self.table_name: {"Keys": wanted, "ConsistentRead": consistent}}
        found: list[Item] = []
        for _ in attempts():
            answer = self._call(self.client.batch_get_item, RequestItems=pending)
            found += answer["Responses"].get(self.table_name, [])
            pending = answer.get("UnprocessedKeys")
            if not pending:
                return found
        raise Busy("DynamoDB is throttling reads.")

    def _pages(self, operation: Callable[..., Any], **request: Any) -> Iterator[list[Item]]:
        while True:
            answer = self._call(operation, TableName=self.table_name, **request)
            yield answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        try:
            return operation(**request)
        except Exception as error:
            if is_unanswered(error):
                raise Busy("DynamoDB did not answer.") from error
            if refusal := refusal_of(error):
                if refusal["Error"]["Code"] in _CONFLICT:
                    raise Conflict("Another request is writing the same items.") from error
                if refusal["Error"]["Code"] in _BUSY:
                    raise Busy("DynamoDB is throttling or not available.") from error
            raise


def _outcome(response: Item) -> Item | Exception | None:
    error = response.get("Error")
    if not error:
        item: Item = response.get("Item", {})
        return item
    if error["Code"] in _REFUSED:
        return None
    if error["Code"] in _BUSY | _CONFLICT:
        return Busy("DynamoDB throttled a statement.")
    return RuntimeError(f"DynamoDB cannot run a statement: {error['Code']}")
