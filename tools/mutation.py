"""Run mutmut for `make mutate`, naming tests to pytest without their parameters, and timing mutants by their CPU.

pytest does not find all parameters again when it runs a second time in one process, as mutmut makes it do. On a busy
machine wall time would take mutants for endless loops.
"""

import sys
from collections.abc import Iterable

from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner
from mutmut.workers import isolation

# The limit of CPU seconds is twice `timeout_s`, in mutmut. This one is for mutants that wait for ever.
_WALL_TIMES = 20

_arguments = PytestRunner._pytest_args_regular_run


def _without_parameters(self: PytestRunner, tests: Iterable[str]) -> list[str]:
    arguments: list[str] = _arguments(self, sorted({test.partition("[")[0] for test in tests}))
    return arguments


_register_timeout = isolation.register_timeout


def _register_later(pid: int, timeout_s: float) -> None:
    _register_timeout(pid, _WALL_TIMES * timeout_s)


isolation.register_timeout = _register_later
PytestRunner._pytest_args_regular_run = _without_parameters
sys.exit(cli())
