"""Reduce the packages to the parts that the functions use: `python shrink.py FOLDER`, with the packages' folder.

Reading botocore's data takes half the time of creating a client, and most of it is documentation and endpoints of other
services. Of Powertools, logger, metrics and their imports stay.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

SERVICES = ("dynamodb", "apigatewaymanagementapi")


def shrink_powertools(package: Path) -> None:
    for folder in (package / "event_handler", package / "middleware_factory", *(package / "utilities").iterdir()):
        if folder.is_dir() and folder.name != "jmespath_utils":
            shutil.rmtree(folder)


def shrink_botocore(data: Path) -> None:
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)
    endpoints = data / "endpoints.json"
    described = json.loads(endpoints.read_text())
    for partition in described["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in SERVICES}
    endpoints.write_text(json.dumps(described))
    for packed in data.glob("*/*/service-2.json.gz"):
        packed.with_suffix("").write_text(json.dumps(undocumented(json.loads(gzip.decompress(packed.read_bytes())))))
        packed.unlink()


def undocumented(model: Any) -> Any:
    """A service's description without its documentation. A member named `documentation` stays: it is no string."""
    match model:
        case dict():
            return {
                key: undocumented(value)
                for key, value in model.items()
                if not (key == "documentation" and isinstance(value, str))
            }
        case list():
            return [undocumented(value) for value in model]
    return model


if __name__ == "__main__":
    packages = Path(sys.argv[1])
    shrink_powertools(packages / "aws_lambda_powertools")
    shrink_botocore(packages / "botocore" / "data")
