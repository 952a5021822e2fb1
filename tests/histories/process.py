"""Simulated processes: modules imported afresh, on a machine with a test's time, randomness and network."""

import concurrent.futures
import dataclasses
import datetime
import importlib
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType
from typing import Any
from unittest.mock import patch

# Imported before a machine replaces any modules, since our modules import it.
import boto3  # noqa: F401

_OURS = ("functions", "messaging", "operators")
_OUR_PREFIXES = tuple(f"{name}." for name in _OURS)
_EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

_get_code = SourceFileLoader.get_code
_codes: dict[str, CodeType | None] = {}
_compile = cache(compile)


class Machine:
    """A machine of processes. `client` is their DynamoDB; its clock shows `microseconds` after the start of 2026."""

    def __init__(self, table_name: str) -> None:
        self.table_name = table_name
        self.client: Any = None
        self.chance = random.Random()  # noqa: S311
        self.microseconds = 0

    @property
    def now(self) -> datetime.datetime:
        return _EPOCH + datetime.timedelta(microseconds=self.microseconds)

    def sleep(self, seconds: float) -> None:
        self.microseconds += int(seconds * 1_000_000)

    @cached_property
    def modules(self) -> dict[str, ModuleType]:
        """Replacements of standard library modules, so that nothing depends on the outside world."""
        machine = self

        class Datetime(datetime.datetime):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> "Datetime":
                now = machine.now.astimezone(tz)
                return cls.combine(now.date(), now.timetz())

        def seconds() -> float:
            return self.now.timestamp()

        return {
            "datetime": _module(datetime, datetime=Datetime),
            "time": _module(time, time=seconds, monotonic=seconds, sleep=self.sleep),
            "uuid": _module(uuid, uuid4=lambda: uuid.UUID(int=self.chance.getrandbits(128), version=4)),
            "random": _module(random, SystemRandom=lambda: _Chance(self)),
            "concurrent.futures": _module(concurrent.futures, ThreadPoolExecutor=_OneThread),
        }


class _Chance:
    """Replaces a process's random generator by that of the current history."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def uniform(self, least: float, most: float) -> float:
        return self._machine.chance.uniform(least, most)


class Process:
    """Functions or scripts with globals of their own."""

    def __init__(self, machine: Machine, *names: str) -> None:
        with patch.dict(os.environ, TABLE_NAME=machine.table_name), _modules_of_its_own(machine):
            aws_client: Any = importlib.import_module("messaging.storage.aws_client")
            aws_client.DynamoDBClient = aws_client.ConnectionsClient = lambda _: _Client(machine)
            self._modules = {name: importlib.import_module(name) for name in names}

    def __getitem__(self, name: str) -> Any:
        """Return a module."""
        return self._modules[name]


class _Client:
    """Replaces the clients of AWS: uses the current network."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._machine.client, operation)


class _OneThread:
    """Replaces a thread pool: runs tasks one after the other, in a fixed order."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> "_OneThread":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return iter([function(item) for item in items])

    def submit(self, function: Callable[..., Any], *arguments: Any) -> concurrent.futures.Future[Any]:
        future = concurrent.futures.Future[Any]()
        future.set_result(function(*arguments))
        return future


def _module(original: ModuleType, **replaced: Any) -> ModuleType:
    module = ModuleType(original.__name__)
    module.__dict__.update({**vars(original), **replaced})
    return module


@contextmanager
def _modules_of_its_own(machine: Machine) -> Iterator[None]:
    """Within the block, import our modules afresh; afterwards restore the old ones."""
    replaced = machine.modules
    kept = _our_modules() | {name: sys.modules[name] for name in replaced}
    for name in kept:
        del sys.modules[name]
    sys.modules.update(replaced)
    try:
        # Without recompiling, an import takes a fifth of the time; objects made at import stay separate.
        with (
            patch.object(SourceFileLoader, "get_code", _cached_code),
            patch.object(dataclasses, "exec", _execute, create=True),
        ):
            yield
    finally:
        for name in _our_modules():
            del sys.modules[name]
        sys.modules.update(kept)


def _our_modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name in _OURS or name.startswith(_OUR_PREFIXES)}


def _cached_code(loader: SourceFileLoader, name: str) -> CodeType | None:
    path = loader.get_filename(name)
    if path not in _codes:
        _codes[path] = _get_code(loader, name)
    return _codes[path]


def _execute(source: str, *namespaces: dict[str, Any]) -> None:
    exec(_compile(source, "<string>", "exec"), *namespaces)  # noqa: S102
