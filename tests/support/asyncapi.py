"""asyncapi.yaml's schemas, for checking real frames."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "asyncapi.yaml").read_text())


def assert_described(schema: str, value: object) -> None:
    """Assert that `value` matches components/schemas/{schema}."""
    error = next(iter(_validator(schema).iter_errors(value)), None)
    assert error is None, error


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    )
