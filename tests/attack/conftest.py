"""The local system as `make run` starts it, for the scripts of an attacker."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local import web
from tests.e2e.conftest import PASSWORD, System, deployed


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of these, so that they share one system."""
    for item in items:
        if "tests/attack/" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("attack"))


@dataclass(frozen=True)
class Target:
    """A system, and its web client with the demo people's password in config.json."""

    system: System
    page: str

    @property
    def ministack(self) -> str:
        return str(self.system.place.endpoint)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with deployed(tmp_path_factory.mktemp("ministack")) as system, web.serving(system.place, PASSWORD) as address:
        yield Target(system, address)
