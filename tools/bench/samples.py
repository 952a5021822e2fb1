"""Alternating measurements and their statistics."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_Measured = TypeVar("_Measured")


@dataclass(frozen=True)
class Samples:
    """Measured values of one thing, in any unit."""

    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """The interquartile range, as a share of the median: how noisy the machine was."""
        low, _, high = statistics.quantiles(self.values, n=4)
        return (high - low) / self.median

    def percentile(self, percent: int) -> float:
        """The value that `percent` of the values do not exceed."""
        return statistics.quantiles(self.values, n=100, method="inclusive")[percent - 1]


def side_by_side(rounds: int, contestants: Mapping[str, Callable[[], _Measured]]) -> dict[str, list[_Measured]]:
    """Measure each contestant once per round; the order alternates from round to round."""
    measured: dict[str, list[_Measured]] = {name: [] for name in contestants}
    for number in range(rounds):
        names = list(contestants)
        for name in names if number % 2 else reversed(names):
            measured[name].append(contestants[name]())
    return measured
