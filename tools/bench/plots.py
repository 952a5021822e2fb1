"""The plots of docs/benchmarks.md, as SVG."""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

from tools.bench.cold import BOTO3_ONLY
from tools.bench.page import COLD_RATIO, Results
from tools.bench.samples import Samples

_OURS, _OTHERS, _GOAL = "#1f6f8b", "#b8b8b8", "#c0392b"
mpl.rcParams.update(
    {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9, "svg.hashsalt": "bench", "figure.dpi": 100}
)


def draw(results: Results, folder: Path) -> None:
    """Write warm.svg, cold.svg, burst.svg and growth.svg."""
    folder.mkdir(exist_ok=True)
    _warm(results)
    _save(folder / "warm.svg")
    _bars(results.cold, "ms, first invocation")
    goal = COLD_RATIO * results.cold[BOTO3_ONLY].median
    plt.axvline(goal, color=_GOAL, linestyle="--", linewidth=1)
    plt.title(f"Cold start (dashed: {COLD_RATIO:g} of {BOTO3_ONLY}; thin: quartiles)", loc="left", fontsize=9)
    _save(folder / "cold.svg")
    _bars(results.burst, "records a second")
    plt.xscale("log")
    plt.title("Stream handler, in batches of 100 (thin: quartiles)", loc="left", fontsize=9)
    _save(folder / "burst.svg")
    _growth(results)
    _save(folder / "growth.svg")


def _warm(results: Results) -> None:
    _, axes = plt.subplots(figsize=(7, 2.8))
    width = 0.38
    for shift, label, color, samples in (
        (-width / 2, "handler", _OURS, [one.handler for one in results.warm.values()]),
        (width / 2, "bare boto3 requests", _OTHERS, [one.bare for one in results.warm.values()]),
    ):
        axes.bar(
            [index + shift for index in range(len(samples))],
            [one.median for one in samples],
            width,
            yerr=_quartiles(samples),
            error_kw={"linewidth": 0.8},
            color=color,
            label=label,
        )
    axes.set_xticks(range(len(results.warm)), list(results.warm))
    axes.set_ylabel("ms")
    axes.legend(frameon=False)
    axes.set_title("Warm call, by the clock (thin: quartiles)", loc="left", fontsize=9)


def _bars(bars: dict[str, Samples], unit: str) -> None:
    _, axes = plt.subplots(figsize=(7, 0.6 + 0.28 * len(bars)))
    axes.barh(
        list(bars),
        [one.median for one in bars.values()],
        xerr=_quartiles(list(bars.values())),
        error_kw={"linewidth": 0.8},
        color=[_OTHERS if number == 0 else _OURS for number in range(len(bars))],
    )
    axes.invert_yaxis()
    axes.set_xlabel(unit)


def _growth(results: Results) -> None:
    _, (units, stored) = plt.subplots(1, 2, figsize=(7, 2.6))
    messages = [stage.messages for stage in results.stages]
    for label, values in (
        ("send, write", [stage.send.write for stage in results.stages]),
        ("newest 20, read", [stage.newest.read for stage in results.stages]),
        ("send, read", [stage.send.read for stage in results.stages]),
    ):
        units.plot(messages, values, marker="o", markersize=3, label=label)
    units.set_ylabel("capacity units")
    units.legend(frameon=False)
    stored.plot(messages, [stage.bytes_each for stage in results.stages], marker="o", markersize=3, color=_OURS)
    stored.set_ylabel("bytes a message")
    for axes in (units, stored):
        axes.set_xscale("log")
        axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
        axes.set_xlabel("messages in the conversation")


def _quartiles(samples: list[Samples]) -> list[list[float]]:
    """Distances below and above the median, for matplotlib's error bars."""
    return [
        [one.median - one.percentile(25) for one in samples],
        [one.percentile(75) - one.median for one in samples],
    ]


def _save(path: Path) -> None:
    plt.tight_layout()
    plt.savefig(path, metadata={"Date": None})
    plt.close()
