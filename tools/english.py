"""Measure plain English: count words that begin convoluted sentences, in docstrings and in Markdown pages.

Prints both counts per 1,000 words. Exit status 1 if one of them is above the limit.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

LIMIT = 3.0
_ROOT = Path(__file__).parents[1]
_CONVOLUTED = {"what", "whatever", "who", "whoever", "whom", "whose"}
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")


def rate(texts: Iterable[str]) -> float:
    """Convoluted words per 1,000 words; code is not counted."""
    words = [word for text in texts for word in _WORD.findall(_CODE.sub(" ", text).lower())]
    return 1000 * sum(word in _CONVOLUTED for word in words) / len(words)


def docstrings(files: Iterable[Path]) -> Iterator[str]:
    """The docstrings of Python files and of scripts without a suffix."""
    for file in files:
        if file.suffix == ".py" or (file.suffix == "" and "python" in file.read_text().partition("\n")[0]):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield ast.get_docstring(node) or ""


def pages(files: Iterable[Path]) -> Iterator[str]:
    """The Markdown files."""
    return (file.read_text() for file in files if file.suffix == ".md")


def main() -> int:
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=_ROOT, text=True).split("\0")
    files = [_ROOT / name for name in listed if (_ROOT / name).is_file()]
    rates = {"docstrings": rate(docstrings(files)), "pages": rate(pages(files))}
    for name, value in rates.items():
        print(f"{name}: {value:.1f} of 1,000 words are one of {', '.join(sorted(_CONVOLUTED))} (limit {LIMIT:g})")
    return 1 if max(rates.values()) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
