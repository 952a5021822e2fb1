"""Credentials from the container endpoint, which Lambda offers with SnapStart, on real sockets."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from messaging.storage.aws_client import DynamoDBClient, Limits
from messaging.storage.aws_errors import HTTPClientError
from messaging.storage.credentials import REFRESH_SECONDS, CredentialsSource, NoCredentials
from messaging.storage.http_connections import BadResponse
from messaging.storage.signing import Credentials
from tests.support.raw_server import Close, RawServer, refusal, response

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def issued(name: str, expires: datetime = BEGAN + HOUR) -> bytes:
    return response(
        {
            "AccessKeyId": name,
            "SecretAccessKey": f"secret of {name}",
            "Token": f"token of {name}",
            "Expiration": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        }
    )


class Clock:
    def __init__(self) -> None:
        self.time = BEGAN

    def __call__(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Use = Callable[[RawServer], CredentialsSource]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Use:
    """Use a server as the endpoint, with the environment that Lambda sets."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def make(server: RawServer) -> CredentialsSource:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/2021-04-23/credentials?for=me")
        return CredentialsSource(clock)

    return make


def test_credentials_are_fetched_once(use: Use) -> None:
    with RawServer([issued("A")]) as server:
        source = use(server)
        assert source.get() == source.get() == Credentials("A", "secret of A", "token of A")

    assert [(one.method, one.target) for one in server.received] == [("GET", "/2021-04-23/credentials?for=me")]


def test_many_threads_fetch_credentials_once(use: Use) -> None:
    with RawServer([issued("A")]) as server, ThreadPoolExecutor(10) as pool:
        source = use(server)
        assert {one.access_key for one in pool.map(lambda _: source.get(), range(50))} == {"A"}


def test_credentials_are_refreshed_before_they_expire(use: Use, clock: Clock) -> None:
    with RawServer([issued("A"), issued("B", BEGAN + 2 * HOUR)]) as server:
        source = use(server)
        source.get()
        clock.time = BEGAN + HOUR - timedelta(seconds=REFRESH_SECONDS)
        assert source.get().access_key == "A"
        clock.time += timedelta(seconds=1)
        assert source.get().access_key == source.get().access_key == "B"


def test_without_an_answer_old_credentials_are_used_until_they_expire(use: Use, clock: Clock) -> None:
    with RawServer([issued("A"), refusal("Busy", "503 Service Unavailable"), Close(), Close()]) as server:
        source = use(server)
        source.get()
        for seconds_left in (REFRESH_SECONDS - 1, 1):
            clock.time = BEGAN + HOUR - timedelta(seconds=seconds_left)
            assert source.get().access_key == "A"
        clock.time += timedelta(seconds=1)
        with pytest.raises(OSError, match="closed"):
            source.get()


@pytest.mark.parametrize("answer", [response(), response([]), response(raw=b"<html>"), response({"AccessKeyId": "A"})])
def test_an_answer_without_credentials_is_an_error(use: Use, answer: bytes) -> None:
    with RawServer([answer]) as server, pytest.raises(BadResponse):
        use(server).get()


def test_the_endpoint_gets_the_token(use: Use, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("Bearer FROM A FILE")
    with RawServer([issued("A"), issued("A"), issued("A")]) as server:
        use(server).get()
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer TOKEN")
        use(server).get()
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(path))
        use(server).get()

    assert [one.headers.get("authorization") for one in server.received] == [
        None,
        "Bearer TOKEN",
        "Bearer FROM A FILE",
    ]


def test_a_token_of_two_lines_is_refused(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "TOKEN\r\nX-Other: header")
    with RawServer([]) as server, pytest.raises(ValueError, match="one line"):
        use(server).get()


@pytest.mark.parametrize("url", ["http://credentials.example/", "http://10.0.0.1/", "http://169.254.169.254/"])
def test_the_token_is_not_sent_over_plain_http_to_another_host(
    use: Use, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    with pytest.raises(NoCredentials, match="must be https"):
        CredentialsSource().get()


def test_credentials_of_the_environment_come_first(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer([]) as server:
        source = use(server)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
        with pytest.raises(NoCredentials, match="AWS_SECRET_ACCESS_KEY"):
            source.get()
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        assert source.get() == Credentials("A", "secret")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
        assert source.get() == Credentials("A", "secret", "token")


def test_no_credentials_are_an_error(use: Use) -> None:
    with pytest.raises(NoCredentials, match="Set AWS_ACCESS_KEY_ID"):
        CredentialsSource().get()


def test_a_client_fetches_new_credentials_when_aws_refuses_expired_ones(
    use: Use, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [refusal("ExpiredTokenException"), response(), response()]
    with RawServer(answers) as dynamodb, RawServer([issued("A"), issued("B")]) as endpoint:
        use(endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url)
        client = DynamoDBClient(Limits(connect_seconds=5, read_seconds=5, attempts=1), clock)
        client.get_item()
        client.get_item()
        client.close()

    assert [one.headers["x-amz-security-token"] for one in dynamodb.received] == [
        "token of A",
        "token of B",
        "token of B",
    ]


def test_a_client_retries_the_endpoint(use: Use, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    with RawServer([response()]) as dynamodb, RawServer([Close(), issued("A"), Close(), Close()]) as endpoint:
        use(endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url)
        limits = Limits(connect_seconds=5, read_seconds=5, attempts=2)
        client = DynamoDBClient(limits, clock, pauses.append)
        client.get_item()
        client.close()
        with pytest.raises(HTTPClientError):
            DynamoDBClient(limits, clock, pauses.append).get_item()

    assert len(pauses) == 2
