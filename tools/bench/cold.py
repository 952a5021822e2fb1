"""Cold starts: the first invocation of a new process, through Lambda's own Runtime Interface Emulator.

The functions come from `sam build`, their layer is as in /opt, and PYTHONPATH is as on Lambda. No
bytecode is written: Lambda's disk is read-only.
"""

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import samcli

from local import stack
from messaging.model import keys
from operators.demo import PEOPLE
from operators.environments import STACK
from operators.schema import template
from tests.conftest import free_port
from tests.support.functions import sample_event
from tests.support.limits import VARIABLES
from tests.support.scripts import run_on_dynamodb_local
from tools.bench.samples import Samples, side_by_side

_CACHE = stack.ROOT / ".cache" / "bench"
LAYER = "SharedLayer"
_BASELINE = Path(__file__).parent / "boto3_only"
RUNTIME_CLIENT = "awslambdaric==4.2.2"  # runs Python functions on Lambda
_EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}
_STARTS_WITHIN = 20  # seconds
BOTO3_ONLY = "boto3 client only"


@dataclass(frozen=True)
class Function:
    """A built function: its code, its layer, and an event that it answers."""

    name: str
    code: Path
    handler: str
    layer: Path | None
    event: dict[str, Any]


def build() -> list[Function]:
    """Build every function of template.yaml, and the one to compare with, by `sam build`."""
    stack.build()
    baseline = _CACHE / "boto3-only"
    stack.sam(
        "build",
        "--template-file",
        str(_BASELINE / "template.yaml"),
        "--build-dir",
        str(baseline),
        "--parameter-overrides",
        f"PythonRuntime={stack.PYTHON_RUNTIME}",
    )
    return [
        Function(BOTO3_ONLY, baseline / "Boto3Only", "boto3_only.lambda_handler", None, {}),
        *(
            Function(name, stack.BUILD / name, handler, stack.BUILD / LAYER, _event(handler.partition(".")[0]))
            for name, resource in template()["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
            for handler in [resource["Properties"]["Handler"]]
        ),
    ]


def _event(name: str) -> dict[str, Any]:
    """The sample event, without message_uuid, so that every round sends a new message, and in no other sample's way."""
    event = sample_event(name)
    if name == "pre_sign_up":  # the sample of post_confirmation takes the other one
        event["request"]["userAttributes"]["preferred_username"] = "nobody_yet"
    if name == "edit_message":  # the sample is of a message of the other person
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = PEOPLE[1]["user_uuid"]
    # The other samples are about the conversation with PEOPLE[1].
    me, blocked, third = (PEOPLE[number]["user_uuid"] for number in (0, 2, 3))
    if name in ("block_user", "unblock_user"):
        event["pathParameters"]["user_uuid"] = blocked
    if name == "leave_message_group":
        event["pathParameters"]["message_group_uuid"] = keys.pair_uuid(me, blocked)
    if name == "delete_message":  # hidden, since an unsent message has nothing to unsend in the next round
        group = keys.pair_uuid(me, third)
        first = str(uuid5(NAMESPACE_URL, f"{group}/1"))  # as operators.demo names it
        event["pathParameters"] = {"message_group_uuid": group, "message_uuid": first}
        event["queryStringParameters"] = {"for": "me"}
    if "body" in event:
        body = json.loads(event["body"])
        body.pop("message_uuid", None)
        event["body"] = json.dumps(body)
    return event


def measure(functions: list[Function], endpoint: str, rounds: int) -> dict[str, Samples]:
    """Measure milliseconds of each function's first invocation, by name, on a table with the demo."""
    python = runtime()
    for script in ("schema-load", "seed"):
        run_on_dynamodb_local(endpoint, script).check_returncode()
    measured = side_by_side(
        rounds,
        {
            one.name: lambda one=one: first_invocation(python, one, endpoint)  # type: ignore[misc]
            for one in functions
        },
    )
    return {name: Samples(values) for name, values in measured.items()}


def first_invocation(python: Path, function: Function, endpoint: str) -> float:
    """Milliseconds from the request that starts the function's process to the answer."""
    with _emulated(python, function, endpoint) as url:
        request = urllib.request.Request(url, json.dumps(function.event).encode())  # noqa: S310 - http, our own
        begin = time.perf_counter()
        with urllib.request.urlopen(request, timeout=_STARTS_WITHIN) as response:  # noqa: S310
            answer = json.load(response) or {}
        took = 1000 * (time.perf_counter() - begin)
    # 412: the sample of a reaction has changed the message that the sample of an edit has not seen changed.
    # 409: no request waits to be declined.
    expected = (200, 409) if function.name == "DeclineRequest" else (200, 412)
    if "errorType" in answer or answer.get("statusCode", 200) not in expected:
        raise RuntimeError(f"{function.name} answered {answer}")
    return took


@contextmanager
def _emulated(python: Path, function: Function, endpoint: str) -> Iterator[str]:
    """Start an emulator for the function; yield its address. The function's process starts with the first request."""
    emulator = Path(samcli.__file__).parent / "local" / "rapid" / _EMULATORS[platform.machine()]
    port = free_port()
    api_port = port + 1  # free, too; a second free_port() is the same now and then
    process = subprocess.Popen(
        [
            emulator,
            "--log-level",
            "error",
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{port}",
            "--runtime-api-address",
            f"127.0.0.1:{api_port}",
            python,
            "-m",
            "awslambdaric",
            function.handler,
        ],
        cwd=function.code,
        env=environment(function, endpoint),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def environment(function: Function, endpoint: str) -> dict[str, str]:
    """The environment variables that Lambda and the template set."""
    opt = f"{function.layer}/python" if function.layer else "/opt/python"
    return {
        "PATH": os.environ["PATH"],
        "LANG": "en_US.UTF-8",
        "LAMBDA_TASK_ROOT": str(function.code),
        "PYTHONPATH": f"{function.code}:{opt}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(_STARTS_WITHIN),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        # Neither with TLS, as for boto3's client: on AWS every one of them reads the certificates.
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": endpoint,
        "TABLE_NAME": STACK,
        "MESSAGE_MAX_CHARS": "1024",
        "EDIT_WITHIN_HOURS": "none",
        "UNSEND_WITHIN_HOURS": "none",
        "KEEP_VERSIONS": "0",
        "USER_ID_CLAIM": "",
        "HANDLE_CLAIM": "preferred_username",
        "DISPLAY_NAME_CLAIM": "name",
        "PICTURE_CLAIM": "picture",
        "EMAIL_CLAIM": "email",
        **VARIABLES,
        "SERVICE_NAME": "bench",
        "METRICS_NAMESPACE": "CruddurMessages",
    }


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError("the Runtime Interface Emulator did not start")


def runtime() -> Path:
    """A Python with only Lambda's runtime client, as on Lambda."""
    folder = _CACHE / "runtime"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", RUNTIME_CLIENT], check=True
        )
        (folder / "ready").touch()
    return python
