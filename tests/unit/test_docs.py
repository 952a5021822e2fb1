"""What the documentation and the code point to is there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / name for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()]
PAGES = [file for file in FILES if file.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", text)
    for path, anchor in links:
        target = (page.parent / path) if path else page
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_page_that_is_named_is_there() -> None:
    named = {
        name
        for file in FILES
        if file.exists() and file.suffix in ("", ".md", ".py", ".toml", ".yaml", ".yml")
        for name in re.findall(r"\bdocs/[a-z_]+\.md\b", file.read_text())
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()
