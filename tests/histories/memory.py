"""DynamoDB in memory, with a stream: one table, and the requests that functions and operators use.

An unknown request is an error. tests/integration/test_histories_on_dynamodb_local.py compares it with DynamoDB Local.
"""

import re
from collections.abc import Callable
from itertools import count
from typing import Any, NoReturn

from botocore.exceptions import ClientError

from tests.histories import expressions
from tests.histories.expressions import Item

_CONDITION = {
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
}
_PARAMETERS = {
    "get_item": {"Key"},
    "batch_get_item": {"RequestItems"},
    "query": {
        "ExclusiveStartKey",
        "ExpressionAttributeValues",
        "FilterExpression",
        "KeyConditionExpression",
        "Limit",
        "ScanIndexForward",
    },
    "put_item": {"Item"} | _CONDITION,
    "update_item": {"Key", "ReturnValues", "UpdateExpression"} | _CONDITION,
    "delete_item": {"Key", "ReturnValues"} | _CONDITION,
    "batch_write_item": {"RequestItems"},
    "transact_write_items": {"TransactItems"},
    "batch_execute_statement": {"Statements"},
}
_PARAMETER = re.compile(r"\?")
_INSERT = re.compile(r'INSERT INTO "[\w.-]+" VALUE \{(.*)\}')
_UPDATE = re.compile(r'UPDATE "[\w.-]+" (SET .*) WHERE (.*)')
_DELETE = re.compile(r'DELETE FROM "[\w.-]+" WHERE (.*?)( RETURNING ALL OLD \*)?')
_WHERE_KEY = "pk = :0 AND sk = :1"  # without another condition, deleting a missing item is not refused
_KEYS = re.compile(r"\b(pk|sk) = (:\w+)")
_KEY_CONDITION = re.compile(r"pk = (:\w+)")


def copied(value: Any) -> Any:
    """Copy attribute values."""
    if isinstance(value, dict):
        return {name: copied(one) for name, one in value.items()}
    return [*value] if isinstance(value, list) else value


class MemoryTable:
    """A DynamoDB client on one table in memory.

    `wrote` is called with the partition after each written item, even within a batch, which is not atomic.
    """

    def __init__(self, wrote: Callable[[str], None]) -> None:
        self.records: list[Any] = []
        self.queried: set[str] = set()
        self._wrote = wrote
        self._partitions: dict[str, dict[str, Item]] = {}

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return a known operation; it refuses unknown parameters."""
        run = getattr(self, f"_{operation}")

        def ask(**request: Any) -> Any:
            unknown = request.keys() - _PARAMETERS[operation] - {"TableName", "ConsistentRead"}
            assert not unknown, f"{operation} with {unknown}"
            return run(request)

        return ask

    # Reading

    def _get_item(self, request: Any) -> Any:
        item = self._find(request["Key"])
        return {"Item": item} if item else {}

    def _batch_get_item(self, request: Any) -> Any:
        ((name, wanted),) = request["RequestItems"].items()
        found = [self._find(key) for key in wanted["Keys"]]
        return {"Responses": {name: [item for item in found if item]}, "UnprocessedKeys": {}}

    def _query(self, request: Any) -> Any:
        values = request["ExpressionAttributeValues"]
        match = _KEY_CONDITION.match(request["KeyConditionExpression"])
        assert match, request
        pk = values[match[1]]["S"]
        self.queried.add(pk)
        ascending = request.get("ScanIndexForward", True)
        items = [item for _, item in sorted(self._partitions.get(pk, {}).items(), reverse=not ascending)]
        if "ExclusiveStartKey" in request:
            start = request["ExclusiveStartKey"]["sk"]["S"]
            items = [item for item in items if item["sk"]["S"] != start and (item["sk"]["S"] > start) == ascending]
        wanted = expressions.condition(request["KeyConditionExpression"])
        items = [item for item in items if wanted(item, {}, values)]
        page = items[: request.get("Limit")]
        last = {"LastEvaluatedKey": _key(page[-1])} if len(page) == request.get("Limit") else {}
        if "FilterExpression" in request:
            kept = expressions.condition(request["FilterExpression"])
            page = [item for item in page if kept(item, {}, values)]
        return {"Items": page, **last}

    # Writing

    def _put_item(self, request: Any) -> Any:
        self._require(request["Item"], request)
        self._store(request["Item"], copied(request["Item"]))
        return {}

    def _update_item(self, request: Any) -> Any:
        self._require(request["Key"], request)
        item = self._updated(request["Key"], request["UpdateExpression"], request)
        self._store(request["Key"], item)
        return {"Attributes": item} if request.get("ReturnValues") == "ALL_NEW" else {}

    def _delete_item(self, request: Any) -> Any:
        self._require(request["Key"], request)
        old = self._find(request["Key"])
        self._store(request["Key"], None)
        return {"Attributes": old} if old and request.get("ReturnValues") == "ALL_OLD" else {}

    def _batch_write_item(self, request: Any) -> Any:
        ((_, requests),) = request["RequestItems"].items()
        for one in requests:
            match one:
                case {"PutRequest": {"Item": item}}:
                    self._store(item, copied(item))
                case {"DeleteRequest": {"Key": key}}:
                    self._store(key, None)
        return {"UnprocessedItems": {}}

    def _transact_write_items(self, request: Any) -> Any:
        writes = [next(iter(one.items())) for one in request["TransactItems"]]
        items = [write["Item"] if kind == "Put" else write["Key"] for kind, write in writes]
        _require_distinct(items)
        refusals = [self._refusal(item, write) for item, (_, write) in zip(items, writes, strict=True)]
        if any(refusals):
            none = {"Code": "None"}
            _fail("TransactionCanceledException", CancellationReasons=[refusal or none for refusal in refusals])
        changed: list[Item] = []
        for item, (kind, write) in zip(items, writes, strict=True):
            match kind:
                case "Put":
                    is_new = self._replace(item, copied(item))
                case "Update":
                    is_new = self._replace(item, self._updated(item, write["UpdateExpression"], write))
                case "Delete":
                    is_new = self._replace(item, None)
                case "ConditionCheck":
                    is_new = False
            if is_new:
                changed.append(item)
        for item in changed:
            self._wrote(item["pk"]["S"])
        return {}

    def _batch_execute_statement(self, request: Any) -> Any:
        parsed = [_parsed(one["Statement"], one["Parameters"]) for one in request["Statements"]]
        _require_distinct([key for _, key, *_ in parsed])
        return {"Responses": [self._execute(*one) for one in parsed]}

    def _execute(self, kind: str, key: Item, change: str, where: str, values: Item) -> Any:
        old = self._find(key)
        if kind == "INSERT":
            if old:
                return {"Error": {"Code": "DuplicateItem"}}
            self._store(key, copied(key))
            return {}
        if old is None and where == _WHERE_KEY:
            return {}
        if old is None or not expressions.condition(where)(old, {}, values):
            return {"Error": {"Code": "ConditionalCheckFailed"}}
        if kind == "DELETE":
            self._store(key, None)
            return {"Item": old} if change else {}
        self._store(key, self._updated(key, change, {"ExpressionAttributeValues": values}))
        return {}

    def _updated(self, key: Item, update: str, request: Any) -> Item:
        item: Item = copied(self._find(key) or _key(key))
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        expressions.change(update)(item, names, copied(values))
        return item

    def _require(self, item: Item, request: Any) -> None:
        refusal = self._refusal(item, request)
        if refusal:
            del refusal["Code"]
            _fail("ConditionalCheckFailedException", **refusal)

    def _refusal(self, item: Item, request: Any) -> Any:
        """The refusal by the request's condition, or None."""
        if "ConditionExpression" not in request:
            return None
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        old = self._find(item)
        if expressions.condition(request["ConditionExpression"])(old or {}, names, values):
            return None
        is_returned = old and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Code": "ConditionalCheckFailed", **({"Item": old} if is_returned else {})}

    def _find(self, key: Item) -> Item | None:
        return self._partitions.get(key["pk"]["S"], {}).get(key["sk"]["S"])

    def _store(self, key: Item, new: Item | None) -> None:
        if self._replace(key, new):
            self._wrote(key["pk"]["S"])

    def _replace(self, key: Item, new: Item | None) -> bool:
        """Replace an item. False if nothing changes; then the stream gets no record."""
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        partition = self._partitions.setdefault(pk, {})
        old = partition.pop(sk, None)
        if new is not None:
            partition[sk] = new
        if new == old:
            return False
        images = {"OldImage": old, "NewImage": new}
        record = {
            "Keys": _key(key),
            **{name: image for name, image in images.items() if image is not None},
            "SequenceNumber": f"{len(self.records):021}",
        }
        name = "INSERT" if old is None else "MODIFY" if new is not None else "REMOVE"
        self.records.append({"eventName": name, "dynamodb": record})
        return True


def _parsed(statement: str, parameters: list[Item]) -> tuple[str, Item, str, str, Item]:
    numbers = count()
    text = _PARAMETER.sub(lambda _: f":{next(numbers)}", statement)
    values: Any = {f":{number}": parameter for number, parameter in enumerate(parameters)}
    if match := _INSERT.fullmatch(text):
        pairs = (pair.split(": ") for pair in match[1].split(", "))
        return "INSERT", {name.strip("'"): values[value] for name, value in pairs}, "", "", values
    if match := _UPDATE.fullmatch(text):
        return "UPDATE", _key_in(match[2], values), match[1], match[2], values
    match = _DELETE.fullmatch(text)
    assert match, f"unknown statement {statement}"
    return "DELETE", _key_in(match[1], values), match[2] or "", match[1], values


def _key_in(where: str, values: Item) -> Item:
    return {name: values[value] for name, value in _KEYS.findall(where)}


def _key(item: Item) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}


def _require_distinct(items: list[Item]) -> None:
    if len({(item["pk"]["S"], item["sk"]["S"]) for item in items}) < len(items):
        _fail("ValidationException")


def _fail(code: str, **more: Any) -> NoReturn:
    response: Any = {"Error": {"Code": code, "Message": ""}, **more}
    raise ClientError(response, "Any")
