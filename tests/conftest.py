"""Shared by all tests: the functions' environment, and free ports."""

import gc
import itertools
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.limits import VARIABLES

# The functions read these at import; no test may reach AWS.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "SERVICE_NAME": "tests",
    "METRICS_NAMESPACE": "CruddurMessages",
    "TABLE_NAME": "not-a-table",
    "MESSAGE_MAX_CHARS": "1024",
    "EDIT_WITHIN_HOURS": "none",
    "KEEP_VERSIONS": "0",
    "UNSEND_WITHIN_HOURS": "none",
    "USER_ID_CLAIM": "",
    "HANDLE_CLAIM": "preferred_username",
    "DISPLAY_NAME_CLAIM": "name",
    "PICTURE_CLAIM": "picture",
    "EMAIL_CLAIM": "email",
    **VARIABLES,
}

# The extent of property tests: quick in `make test`, long with --hypothesis-profile=soak.
settings.register_profile("quick", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("quick"), max_examples=600)
# For `make mutate`: the first failing example is enough, even if there is a shorter one.
settings.register_profile(
    "mutation", settings.get_profile("quick"), max_examples=20, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("quick")


# The modules of tests/integration that take more than a minute in `make test`. The last to begin would end alone.
_LONGEST = {
    "test_import_bootcamp",
    "test_make",
    "test_permissions",
    "test_profile",
    "test_table_scripts",
    "test_twins",
    "test_verify",
}


def examples(*, quick: int, soak: int | None = None, mutation: int | None = None) -> int:
    """Set the number of examples: `soak` in `make soak`, `mutation` or the profile's in `make mutate`, else `quick`."""
    numbers = {"soak": soak or quick, "mutation": mutation or settings().max_examples}
    return numbers.get(settings.get_current_profile_name(), quick)


@pytest.fixture(autouse=True, scope="session")
def _refuse_at_once() -> Iterator[None]:
    """Let refusals not wait, except in their own test. Deployed functions do wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("messaging.services.refusals.MIN_REFUSAL_SECONDS", 0.0)
        yield


def free_port() -> int:
    """Find a free port of 127.0.0.1 with a free next port, for the web client.

    It is below the range of outgoing connections, so that none of them takes it before the server does.
    """
    for port in random.SystemRandom().sample(range(20_000, 30_000, 2), 100):
        with socket.socket() as probe, socket.socket() as next_probe:
            if probe.connect_ex(("127.0.0.1", port)) and next_probe.connect_ex(("127.0.0.1", port + 1)):
                return port
    raise RuntimeError("no port is free")


def pytest_xdist_auto_num_workers() -> int:
    """Five workers more than cores: tests wait for other processes most of the time."""
    return (os.cpu_count() or 1) + 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Alternate end-to-end modules, which wait, with others, which compute, the longest first: workers share cores."""
    end_to_end: dict[Path, list[pytest.Item]] = {}
    others: dict[Path, list[pytest.Item]] = {}
    for item in items:
        kind = end_to_end if "e2e" in item.path.parts else others
        kind.setdefault(item.path, []).append(item)
    computing = sorted(others.values(), key=lambda module: module[0].path.stem not in _LONGEST)
    pairs = itertools.zip_longest(end_to_end.values(), computing)
    items[:] = [item for pair in pairs for module in pair for item in module or ()]


def pytest_collection_finish() -> None:
    """Leave all that is imported and collected out of garbage collections."""
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="fail if a test was skipped, as CI does")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if a test was skipped, with --strict-skips."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.config.getoption("--strict-skips") and reporter.getreports("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests recorded as their summary, from all workers, as a table."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in getattr(report, "user_properties", ()):
            if name == "summary":
                terminalreporter.write_line(f"\n{value}")
