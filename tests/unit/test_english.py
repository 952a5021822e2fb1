"""tools/english.py counts the words that begin convoluted sentences."""

from pathlib import Path

import pytest

from tools.english import docstrings, pages, rate


def test_the_rate_is_per_1000_words_and_leaves_out_code() -> None:
    assert rate(["Nine plain words. ", "Whoever `what` asks:\n```\nwho whose\n```\n"]) == pytest.approx(200)


def test_docstrings_are_read_from_modules_and_scripts(tmp_path: Path) -> None:
    module, script, page = tmp_path / "module.py", tmp_path / "script", tmp_path / "page.md"
    module.write_text(
        '"""A module."""\nclass Thing:\n    """A class."""\n    async def act(self):\n        """Act."""\n'
    )
    script.write_text('#!/usr/bin/env python3\n"""A script."""\n')
    page.write_text("A page.")
    files = [module, script, page]

    assert set(docstrings(files)) == {"A module.", "A class.", "Act.", "A script."}
    assert list(pages(files)) == ["A page."]
