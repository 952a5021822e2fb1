"""asyncapi.yaml's schemas, for what really goes through sockets."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "asyncapi.yaml").read_text())


def assert_described(schema: str, value: object) -> None:
    """Fails if `value` is not as components/schemas/{schema} says."""
    error = next(iter(_validator(schema).iter_errors(value)), None)
    assert error is None, error


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    )
