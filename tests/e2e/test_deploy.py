"""`make deploy` and `make delete`, as a person uses them, with samconfig.toml's settings, on an AWS of their own."""

import platform
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import boto3
import pytest
import requests

from local import stack
from local.ministack import _INHERITED, Ministack
from operators import web
from operators.deployment import ROOT, settings
from operators.environments import STACK, Environment
from tests.conftest import free_port

# The Python that this machine can build for and run.
_HERE = [f"{name}={stack._PARAMETERS[name]}" for name in ("PythonRuntime", "Architecture")]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An empty ministack, as small as a new account."""
    ministack = Ministack(free_port(), tmp_path_factory.mktemp("ministack") / "log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("local.ministack._INHERITED", (*_INHERITED, "LAMBDA_ACCOUNT_CONCURRENCY"))
        patch.setenv("LAMBDA_ACCOUNT_CONCURRENCY", "10")
        ministack.start()
    try:
        yield ministack.place
    finally:
        ministack.stop()


def run(*command: str, aws: Environment, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal, so that it cannot ask; all its output is in `stdout`."""
    environment = stack.sam_environment(aws) | variables
    # Without the variables of a make that may be running these tests.
    environment = {name: value for name, value in environment.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def client(service: Any, region: str, aws: Environment) -> Any:
    """A boto3 client of another region."""
    return boto3.client(
        service,
        endpoint_url=aws.endpoint,
        region_name=region,
        aws_access_key_id=aws.access_key,
        aws_secret_access_key=aws.secret_key,
    )


def deployed(environment: Environment) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters and the tags of a stack."""
    (found,) = environment.client("cloudformation").describe_stacks(StackName=environment.stack)["Stacks"]
    return (
        {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]},
        {tag["Key"]: tag["Value"] for tag in found["Tags"]},
    )


def test_prod_is_deployed_as_samconfig_says_and_cannot_be_deleted_by_mistake(aws: Environment) -> None:
    environment = replace(aws, stack=STACK)

    done = run("make", "deploy", "ENV=prod", "YES=1", f"PARAMETERS={' '.join([*_HERE, 'WebClient=true'])}", aws=aws)
    assert done.returncode == 0, done.stdout
    assert "Deploying cruddur-messages to account 000000000000, region us-east-1." in done.stdout
    assert "Warning: this account runs at most 10 functions at once" in done.stdout
    assert f"The web client is at {environment.outputs['WebAddress']}" in done.stdout
    the_web_client_is_served(environment)

    parameters, tags = deployed(environment)
    assert parameters["DeletionProtection"] == parameters["GradualDeployment"] == "true"
    assert parameters["PythonRuntime"] == stack._PARAMETERS["PythonRuntime"]
    assert tags == {"application": "cruddur-messages", "environment": "prod"}

    refused = run("make", "delete", "ENV=prod", "YES=1", aws=aws)
    assert refused.returncode == 2
    assert "make deploy ENV=prod PARAMETERS=DeletionProtection=false" in refused.stdout
    assert deployed(environment) == (parameters, tags)

    bucket = environment.outputs["WebBucketName"]
    assert environment.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] > 10
    without = f"PARAMETERS={' '.join([*_HERE, 'WebClient=false', 'Mfa=ON'])}"
    done = run("make", "deploy", "ENV=prod", "BUILT=1", "YES=1", without, aws=aws)
    assert done.returncode == 0, done.stdout
    assert bucket not in [one["Name"] for one in environment.client("s3").list_buckets()["Buckets"]]
    pool = environment.client("cognito-idp").get_user_pool_mfa_config(UserPoolId=environment.outputs["UserPoolId"])
    assert (pool["MfaConfiguration"], pool["SoftwareTokenMfaConfiguration"]) == ("ON", {"Enabled": True})


def test_a_first_deployment_that_fails_leaves_nothing_that_is_protected(aws: Environment) -> None:
    here = {"AWS_REGION": "eu-central-1"}
    deploy = ("make", "deploy", "ENV=prod", "YES=1", f"PARAMETERS={' '.join([*_HERE, 'WebClient=true'])}")
    # A name that is taken: one resource cannot be made.
    client("cloudfront", "eu-central-1", aws).create_function(
        Name=f"{STACK}-eu-central-1-paths",
        FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"},
        FunctionCode=b"function handler(event) { return event.request; }",
    )

    assert run(*deploy, aws=aws, **here).returncode == 2
    assert client("dynamodb", "eu-central-1", aws).list_tables()["TableNames"] == []
    assert client("cognito-idp", "eu-central-1", aws).list_user_pools(MaxResults=10)["UserPools"] == []

    again = run(*deploy, "BUILT=1", aws=aws, **here)
    assert again.returncode == 2
    assert "Delete it: make delete ENV=prod" in again.stdout
    deleted = run("make", "delete", "ENV=prod", "YES=1", aws=aws, **here)
    assert deleted.returncode == 0, deleted.stdout
    gone = run("make", "delete", "ENV=prod", "YES=1", aws=aws, **here)
    assert "There is no stack cruddur-messages in account 000000000000, region eu-central-1." in gone.stdout


def test_aws_region_comes_before_every_other(aws: Environment) -> None:
    dev = settings("dev", "deploy")["stack_name"]
    both = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}

    done = run("make", "deploy", f"PARAMETERS={' '.join(_HERE)}", aws=aws, **both)

    assert done.returncode == 0, done.stdout
    assert f"Deploying {dev} to account 000000000000, region eu-west-1." in done.stdout
    there, elsewhere = (client("dynamodb", region, aws) for region in both.values())
    assert len(there.list_tables()["TableNames"]) == 1
    assert elsewhere.list_tables()["TableNames"] == []

    done = run("make", "delete", "YES=1", aws=aws, **both)
    assert done.returncode == 0, done.stdout
    assert f"{dev} is in account 000000000000, region eu-west-1." in done.stdout
    assert there.list_tables()["TableNames"] == []


def the_web_client_is_served(environment: Environment) -> None:
    """Check CloudFront: every view is the page, files may be cached for ever, the policy allows nothing inline."""
    label = environment.outputs["WebAddress"].removeprefix("https://").partition(".")[0]
    credential = f"{environment.access_key}/20260101/us-east-1/cloudfront/aws4_request"
    headers = {
        "Host": f"{label}.cloudfront.localhost:{stack.port(environment)}",
        "X-Forwarded-Proto": "https",
        # The local AWS requires its key from everybody, even from viewers.
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}",
    }

    def get(path: str) -> requests.Response:
        return requests.get(f"{environment.endpoint}{path}", headers=headers, timeout=60)

    page = get("/messages")
    for path in ("/", f"/messages/{uuid4()}", "/messages/new/b.ayko"):
        assert get(path).text == page.text
    assert page.headers["Cache-Control"] == "no-cache"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'" in page.headers["Content-Security-Policy"]
    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
    assert len(named) > 10
    for path in named:
        assert re.match(r"/assets/[0-9a-f]{16}/", path)
        assert get(path).headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert get(path).headers["Content-Type"].startswith(("text/", "image/svg+xml"))
    assert get("/config.json").json() == web.config(environment)
    assert get("/config.json").headers["Cache-Control"] == "no-cache"
    assert get("/assets/nothing.js").status_code == 403


def test_plain_sam_deploys_dev_and_make_deletes_it(aws: Environment) -> None:
    dev = settings("dev", "deploy")
    environment = replace(aws, stack=dev["stack_name"])
    overrides = ("--parameter-overrides", *dev["parameter_overrides"], *_HERE)

    built = run("sam", "build", *overrides, aws=aws)
    assert built.returncode == 0, built.stdout
    done = run("sam", "deploy", *overrides, aws=aws)
    assert done.returncode == 0, done.stdout
    parameters, tags = deployed(environment)
    assert parameters["DeletionProtection"] == parameters["GradualDeployment"] == "false"
    assert tags == {"application": "cruddur-messages", "environment": "dev"}

    declined = run("make", "delete", aws=aws)
    assert declined.returncode == 2
    assert "Nothing was deleted. Answer y, or add YES=1." in declined.stdout
    table = environment.outputs["TableName"]

    done = run("make", "delete", "YES=1", aws=aws)
    assert done.returncode == 0, done.stdout
    assert table not in environment.client("dynamodb").list_tables()["TableNames"]

    gone = run("make", "delete", "YES=1", aws=aws)
    assert gone.returncode == 2
    assert f"There is no stack {environment.stack} in account 000000000000, region us-east-1." in gone.stdout


def test_building_for_a_python_that_is_not_here_is_a_clear_error(aws: Environment) -> None:
    missing = run("make", "deploy", "PARAMETERS=PythonRuntime=python3.99", aws=aws)

    assert missing.returncode == 2
    assert "Building for python3.99 needs python3.99 on this machine." in missing.stdout
    assert "CONTAINER=1" in missing.stdout


def test_an_environment_that_is_none_is_a_clear_error(aws: Environment) -> None:
    unknown = run("make", "deploy", "ENV=production", aws=aws)

    assert unknown.returncode == 2
    assert "choose from 'dev', 'prod'" in unknown.stdout


def test_building_in_docker_for_another_processor_names_its_requirements(aws: Environment) -> None:
    here, other = ("x86_64", "arm64") if platform.machine() == "x86_64" else ("arm64", "x86_64")

    for architecture, said in ((other, True), (here, False)):
        built = run(
            "make",
            "build",
            "CONTAINER=1",
            f"PARAMETERS=Architecture={architecture}",
            aws=aws,
            DOCKER_HOST="unix:///nothing",
        )
        assert built.returncode == 2
        assert ("only with emulation" in built.stdout) == said
