"""The long tests. If all pass, `make soak` writes their extent and results into docs/reliability.md."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.conftest import System, deployed
from tests.support import limits

_PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- make soak writes from here -->", "<!-- to here -->"


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system with limits: the template's, but fewer messages a minute, so that one flood is soon too fast."""
    fewer = {**limits.DEFAULTS, "MessagesPerMinute": "30"}
    with deployed(tmp_path_factory.mktemp("ministack"), **fewer) as system:
        yield system


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Write the rows that tests recorded as "reliability": test, extent, result."""
    if config.getoption("--hypothesis-profile") != "soak":  # a partial run has only some of the rows
        return
    rows = [
        row
        for report in terminalreporter.getreports("passed")
        for name, row in report.user_properties
        if name == "reliability"
    ]
    if rows and exitstatus == pytest.ExitCode.OK:
        _PAGE.write_text(_with_table(_PAGE.read_text(), rows))
        terminalreporter.write_line(f"\n{_PAGE.name} has the figures of this run.")


def _with_table(page: str, rows: Sequence[Sequence[str]]) -> str:
    """Replace the rows between the page's two markers."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {sys.version_info.major}.{sys.version_info.minor}:",
        "",
        "| test | extent | result |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join([before + _BEGIN, "", *lines, "", _END + after])
