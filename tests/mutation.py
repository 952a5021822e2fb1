"""Runs mutmut for `make mutate`, with what it takes to run these tests many times."""

import sys
from collections.abc import Iterable

from hypothesis import Phase, settings
from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner

# A mutant is killed by the first example that fails: which one is the shortest does not matter.
settings.register_profile("mutation", deadline=None, max_examples=20, phases=[Phase.explicit, Phase.generate])

_arguments = PytestRunner._pytest_args_regular_run


def _without_parameters(self: PytestRunner, tests: Iterable[str]) -> list[str]:
    """pytest does not find all parameters again when it is run twice in a process."""
    return _arguments(self, sorted({test.partition("[")[0] for test in tests}))


PytestRunner._pytest_args_regular_run = _without_parameters
sys.exit(cli())
