"""`make docs`: writes the pages of docs/ that are made from other files. Tests compare them with these files."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.conftest import PASSWORD, deployed
from tools import api_page, deploy_policy


def main() -> int:
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # SAM wants one, and asks nobody there
    deploy_policy.FILE.write_text(deploy_policy.text())
    with TemporaryDirectory() as folder, deployed(Path(folder)) as system:
        api_page.FILE.write_text(api_page.written(system, PASSWORD))
    return 0


if __name__ == "__main__":
    sys.exit(main())
