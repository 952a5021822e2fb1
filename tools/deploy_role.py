"""The role that GitHub deploys with, .github/deploy_role.yaml, made from the template's resource types.

CloudFormation makes each resource with the rights of the deployer. The schema of a resource type names them
(`handlers`); cfn-lint carries the schemas. Run it when a test says so: .venv/bin/python -m tools.deploy_role
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from operators.environments import STACK
from tests.support.processed import processed

FILE = Path(__file__).parents[1] / ".github" / "deploy_role.yaml"
_POLICY_CHARS = 6000  # of the 6,144 that IAM takes, without white space
# Actions of sam and make deploy themselves, of CloudFormation for the template's intrinsic functions, and of API
# Gateway to write an access log.
_DEPLOYMENT = {
    "cloudformation:CreateChangeSet",
    "cloudformation:CreateStack",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",
    "cloudformation:GetTemplateSummary",
    "cloudformation:ListStackResources",
    "cloudformation:TagResource",
    "cloudformation:UpdateStack",
    "ec2:DescribeAvailabilityZones",
    "lambda:GetAccountSettings",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
    "s3:GetBucketLocation",
    "s3:PutObject",
}
# For features that the template does not use: copies of a table in other regions, people and groups of IAM. No deployer
# reads messages.
_NOT_NEEDED = {
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:DetachGroupPolicy",
    "iam:DetachUserPolicy",
    "s3:REST.PUT.OBJECT",
}
# Services that a resource type works with if asked to, and the template does not ask.
_OTHER_SERVICES = {
    "elasticfilesystem",
    "firehose",
    "kinesis",
    "organizations",
    "s3files",
    "s3tables",
    "vpc-lattice",
    "vpce",
}


def actions(types: Iterable[str]) -> set[str]:
    """The permissions that deploying resources of these types needs."""
    found = set(_DEPLOYMENT)
    for kind in types:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        for handler in schema["handlers"].values():
            for permission in handler.get("permissions", []):
                service, _, action = permission.partition(":")
                found.add(f"{service.lower()}:{action[0].upper()}{action[1:]}")
    return {one for one in found - _NOT_NEEDED if one.partition(":")[0] not in _OTHER_SERVICES}


def template() -> dict[str, Any]:
    """A CloudFormation template: the role, which the repository's GitHub environment can take, and its policies."""
    types = {resource["Type"] for resource in processed(GradualDeployment="true")["Resources"].values()}
    policies = {f"Policy{number}": _policy(part) for number, part in enumerate(parts(sorted(actions(types))), 1)}
    trust = {
        "Effect": "Allow",
        "Principal": {
            "Federated": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:oidc-provider/{_GITHUB}"}
        },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{_GITHUB}:aud": "sts.amazonaws.com",
                f"{_GITHUB}:sub": {"Fn::Sub": "repo:${Repository}:environment:${Environment}"},
            }
        },
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that GitHub deploys Cruddur Messages with. Made by tools/deploy_role.py",
        "Parameters": {
            "Repository": {"Type": "String", "Description": "OWNER/REPOSITORY on GitHub"},
            "Environment": {"Type": "String", "AllowedValues": ["dev", "prod"]},
        },
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                    "ManagedPolicyArns": [{"Ref": name} for name in policies],
                },
            },
            **policies,
        },
        "Outputs": {
            "RoleArn": {"Description": "AWS_DEPLOY_ROLE of the environment", "Value": {"Fn::GetAtt": ["Role", "Arn"]}}
        },
    }


_GITHUB = "token.actions.githubusercontent.com"


def _policy(allowed: list[str]) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements(allowed))}},
    }


def statements(allowed: list[str]) -> Iterator[dict[str, Any]]:
    """IAM's actions reach this application's roles and policies only, and roles are for Lambda and CodeDeploy."""
    of_iam = [one for one in allowed if one.startswith("iam:")]
    anywhere = [one for one in allowed if one not in of_iam]
    if anywhere:
        yield {"Effect": "Allow", "Action": anywhere, "Resource": "*"}
    if of_iam:
        names = [f"role/{STACK}*", f"policy/{STACK}*", "role/aws-service-role/*"]
        arns: list[Any] = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{name}"} for name in names]
        lists = [one for one in of_iam if one.startswith("iam:List")]
        yield {"Effect": "Allow", "Action": lists, "Resource": "*"}
        yield {"Effect": "Allow", "Action": [one for one in of_iam if one not in [*lists, _PASS]], "Resource": arns}
        services = ["codedeploy.amazonaws.com", "lambda.amazonaws.com"]
        condition = {"StringEquals": {"iam:PassedToService": services}}
        yield {"Effect": "Allow", "Action": [_PASS], "Resource": arns[0], "Condition": condition}


_PASS = "iam:PassRole"  # noqa: S105 - an action


def parts(allowed: list[str]) -> Iterator[list[str]]:
    """The actions in as many lists as policies are needed, those of a service together."""
    part: list[str] = []
    for _, group in groupby(allowed, lambda one: one.partition(":")[0]):
        service = list(group)
        if part and len(json.dumps(_policy(part + service), separators=(",", ":"))) > _POLICY_CHARS:
            yield part
            part = []
        part += service
    yield part


def text() -> str:
    """The file."""
    return yaml.dump(template(), Dumper=_Dumper, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Without anchors, which CloudFormation does not read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


if __name__ == "__main__":
    FILE.write_text(text())
