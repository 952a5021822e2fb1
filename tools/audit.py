"""Audit the locked packages for known vulnerabilities (`make check`). Reports it if PyPI does not answer.

The lock files name every package, so nothing is installed or resolved: only the advisories come from PyPI.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements/test.txt",)  # test.txt includes requirements/run.txt
_PATIENCE = 10  # seconds, for each answer of PyPI
_NO_NETWORK = ("ConnectionError", "Max retries exceeded", "timed out", "Could not connect", "Tried to connect")


def main() -> int:
    requirements = [part for lock in LOCKS for part in ("--requirement", lock)]
    audit = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", *requirements),
            *("--format", "json", "--progress-spinner", "off", "--timeout", str(_PATIENCE)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines, passed = verdict(audit.stdout, audit.stderr)
    for line in lines:
        print(f"audit: {line}")
    return 0 if passed else 1


def verdict(report: str, errors: str) -> tuple[list[str], bool]:
    """Read pip-audit's report, or its error output if there is none: lines to print, and True if the check passes."""
    try:
        packages = json.loads(report)["dependencies"]
    except json.JSONDecodeError:
        if any(sign in errors for sign in _NO_NETWORK):
            return ["NOT DONE: PyPI's advisories cannot be reached from here"], True
        return ["failed:", *errors.strip().splitlines()[-3:]], False
    unknown = [package for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):
        return ["NOT DONE: PyPI's advisories cannot be reached from here"], True
    found = list(_vulnerabilities(packages))
    missing = [f"PyPI has no advisories for {package['name']}" for package in unknown]
    return [*found, *missing, f"{len(found)} known vulnerabilities in {len(packages)} locked packages"], not found


def _vulnerabilities(packages: list[dict[str, Any]]) -> Iterator[str]:
    for package in packages:
        for one in package.get("vulns", []):
            fixed = ", ".join(one["fix_versions"]) or "nothing yet"
            yield f"{package['name']} {package['version']}: {one['id']}, fixed in {fixed}"


if __name__ == "__main__":
    sys.exit(main())
