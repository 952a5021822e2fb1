"""The region of a script or `make deploy`: all settings of a person, and their precedence."""

from pathlib import Path

import boto3
import pytest

from operators.environments import Environment

PROFILE = "[profile operator]\nregion = eu-central-1\n"


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "eu-central-1"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    ],
    ids=repr,
)
def test_the_region_is_the_environments_before_the_profiles(
    variables: dict[str, str], region: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(PROFILE)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it has read another test's settings
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "operator")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert Environment().client("dynamodb").meta.region_name == region
