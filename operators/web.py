"""The web client of a deployed stack: its configuration, and its upload to the bucket behind CloudFront."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from operators.environments import Environment

WEB = Path(__file__).parents[1] / "web"  # its assets/cruddur-messages leads to packages/client-js
_ASSETS = "/assets/"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_UNCHANGING = "public, max-age=31536000, immutable"
_CHANGING = "no-cache"


def config(environment: Environment) -> dict[str, Any]:
    """The content of config.json: the addresses of API, socket and Cognito, and the maximum message length."""
    told: dict[str, Any] = json.loads(environment.outputs["WebConfig"])
    return told


def upload(environment: Environment) -> None:
    """Upload web/ and its config.json into the stack's bucket.

    Files under assets/ are stored below a name derived from their content and may be cached for ever; index.html, which
    names that folder, comes last. So an open page keeps its own files, and no page mixes two versions.
    """
    folder = f"{_ASSETS}{_fingerprint()}/"
    _put(environment, "config.json", json.dumps(config(environment)).encode(), _CHANGING)
    for path in _assets():
        key = f"{folder}{path.relative_to(WEB / 'assets')}".removeprefix("/")
        _put(environment, key, path.read_bytes(), _UNCHANGING)
    index = (WEB / "index.html").read_text().replace(_ASSETS, folder)
    _put(environment, "index.html", index.encode(), _CHANGING)


def empty(environment: Environment) -> None:
    """Deletes everything in the stack's bucket: one that is not empty cannot be deleted."""
    s3, bucket = environment.client("s3"), environment.outputs["WebBucketName"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"])


def delete_bucket(environment: Environment) -> None:
    """Deletes the bucket of a stack that has no web client any more: CloudFormation leaves one that is not empty."""
    s3 = environment.client("s3")
    try:
        empty(environment)
        s3.delete_bucket(Bucket=environment.outputs["WebBucketName"])
    except s3.exceptions.NoSuchBucket:
        pass


def content_type(name: str) -> str | None:
    """What a file is served as; None for one that is not served."""
    return _TYPES.get(Path(name).suffix)


def _put(environment: Environment, key: str, body: bytes, cache_control: str) -> None:
    environment.client("s3").put_object(
        Bucket=environment.outputs["WebBucketName"],
        Key=key,
        Body=body,
        ContentType=content_type(key),
        CacheControl=cache_control,
    )


def _assets() -> Iterator[Path]:
    paths = (Path(folder) / name for folder, _, names in os.walk(WEB / "assets", followlinks=True) for name in names)
    yield from (path for path in sorted(paths) if content_type(path.name))


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in _assets():
        digest.update(path.relative_to(WEB).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
