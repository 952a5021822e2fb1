"""Run mutmut for `make mutate`, naming tests to pytest without their parameters.

pytest does not find all parameters again when it runs a second time in one process, as mutmut makes it do.
"""

import sys
from collections.abc import Iterable

from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner

_arguments = PytestRunner._pytest_args_regular_run


def _without_parameters(self: PytestRunner, tests: Iterable[str]) -> list[str]:
    arguments: list[str] = _arguments(self, sorted({test.partition("[")[0] for test in tests}))
    return arguments


PytestRunner._pytest_args_regular_run = _without_parameters
sys.exit(cli())
