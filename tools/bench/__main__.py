"""`make bench`, or `python -m tools.bench --quick` for a trial of a minute or two that writes below .cache."""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local import stack
from tests.support import budgets, dynamodb_local
from tools.bench import burst, cold, end_to_end, plots, scale, size, warm
from tools.bench.page import Results, machine, page

DOCS = stack.ROOT / "docs"
_BEGIN = time.monotonic()


@dataclass(frozen=True)
class Extent:
    """Numbers of rounds, and sizes."""

    warm: int = 400
    cold: int = 10
    burst: int = 40
    end_to_end: int = 60
    flat: int = 400
    messages: int = 1_000_000
    conversations: int = 10_000


QUICK = Extent(warm=20, cold=2, burst=3, end_to_end=5, flat=20, messages=10_000, conversations=2_000)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, small sizes, for a try")
    quick = parser.parse_args().quick
    if not dynamodb_local.is_here():
        return 1  # tests/support/prepare.py has printed the reason
    results = _measure(QUICK if quick else Extent())
    folder = stack.ROOT / ".cache" / "bench" / "page" if quick else DOCS
    folder.mkdir(parents=True, exist_ok=True)
    plots.draw(results, folder / "benchmarks")
    (folder / "benchmarks.md").write_text(page(results, machine()))
    _say(f"wrote {folder / 'benchmarks.md'}")
    return 0


def _measure(extent: Extent) -> Results:
    with tempfile.TemporaryDirectory() as folder, dynamodb_local.running(Path(folder)) as endpoint:
        client = dynamodb_local.client(endpoint)
        _say("sam build …")
        boto3_only, *functions = cold.build()
        with _without_metrics():
            _say("warm functions …")
            measured_warm = warm.measure(endpoint, extent.warm)
            _say("requests and units …")
            measured_budgets = budgets.measure(client, endpoint)
            _say("the stream handler …")
            measured_burst = burst.measure(client, endpoint, extent.burst)
        _say("cold starts …")
        measured_cold = cold.measure([boto3_only, *functions], endpoint, extent.cold)
        sizes = size.measure(functions, endpoint)
        _say("end to end …")
        measured_end_to_end = end_to_end.measure(extent.end_to_end)
        _say(f"scale: filling a conversation with {extent.messages:,} messages …")
        with _without_metrics():
            stages, flat = scale.measure(client, extent.messages, extent.conversations, extent.flat, _say)
    return Results(
        measured_warm, measured_budgets, measured_cold, sizes, measured_burst, measured_end_to_end, stages, flat
    )


@contextlib.contextmanager
def _without_metrics() -> Iterator[None]:
    """Discard the functions' output, which Lambda would collect."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _say(what: str) -> None:
    print(f"{time.monotonic() - _BEGIN:5.0f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
