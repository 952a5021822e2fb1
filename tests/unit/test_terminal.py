"""All output to a terminal goes through one of two escaping functions. tests/e2e/test_terminal.py runs the scripts."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from operators.cli import say
from operators.terminal import Screen
from tests.unit.test_text import HARMFUL

ROOT = Path(__file__).parents[2]
SOURCES = [
    *sorted(path for path in (ROOT / "bin").rglob("*") if path.is_file()),
    *sorted((ROOT / "operators").rglob("*.py")),
    *sorted((ROOT / "packages" / "client-python" / "src").rglob("*.py")),
]
# Writers to the terminal: the two escaping ones, and those that show only numbers and keyboard input.
WRITERS = {"cli.py": {"say", "show", "confirm", "Progress"}, "terminal.py": {"Screen"}}


def _writes(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls that write something other than a literal to the terminal."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        writes = ast.unparse(node.func).startswith(("print", "input", "getpass", "os.write", "sys.std"))
        if writes and not all(isinstance(argument, ast.Constant) for argument in node.args):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_all_output_is_escaped(path: Path) -> None:
    allowed = WRITERS.get(path.name, set())
    for node in ast.parse(path.read_text()).body:
        if getattr(node, "name", "") not in allowed:
            assert [call.lineno for call in _writes(node)] == [], "prints by itself: use say()"


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
def test_both_show_one_line_without_terminal_controls(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(f"@{text}londo")
    say(f"@{text}londo", error=True)
    Screen().show(f"@{text}londo")

    said, error = capsys.readouterr()
    one, other, rest = said.split("\n")
    assert one == other == error.removesuffix("\n")
    assert rest == ""
    assert one == f"@\\u{ord(text[0]):04x}{text[1:]}londo" or "\\udb40" in one
