"""Where a script works: on a DynamoDB Local, on the local system that `make run` started, or on AWS."""

import json
import os
import socket
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from messaging.storage.sockets import Sockets

STACK = "cruddur-messages"
ENVIRONMENTS = ("dynamodb-local", "local", "prod")
DEFAULT = "local"
# Where the local system keeps its data and tells where it is; another folder is another system.
LOCAL_HOME = Path(os.environ.get("CRUDDUR_LOCAL", Path(__file__).parents[1] / ".local"))
LOCAL_SYSTEM = LOCAL_HOME / "system.json"
LOCAL_DATA = LOCAL_HOME / "data"


# As compose.yaml and the bootcamp start it.
DYNAMODB_LOCAL = os.environ.get("DYNAMODB_ENDPOINT", "http://localhost:8000")


_CONNECT_SECONDS = 2


class OperatorError(Exception):
    """A script cannot do its work; the text says what to do."""


class NotRunning(OperatorError):
    """The environment is on this machine, and does not answer."""


@dataclass(frozen=True)
class Environment:
    """A deployed stack, or a table of the stack's name on DynamoDB Local.

    `endpoint` is None on AWS: credentials are boto3's usual ones, and so is the region, but for AWS_REGION (`region`).
    DynamoDB Local takes any key.
    """

    stack: str = STACK
    endpoint: str | None = None
    access_key: str = "test"
    secret_key: str = field(default="test", repr=False)

    def client(self, service: Any, endpoint: str | None = None) -> Any:
        """A boto3 client of this place. `endpoint` is that of a service which has one of its own for each stack."""
        import boto3  # takes longer than the rest of a script's start, and --help and most errors do without

        if self.endpoint is None:
            return boto3.client(service, endpoint_url=endpoint, region_name=region())
        # ministack's administrator, in the one region it is used in.
        return boto3.client(
            service,
            endpoint_url=endpoint or self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )

    @cached_property
    def account_and_region(self) -> str:
        """The account and the region that requests to AWS go to, in words."""
        sts = self.client("sts")
        return f"account {sts.get_caller_identity()['Account']}, region {sts.meta.region_name}"

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs: ApiEndpoint, TableName, WebConfig, FailureQueueUrl …, and of a user pool, UserPoolId …

        None if the first deployment failed, and on DynamoDB Local.
        """
        if self.is_table_only:
            return {}
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    @property
    def user_pool_id(self) -> str:
        """The user pool. Raises OperatorError if another issuer takes its place."""
        if "UserPoolId" not in self.outputs:
            raise OperatorError(
                f"People of {self.stack} sign in with {self.issuer}: there is no user pool. Use bin/people."
            )
        return self.outputs["UserPoolId"]

    @property
    def issuer(self) -> str:
        """The issuer of people's tokens that takes the place of a user pool, "" for none."""
        found: str = json.loads(self.outputs.get("WebConfig", "{}")).get("issuer", "")
        return found

    def sockets(self) -> Sockets:
        """The open sockets of a deployed stack."""
        if self.endpoint:
            endpoint = f"{self.endpoint}/_aws/execute-api/{self.physical_ids['SocketApi']}/live"
        else:
            endpoint = self.outputs["SocketEndpoint"].replace("wss:", "https:", 1)
        return Sockets(self.client("apigatewaymanagementapi", endpoint))

    @property
    def is_table_only(self) -> bool:
        """True on DynamoDB Local: there is a table, and no user pool, no function and no queue."""
        return self.endpoint == DYNAMODB_LOCAL

    @property
    def table_name(self) -> str:
        return self.stack if self.is_table_only else self.outputs["TableName"]

    @cached_property
    def physical_ids(self) -> dict[str, str]:
        """The physical id of each resource of the stack, by its logical id: the ARN of an alias, the name of a role."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }


def region() -> str | None:
    """AWS_REGION, which AWS's other tools put before AWS_DEFAULT_REGION, and which botocore does not read.

    None leaves it to botocore: AWS_DEFAULT_REGION, then the profile.
    """
    return os.environ.get("AWS_REGION") or None


def local_variables() -> dict[str, str]:
    """This process's environment variables, without the user's AWS settings and without a proxy for this machine."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    if proxies := getproxies_environment():
        names = proxies.get("no", "")
        if names != "*":
            names = f"{names},127.0.0.1,localhost".removeprefix(",")
        variables |= {"no_proxy": names, "NO_PROXY": names}
    return variables


def keep_to_this_machine() -> None:
    """Make `local_variables` those of this process, before it asks DynamoDB Local or the local system."""
    variables = local_variables()
    os.environ.clear()
    os.environ.update(variables)


def environment(name: str, stack: str = STACK) -> Environment:
    """`dynamodb-local`, `local` or `prod`. Raises NotRunning if it is on this machine and does not answer."""
    if name == "prod":
        return Environment(stack)
    if name == "dynamodb-local":
        if not _accepts_connections(DYNAMODB_LOCAL):
            raise NotRunning(f"No DynamoDB Local answers at {DYNAMODB_LOCAL}: start one with `docker compose up -d`.")
        return Environment(stack, DYNAMODB_LOCAL)
    if LOCAL_SYSTEM.exists():
        local = Environment(stack, **json.loads(LOCAL_SYSTEM.read_text()))
        if _accepts_connections(str(local.endpoint)):
            return local
    raise NotRunning("The local system is not running: start it with `make run`.")


def _accepts_connections(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    port = address.port or {"http": 80, "https": 443}[address.scheme]
    try:
        socket.create_connection((address.hostname, port), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def publish_local(environment: Environment, file: Path = LOCAL_SYSTEM) -> None:
    """Tells the scripts where the local system is, and its access key, which nobody but this user may read."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    keys = {"access_key": environment.access_key, "secret_key": environment.secret_key}
    file.write_text(json.dumps({"endpoint": environment.endpoint, **keys}))
