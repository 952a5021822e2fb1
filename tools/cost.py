"""`make cost`: measures on DynamoDB Local, writes docs/cost.md and docs/scale.md, and the totals in README.md."""

import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from operators import cost, scale
from tests.support import dynamodb_local
from tests.support.budgets import measure

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def readme(measured: Mapping[str, cost.Consumed]) -> str:
    """README.md with the totals of a month and of one in which nobody comes."""
    text = README.read_text()
    for month, before, after in ((cost.Month(), r"\*\*", r"\*\* a month"), (cost.Month(1e-9), "nobody comes: ", "")):
        dollars = f"${cost.total(cost.ours(measured, month)):,.2f}"
        text, found = re.subn(rf"(?<={before})\$[\d,]+\.\d\d(?={after})", dollars, text)
        if found != 1:
            raise ValueError(f"README.md has {found} totals like {dollars}.")
    return text


PAGES = {ROOT / "docs" / "cost.md": cost.page, ROOT / "docs" / "scale.md": scale.page, README: readme}


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
