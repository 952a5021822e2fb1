"""Required versions fit each other, and every script is checked."""

import re
import tomllib

from operators.schema import TEMPLATE

ROOT = TEMPLATE.parent
PINNED = re.compile(r"^([\w-]+)==([\w.]+)", re.MULTILINE)


def test_boto3_botocore_and_the_stubs_are_of_one_release() -> None:
    """aws-sam-cli takes one version of boto3, and ministack one of botocore: patches of one minor release."""
    locked = dict(PINNED.findall((ROOT / "requirements/test.txt").read_text()))

    assert locked["boto3-stubs"] == locked["boto3"]
    assert {locked[name].rpartition(".")[0] for name in ("boto3", "boto3-stubs", "botocore", "botocore-stubs")} == {
        locked["boto3"].rpartition(".")[0]
    }


def test_types_are_checked_in_every_script() -> None:
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / "bin").rglob("*") if path.is_file()}

    assert scripts == {path for path in checked if path.startswith("bin/")}
