"""Another user or program of this machine, without the run's access key, attacks the local system."""

import contextlib
import http.client
import os
import stat
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from operators.environments import publish_local
from tests.e2e.attack.conftest import Target
from tests.e2e.conftest import PASSWORD


def client(target: Target, service: Any, access_key: str, secret_key: str, token: str | None = None) -> Any:
    return boto3.client(
        service,
        endpoint_url=target.ministack,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
    )


@pytest.mark.parametrize("access_key", ["test", "000000000000", "111111111111", "AKIAIOSFODNN7EXAMPLE"])
def test_no_well_known_key_is_taken(target: Target, access_key: str) -> None:
    with pytest.raises(ClientError) as refused:
        client(target, "dynamodb", access_key, "test").list_tables()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_key_without_its_secret_is_not_taken(target: Target) -> None:
    for service, operation in (("dynamodb", "list_tables"), ("lambda", "list_functions"), ("s3", "list_buckets")):
        with pytest.raises(ClientError) as refused:
            getattr(client(target, service, target.system.environment.access_key, "test"), operation)()
        assert refused.value.response["Error"]["Code"] in ("SignatureDoesNotMatch", "InvalidSignatureException")


def test_the_key_of_another_run_is_not_taken(target: Target) -> None:
    other = "0123456789abcdef0123456789abcdef"
    with pytest.raises(ClientError):
        client(target, "dynamodb", other, other).list_tables()


def test_a_functions_credentials_cannot_be_computed(target: Target) -> None:
    """ministack derives them from the names of function and role, which are the same on every machine."""
    from ministack.core.lambda_runtime import execution_credentials

    target.system.person("bayko").inbox()  # so that a function has run
    for function in target.system.client("lambda").list_functions()["Functions"]:
        computed = _as_with_auth(execution_credentials, function)
        with pytest.raises(ResponseParserError, match="needs the access key of this run"):
            client(target, "sts", *computed).get_caller_identity()


def _as_with_auth(execution_credentials: Any, function: dict[str, Any]) -> list[str]:
    from ministack import app

    before, app.AUTH = app.AUTH, True
    try:
        return list(execution_credentials(function).values())
    finally:
        app.AUTH = before


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "/_ministack/config", "/_ministack/health", "/_localstack/health"]
)
def test_ministacks_own_interface_is_closed(target: Target, path: str) -> None:
    for method in ("GET", "POST"):
        assert requests.request(method, target.ministack + path, timeout=60).status_code == 403
    assert target.system.environment.table_name in target.system.client("dynamodb").list_tables()["TableNames"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:80"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_no_other_host_or_origin_reaches_the_page_or_the_api(target: Target, headers: dict[str, str]) -> None:
    person = target.system.person("bayko")
    for url in (f"{target.page}config.json", target.page, f"{target.system.api}/api/message_groups"):
        port = url.split(":")[2].partition("/")[0]
        sent = {name: value.format(port=port) for name, value in headers.items()}
        response = person.http.get(url, headers=sent | {"Authorization": f"Bearer {person.access_token}"}, timeout=60)
        assert response.status_code == 403
        assert PASSWORD not in response.text
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("name", ["Host", "Origin", "Sec-Fetch-Site"])
def test_the_page_takes_no_header_that_comes_twice(target: Target, name: str) -> None:
    page = target.page.removeprefix("http://").rstrip("/")
    host = [("Host", page)]
    right = {"Host": [], "Origin": [("Origin", f"http://{page}")], "Sec-Fetch-Site": [(name, "same-origin")]}[name]

    status, body = get(page, "/config.json", [(name, "evil.example"), *host, *right])

    assert status == 403
    assert PASSWORD not in body


def get(address: str, path: str, headers: list[tuple[str, str]]) -> tuple[int, str]:
    """Send a request with exactly these headers, in this order; return status and body."""
    connection = http.client.HTTPConnection(address, timeout=60)
    with contextlib.closing(connection):
        connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
        for header in headers:
            connection.putheader(*header)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read().decode()


@pytest.mark.parametrize("path", [f"/{'a' * 5000}.js", "/../local/run.py", "/assets/../../README.md", "//etc"])
def test_the_page_has_no_other_file(target: Target, path: str) -> None:
    page = target.page.removeprefix("http://").rstrip("/")

    assert get(page, path, [("Host", page)]) == (404, "")


def test_only_this_user_reads_the_key(target: Target, tmp_path: Path) -> None:
    file = tmp_path / "system.json"
    file.write_text("as an older version left it")
    file.chmod(0o644)

    publish_local(target.system.environment, file)

    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600  # noqa: PTH116


def test_functions_do_not_inherit_the_key(target: Target) -> None:
    """Functions start with their own role's credentials only."""
    target.system.person("bayko").inbox()
    environments = [_read(each) for each in Path("/proc").glob("[0-9]*/environ")]
    endpoint = f"AWS_ENDPOINT_URL={target.ministack}\0".encode()
    workers = [each for each in environments if endpoint in each and b"AWS_LAMBDA_FUNCTION_NAME" in each]
    assert workers or not environments  # visible on Linux only
    assert not [each for each in workers if target.system.environment.secret_key.encode() in each]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # ended, or another user's process
        return b""
