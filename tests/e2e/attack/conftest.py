"""The local system as `make run` starts it, for an attacker's scripts."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local import web
from tests.e2e.conftest import PASSWORD, System


@dataclass(frozen=True)
class Target:
    """A system, and its web client with the demo people's password in config.json."""

    system: System
    page: str

    @property
    def ministack(self) -> str:
        return str(self.system.environment.endpoint)


@pytest.fixture(scope="package")
def target(system: System) -> Iterator[Target]:
    """The target, only while these tests run: other tests serve the web client without a password at the same port."""
    with web.serving(system.environment, PASSWORD) as address:
        yield Target(system, address)
