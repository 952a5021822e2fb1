"""openapi.yaml, read once by each process."""

from typing import Any

from operators.schema import TEMPLATE, read_yaml

OPENAPI: dict[str, Any] = read_yaml(TEMPLATE.with_name("openapi.yaml"))
