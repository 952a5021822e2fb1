"""samconfig.toml: settings for deploying dev and prod, but not the local system."""

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
def test_a_build_is_deployed_with_its_python(environment: str) -> None:
    built = settings(environment, "build")["build_dir"]

    assert settings(environment, "deploy")["template_file"] == f"{built}/template.yaml"
    assert built != ".aws-sam/build"  # the local system's folder, see local.stack
    # Plain `sam build` uses the template's.
    assert _overrides(environment)["PythonRuntime"] == PARAMETERS["PythonRuntime"]["Default"]


@each_environment
def test_make_delete_deletes_the_deployed_stack(environment: str) -> None:
    deploy, delete = settings(environment, "deploy"), settings(environment, "delete")

    assert (delete["stack_name"], delete["s3_prefix"]) == (deploy["stack_name"], deploy["s3_prefix"])


def test_the_scripts_work_on_prod_and_prod_is_protected() -> None:
    prod, dev = settings("prod", "deploy"), settings("dev", "deploy")

    assert prod["stack_name"] == STACK != dev["stack_name"]
    assert prod["confirm_changeset"] is True
    for name in ("DeletionProtection", "GradualDeployment", "FullMonitoring"):
        assert (_overrides("prod")[name], _overrides("dev")[name]) == ("true", "false")


def test_the_local_system_takes_nothing_from_it() -> None:
    option, environment = NO_CONFIG

    assert option == "--config-env"
    assert environment not in CONFIG
