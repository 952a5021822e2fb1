"""Resource types that ministack's CloudFormation lacks though it has the services: trails and Config rules."""

import json
from typing import Any

from ministack.services import cloudtrail, config
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

_Provisioned = tuple[str, dict[str, str]]


def _create_trail(_logical_id: str, properties: dict[str, Any], _stack: str) -> _Provisioned:
    name = properties["TrailName"]
    trail = _answer(cloudtrail._create_trail({**properties, "Name": name}))
    _answer(cloudtrail._put_event_selectors({**properties, "TrailName": name}))
    _answer((cloudtrail._start_logging if properties["IsLogging"] else cloudtrail._stop_logging)({"Name": name}))
    return name, {"Arn": trail["TrailARN"]}


def _update_trail(name: str, _old: dict[str, Any], properties: dict[str, Any], stack: str) -> _Provisioned:
    _delete_trail(name, properties)
    return _create_trail(name, properties, stack)


def _delete_trail(name: str, _properties: dict[str, Any]) -> None:
    _answer(cloudtrail._delete_trail({"Name": name}))


def _put_rule(_logical_id: str, properties: dict[str, Any], _stack: str) -> _Provisioned:
    _answer(config._put_config_rule({"ConfigRule": properties}))
    return properties["ConfigRuleName"], {}


def _delete_rule(name: str, _properties: dict[str, Any]) -> None:
    _answer(config._delete_config_rule({"ConfigRuleName": name}))


def _answer(response: tuple[int, Any, bytes]) -> dict[str, Any]:
    status, _, body = response
    if status >= 400:
        raise ValueError(body.decode())
    answer: dict[str, Any] = json.loads(body)
    return answer


_PROVISIONERS = {
    "AWS::CloudTrail::Trail": {"create": _create_trail, "update": _update_trail, "delete": _delete_trail},
    "AWS::Config::ConfigRule": {"create": _put_rule, "delete": _delete_rule},
}


def add() -> None:
    """Add them to ministack in this process."""
    _RESOURCE_HANDLERS.update(_PROVISIONERS)
