"""`make deploy` and `make delete`, as a person uses them, with samconfig.toml's settings, on an AWS of their own."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
import requests

from local import stack
from local.ministack import Ministack
from operators import web
from operators.deployment import ROOT, settings
from operators.environments import STACK, Environment
from tests.conftest import free_port

# The Python that this machine can build for and run.
_HERE = [f"{name}={stack._PARAMETERS[name]}" for name in ("PythonRuntime", "Architecture")]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An empty ministack."""
    ministack = Ministack(free_port(), tmp_path_factory.mktemp("ministack") / "log")
    ministack.start()
    try:
        yield ministack.place
    finally:
        ministack.stop()


def run(*command: str, aws: Environment) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal, so that it cannot ask; all its output is in `stdout`."""
    environment = stack.sam_environment(aws)
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

    web.empty(environment)  # as `make delete` does before the bucket goes
    assert "Contents" not in environment.client("s3").list_objects_v2(Bucket=environment.outputs["WebBucketName"])


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
    assert f"There is no stack {environment.stack}." in gone.stdout


def test_building_for_a_python_that_is_not_here_is_a_clear_error(aws: Environment) -> None:
    missing = run("make", "deploy", "PARAMETERS=PythonRuntime=python3.99", aws=aws)

    assert missing.returncode == 2
    assert "Building for python3.99 needs python3.99 on this machine." in missing.stdout
    assert "CONTAINER=1" in missing.stdout


def test_an_environment_that_is_none_is_a_clear_error(aws: Environment) -> None:
    unknown = run("make", "deploy", "ENV=production", aws=aws)

    assert unknown.returncode == 2
    assert "choose from 'dev', 'prod'" in unknown.stdout
