"""cfn-lint on the processed template, in every region: ten seconds of `make check`."""

import json
import subprocess
import sys
from pathlib import Path

from cfnlint.helpers import REGIONS

from tests.support.processed import processed


def test_cfn_lint_finds_nothing_in_the_processed_template_in_any_region(tmp_path: Path) -> None:
    file = tmp_path / "processed.json"
    file.write_text(json.dumps(processed(GradualDeployment="true")))
    # China has no user pools of Cognito, GovCloud no CloudFront.
    regions = [region for region in REGIONS if not region.startswith(("cn-", "us-gov-"))]

    found = subprocess.run(
        # sam validate reports warnings, on the template as written.
        [Path(sys.executable).parent / "cfn-lint", file, "--ignore-checks", "W", "--regions", *regions],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stdout) == (0, "")
