"""The web client's resources on AWS, and their absence by default."""

from typing import Any

import pytest

from tests.support.processed import resources

Stack = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def stack() -> Stack:
    return resources(WebClient="true")


def properties(stack: Stack, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stack[name]["Properties"]
    return found


def test_without_the_parameter_there_is_nothing_of_it(stack: Stack) -> None:
    added = stack.keys() - resources().keys()
    assert added == {"WebAccess", "WebBucket", "WebBucketPolicy", "WebDistribution", "WebHeaders", "WebPaths"}


def test_only_the_distribution_reads_the_bucket(stack: Stack) -> None:
    assert all(properties(stack, "WebBucket")["PublicAccessBlockConfiguration"].values())
    (allow,) = [
        statement
        for statement in properties(stack, "WebBucketPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert allow["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allow["Action"] == "s3:GetObject"
    source = allow["Condition"]["StringEquals"]["AWS:SourceArn"]
    assert source == "arn:aws:cloudfront::123456789012:distribution/WebDistribution"


def test_page_api_and_socket_are_under_one_domain_and_only_the_page_is_cached(stack: Stack) -> None:
    distribution = properties(stack, "WebDistribution")["DistributionConfig"]
    caching_disabled, all_but_host = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    behaviours = {behaviour["PathPattern"]: behaviour for behaviour in distribution["CacheBehaviors"]}
    assert behaviours.keys() == {"/api/*", "/live"}
    for behaviour in behaviours.values():
        assert (behaviour["CachePolicyId"], behaviour["OriginRequestPolicyId"]) == (caching_disabled, all_but_host)
    assert set(behaviours["/api/*"]["AllowedMethods"]) > {"GET", "PATCH", "POST", "PUT"}
    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"


def test_the_policy_allows_no_inline_script_or_style_and_no_html_from_text(stack: Stack) -> None:
    security = properties(stack, "WebHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in security["ContentSecurityPolicy"]["ContentSecurityPolicy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' https:",  # avatars
        "connect-src": "'self' https://cognito-idp.us-east-1.amazonaws.com",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
