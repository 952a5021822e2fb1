"""`make build`, `deploy` and `delete`: template.yaml in an AWS account, with samconfig.toml's dev or prod settings."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operators import web
from operators.cli import Declined, confirm, say
from operators.environments import Environment, region
from operators.issuer import IssuerRefused, check_issuer
from operators.schema import template

ROOT = Path(__file__).parents[1]
# By the name that `make` knows an environment by, its name in samconfig.toml: what plain `sam` takes is dev.
ENVIRONMENTS = {"dev": "default", "prod": "prod"}
_ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64"}  # of machines, as Lambda names them
# Functions at once, in the whole account and region: with fewer, the stream's readers take them from the API.
FEW_FUNCTIONS = 100
_FIRST = (None, "REVIEW_IN_PROGRESS")  # a change set was made and never executed
_ROLLED_BACK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")  # of a first deployment


class DeploymentError(Exception):
    """Nothing was deployed or deleted; the text says why and what to do."""


def settings(environment: str, command: str) -> dict[str, Any]:
    """What samconfig.toml says for `dev` or `prod` and a command of `sam`."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    found: dict[str, Any] = config[ENVIRONMENTS[environment]][command]["parameters"]
    return found


def build(environment: str, parameters: list[str], *, container: bool) -> None:
    """`sam build`, which runs what comes from PyPI and needs no AWS.

    The parameters, Name=value, come before those of samconfig.toml.
    """
    values = _values(environment, parameters)
    runtime = values["PythonRuntime"]
    if not (container or _runs(runtime)):
        raise DeploymentError(
            f"Building for {runtime} needs {runtime} on this machine. Install it, or build in Docker: CONTAINER=1, "
            'or deploy for another Python: PARAMETERS="PythonRuntime=python3.13"'
        )
    architecture = values.get("Architecture", template()["Parameters"]["Architecture"]["Default"])
    if container and architecture != _ARCHITECTURES.get(platform.machine(), architecture):
        say(
            f"Docker builds for {architecture} here only with emulation (QEMU). "
            f"Without it, deploy for this machine's processor: "
            f'PARAMETERS="Architecture={_ARCHITECTURES[platform.machine()]}"',
            error=True,
        )
    # The layers' makefiles compile with PYTHON, and bytecode is for the Python that compiles it.
    _sam("build", environment, *_overrides(values), *(["--use-container"] if container else []), PYTHON=runtime)


def _runs(python: str) -> bool:
    """True if this Python starts: a shim of pyenv stands for versions that are not installed, too."""
    found = shutil.which(python, path=_path())
    return found is not None and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0


def deploy(environment: str, parameters: list[str], *, yes: bool) -> None:
    """`sam deploy` of what was built with these parameters, and the steps that CloudFormation cannot do by itself.

    Raises DeploymentError and IssuerRefused.
    """
    if not (ROOT / settings(environment, "deploy")["template_file"]).exists():
        raise DeploymentError(f"Nothing was built for {environment}: leave out BUILT=1.")
    values = _values(environment, parameters)
    issuer = values.get("TokenIssuer", "none")
    if issuer != "none":
        check_issuer(issuer)
    before = Environment(settings(environment, "deploy")["stack_name"])
    say(f"Deploying {before.stack} to {before.account_and_region}.")
    _warn_of_few_functions(before)
    status = _status(before)
    if status in _ROLLED_BACK:
        raise DeploymentError(
            f"The first deployment of {before.stack} failed, and nothing can be deployed over its remains. "
            f"Delete it: make delete ENV={environment}"
        )
    had_web_client = status not in _FIRST and "WebBucketName" in before.outputs
    if status in _FIRST and values.get("DeletionProtection") == "true":
        # A deployment that fails deletes what it made, and could not if that were protected from the start.
        _sam_deploy(environment, {**values, "DeletionProtection": "false"}, yes=yes)
        if _status(before) in _FIRST:
            return  # declined
        yes = True  # to protecting it
    elif status not in _FIRST and values.get("Mfa", "OFF") != "OFF" and "UserPoolId" in before.outputs:
        _allow_mfa(before)
    _sam_deploy(environment, values, yes=yes)
    after = Environment(before.stack)
    if "WebAddress" in after.outputs:
        web.upload(after)
        say(f"The web client is at {after.outputs['WebAddress']}")
    elif had_web_client:
        web.delete_bucket(before)


def _sam_deploy(environment: str, values: dict[str, str], *, yes: bool) -> None:
    _sam("deploy", environment, *_overrides(values), *(["--no-confirm-changeset"] if yes else []))


def _status(stack: Environment) -> str | None:
    """The state of the stack in CloudFormation, None if there is none."""
    try:
        (described,) = stack.client("cloudformation").describe_stacks(StackName=stack.stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return str(described["StackStatus"])


def _warn_of_few_functions(stack: Environment) -> None:
    limit = stack.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    if limit < FEW_FUNCTIONS:
        say(
            f"Warning: this account runs at most {limit} functions at once in this region, so the API will answer 5xx "
            "under load. Raise it: Service Quotas → AWS Lambda → Concurrent executions.",
            error=True,
        )


def _allow_mfa(stack: Environment) -> None:
    """Allows authenticator apps in a user pool that has none.

    CloudFormation sets `Mfa` first and the factor afterwards, and Cognito may refuse a second factor without a factor.
    """
    cognito, pool = stack.client("cognito-idp"), stack.outputs["UserPoolId"]
    if cognito.get_user_pool_mfa_config(UserPoolId=pool)["MfaConfiguration"] == "OFF":
        cognito.set_user_pool_mfa_config(
            UserPoolId=pool, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
        )


def delete(environment: str, *, yes: bool) -> None:
    """`sam delete`, after asking; refuses while deletion protection is on."""
    stack = Environment(settings(environment, "delete")["stack_name"])
    if _status(stack) is None:
        raise DeploymentError(f"There is no stack {stack.stack} in {stack.account_and_region}.")
    if _is_protected(stack):
        raise DeploymentError(
            f"Deletion protection of {stack.stack} is on. Lift it first: "
            f"make deploy ENV={environment} PARAMETERS=DeletionProtection=false"
        )
    confirm(stack, f"Delete {stack.stack} with all its messages, people and logs?", yes=yes)
    if "WebBucketName" in stack.outputs:
        web.empty(stack)
    _sam("delete", environment, "--no-prompts")


def _is_protected(stack: Environment) -> bool:
    if "TableName" not in stack.outputs:  # the first deployment failed
        return False
    table = stack.client("dynamodb").describe_table(TableName=stack.outputs["TableName"])["Table"]
    if table.get("DeletionProtectionEnabled") or "UserPoolId" not in stack.outputs:
        return bool(table.get("DeletionProtectionEnabled"))
    pool = stack.client("cognito-idp").describe_user_pool(UserPoolId=stack.outputs["UserPoolId"])["UserPool"]
    return bool(pool.get("DeletionProtection") == "ACTIVE")


def _values(environment: str, parameters: list[str]) -> dict[str, str]:
    overrides = [*settings(environment, "deploy")["parameter_overrides"], *parameters]
    return dict(override.split("=", 1) for override in overrides)


def _overrides(values: dict[str, str]) -> list[str]:
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in values.items())]


def _path() -> str:
    """Where `sam` is looked up, and the Python that it builds with: here first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _sam(command: str, environment: str, *arguments: str, **variables: str) -> None:
    if chosen := region():  # which sam does not read either
        variables["AWS_DEFAULT_REGION"] = chosen
    done = subprocess.run(
        ["sam", command, "--config-env", ENVIRONMENTS[environment], *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": _path(), **variables},
        check=False,
    )
    if done.returncode:
        raise DeploymentError(f"sam {command} failed.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["build", "deploy", "delete"])
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("parameters", nargs="*", metavar="Name=value", help="of template.yaml")
    parser.add_argument("--container", action="store_true", help="build in Docker")
    parser.add_argument("--built", action="store_true", help="deploy the last build")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    given = parser.parse_args()
    try:
        if given.command == "build" or (given.command == "deploy" and not given.built):
            build(given.environment, given.parameters, container=given.container)
        if given.command == "deploy":
            deploy(given.environment, given.parameters, yes=given.yes)
        if given.command == "delete":
            delete(given.environment, yes=given.yes)
    except Declined:
        say("make delete: Nothing was deleted. Answer y, or add YES=1.", error=True)
        return 2
    except (BotoCoreError, ClientError, DeploymentError, IssuerRefused) as error:
        say(f"make {given.command}: {error}", error=True)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
