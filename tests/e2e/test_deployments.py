"""Every optional parameter on, and off again, each twice, on one stack that keeps its data throughout."""

import base64
import json
import time
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from local import stack
from operators.schema import template
from tests.e2e.conftest import PASSWORD, Client, System, deployed, eventually
from tests.support import limits

ON = {
    "CustomerManagedKey": "true",
    "PrivateNetwork": "true",
    "OperatorRole": "arn:aws:iam::*:role/operator",
    "AuditTrail": "true",
    "ConfigRules": "true",
    "GradualDeployment": "true",
    "SnapStart": "true",
    "Tracing": "true",
    "FullMonitoring": "true",
    "AlarmEmail": "operators@example.com",
    "WebClient": "true",
    "SelfSignUp": "true",
    "MailFrom": "messages@cruddur.example",
    "RefreshTokenDays": "1",
    "EditWithinHours": "none",
    "UnsendWithinHours": "none",
    "KeepVersions": "20",
    "Mfa": "ON",
    "DeletionProtection": "true",
}
OFF = {
    "CustomerManagedKey": "false",
    "PrivateNetwork": "false",
    "OperatorRole": "none",
    "AuditTrail": "false",
    "ConfigRules": "false",
    "GradualDeployment": "false",
    "SnapStart": "false",
    "Tracing": "false",
    "FullMonitoring": "false",
    "AlarmEmail": "none",
    "WebClient": "false",
    "SelfSignUp": "false",
    "MailFrom": "none",
    "RefreshTokenDays": "30",
    "EditWithinHours": "0",
    "UnsendWithinHours": "0",
    "KeepVersions": "0",
    "Mfa": "OFF",
    "DeletionProtection": "false",
}
NOT_OPTIONAL = {
    "PythonRuntime",
    "Architecture",
    "AllowedOrigins",
    "MessageMaxChars",
    "MessagesFrom",
    *limits.PARAMETERS,
    "RequestPauseDays",
    "ReportRetentionDays",
    "LogRetentionDays",
    "LocalEndpoint",
}
WITH_ISSUER = {  # instead of the user pool: tests/e2e/test_issuer.py
    *("TokenIssuer", "TokenAudience", "WebClientId"),
    *("UserIdClaim", "HandleClaim", "DisplayNameClaim", "PictureClaim", "EmailClaim"),
}


def test_every_optional_parameter_is_turned_on_and_off() -> None:
    assert ON.keys() == OFF.keys() == template()["Parameters"].keys() - NOT_OPTIONAL - WITH_ISSUER


def test_two_deployments_in_a_row_with_everything_on_and_two_with_everything_off(tmp_path: Path) -> None:
    with deployed(tmp_path, **ON) as system:
        once = system.environment.physical_ids
        assert redeployed(system, ON) == once
        bayko, londo = system.person("bayko"), system.person("londo")
        messages_arrive(bayko, londo)
        what_is_optional_is_there(system)
        only_an_authenticator_app_signs_in(system, bayko)

        without = redeployed(system, OFF)
        assert without.keys() < once.keys()
        # Out of the network, and not traced: every function gets a new version, and nothing else changes.
        changed = {name for name in without if without[name] != once[name]}
        assert {name.partition("Version")[0] for name in changed} == set(functions())
        assert all("Version" in name for name in changed)
        for name in functions():
            versions = system.client("lambda").list_versions_by_function(FunctionName=without[name])["Versions"]
            assert len(versions) == 2  # the unpublished one, and the live one: none piles up
        assert {"Key", "Network", "Trail", "RecoveryRule"} <= once.keys() - without.keys()
        assert redeployed(system, OFF) == without
        messages_arrive(bayko, londo)
        assert system.client("cloudtrail").describe_trails()["trailList"] == []
        assert system.client("config").describe_config_rules()["ConfigRules"] == []
        # Data encrypted or recorded meanwhile can still be read.
        assert system.client("kms").describe_key(KeyId=once["Key"])["KeyMetadata"]["KeyState"] == "Enabled"
        system.client("s3").head_bucket(Bucket=once["TrailBucket"])


def functions() -> list[str]:
    resources = template()["Resources"]
    return [name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"]


def redeployed(system: System, parameters: dict[str, str]) -> dict[str, str]:
    """Deploy once more; return the stack's physical ids."""
    environment = replace(system.environment)  # without cached values
    stack.deploy(environment, **parameters)
    return environment.physical_ids


def messages_arrive(bayko: Client, londo: Client) -> None:
    """Check two messages through every role: sent, read, and both inboxes moved."""
    for text in ("Hello", "Still there?"):
        sent = bayko.send(handle=londo.handle, message=text)
    messages = londo.get(f"/api/messages/{sent['message_group_uuid']}").json()
    assert messages[-1]["uuid"] == sent["uuid"]
    for person in (bayko, londo):
        eventually(lambda person=person: person.inbox()[0]["created_at"] == sent["created_at"])  # type: ignore[misc]


def what_is_optional_is_there(system: System) -> None:
    """Check the optional resources in the services themselves, not only in CloudFormation's list."""
    ids = system.environment.physical_ids
    assert system.client("kms").get_key_rotation_status(KeyId=ids["Key"])["KeyRotationEnabled"]
    queue = system.client("sqs").get_queue_attributes(QueueUrl=ids["FailureQueue"], AttributeNames=["All"])
    assert queue["Attributes"]["KmsMasterKeyId"] == ids["Key"]

    (endpoint,) = system.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[ids["TableEndpoint"]])["VpcEndpoints"]
    assert (endpoint["VpcId"], endpoint["RouteTableIds"]) == (ids["Network"], [ids["RouteTable"]])

    trails = system.client("cloudtrail")
    assert trails.get_trail_status(Name=ids["Trail"])["IsLogging"]
    (selector,) = trails.get_event_selectors(TrailName=ids["Trail"])["AdvancedEventSelectors"]
    assert f"table/{ids['Table']}" in json.dumps(selector)

    rules = system.client("config").describe_config_rules()["ConfigRules"]
    assert {rule["Scope"]["ComplianceResourceId"] for rule in rules} == {ids["Table"]}
    assert len(rules) == 3


def only_an_authenticator_app_signs_in(system: System, person: Client) -> None:
    """Register an app for `person`; from then on the password alone brings no token."""
    cognito = system.client("cognito-idp")
    secret = cognito.associate_software_token(AccessToken=person.access_token)["SecretCode"]
    app = TOTP(base64.b32decode(secret + "=" * (-len(secret) % 8)), 6, SHA1(), 30, enforce_key_length=False)  # noqa: S303
    cognito.verify_software_token(AccessToken=person.access_token, UserCode=app.generate(int(time.time())).decode())
    cognito.set_user_mfa_preference(
        AccessToken=person.access_token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )

    client = {"ClientId": system.environment.outputs["UserPoolClientId"]}
    challenge = cognito.initiate_auth(
        **client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": person.email, "PASSWORD": PASSWORD}
    )
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert "AuthenticationResult" not in challenge
    answer = cognito.respond_to_auth_challenge(
        **client,
        ChallengeName="SOFTWARE_TOKEN_MFA",
        Session=challenge["Session"],
        ChallengeResponses={
            "USERNAME": person.email,
            "SOFTWARE_TOKEN_MFA_CODE": app.generate(int(time.time())).decode(),
        },
    )
    assert answer["AuthenticationResult"]["AccessToken"]
