"""`make build`, `deploy` and `delete`: template.yaml in an AWS account, with samconfig.toml's dev or prod settings."""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operators import web
from operators.cli import Declined, confirm, say
from operators.places import Place, region

ROOT = Path(__file__).parents[1]
# By the name that `make` knows an environment by, its name in samconfig.toml: what plain `sam` takes is dev.
ENVIRONMENTS = {"dev": "default", "prod": "prod"}


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
    if not (container or shutil.which(runtime, path=_path())):
        raise DeploymentError(
            f"Building for {runtime} needs {runtime} on this machine. Install it, or build in Docker: CONTAINER=1, "
            'or deploy for another Python: PARAMETERS="PythonRuntime=python3.13"'
        )
    # The layers' makefiles compile with PYTHON, and bytecode is for the Python that compiles it.
    _sam("build", environment, *_overrides(values), *(["--use-container"] if container else []), PYTHON=runtime)


def deploy(environment: str, parameters: list[str], *, yes: bool) -> None:
    """`sam deploy` of what was built with these parameters, and the upload of the web client if the stack has one."""
    if not (ROOT / settings(environment, "deploy")["template_file"]).exists():
        raise DeploymentError(f"Nothing was built for {environment}: leave out BUILT=1.")
    overrides = _overrides(_values(environment, parameters))
    place = Place(settings(environment, "deploy")["stack_name"])
    say(f"Deploying {place.stack} to {place.account_and_region}.")
    _sam("deploy", environment, *overrides, *(["--no-confirm-changeset"] if yes else []))
    if "WebAddress" in place.outputs:
        web.upload(place)
        say(f"The web client is at {place.outputs['WebAddress']}")


def delete(environment: str, *, yes: bool) -> None:
    """`sam delete`, after asking; refuses while deletion protection is on."""
    place = Place(settings(environment, "delete")["stack_name"])
    try:
        outputs = place.outputs
    except ClientError as error:
        if "does not exist" in str(error):
            raise DeploymentError(f"There is no stack {place.stack} in {place.account_and_region}.") from None
        raise
    table = place.client("dynamodb").describe_table(TableName=outputs["TableName"])["Table"]
    pool = place.client("cognito-idp").describe_user_pool(UserPoolId=outputs["UserPoolId"])["UserPool"]
    if table.get("DeletionProtectionEnabled") or pool.get("DeletionProtection") == "ACTIVE":
        raise DeploymentError(
            f"Deletion protection of {place.stack} is on. Lift it first: "
            f"make deploy ENV={environment} PARAMETERS=DeletionProtection=false"
        )
    confirm(place, f"Delete {place.stack} with all its messages, people and logs?", yes=yes)
    if "WebBucketName" in outputs:
        web.empty(place)
    _sam("delete", environment, "--no-prompts")


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
    parser.add_argument("--built", action="store_true", help="deploy what was built before")
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
    except (BotoCoreError, ClientError, DeploymentError) as error:
        say(f"make {given.command}: {error}", error=True)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
