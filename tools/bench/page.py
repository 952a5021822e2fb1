"""The page docs/benchmarks.md: measurements and goals."""

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from operators.cost import Consumed
from tests.support.budgets import BUDGETS
from tools.bench.burst import HUNDRED, ONE, ONE_AT_A_TIME
from tools.bench.cold import BOTO3_ONLY, LAYER
from tools.bench.end_to_end import EndToEnd
from tools.bench.samples import Samples
from tools.bench.scale import Flat, Stage
from tools.bench.size import Sizes
from tools.bench.warm import Warm

WARM_RATIO, CPU_RATIO, COLD_RATIO, LAYER_BYTES, FLAT_RATIO, BURST_RATIO = 0.6, 0.35, 0.2, 2_000_000, 1.15, 79


@dataclass(frozen=True)
class Results:
    """All measurements."""

    warm: dict[str, Warm]
    budgets: dict[str, Consumed]
    cold: dict[str, Samples]
    sizes: Sizes
    burst: dict[str, Samples]
    end_to_end: EndToEnd
    stages: list[Stage]
    flat: list[Flat]

    @property
    def cold_ratio(self) -> float:
        """The slowest function's cold start, relative to boto3's client alone."""
        slowest = max(samples.median for name, samples in self.cold.items() if name != BOTO3_ONLY)
        return slowest / self.cold[BOTO3_ONLY].median

    @property
    def burst_ratio(self) -> float:
        return self.burst[ONE].median / self.burst[ONE_AT_A_TIME].median

    @property
    def growth(self) -> float:
        """The largest growth factor of a send, a page or the stored bytes, from the first stage to the last."""
        first, last = self.stages[0], self.stages[-1]
        return max(
            last.send.write / first.send.write,
            last.send.read / first.send.read,
            last.newest.read / first.newest.read,
            last.bytes_each / first.bytes_each,
        )

    @property
    def within_budgets(self) -> bool:
        return all(
            used <= allowed
            for name, consumed in self.budgets.items()
            for used, allowed in zip(consumed, BUDGETS[name], strict=True)
        )


def machine() -> str:
    """Describe the machine and its load."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[1]
    busy = " It did other work at the same time: the times are too long, and the ratios less certain."
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {cores} cores, {platform.system()}, "
        f"Python {platform.python_version()}, DynamoDB Local in memory. Load average over the last five minutes of the "
        f"run {load:.1f}.{busy if load > 1.5 * cores else ''}"
    )


def _processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(": ")[2] if names else platform.machine()


def page(results: Results, where: str) -> str:
    """The page."""
    return "\n".join(_page(results, where)) + "\n"


def _page(results: Results, where: str) -> Iterator[str]:
    warm, flat = results.warm.values(), results.flat
    slowest = max(one.ratio for one in warm)
    most_cpu = max(one.cpu_ratio for one in warm)
    layer = results.sizes.unzipped[LAYER]
    steepest = max(one.ratio for one in flat)
    same_units = all(one.consumed_on_few == one.consumed_on_many for one in flat)
    end_to_end = results.end_to_end
    yield "# Benchmarks"
    yield ""
    yield "`make bench` measures all of this and writes this page and its plots ([tools/bench](../tools/bench))."
    yield "Compared measurements ran alternately, in one run. Figures are medians, and ± is the interquartile"
    yield "range relative to the median, a measure of noise. Compare the ratios; the milliseconds are this machine's."
    yield ""
    yield where
    yield ""
    yield from _table(
        ("", "measured", "goal", ""),
        [
            (
                "warm function, against bare boto3, the slowest",
                f"{slowest:.2f} ×",
                f"≤ {WARM_RATIO} ×",
                _mark(slowest <= WARM_RATIO),
            ),
            (
                "its CPU, against bare boto3's, the most",
                f"{most_cpu:.2f} ×",
                f"≤ {CPU_RATIO} ×",
                _mark(most_cpu <= CPU_RATIO),
            ),
            (
                "cold start, against boto3's client alone, the slowest",
                f"{results.cold_ratio:.2f} ×",
                f"≤ {COLD_RATIO:.2f} ×",
                _mark(results.cold_ratio <= COLD_RATIO),
            ),
            ("the layer, unzipped", _kb(layer), f"≤ {_kb(LAYER_BYTES)}", _mark(layer <= LAYER_BYTES)),
            ("requests and units", "see below", "the design's budgets", _mark(results.within_budgets)),
            (
                f"A and B on much data, against little{'' if same_units else ', units differ'}",
                f"{steepest:.2f} ×",
                f"≤ {FLAT_RATIO} ×, same units",
                _mark(steepest <= FLAT_RATIO and same_units),
            ),
            (
                f"cost of a message, {results.stages[0].messages:,} to {results.stages[-1].messages:,} messages",
                f"{results.growth:.2f} ×",
                "constant",
                _mark(results.growth < 1.05),
            ),
            (
                "stream: a burst of one conversation, against one record at a time",
                f"{results.burst_ratio:.0f} ×",
                f"≥ {BURST_RATIO} ×",
                _mark(results.burst_ratio >= BURST_RATIO),
            ),
            (
                "a send until the other's inbox shows it, local system",
                _p50_p95(end_to_end.listed),
                "",
                "",
            ),
            ("a send until the other's socket delivers it, local system", _p50_p95(end_to_end.told), "", ""),
        ],
    )
    yield ""
    yield "## Warm functions"
    yield ""
    yield "Each handler with its event, compared with the same requests by a plain `boto3.client` on a second table"
    yield "with the same items. CPU is the time of the Python process, without DynamoDB Local."
    yield ""
    yield "![Warm functions](benchmarks/warm.svg)"
    yield ""
    yield from _table(
        ("", "handler", "bare requests", "ratio", "handler's CPU", "bare CPU", "ratio"),
        [
            (
                name,
                _ms(one.handler),
                _ms(one.bare),
                f"{one.ratio:.2f} ×",
                _ms(one.handler_cpu),
                _ms(one.bare_cpu),
                f"{one.cpu_ratio:.2f} ×",
            )
            for name, one in results.warm.items()
        ],
    )
    yield ""
    yield "## Cold starts"
    yield ""
    yield "The first invocation of a new process through the Runtime Interface Emulator that `sam` ships, with Lambda's"
    yield "own runtime client, on the output of `sam build`. Ours includes the answer to the sample event, with its"
    yield f"requests to DynamoDB Local. `{BOTO3_ONLY}` creates a client and answers; `sam build` packages it with boto3"
    yield "in its requirements.txt. No bytecode may be written meanwhile, as on Lambda's disk."
    yield ""
    yield "![Cold starts](benchmarks/cold.svg)"
    yield ""
    base = results.cold[BOTO3_ONLY]
    yield from _table(
        ("", "first invocation", "ratio"),
        [(name, _ms(one, 0), f"{one.median / base.median:.2f} ×") for name, one in results.cold.items()],
    )
    yield ""
    yield "## Size"
    yield ""
    sizes = results.sizes
    functions = [name for name in sizes.zipped if name != LAYER]
    yield from _table(
        ("", "zipped", "unzipped"),
        [
            (LAYER, _kb(sizes.zipped[LAYER]), _kb(sizes.unzipped[LAYER])),
            (
                f"each of {len(functions)} functions, at most",
                _kb(max(sizes.zipped[name] for name in functions)),
                _kb(max(sizes.unzipped[name] for name in functions)),
            ),
        ],
    )
    yield ""
    unused = f"{len(sizes.never_imported)} of the layer's {sizes.modules} modules"
    source = _kb(sum(sizes.never_imported.values()))
    yield f"Imported by no function for its sample event: {unused}, {source} of source."
    yield "The functions import nothing else but Python's standard library."
    yield ""
    yield "## Requests and units"
    yield ""
    yield from _table(
        ("", "requests", "read units", "write units"),
        [
            (name, *(f"{used:g} of {allowed:g}" for used, allowed in zip(consumed, BUDGETS[name], strict=True)))
            for name, consumed in results.budgets.items()
        ],
    )
    yield ""
    yield "Measured on DynamoDB Local, of the budgets in the design; write units are computed by AWS's documented"
    yield "rules. A push also makes a request to API Gateway per connection."
    yield ""
    yield "## The stream handler"
    yield ""
    yield "![The stream handler](benchmarks/burst.svg)"
    yield ""
    yield from _table(
        ("batches of 100", "records a second", "against one record at a time"),
        [
            (
                name,
                f"{one.median:,.0f} ± {one.spread:.0%}",
                f"{one.median / results.burst[ONE_AT_A_TIME].median:.1f} ×",
            )
            for name, one in results.burst.items()
        ],
    )
    yield ""
    yield f"{HUNDRED} take 400 writes in 16 requests, 25 statements each; DynamoDB Local runs them one by one."
    yield "Several records of one conversation take 4 requests in all, one record takes 2 ([inbox.md](inbox.md)). So"
    yield "the ratio falls when a single record becomes cheaper."
    yield ""
    yield "## End to end"
    yield ""
    yield "The local system (`make run`): HTTP, tokens, roles, stream, sockets, on the same two cores. The inbox is"
    yield "polled until it shows the message; the socket needs no request."
    yield ""
    yield from _table(
        ("", "p50", "p95"),
        [
            (label, f"{one.percentile(50):.0f} ms", f"{one.percentile(95):.0f} ms")
            for label, one in (
                ("the send is answered", end_to_end.answered),
                ("the other's inbox shows it", end_to_end.listed),
                ("the other's socket delivers it", end_to_end.told),
            )
        ],
    )
    yield ""
    yield "## Scale"
    yield ""
    yield from _table(
        ("", "on few", "on many", "ratio", "read units"),
        [
            (
                f"{name}: {one.few:,} and {one.many:,} {unit}",
                _ms(one.on_few),
                _ms(one.on_many),
                f"{one.ratio:.2f} ×",
                f"{one.consumed_on_few.read:g} and {one.consumed_on_many.read:g}",
            )
            for name, unit, one in zip("AB", ("messages", "conversations"), flat, strict=True)
        ],
    )
    yield ""
    yield "![Growth](benchmarks/growth.svg)"
    yield ""
    yield from _table(
        ("messages in the conversation", "send: write units", "send: read units", "newest 20: read units", "stored"),
        [
            (
                f"{stage.messages:,}",
                f"{stage.send.write:g}",
                f"{stage.send.read:g}",
                f"{stage.newest.read:g}",
                f"{stage.bytes_each:.0f} bytes a message",
            )
            for stage in results.stages
        ],
    )
    yield ""
    yield "Bytes are the table size that DynamoDB Local reports, with the sent records of the messages."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---', *['---:'] * (len(head) - 1)])}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _ms(samples: Samples, decimals: int = 2) -> str:
    return f"{samples.median:.{decimals}f} ms ± {samples.spread:.0%}"


def _p50_p95(samples: Samples) -> str:
    return f"p50 {samples.percentile(50):.0f} ms, p95 {samples.percentile(95):.0f} ms"


def _kb(size: int) -> str:
    return f"{size / 1000:,.0f} KB" if size >= 10_000 else f"{size / 1000:.1f} KB"


def _mark(reached: bool) -> str:
    return "reached" if reached else "**missed**"
