import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import retry
from messaging.retry import attempts


@dataclass
class World:
    """A clock that advances only by work and pauses, and a fixed random number."""

    fraction: float
    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)
    asked: list[tuple[float, float]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def uniform(self, low: float, high: float) -> float:
        self.asked.append((low, high))
        return low + self.fraction * (high - low)

    def attempts(self) -> Iterator[int]:
        """`attempts` in this world."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(retry, "clock", self.clock)
            patch.setattr(retry, "sleep", self.sleep)
            yield from attempts(uniform=self.uniform)

    def run(self, requests: Sequence[float]) -> tuple[list[int], list[float]]:
        """Run attempts with requests that take these times, cyclically; return when each began."""
        numbers, began = [], []
        durations = itertools.cycle(requests)
        for number in self.attempts():
            numbers.append(number)
            began.append(self.now - 1000)
            self.now += next(durations)
        return numbers, began


fractions = st.floats(0, 1)
durations = st.lists(st.floats(0.01, 12), min_size=1, max_size=20)


@given(fractions, durations)
def test_no_attempt_begins_when_the_time_is_used_up(fraction: float, requests: list[float]) -> None:
    numbers, began = World(fraction).run(requests)

    assert numbers == list(range(len(numbers)))
    assert began[0] == 0
    assert all(begin < retry.RETRY_BUDGET_SECONDS for begin in began)


@given(fractions, durations)
def test_pauses_are_drawn_from_nothing_to_a_bound_that_doubles(fraction: float, requests: list[float]) -> None:
    world = World(fraction)

    world.run(requests)

    bounds = [min(retry._MAX_PAUSE_SECONDS, 0.005 * 2 ** min(number, 10)) for number in range(len(world.asked))]
    assert world.asked == [(0, bound) for bound in bounds]
    assert all(0 <= pause <= bound for pause, bound in zip(world.pauses, bounds, strict=False))


@given(fractions, durations)
def test_there_is_a_pause_between_attempts_and_none_at_the_end(fraction: float, requests: list[float]) -> None:
    world = World(fraction)

    numbers, _ = world.run(requests)

    assert len(world.pauses) == len(numbers) - 1


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_there_is_one_attempt_even_if_it_takes_all_the_time(fraction: float) -> None:
    world = World(fraction)

    numbers, _ = world.run([retry.RETRY_BUDGET_SECONDS])

    assert numbers == [0]
    assert world.pauses == []


def test_an_immediate_success_does_not_wait() -> None:
    world = World(fraction=1)

    for _ in world.attempts():
        break

    assert world.pauses == []


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_throttling_that_ends_after_a_second_is_outlasted(fraction: float) -> None:
    _, began = World(fraction).run([0.02])

    assert any(begin > 1 for begin in began)


def test_copies_of_one_snapshot_do_not_wait_in_step() -> None:
    # SnapStart restores the state of an ordinary generator; the system's generator has none.
    assert isinstance(getattr(retry._uniform, "__self__", None), random.SystemRandom)
