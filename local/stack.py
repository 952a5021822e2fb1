"""template.yaml, built and deployed by the real `sam`, on a local AWS."""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local import guard
from operators.environments import Environment, local_variables
from operators.schema import read_yaml

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".aws-sam" / "build"
_BUILT_FROM = ROOT / ".aws-sam" / "built-from"
# An environment that samconfig.toml does not have: that file is about AWS.
NO_CONFIG = ("--config-env", "local")
_SOURCES = ("template.yaml", "functions", "layers")
_DEPLOYMENT = "deployment"  # the tag that names a stack's sources and parameters
PYTHON_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PARAMETERS = {
    "PythonRuntime": PYTHON_RUNTIME,
    "Architecture": "x86_64",
    "DeletionProtection": "false",
    "SelfSignUp": "true",
    # By name, since sam keeps the values of the last deployment: perhaps it had an issuer.
    "TokenIssuer": "none",
    "TokenAudience": "none",
    "WebClientId": "none",
}


class StackError(Exception):
    """`sam` failed; the text is the end of its output."""


def fingerprint() -> str:
    """A hash of all sources of the stack."""
    digest = hashlib.sha256(json.dumps(_PARAMETERS).encode())
    for path in _source_files():
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build() -> None:
    """Run `sam build`, unless it has built the same sources before; one at a time in this folder. Raises StackError."""
    BUILD.parent.mkdir(exist_ok=True)
    with (BUILD.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = fingerprint()
        if _BUILT_FROM.exists() and _BUILT_FROM.read_text() == current and BUILD.exists():
            return
        _BUILT_FROM.unlink(missing_ok=True)
        # sam holds the lock, too: it continues if this process is killed.
        sam("build", "--parameter-overrides", f"PythonRuntime={PYTHON_RUNTIME}", keep_open=[lock.fileno()])
        # sam reads it seven times for each deployment, and JSON at once.
        built = BUILD / "template.yaml"
        built.write_text(json.dumps(read_yaml(built)))
        _BUILT_FROM.write_text(current)


def deploy(place: Environment, origins: Sequence[str] = (), **parameters: str) -> None:
    """Deploy the build with these parameters by `sam deploy`, and add the parts that ministack leaves out.

    Pages of the web client's origin and of `origins` may call the API. Raises StackError.
    """
    values = _values(place, origins, parameters)
    _deploy(place, values)
    _complete(place, values)


def deploy_changes(place: Environment, origins: Sequence[str] = (), **parameters: str) -> None:
    """As `deploy`, without `sam` if the same build is deployed with the same parameters."""
    values = _values(place, origins, parameters)
    if _deployed(place) != _deployment(values):
        _deploy(place, values)
    _complete(place, values)


def _values(place: Environment, origins: Sequence[str], parameters: dict[str, str]) -> dict[str, str]:
    allowed = ",".join([*guard.origins(guard.page_port(port(place))), *origins])
    return _PARAMETERS | {"LocalEndpoint": str(place.endpoint), "AllowedOrigins": allowed} | parameters


def _deployment(parameters: dict[str, str]) -> str:
    """A name for the build with these parameters."""
    return hashlib.sha256(json.dumps([_BUILT_FROM.read_text(), parameters]).encode()).hexdigest()


def _deploy(place: Environment, parameters: dict[str, str]) -> None:
    sam(
        "deploy",
        "--stack-name",
        place.stack,
        "--resolve-s3",
        "--use-json",
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        "--no-progressbar",
        "--tags",
        f"{_DEPLOYMENT}={_deployment(parameters)}",
        "--parameter-overrides",
        *(f"{name}={value}" for name, value in parameters.items()),
        place=place,
    )


def _complete(place: Environment, parameters: dict[str, str]) -> None:
    """Add the parts that ministack leaves out."""
    template = place.client("cloudformation").get_template(StackName=place.stack, TemplateStage="Processed")
    body = template["TemplateBody"]
    processed = json.loads(body) if isinstance(body, str) else body
    _limit_roles(place, processed["Resources"])
    _connect_api(place, processed, parameters)


def _deployed(place: Environment) -> str:
    """The deployment that the stack's tag names, "" if there is no stack or it was not deployed whole."""
    cloudformation = place.client("cloudformation")
    try:
        (stack,) = cloudformation.describe_stacks(StackName=place.stack)["Stacks"]
    except cloudformation.exceptions.ClientError:
        return ""
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}
    return tags.get(_DEPLOYMENT, "") if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE") else ""


def port(place: Environment) -> int:
    """The port of its ministack on 127.0.0.1."""
    return int(str(place.endpoint).rpartition(":")[2])


def api_url(place: Environment) -> str:
    """The address of the API: by path, since not every resolver knows the names under localhost."""
    return f"{place.endpoint}/_aws/execute-api/{place.physical_ids['Api']}/$default"


def socket_url(place: Environment) -> str:
    """The address of the sockets."""
    endpoint = str(place.endpoint).replace("http", "ws", 1)
    return f"{endpoint}/_aws/execute-api/{place.physical_ids['SocketApi']}/live"


def sam(command: str, *arguments: str, place: Environment | None = None, keep_open: Sequence[int] = ()) -> None:
    """Run `sam` on the local AWS of `place`, or on none; it inherits the files `keep_open`. Raises StackError."""
    done = subprocess.run(
        ["sam", command, *NO_CONFIG, *arguments],
        cwd=ROOT,
        env=sam_environment(place),
        pass_fds=keep_open,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"sam {command} failed:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-30:]))


def sam_environment(place: Environment | None) -> dict[str, str]:
    """Environment variables for the installed `sam`, working on the local AWS of `place`."""
    environment = {
        **{name: value for name, value in local_variables().items() if not name.startswith("SAM_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_CHECK_UPDATES": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    if place:
        environment |= {
            "SAM_CLI_POLL_DELAY": "0.1",  # seconds: this AWS sets no limit on requests
            "AWS_ENDPOINT_URL": str(place.endpoint),
            "AWS_ACCESS_KEY_ID": place.access_key,
            "AWS_SECRET_ACCESS_KEY": place.secret_key,
        }
    return environment


def _limit_roles(place: Environment, resources: dict[str, Any]) -> None:
    """Set the permissions boundaries of roles, which ministack's CloudFormation ignores and its IAM enforces."""
    iam = place.client("iam")
    for name, resource in resources.items():
        is_limited = resource["Type"] == "AWS::IAM::Role" and "PermissionsBoundary" in resource["Properties"]
        if is_limited and name in place.physical_ids:  # others have a condition that is not met
            boundary = place.physical_ids[resource["Properties"]["PermissionsBoundary"]["Ref"]]
            iam.put_role_permissions_boundary(RoleName=place.physical_ids[name], PermissionsBoundary=boundary)


def _connect_api(place: Environment, template: dict[str, Any], parameters: dict[str, str]) -> None:
    """Configure the API, because ministack's CloudFormation ignores the OpenAPI body that SAM generates.

    So its API Gateway gets the routes and authorizers of that body from the deployed template.
    """
    body = template["Resources"]["Api"]["Properties"]["Body"]
    gateway, api = place.client("apigatewayv2"), place.physical_ids["Api"]
    names = {
        **{f"AWS::{name}": value for name, value in _PSEUDO_PARAMETERS.items()},
        **{name: parameter.get("Default") for name, parameter in template["Parameters"].items()},
        **parameters,
        **place.physical_ids,
        **template["Conditions"],
    }

    for route in gateway.get_routes(ApiId=api)["Items"]:
        gateway.delete_route(ApiId=api, RouteId=route["RouteId"])
    for authorizer in gateway.get_authorizers(ApiId=api)["Items"]:
        gateway.delete_authorizer(ApiId=api, AuthorizerId=authorizer["AuthorizerId"])
    for integration in gateway.get_integrations(ApiId=api)["Items"]:
        gateway.delete_integration(ApiId=api, IntegrationId=integration["IntegrationId"])

    cors = _resolve(body["x-amazon-apigateway-cors"], names)
    gateway.update_api(
        ApiId=api,
        CorsConfiguration={
            "AllowOrigins": parameters["AllowedOrigins"].split(","),  # the body has the parameter's default
            "AllowMethods": cors["allowMethods"],
            "AllowHeaders": cors["allowHeaders"],
            "ExposeHeaders": cors["exposeHeaders"],
            "MaxAge": cors["maxAge"],
        },
    )
    authorizers = {}
    for name, scheme in body["components"]["securitySchemes"].items():
        jwt = _resolve(scheme["x-amazon-apigateway-authorizer"], names)
        authorizers[name] = gateway.create_authorizer(
            ApiId=api,
            Name=name,
            AuthorizerType="JWT",
            IdentitySource=[jwt["identitySource"]],
            JwtConfiguration={
                "Issuer": jwt["jwtConfiguration"]["issuer"],
                "Audience": _listed(jwt["jwtConfiguration"]["audience"]),
            },
        )["AuthorizerId"]
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            uri = _resolve(operation["x-amazon-apigateway-integration"]["uri"], names)
            integration = gateway.create_integration(
                ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri, PayloadFormatVersion="2.0"
            )
            (security,) = operation["security"]
            gateway.create_route(
                ApiId=api,
                RouteKey=f"{method.upper()} {path}",
                Target=f"integrations/{integration['IntegrationId']}",
                AuthorizationType="JWT",
                AuthorizerId=authorizers[next(iter(security))],
            )


_PSEUDO_PARAMETERS = {"Partition": "aws", "Region": "us-east-1", "URLSuffix": "amazonaws.com"}


def _listed(value: list[str] | str) -> list[str]:
    """The values of a list, or of a reference to a CommaDelimitedList."""
    return value.split(",") if isinstance(value, str) else value


def _resolve(value: Any, names: dict[str, Any]) -> Any:
    """Resolve references to `names`, which include the template's conditions."""
    match value:
        case {"Fn::If": [condition, then, otherwise]}:
            return _resolve(then if _resolve(names[condition], names) else otherwise, names)
        case {"Fn::Not": [condition]}:
            return not _resolve(condition, names)
        case {"Fn::Equals": [one, other]}:
            return _resolve(one, names) == _resolve(other, names)
        case {"Ref": name}:
            return names[name]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda match: names[match[1]], text)
        case dict():
            return {key: _resolve(item, names) for key, item in value.items()}
        case list():
            return [_resolve(item, names) for item in value]
    return value


def _source_files() -> Iterator[Path]:
    for source in _SOURCES:
        path = ROOT / source
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (file for file in files if file.is_file() and "__pycache__" not in file.parts)
