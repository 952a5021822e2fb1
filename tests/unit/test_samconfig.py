"""samconfig.toml: what dev and prod are deployed with, and that the local system is not."""

import tomllib

import pytest

from local.stack import NO_CONFIG
from operators.deployment import ENVIRONMENTS, ROOT, settings
from operators.environments import STACK
from operators.schema import template

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
PARAMETERS = template()["Parameters"]
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def _overrides(environment: str) -> dict[str, str]:
    return dict(override.split("=") for override in settings(environment, "deploy")["parameter_overrides"])


@each_environment
def test_the_parameters_are_the_templates_with_values_it_allows(environment: str) -> None:
    for name, value in _overrides(environment).items():
        assert value in PARAMETERS[name]["AllowedValues"]


@each_environment
def test_what_was_built_is_deployed_with_the_python_it_was_built_for(environment: str) -> None:
    built = settings(environment, "build")["build_dir"]

    assert settings(environment, "deploy")["template_file"] == f"{built}/template.yaml"
    assert built != ".aws-sam/build"  # what the local system is deployed from, see local.stack
    # Plain `sam build` takes the template's.
    assert _overrides(environment)["PythonRuntime"] == PARAMETERS["PythonRuntime"]["Default"]


@each_environment
def test_what_is_deleted_is_what_was_deployed(environment: str) -> None:
    deploy, delete = settings(environment, "deploy"), settings(environment, "delete")

    assert (delete["stack_name"], delete["s3_prefix"]) == (deploy["stack_name"], deploy["s3_prefix"])


def test_prod_is_what_the_scripts_work_on_and_is_kept_with_care() -> None:
    prod, dev = settings("prod", "deploy"), settings("dev", "deploy")

    assert prod["stack_name"] == STACK != dev["stack_name"]
    assert prod["confirm_changeset"] is True
    for name in ("DeletionProtection", "GradualDeployment", "FullMonitoring"):
        assert (_overrides("prod")[name], _overrides("dev")[name]) == ("true", "false")


def test_the_local_system_takes_nothing_from_it() -> None:
    option, environment = NO_CONFIG

    assert option == "--config-env"
    assert environment not in CONFIG
