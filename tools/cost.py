"""`make cost`: measures on DynamoDB Local and writes docs/cost.md."""

import sys
import tempfile
from pathlib import Path

from operators.cost import page
from tests.support import dynamodb_local
from tests.support.budgets import measure

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"


def main() -> int:
    if not dynamodb_local.is_here():
        return 1  # tests/support/prepare.py has printed the reason
    with tempfile.TemporaryDirectory() as folder, dynamodb_local.running(Path(folder)) as endpoint:
        PAGE.write_text(page(measure(dynamodb_local.client(endpoint), endpoint)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
