"""`make cost`: measures on DynamoDB Local and writes docs/cost.md and docs/scale.md."""

import sys
import tempfile
from pathlib import Path

from operators import cost, scale
from tests.support import dynamodb_local
from tests.support.budgets import measure

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {DOCS / "cost.md": cost.page, DOCS / "scale.md": scale.page}


def main() -> int:
    if not dynamodb_local.is_here():
        return 1  # tests/support/prepare.py has printed the reason
    with tempfile.TemporaryDirectory() as folder, dynamodb_local.running(Path(folder)) as endpoint:
        measured = measure(dynamodb_local.client(endpoint), endpoint)
    for path, page in PAGES.items():
        path.write_text(page(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
