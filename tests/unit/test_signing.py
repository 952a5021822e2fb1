from datetime import UTC, datetime
from urllib.parse import quote

import botocore.auth
import botocore.credentials
import pytest
from botocore.awsrequest import AWSRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.storage.signing import Credentials, sign
from tests.conftest import examples

PUBLISHED = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_signs_as_in_the_published_suite_of_aws(method: str, signature: str) -> None:
    """get-vanilla and post-vanilla of aws-sig-v4-test-suite."""
    signed = sign(method, "/", {"host": "example.amazonaws.com"}, b"", PUBLISHED, "us-east-1", "service", AT)

    assert signed["x-amz-date"] == "20150830T123600Z"
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


_visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
_names = st.from_regex(r"x-[a-z][a-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: name not in ("x-amz-date", "x-amz-security-token", "x-amzn-trace-id")
)
_paths = st.lists(st.text(min_size=1).filter(lambda part: part not in (".", "..")), max_size=4).map(
    lambda parts: "/" + "/".join(quote(part, safe="") for part in parts)
)


@settings(max_examples=examples(quick=500, soak=20_000))
@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    path=_paths | st.just("/dev/@connections/L0SM9cOFvHcCIhw%3D"),
    headers=st.dictionaries(_names, st.lists(_visible, min_size=1, max_size=3).map(" ".join), max_size=5),
    body=st.binary(max_size=200),
    credentials=st.builds(Credentials, _visible, _visible, st.none() | _visible),
    region=st.from_regex(r"[a-z]{2}(-[a-z]{3,6}){1,2}-[1-9]", fullmatch=True),
    service=st.sampled_from(["dynamodb", "execute-api"]),
    now=st.integers(0, 4_000_000_000),
)
def test_signs_as_botocore_does(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    credentials: Credentials,
    region: str,
    service: str,
    now: int,
) -> None:
    headers = {"host": "aws.example", **headers}
    request = AWSRequest(method, f"https://aws.example{path}", headers=headers, data=body)
    moment = datetime.fromtimestamp(now, UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: moment, raising=True)
        botocore.auth.SigV4Auth(
            botocore.credentials.Credentials(credentials.access_key, credentials.secret_key, credentials.token),
            service,
            region,
        ).add_auth(request)

    signed = sign(method, path, headers, body, credentials, region, service, now)

    assert signed == {name.lower(): value for name, value in request.headers.items()}


def test_secrets_are_not_shown() -> None:
    assert repr(Credentials("AKID", "secret", "token")) == "Credentials(access_key='AKID')"
