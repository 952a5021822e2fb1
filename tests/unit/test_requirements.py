"""The operators and the tests run with the versions of the functions' layer."""

import re
import tomllib

from operators.schema import TEMPLATE

ROOT = TEMPLATE.parent
PINNED = re.compile(r"^([\w-]+)==([\w.]+)", re.MULTILINE)


def test_this_project_requires_the_versions_of_the_layer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = dict(PINNED.findall("\n".join(project["dependencies"])))
    layer = dict(PINNED.findall((ROOT / "layers/dependencies/requirements.txt").read_text()))

    for name in ("aws-lambda-powertools", "botocore"):
        assert ours[name] == layer[name]
