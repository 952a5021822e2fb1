"""Prepares the tests: fetches DynamoDB Local, looks for Chromium, and reports the tests this machine must skip."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

_PACKAGE = "amplify-dynamodb-simulator@2.9.30"  # carries Amazon's jar, so neither Docker nor AWS is needed
DYNAMODB_LOCAL = Path(__file__).parents[2] / ".cache" / "dynamodb-local" / "2.9.30"


def main() -> int:
    if not chromium():
        print(
            "Left out: tests/e2e/web, for want of Chromium. Install it (Debian: apt install chromium).", file=sys.stderr
        )
    if os.environ.get("DYNAMODB_ENDPOINT"):
        return 0
    missing = [tool for tool in ("java", "npm") if not shutil.which(tool)]
    if not shutil.which("java") or not (DYNAMODB_LOCAL.exists() or shutil.which("npm")):
        print(
            f"Left out: tests/integration against DynamoDB Local, for want of {' and '.join(missing)}. "
            "Install Java 17 and npm, or set DYNAMODB_ENDPOINT to a DynamoDB Local that runs (compose.yaml).",
            file=sys.stderr,
        )
        return 0
    if not DYNAMODB_LOCAL.exists():
        print("Fetching DynamoDB Local (55 MB) …", flush=True)
        _fetch()
    return 0


def chromium() -> str | None:
    """The installed browser, so that Playwright need not download one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _fetch() -> None:
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--json", _PACKAGE], cwd=folder, check=True, capture_output=True, text=True
        )
        archive = Path(folder) / json.loads(packed.stdout)[0]["filename"]
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
            tar.extractall(folder, filter="data")
        DYNAMODB_LOCAL.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "package" / "emulator", DYNAMODB_LOCAL)


if __name__ == "__main__":
    sys.exit(main())
