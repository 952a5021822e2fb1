"""asyncapi.yaml's schemas, for checking real frames."""

from functools import cache
from typing import Any

import jsonschema_rs

from operators.schema import TEMPLATE, read_yaml

ASYNCAPI: dict[str, Any] = read_yaml(TEMPLATE.with_name("asyncapi.yaml"))


def assert_described(schema: str, value: object) -> None:
    """Assert that `value` matches components/schemas/{schema}."""
    error = next(iter(_validator(schema).iter_errors(value)), None)
    assert error is None, error


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": ASYNCAPI["components"]}
    )
