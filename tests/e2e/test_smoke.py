"""`make smoke` against the local system, so that it works on the day somebody has an account."""

from pathlib import Path

import pytest

from operators import erasure
from tests.e2e.conftest import System
from tools.smoke import Contract, Report


def test_the_contract_holds_on_the_local_system(system: System, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "_FUNCTION_TIMEOUT_SECONDS", 0)
    report = Report("Smoke test")

    Contract(system.environment, report, home).check()

    assert report.failed == 0, str(report)
    assert len(report.lines) == 11


def test_a_step_that_fails_is_reported_and_the_next_one_runs() -> None:
    report = Report("Smoke test")

    with report.step("first"):
        raise ValueError("a | b")
    with report.step("second"):
        pass

    assert report.failed == 1
    assert "1 steps passed, 1 failed" in str(report)
    assert "**failed**: ValueError: a ¦ b" in report.lines[0]
    assert report.lines[1].endswith("| ok |")
