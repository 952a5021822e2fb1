"""The role that GitHub deploys with has the permissions to deploy the template, by its resource types' schemas."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import deploy_role

RESOURCES = deploy_role.template()["Resources"]
POLICIES = [one["Properties"]["PolicyDocument"] for name, one in RESOURCES.items() if name != "Role"]
STATEMENTS = [statement for policy in POLICIES for statement in policy["Statement"]]
ALLOWED = {action for one in STATEMENTS for action in one["Action"]}


def test_the_file_is_made_from_the_template() -> None:
    assert deploy_role.FILE.read_text() == deploy_role.text(), "run .venv/bin/python -m tools.deploy_role"


@pytest.mark.parametrize(
    "action",
    [
        "apigateway:POST",
        "cloudformation:CreateChangeSet",
        "cloudfront:CreateDistribution",
        "cloudtrail:CreateTrail",
        "config:PutConfigRule",
        "ec2:CreateVpcEndpoint",
        "iam:CreateServiceLinkedRole",
        "kms:CreateKey",
        "logs:CreateLogDelivery",
        "lambda:PublishVersion",
    ],
)
def test_what_deployments_need_is_allowed(action: str) -> None:
    assert action in ALLOWED


def test_a_deployer_reads_no_messages() -> None:
    data = ("GetItem", "Query", "Scan", "PartiQL", "GetRecords", "BatchGetItem")
    assert not [action for action in ALLOWED if action.startswith("dynamodb:") and action.endswith(data)]


def test_each_policy_is_small_enough_for_iam() -> None:
    sizes = [len(json.dumps(policy, separators=(",", ":"))) for policy in POLICIES]
    assert max(sizes) <= 6144
    assert len(sizes) <= 10


def test_cloudformation_would_take_it() -> None:
    # W3037: the schemas name some actions of S3 by the request, which IAM takes and knows nothing of.
    found = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", deploy_role.FILE, "--ignore-checks", "W3037"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "")
