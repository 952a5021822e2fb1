"""The policies in docs/before-you-deploy.md: a deployer's permissions, from the template's resource types.

`make docs` writes them anew.
"""

import json
import re
import textwrap
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.support.processed import processed, resources
from tools import deploy_role

FILE = Path(__file__).parents[1] / "docs" / "before-you-deploy.md"
# A value that turns on each parameter that brings resources of other types.
_PARAMETERS = {
    "AlarmEmail": "ops@example.com",
    "AuditTrail": "true",
    "ConfigRules": "true",
    "CustomerManagedKey": "true",
    "GradualDeployment": "true",
    "PrivateNetwork": "true",
    "WebClient": "true",
}


def text() -> str:
    """The page with policies made anew between its marks."""
    base = _types()
    allowed = deploy_role.actions(base)
    additions = {
        name: sorted(deploy_role.actions(base | _types(**{name: value})) - allowed)
        for name, value in _PARAMETERS.items()
    }
    page = _between("policies", "\n".join(map(_policy, deploy_role.parts(sorted(allowed)))), FILE.read_text())
    return _between("additions", "\n".join(_addition(name, actions) for name, actions in additions.items()), page)


def _types(**parameters: str) -> set[str]:
    """The types of a stack's resources."""
    made = list(resources(**parameters).values())
    if "GradualDeployment" in parameters:  # SAM decides on it before CloudFormation decides conditions
        ungraded = processed()["Resources"]
        made += [one for name, one in processed(**parameters)["Resources"].items() if name not in ungraded]
    return {resource["Type"] for resource in made}


def _between(name: str, made: str, page: str) -> str:
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)",
        lambda marks: marks[1] + made + marks[2],
        page,
        flags=re.DOTALL,
    )


def _policy(allowed: list[str]) -> str:
    """A policy as a block of JSON, with the actions of a service together and ACCOUNT for the account's id."""
    statements = ",\n".join(map(_statement, deploy_role.statements(allowed)))
    return f'```json\n{{\n  "Version": "2012-10-17",\n  "Statement": [\n{statements}\n  ]\n}}\n```\n'


def _addition(parameter: str, allowed: list[str]) -> str:
    services = ", ".join(dict.fromkeys(action.partition(":")[0] for action in allowed))
    summary = f"<code>{parameter}</code>: {len(allowed)} more actions of {services}"
    return f"<details><summary>{summary}</summary>\n\n{_policy(allowed)}\n</details>\n"


def _statement(statement: dict[str, Any]) -> str:
    rest = json.dumps({key: _plain(value) for key, value in statement.items() if key != "Action"})[1:-1]
    lines = ",\n".join(map(_line, _by_service(statement["Action"]).values()))
    return f'    {{\n      {rest},\n      "Action": [\n{lines}\n      ]\n    }}'


def _line(actions: list[str]) -> str:
    indent = " " * 8
    return textwrap.fill(
        json.dumps(actions)[1:-1], 118, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _plain(value: Any) -> Any:
    match value:
        case {"Fn::Sub": str(arn)}:
            return arn.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", "ACCOUNT")
        case list():
            return [_plain(one) for one in value]
    return value


def _by_service(actions: list[str]) -> dict[str, list[str]]:
    return {service: list(some) for service, some in groupby(actions, lambda action: action.partition(":")[0])}
