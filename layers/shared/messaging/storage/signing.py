"""Signature Version 4: proof to AWS that a request comes from the owner of a secret key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; temporary ones, such as a role's, have a token."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def sign(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """Sign a request: return all headers to send with it.

    `path` is percent-encoded, without a query. `headers` include `host`; their names are in lower case. `now` is in
    seconds since 1970.
    """
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    date = timestamp[:8]
    signed = {**headers, "x-amz-date": timestamp}
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = sorted(signed)
    canonical_headers = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in names)
    names_text = ";".join(names)
    canonical_request = (
        f"{method}\n{quote(path, safe='/~')}\n\n{canonical_headers}\n{names_text}\n{sha256(body).hexdigest()}"
    )
    scope = f"{date}/{region}/{service}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{sha256(canonical_request.encode()).hexdigest()}"
    signature = _hmac(_signing_key(credentials.secret_key, date, region, service), to_sign).hex()
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names_text}, Signature={signature}"
    )
    return signed


@lru_cache(maxsize=4)
def _signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, derived from the secret key."""
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
