"""The state of ministack on disk, in one SQLite file: a save is complete, or the one before it stays."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudformation, dynamodb, lambda_svc

from messaging.model import keys

_PAUSE_SECONDS = 2.0  # between two saves
_PAUSES_PER_SAVE = 20  # at least: saving takes at most a twentieth of the time
_ATTEMPTS = 3

_logger = logging.getLogger(__name__)


class State:
    """Saves and loads the memory of ministack, in place of the files that ministack writes when it is stopped.

    It also saves unread records of streams, which ministack loses.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.failure = ""
        """Why the last save failed, if it did."""
        self._tell = tell
        self._folder = folder
        self._database = sqlite3.connect(folder / "state.db")
        self._database.execute("CREATE TABLE IF NOT EXISTS state (service TEXT PRIMARY KEY, content TEXT NOT NULL)")
        self._saved: dict[str, str] = dict(self._database.execute("SELECT service, content FROM state"))
        self._is_changed = False
        self._code: set[str] = set()

    def install(self) -> None:
        """Make ministack load and save through this object."""
        app.load_state = self.load
        app.save_all = self.save
        # ministack would delete code while the saved state still refers to it.
        self._delete_other_code = lambda_svc._prune_orphan_code_blobs
        lambda_svc._prune_orphan_code_blobs = self._keep_code

    def load(self, service: str) -> Any:
        """The saved state of a service, or None."""
        if self._saved:
            state = json.loads(self._saved.get(service, "null"), object_hook=persistence._json_object_hook)
        else:
            state = _load_file(service)
        if state and service == "dynamodb":
            dynamodb._stream_records.update(state.pop("stream_records", {}))
            dynamodb._stream_trimmed.update(state.pop("stream_trimmed", {}))
            _drop_connections(state["tables"])
        return state

    def note_change(self) -> None:
        """Let `save_regularly` save."""
        self._is_changed = True

    async def save_regularly(self) -> None:
        """Save for ever, every few seconds if anything has changed."""
        pause = _PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self._is_changed:
                start = time.monotonic()
                self.save(app._build_persistence_save_dict())
                pause = max(_PAUSE_SECONDS, _PAUSES_PER_SAVE * (time.monotonic() - start))

    def save(self, services: dict[str, Callable[[], Any]]) -> None:
        """Save the states of these services; tell when that begins to fail and when it works again.

        Not while a stack is being deployed: nothing could continue a deployment that a crash has ended.
        """
        if any(_is_being_deployed(stack) for _, stack in cloudformation._stacks.all_items()):
            return
        self._is_changed = False
        try:
            self._write(_contents(services))
            if self.failure:
                self._tell("The last changes are saved again.")
            self.failure = ""
        except (OSError, RuntimeError, sqlite3.Error) as error:
            self._is_changed = True
            if not self.failure:
                self._tell(f"The last changes are NOT saved, and a crash would lose them: {error}")
            self.failure = str(error)
            _logger.error("The state was not saved: %s", error)

    def _write(self, contents: dict[str, str]) -> None:
        changed = {service: content for service, content in contents.items() if content != self._saved.get(service)}
        if not changed:
            return
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", changed.items())
        self._saved |= changed
        self._delete_other_code(self._code)
        for file in self._folder.glob("*.json"):  # _load_file's
            file.unlink()

    def _keep_code(self, referenced: set[str]) -> None:
        self._code = referenced


def _contents(services: dict[str, Callable[[], Any]]) -> dict[str, str]:
    """The states as JSON. Raises RuntimeError if other threads change them all the time."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            states = {service: get_state() for service, get_state in services.items()}
            if "dynamodb" in states:
                states["dynamodb"] |= _unread_records()
            return {
                service: json.dumps(state, default=persistence._json_default)
                for service, state in states.items()
                if state is not None
            }
        except RuntimeError:  # a dictionary changed during iteration
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError


def _unread_records() -> dict[str, AccountRegionScopedDict]:
    """The records of each stream that some function has not read, and how many there were before them."""
    records, trimmed = AccountRegionScopedDict(), AccountRegionScopedDict()
    for (account, region, table), stream in dynamodb._stream_records.all_items():
        start = dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
        positions = [
            position
            for (*_, mapping), position in lambda_svc._dynamodb_stream_positions.all_items()
            if f":table/{table}/" in lambda_svc._esms.get_scoped(account, region, mapping, {}).get("EventSourceArn", "")
        ]
        first = max(start, min(positions, default=start))
        records.set_scoped(account, region, table, stream[first - start :])
        trimmed.set_scoped(account, region, table, first)
    return {"stream_records": records, "stream_trimmed": trimmed}


def _drop_connections(tables: AccountRegionScopedDict) -> None:
    """Remove connections and subscriptions from the tables: their sockets ended with the ministack that held them."""
    ended = (keys.connections_pk(""), keys.subscriptions_pk(""))
    for _, table in tables.all_items():
        table["items"] = {pk: items for pk, items in table["items"].items() if not pk.startswith(ended)}


def _is_being_deployed(stack: dict[str, Any]) -> bool:
    status = stack["StackStatus"]
    return bool(status.endswith("_IN_PROGRESS")) and status != "REVIEW_IN_PROGRESS"


def _load_file(service: str) -> Any:
    """The state of a service from version 1 of this system: in ministack's own files, without streams."""
    state = persistence.load_state(service)
    if state and service == "lambda":
        state.pop("dynamodb_stream_positions", None)  # the next records would count as read
    return state
