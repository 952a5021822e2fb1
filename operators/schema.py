"""The table's definition, read from template.yaml, the only place that defines it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from operators.environments import Environment

try:
    from yaml import CSafeLoader as SafeLoader  # ten times as fast; not in every installation of PyYAML
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
_CREATED_WITH = ("AttributeDefinitions", "BillingMode", "KeySchema")


class _Loader(SafeLoader):
    """YAML with CloudFormation's tags, which are left as {"!GetAtt": value}."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.MappingNode():
            return {f"!{suffix}": loader.construct_mapping(node, deep=True)}
        case yaml.SequenceNode():
            return {f"!{suffix}": loader.construct_sequence(node, deep=True)}
        case yaml.ScalarNode():
            return {f"!{suffix}": loader.construct_scalar(node)}
    raise TypeError(node)


_Loader.add_multi_constructor("!", _tagged)


@cache
def template() -> dict[str, Any]:
    """template.yaml as written; do not modify it. Intrinsic functions are dicts of one key, {"!Ref": "Table"}."""
    return read_yaml(TEMPLATE)


def read_yaml(path: Path) -> dict[str, Any]:
    """The document of a file. CloudFormation's intrinsic functions are dicts of one key."""
    loaded: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return loaded


def time_to_live() -> dict[str, Any]:
    """The TimeToLiveSpecification of the template's table."""
    specification: dict[str, Any] = template()["Resources"]["Table"]["Properties"]["TimeToLiveSpecification"]
    return specification


def create_table_request(name: str) -> dict[str, Any]:
    """The CreateTable request for a table like the template's: keys, billing mode, stream."""
    properties = template()["Resources"]["Table"]["Properties"]
    return {
        "TableName": name,
        **{key: properties[key] for key in _CREATED_WITH},
        "StreamSpecification": _stream(),
    }


@contextmanager
def without_local_stream(environment: Environment, client: Any) -> Iterator[None]:
    """Disable the table's stream during the block on DynamoDB Local: writes slow down with the length of the stream.

    Nothing reads it there. Elsewhere this does nothing.
    """
    if not environment.is_table_only:
        yield
        return
    # A killed run has left it off.
    if "StreamSpecification" in client.describe_table(TableName=environment.table_name)["Table"]:
        client.update_table(TableName=environment.table_name, StreamSpecification={"StreamEnabled": False})
    try:
        yield
    finally:
        client.update_table(TableName=environment.table_name, StreamSpecification=_stream())


def _stream() -> dict[str, Any]:
    return {"StreamEnabled": True, **template()["Resources"]["Table"]["Properties"]["StreamSpecification"]}
