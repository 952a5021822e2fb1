"""docs/before-you-deploy.md has the permissions of the template's resource types, as policies that IAM takes."""

import json
import re

from tools import deploy_policy, deploy_role

PAGE = deploy_policy.FILE.read_text()
BASE, MORE = (
    [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)]
    for part in (PAGE.partition("<!-- policies -->")[2], PAGE.partition("<!-- policies -->")[0])
)


def test_the_page_is_made_from_the_template() -> None:
    assert deploy_policy.text() == PAGE, "run make docs"


def test_iam_takes_the_policies() -> None:
    assert BASE
    assert MORE
    for policy in BASE + MORE:
        assert policy["Version"] == "2012-10-17"
        assert len(json.dumps(policy, separators=(",", ":"))) <= 6144


def test_they_allow_all_that_a_deployment_with_defaults_needs_and_nothing_that_only_parameters_need() -> None:
    allowed = {action for policy in BASE for statement in policy["Statement"] for action in statement["Action"]}
    with_all = {action for one in deploy_role.template()["Resources"].values() for action in _actions(one)}

    assert {"lambda:CreateFunction", "dynamodb:CreateTable", "iam:PassRole"} <= allowed
    assert allowed < with_all
    assert not [action for action in allowed if action.startswith(("cloudfront:", "cloudtrail:", "config:"))]


def _actions(resource: dict[str, dict[str, dict[str, list[dict[str, list[str]]]]]]) -> list[str]:
    statements = resource["Properties"].get("PolicyDocument", {}).get("Statement", [])
    return [action for statement in statements for action in statement["Action"]]
