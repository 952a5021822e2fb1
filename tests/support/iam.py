"""IAM's decisions on requests, by two judges: ministack's, and the npm package iam-simulate.

Neither talks to a running system. Both get the policies of the processed template, and facts about a request that
ministack's DynamoDB does not report over HTTP, such as `dynamodb:LeadingKeys`.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ministack.core.iam_evaluator import (
    EvalContext,
    combine_resource_policy,
    evaluate,
    evaluate_resource_policy,
    parse_policy_document,
)

Policies = Mapping[str, Mapping[str, Any]]

ACCOUNT = "123456789012"
_SCRIPT = Path(__file__).with_name("iam_simulate.js")
_DECISIONS = {"Allowed": True, "ImplicitlyDenied": False, "ExplicitlyDenied": False}


@dataclass(frozen=True)
class Request:
    """A request, and the names of the policies that apply to it."""

    principal: str
    action: str = ""
    resource: str = ""
    context: Mapping[str, str | list[str]] = field(default_factory=dict)
    identity: Sequence[str] = ()
    boundary: str | None = None
    endpoint: str | None = None
    resource_policy: str | None = None


def by_iam_simulate(policies: Policies, requests: Sequence[Request]) -> list[bool]:
    """Decide on all requests. Raises KeyError with the reason for a request or policy that AWS does not know."""
    question = json.dumps({"policies": policies, "requests": [asdict(request) for request in requests]})
    answer = subprocess.run(["node", _SCRIPT], input=question, check=True, stdout=subprocess.PIPE, text=True)
    return [_DECISIONS[decision] for decision in json.loads(answer.stdout)]


def by_ministack(policies: Policies, requests: Sequence[Request]) -> list[bool]:
    """Decide on all requests, as ministack does for a signed one."""
    parsed = cache(lambda name: parse_policy_document(policies[name]))
    return [_ministack_decides(policies, parsed, request) for request in requests]


def _ministack_decides(policies: Policies, parsed: Any, request: Request) -> bool:
    context = EvalContext(
        principal_arn=request.principal,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=request.action,
        resource_arn=request.resource,
        region="us-east-1",
        source_ip="192.0.2.1",
        secure_transport=request.context["aws:SecureTransport"] == "true",
        service_context={name.lower(): value for name, value in request.context.items()},
    )
    limits = [[parsed(request.boundary)]] if request.boundary else []
    decision = evaluate(context, [parsed(name) for name in request.identity], *limits)
    if request.resource_policy:
        policy = policies[request.resource_policy]
        is_key = request.action.startswith("kms:")
        decision = combine_resource_policy(decision, context, policy, ACCOUNT, required=is_key, limits=limits)
    # ministack has no endpoint policies; they are evaluated as the policies of resources are.
    reaches = not request.endpoint or evaluate_resource_policy(policies[request.endpoint], context).decision == "Allow"
    return bool(decision.decision == "Allow" and reaches)
