"""The functions' client on real sockets, with servers that misbehave, compared with boto3."""

import concurrent.futures
import itertools
import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError as BotocoreClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from messaging.storage import http_connections
from messaging.storage.aws_client import ConnectionsClient, DynamoDBClient, Limits
from messaging.storage.aws_errors import ClientError, HTTPClientError
from messaging.storage.http_connections import KEEP_IDLE_SECONDS
from messaging.storage.signing import Credentials, sign
from tests.support.raw_server import Answer, Close, RawServer, Received, Silence, refusal, response

LIMITS = Limits(connect_seconds=5, read_seconds=5, attempts=2)
HASTY = Limits(connect_seconds=0.2, read_seconds=0.05, attempts=2)
OK = response({"Item": {"pk": {"S": "a"}}})
KEY = {"pk": {"S": "a"}}
THROTTLED = refusal("ProvisionedThroughputExceededException")


class Clock:
    """A time of day that a test sets, and the pauses before retries, which take no time."""

    def __init__(self) -> None:
        self.time = time.time()
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[[RawServer], DynamoDBClient]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Callable[..., DynamoDBClient]]:
    """Open a client of a server, and close it at the end."""
    clients: list[DynamoDBClient] = []

    def make(server: RawServer | str, limits: Limits = LIMITS) -> DynamoDBClient:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server if isinstance(server, str) else server.url)
        clients.append(DynamoDBClient(limits, clock, clock.pauses.append))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


Connect = Callable[..., DynamoDBClient]


def get(client: DynamoDBClient) -> dict[str, Any]:
    return client.get_item(TableName="table", Key=KEY)


# Requests and answers


OPERATIONS: dict[str, dict[str, Any]] = {
    "batch_execute_statement": {"Statements": [{"Statement": 'SELECT * FROM "t"', "Parameters": [{"S": "é"}]}]},
    "batch_get_item": {"RequestItems": {"table": {"Keys": [KEY], "ConsistentRead": True}}},
    "delete_item": {"TableName": "table", "Key": KEY, "ReturnValues": "ALL_OLD"},
    "get_item": {"TableName": "table", "Key": KEY},
    "put_item": {"TableName": "table", "Item": {"pk": {"S": "a"}, "n": {"N": "1"}, "b": {"BOOL": True}}},
    "query": {
        "TableName": "table",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "\U0001f600 \u2028 ünïcödé"}},
        "Limit": 20,
    },
    "transact_write_items": {
        "TransactItems": [{"Put": {"TableName": "table", "Item": KEY}}],
        "ClientRequestToken": "given",
    },
    "update_item": {"TableName": "table", "Key": KEY, "UpdateExpression": "ADD n :one"},
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_sends_the_same_requests_as_boto3(connect: Connect, operation: str) -> None:
    with RawServer(itertools.repeat(response())) as server:
        boto3_client = boto3.client("dynamodb", endpoint_url=server.url)
        getattr(connect(server), operation)(**OPERATIONS[operation])
        getattr(boto3_client, operation)(**OPERATIONS[operation])
        boto3_client.close()
        ours, theirs = server.received

    assert (ours.method, ours.target, ours.json) == (theirs.method, theirs.target, theirs.json)
    for name in ("host", "content-type", "x-amz-target", "content-length", "accept-encoding"):
        assert ours.headers[name] == theirs.headers[name]
    assert_signed(ours, "dynamodb")
    assert_signed(theirs, "dynamodb")


def assert_signed(received: Received, service: str) -> None:
    """Check a signature as AWS does: sign the received request, with the headers that it names."""
    names = received.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    at = datetime.strptime(received.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    headers = {name: received.headers[name] for name in names if name != "x-amz-date"}
    signed = sign(
        received.method, received.target, headers, received.body, Credentials("test", "test"), "us-east-1", service, at
    )
    assert received.headers["authorization"] == signed["authorization"]


@pytest.mark.parametrize("connection_id", ["L0SM9cOFvHcCIhw=", "a/b+c==", "plain"])
def test_sends_the_same_requests_to_connections_as_boto3(monkeypatch: pytest.MonkeyPatch, connection_id: str) -> None:
    with RawServer(itertools.repeat(response())) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", f"{server.url}/dev")
        ours: Any = ConnectionsClient(LIMITS)
        theirs: Any = boto3.client("apigatewaymanagementapi")
        for client in (ours, theirs):
            client.post_to_connection(ConnectionId=connection_id, Data=b"[{}]")
            client.delete_connection(ConnectionId=connection_id)
            client.close()
        posts, deletes = server.received[::2], server.received[1::2]

    for pair in (posts, deletes):
        assert len({(one.method, one.target, one.body, one.headers["host"]) for one in pair}) == 1
        for one in pair:
            assert_signed(one, "execute-api")


def test_all_attempts_of_a_transaction_have_one_token(connect: Connect) -> None:
    with RawServer([Close(), OK, OK]) as server:
        client = connect(server)
        client.transact_write_items(TransactItems=[])
        client.transact_write_items(TransactItems=[])
        first, again, other = (one.json["ClientRequestToken"] for one in server.received)

    assert first == again != other
    assert len(first) == 36


def test_returns_the_answer_of_dynamodb(connect: Connect) -> None:
    with RawServer([OK]) as server:
        assert get(connect(server)) == {"Item": KEY}


CODES = ["ConditionalCheckFailedException", "TransactionConflictException", "ValidationException"]


@pytest.mark.parametrize(
    "answer",
    [
        *(refusal(code) for code in CODES),
        refusal("ConditionalCheckFailedException", Item={"pk": {"S": "a"}, "n": {"N": "1"}}),
        refusal(
            "TransactionCanceledException",
            CancellationReasons=[
                {"Code": "None"},
                {"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "a"}}, "Message": "The condition failed"},
            ],
            headers={"x-amzn-RequestId": "REQUEST"},
        ),
        refusal("ValidationException", headers={"x-amzn-RequestId": "REQUEST"}),
        response({"__type": "SerializationException", "Message": "about it"}, "400 Bad Request"),
        response({"message": "no code"}, "403 Forbidden"),
        response(raw=b"", status="404 Not Found"),
        response(raw=b"", status="413 Request Entity Too Large"),
    ],
)
def test_errors_have_the_shape_of_boto3(connect: Connect, answer: bytes) -> None:
    with RawServer([answer, answer]) as server:
        with pytest.raises(ClientError) as ours:
            connect(server).transact_write_items(TransactItems=[])
        client = boto3.client("dynamodb", endpoint_url=server.url, config=Config(retries={"total_max_attempts": 1}))
        item: Any = {"Put": {"TableName": "t", "Item": KEY}}
        # boto3 reads only the members that it expects of an operation.
        is_put = b"ConditionalCheckFailedException" in answer
        with pytest.raises(BotocoreClientError) as theirs:
            client.put_item(TableName="table", Item=KEY) if is_put else client.transact_write_items(
                TransactItems=[item]
            )
        client.close()

    assert ours.value.response["Error"]["Code"] == theirs.value.response["Error"]["Code"]
    for name in ("CancellationReasons", "Item"):
        assert ours.value.response.get(name) == theirs.value.response.get(name)
    metadata, their_metadata = ours.value.response["ResponseMetadata"], theirs.value.response["ResponseMetadata"]
    for name in ("HTTPStatusCode", "HTTPHeaders"):
        assert metadata[name] == their_metadata[name]  # type: ignore[literal-required]
    assert metadata["RequestId"] == their_metadata.get("RequestId", "")


def test_the_text_of_an_error_does_not_quote_the_request(connect: Connect) -> None:
    answer = response({"__type": "ValidationException", "message": "a secret"}, "400 Bad Request")
    with RawServer([answer]) as server, pytest.raises(ClientError) as raised:
        get(connect(server))

    assert str(raised.value) == "GetItem: ValidationException"


# Connections


def test_a_connection_is_kept_over_ten_thousand_requests(connect: Connect) -> None:
    with RawServer(itertools.repeat(OK)) as server:
        client = connect(server)
        for _ in range(10_000):
            get(client)

    assert server.connections == [1] * 10_000


def test_a_connection_that_was_closed_while_idle_is_replaced(connect: Connect, clock: Clock) -> None:
    with RawServer([Close(OK), OK]) as server:
        client = connect(server)
        get(client)
        assert server.closed.wait(10)
        assert get(client) == {"Item": KEY}

    assert server.connections == [1, 2]
    assert clock.pauses == []


def test_a_connection_that_closes_when_it_is_used_again_is_replaced(connect: Connect, clock: Clock) -> None:
    """The request is repeated although this client makes one attempt only."""
    with RawServer([OK, Close(), OK]) as server:
        client = connect(server, Limits(5, 5, attempts=1))
        get(client)
        assert get(client) == {"Item": KEY}

    assert server.connections == [1, 1, 2]
    assert clock.pauses == []


def test_only_a_kept_connection_is_replaced(connect: Connect) -> None:
    with RawServer([OK, Close(), Close()]) as server:
        client = connect(server, Limits(5, 5, attempts=1))
        get(client)
        with pytest.raises(HTTPClientError):
            get(client)

    assert server.connections == [1, 1, 2]


@pytest.mark.parametrize("seconds", [KEEP_IDLE_SECONDS, 3600, -3600])
def test_a_connection_is_not_kept_when_a_nat_gateway_may_have_forgotten_it(
    connect: Connect, clock: Clock, seconds: float
) -> None:
    with RawServer([OK, OK, OK]) as server:
        client = connect(server)
        get(client)
        clock.time += KEEP_IDLE_SECONDS - 1
        get(client)
        clock.time += seconds
        get(client)

    assert server.connections == [1, 1, 2]


def test_a_connection_that_the_server_ends_is_not_kept(connect: Connect) -> None:
    with RawServer([response({}, headers={"Connection": "close"}), OK]) as server:
        client = connect(server)
        get(client)
        get(client)

    assert server.connections == [1, 2]


def test_unrequested_bytes_are_not_taken_for_an_answer(connect: Connect) -> None:
    with RawServer([OK + response({"Item": {"pk": {"S": "another's"}}}), OK]) as server:
        client = connect(server)
        get(client)
        assert get(client) == {"Item": KEY}

    assert server.connections == [1, 2]


def test_threads_do_not_share_a_connection(connect: Connect) -> None:
    both = threading.Barrier(2)

    def meet(received: Received) -> bytes:
        both.wait(10)
        return response(received.json["Key"])

    with RawServer(itertools.repeat(meet)) as server, concurrent.futures.ThreadPoolExecutor(2) as pool:
        client = connect(server)

        def ask(name: str) -> list[dict[str, Any]]:
            return [client.get_item(TableName="table", Key={"pk": {"S": f"{name}{number}"}}) for number in range(200)]

        a, b = pool.map(ask, "ab")

    assert a == [{"pk": {"S": f"a{number}"}} for number in range(200)]
    assert b == [{"pk": {"S": f"b{number}"}} for number in range(200)]
    assert set(server.connections) == {1, 2}


def test_no_more_connections_are_kept_than_wanted(connect: Connect) -> None:
    both = threading.Barrier(2)

    def meet(_: Received) -> bytes:
        both.wait(10)
        return OK

    with RawServer([meet, meet, OK, OK]) as server, concurrent.futures.ThreadPoolExecutor(2) as pool:
        client = connect(server, Limits(5, 5, attempts=1, most_idle=1))
        list(pool.map(lambda _: get(client), range(2)))
        get(client)
        get(client)

    assert sorted(server.connections[:2]) == [1, 2]
    assert server.connections[2] == server.connections[3]


# Faults


@pytest.mark.parametrize(
    "fault",
    [
        Close(),
        Close(b"HTTP/1.1 200"),
        Close(b"HTTP/1.1 200 OK\r\nContent-Le"),
        Close(OK[:-1]),
        Close(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"Item'),
        Close(b"HTTP/1.1 200 OK\r\n\r\n{}"),
        Close(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n{}"),
        response(raw=b"{}", headers={"Transfer-Encoding": "gzip, chunked"}),
        Close(b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        Close(b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}"),
        Close(b"SSH-2.0-OpenSSH_9.6\r\n"),
        Close(b"\x00\xff\xfe" * 10),
        Close(b"HTTP/1.1 OK\r\n\r\n"),
        Close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        response(raw=b"<html>It works!</html>"),
        response(raw=b"\xff\xfe{"),
        response(raw=b"[]"),
        response(raw=b"{}", headers={"x-amz-crc32": str(zlib.crc32(b"{ }"))}),
        response(raw=b"{}", headers={"x-amz-crc32": "many"}),
    ],
    ids=repr,
)
def test_after_an_unreadable_answer_the_request_is_repeated(connect: Connect, clock: Clock, fault: Answer) -> None:
    with RawServer(itertools.chain([fault, OK], itertools.repeat(fault))) as server:
        client = connect(server)
        assert get(client) == {"Item": KEY}
        assert len(clock.pauses) == 1
        with pytest.raises(HTTPClientError):
            get(client)


def test_an_endless_head_is_refused(connect: Connect) -> None:
    endless = Close(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000)
    with RawServer([endless, endless]) as server, pytest.raises(HTTPClientError, match="GetItem: BadResponse"):
        get(connect(server))


def test_interim_responses_are_skipped(connect: Connect) -> None:
    with RawServer([b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK]) as server:
        assert get(connect(server)) == {"Item": KEY}


@pytest.mark.parametrize("fault", [Silence(), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"], ids=repr)
def test_after_a_timeout_the_request_is_repeated(connect: Connect, fault: Answer) -> None:
    with RawServer([fault, fault]) as server, pytest.raises(HTTPClientError, match="GetItem: TimeoutError"):
        get(connect(server, HASTY))

    assert server.connections == [1, 2]


def test_after_a_refused_connection_the_request_is_repeated(connect: Connect, clock: Clock) -> None:
    with RawServer([]) as server:
        url = server.url
    with pytest.raises(HTTPClientError, match="GetItem: ConnectionRefusedError"):
        get(connect(url))

    assert len(clock.pauses) == 1


def test_an_unknown_host_is_an_error(connect: Connect) -> None:
    with pytest.raises(HTTPClientError):
        get(connect("http://dynamodb.invalid"))


@pytest.mark.parametrize(
    "fault",
    [
        THROTTLED,
        refusal("ThrottlingException"),
        refusal("RequestLimitExceeded"),
        refusal("TransactionInProgressException"),
        refusal("InternalServerError", "500 Internal Server Error"),
        refusal("ServiceUnavailable", "503 Service Unavailable"),
        response(raw=b"<html>Bad Gateway</html>", status="502 Bad Gateway"),
        response(raw=b"", status="503 Service Unavailable"),
        response(raw=b"[]", status="504 Gateway Timeout"),
    ],
    ids=repr,
)
def test_after_a_transient_error_the_request_is_repeated(connect: Connect, clock: Clock, fault: bytes) -> None:
    with RawServer([fault, OK, fault, fault]) as server:
        client = connect(server)
        assert get(client) == {"Item": KEY}
        with pytest.raises(ClientError):
            get(client)

    assert server.connections == [1, 1, 1, 1]
    assert len(clock.pauses) == 2
    assert all(0 <= pause <= 0.1 for pause in clock.pauses)


@pytest.mark.parametrize("code", CODES)
def test_after_a_lasting_error_the_request_is_not_repeated(connect: Connect, clock: Clock, code: str) -> None:
    with RawServer([refusal(code)]) as server, pytest.raises(ClientError):
        get(connect(server))

    assert clock.pauses == []


def test_a_server_error_without_json_has_its_status_for_a_code(connect: Connect) -> None:
    answer = response(raw=b"<html>Bad Gateway</html>", status="502 Bad Gateway")
    with RawServer([answer, answer]) as server, pytest.raises(ClientError) as raised:
        get(connect(server))

    assert raised.value.response["Error"] == {"Code": "502", "Message": "Bad Gateway"}


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_redirects_are_not_followed(connect: Connect, status: str) -> None:
    """They would send the request and its token to another server."""
    with RawServer([OK]) as elsewhere:
        moved = response(raw=b"", status=status, headers={"Location": elsewhere.url})
        with RawServer([moved]) as server, pytest.raises(ClientError) as raised:
            get(connect(server))

    assert raised.value.response["Error"]["Code"] == status[:3]
    assert elsewhere.received == []


def test_a_megabyte_arrives_whole(connect: Connect) -> None:
    items = {"Items": [{"pk": {"S": "x" * 1000}}] * 1000}
    raw = json.dumps(items).encode()
    chunks = [raw[start : start + 5000] for start in range(0, len(raw), 5000)]
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""]
    )
    with RawServer([response(items, headers={"x-amz-crc32": str(zlib.crc32(raw))}), chunked]) as server:
        client = connect(server)
        assert client.query(TableName="table") == items
        assert client.query(TableName="table") == items

    assert server.connections == [1, 1]


# Clocks and credentials


@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestTimeTooSkewed"])
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_is_corrected_by_the_date_of_aws(connect: Connect, clock: Clock, code: str, hours: int) -> None:
    there = datetime.fromtimestamp(int(clock.time), UTC) + timedelta(hours=hours)
    date = {"Date": format_datetime(there, usegmt=True)}
    with RawServer([refusal(code, headers=date), OK, OK]) as server:
        client = connect(server, Limits(5, 5, attempts=1))
        get(client)
        get(client)

    assert [one.headers["x-amz-date"] for one in server.received[1:]] == [f"{there:%Y%m%dT%H%M%SZ}"] * 2
    assert clock.pauses == []


@pytest.mark.parametrize("date", [None, "soon", "now"])
def test_a_refused_signature_at_the_right_time_is_not_repeated(connect: Connect, date: str | None) -> None:
    now = format_datetime(datetime.now(UTC), usegmt=True)
    headers = {"Date": now if date == "now" else date} if date else {}
    with RawServer([refusal("InvalidSignatureException", headers=headers)]) as server, pytest.raises(ClientError):
        get(connect(server))


def test_a_clock_is_corrected_once_per_request(connect: Connect, clock: Clock) -> None:
    hours = itertools.count(1)

    def refuse(_: Received) -> bytes:
        there = datetime.fromtimestamp(clock.time, UTC) + timedelta(hours=next(hours))
        return refusal("InvalidSignatureException", headers={"Date": format_datetime(there, usegmt=True)})

    with RawServer([refuse, refuse]) as server, pytest.raises(ClientError):
        get(connect(server))


def test_expired_credentials_of_the_environment_are_an_error(connect: Connect) -> None:
    with RawServer([refusal("ExpiredTokenException")]) as server, pytest.raises(ClientError):
        get(connect(server))


def test_the_environments_credentials_are_read_for_each_request(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer([OK, OK]) as server:
        client = connect(server)
        get(client)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "TOKEN")
        get(client)
        before, after = server.received

    assert "Credential=test/" in before.headers["authorization"]
    assert "Credential=AKIDOTHER/" in after.headers["authorization"]
    assert "x-amz-security-token;" not in before.headers["authorization"]
    assert after.headers["x-amz-security-token"] == "TOKEN"


# The environment


def test_requests_carry_the_trace_of_the_invocation(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer([OK, OK]) as server:
        client = connect(server)
        get(client)
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
        get(client)
        without, with_trace = server.received

    assert "x-amzn-trace-id" not in without.headers
    assert with_trace.headers["x-amzn-trace-id"] == "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    assert "x-amzn-trace-id" not in with_trace.headers["authorization"]


def _regions() -> Iterable[tuple[str, str]]:
    partitions = json.loads((files("botocore") / "data" / "partitions.json").read_text())["partitions"]
    for partition in partitions:
        for region in partition["regions"]:
            if not region.endswith("-global"):
                yield region, partition["outputs"]["dnsSuffix"]


@pytest.mark.parametrize(("region", "suffix"), list(_regions()))
def test_every_region_has_the_address_of_its_partition(
    monkeypatch: pytest.MonkeyPatch, region: str, suffix: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "")

    assert DynamoDBClient(LIMITS)._host == f"dynamodb.{region}.{suffix}"


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
def test_the_address_is_the_same_as_boto3s(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.delenv("AWS_REGION", raising=False)
    client = boto3.client("dynamodb", region_name=region)

    assert f"https://{DynamoDBClient(LIMITS)._host}" == client.meta.endpoint_url


def test_aws_endpoint_url_serves_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer([OK]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = DynamoDBClient(LIMITS)
        get(client)
        client.close()


def test_without_a_region_there_is_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(KeyError, match="AWS_DEFAULT_REGION"):
        DynamoDBClient(LIMITS)


@pytest.mark.parametrize("url", ["dynamodb:8000", "ftp://dynamodb", "http://"])
def test_a_bad_address_is_refused(connect: Connect, url: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a server"):
        connect(url)


# TLS


@contextmanager
def certified(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, *, trusted: bool = True
) -> Iterator[ssl.SSLContext]:
    """A TLS context with a self-signed certificate for a name, trusted by this process or not."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A test")])
    now = datetime.now(UTC)
    san = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([san]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    http_connections._tls.cache_clear()
    yield context
    http_connections._tls.cache_clear()


def test_tls_with_the_right_certificate(connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with certified(tmp_path, "127.0.0.1", monkeypatch) as tls, RawServer([OK, OK, Close(), OK], tls) as server:
        client = connect(server)
        for _ in range(3):
            assert get(client) == {"Item": KEY}

    assert server.connections == [1, 1, 1, 2]


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", False), ("dynamodb.example", True)])
def test_tls_with_a_wrong_certificate(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool
) -> None:
    with (
        certified(tmp_path, name, monkeypatch, trusted=trusted) as tls,
        RawServer([], tls) as server,
        pytest.raises(HTTPClientError, match="GetItem: SSLCertVerificationError"),
    ):
        get(connect(server))

    assert server.received == []
