"""template.yaml as CloudFormation processes it: transformed by SAM, conditions decided, references resolved."""

import json
import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from operators.schema import TEMPLATE

_NO_VALUE = object()
_DECISIONS: dict[str, Callable[[list[Any]], bool]] = {
    "Fn::And": all,
    "Fn::Equals": lambda arguments: arguments[0] == arguments[1],
    "Fn::Not": lambda arguments: not arguments[0],
}
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "cruddur-messages",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": _NO_VALUE,
}


def output(name: str, **parameters: str) -> Any:
    """The value of an output of a stack with these parameters."""
    return _stack(**parameters)["Outputs"][name]["Value"]


def resources(**parameters: str) -> dict[str, dict[str, Any]]:
    """The resources of a stack with these parameters, by logical id.

    A reference to a resource becomes its logical id, a reference to an attribute "Table.Arn".
    """
    found: dict[str, dict[str, Any]] = _stack(**parameters)["Resources"]
    return found


@cache
def _stack(**parameters: str) -> dict[str, dict[str, Any]]:
    """The resources and outputs of a stack."""
    transformed = _transformed(TEMPLATE.read_text())
    defaults = {name: parameter.get("Default") for name, parameter in transformed["Parameters"].items()}
    names = _PSEUDO_PARAMETERS | defaults | parameters
    conditions = {name: _resolve(condition, names, {}) for name, condition in transformed["Conditions"].items()}
    return {
        section: {
            name: _resolved(
                section,
                name,
                tuple((one, names[one]) for one in mentioned if one in names),
                tuple((one, conditions[one]) for one in mentioned if one in conditions),
            )
            for name, described in transformed[section].items()
            if conditions.get(described.get("Condition"), True)
            for mentioned in [_mentioned(section, name)]
        }
        for section in ("Resources", "Outputs")
    }


@cache
def _mentioned(section: str, name: str) -> set[str]:
    """All words in a resource or an output, the names of parameters and conditions among them."""
    return set(re.findall(r"[\w:]+", json.dumps(_transformed(TEMPLATE.read_text())[section][name], default=str)))


@cache
def _resolved(
    section: str, name: str, names: tuple[tuple[str, Any], ...], conditions: tuple[tuple[str, bool], ...]
) -> Any:
    """A resource or an output. Cached, since most mention few parameters: hundreds of stacks have the same ones."""
    return _resolve(_transformed(TEMPLATE.read_text())[section][name], dict(names), dict(conditions))


def processed(**parameters: str) -> dict[str, Any]:
    """What CloudFormation gets from SAM, with these parameters."""
    loaded = json.loads(json.dumps(yaml_parse(TEMPLATE.read_text())))
    for resource in loaded["Resources"].values():
        for uri in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][uri] = "s3://bucket/key"
    made: dict[str, Any] = transform(loaded, parameters, SimpleNamespace(load=dict))
    return made


def logical_ids(template: str) -> set[str]:
    """The resources that SAM generates from a template's text, before conditions are decided."""
    return set(_transformed(template)["Resources"])


@cache
def _transformed(template: str) -> dict[str, Any]:
    class NoManagedPolicies:
        """A look-up that is never needed: SAM writes the ARNs of the policies it adds."""

        def load(self) -> dict[str, str]:
            return {}

    source = yaml_parse(template)
    validator = SamTemplateValidator(source, NoManagedPolicies(), region=_PSEUDO_PARAMETERS["AWS::Region"])
    transformed: dict[str, Any] = yaml_parse(validator.get_translated_template_if_valid())
    return transformed


def _resolve(value: Any, names: dict[str, Any], conditions: dict[str, bool]) -> Any:
    """Resolve references. `conditions` may be empty while they are decided themselves: none refers to another."""

    def resolve(inner: Any) -> Any:
        return _resolve(inner, names, conditions)

    match value:
        case {"Ref": str(name)}:
            return names.get(name, name)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": [text, variables]}:
            return _substituted(text, {**names, **resolve(variables)})
        case {"Fn::Sub": text}:
            return _substituted(text, names)
        case {"Fn::Select": [index, {"Fn::Split": [separator, text]}]}:
            return resolve(text).split(separator)[index]
        case {"Fn::Select": [index, {"Ref": listed}]}:  # a CommaDelimitedList
            return names[listed].split(",")[index]
        case {"Fn::If": [condition, then, otherwise]}:
            return resolve(then if conditions[condition] else otherwise)
        case dict() if len(value) == 1 and (decide := _DECISIONS.get(next(iter(value)))):
            return decide(resolve(*value.values()))
    return _without_no_value(value, resolve)


def _without_no_value(value: Any, resolve: Callable[[Any], Any]) -> Any:
    match value:
        case dict():
            return {key: kept for key, inner in value.items() if (kept := resolve(inner)) is not _NO_VALUE}
        case list():
            return [kept for inner in value if (kept := resolve(inner)) is not _NO_VALUE]
    return value


def _substituted(text: str, names: dict[str, Any]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda match: str(names.get(match[1], match[1])), text)
