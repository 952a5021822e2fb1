"""The page and the statistics of `make bench`."""

from pathlib import Path

from operators.cost import Consumed
from tests.support.budgets import BUDGETS
from tools.bench.end_to_end import EndToEnd
from tools.bench.page import Results, page
from tools.bench.samples import Samples, side_by_side
from tools.bench.scale import Flat, Stage
from tools.bench.size import Sizes
from tools.bench.warm import Warm

ROOT = Path(__file__).parents[2]


def some(value: float) -> Samples:
    return Samples([value * 0.9, value, value * 1.1])


def results(*, handler: float = 0.5, cpu: float = 0.3) -> Results:
    page_of_20, send = Consumed(1, 1, 0), Consumed(2, 0.5, 6)
    return Results(
        warm={"D send": Warm(some(handler), some(1.0), some(cpu), some(1.0))},
        budgets=BUDGETS,
        cold={"boto3 client only": some(500), "ListMessages": some(80), "CreateMessage": some(90)},
        sizes=Sizes(
            {"SharedLayer": 1, "A": 1},
            {"SharedLayer": 2, "A": 2},
            9,
            {"messaging.model.text": 5},
        ),
        burst={"one record at a time": some(50), "one conversation": some(4000)},
        end_to_end=EndToEnd(some(20), some(90), some(80)),
        stages=[Stage(1_000, send, page_of_20, 250), Stage(1_000_000, send, page_of_20, 251)],
        flat=[Flat(1_000, 1_000_000, some(5), some(5.1), page_of_20, page_of_20)] * 2,
    )


def test_the_spread_is_the_interquartile_range_as_a_share_of_the_median() -> None:
    samples = Samples([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])

    assert samples.median == 4
    assert samples.spread == (6 - 2) / 4
    assert samples.percentile(50) == 4


def test_contestants_alternate_in_going_first() -> None:
    order: list[str] = []

    side_by_side(2, {name: lambda name=name: order.append(name) for name in "ab"})  # type: ignore[misc]

    assert order == ["b", "a", "a", "b"]


def test_the_page_marks_reached_goals() -> None:
    text = page(results(), "Here.")

    assert "| warm function, against bare boto3, the slowest | 0.50 × | ≤ 0.6 × | reached |" in text
    assert "| cold start, against boto3's client alone, the slowest | 0.18 × | ≤ 0.20 × | reached |" in text
    assert "missed" not in text


def test_the_page_marks_missed_goals() -> None:
    text = page(results(handler=0.7, cpu=0.4), "Here.")

    assert "| warm function, against bare boto3, the slowest | 0.70 × | ≤ 0.6 × | **missed** |" in text
    assert "| its CPU, against bare boto3's, the most | 0.40 × | ≤ 0.35 × | **missed** |" in text


def test_the_function_to_compare_with_has_the_boto3_of_this_project() -> None:
    wanted = (ROOT / "tools/bench/boto3_only/function/requirements.txt").read_text().strip()

    assert f'"{wanted}"' in (ROOT / "pyproject.toml").read_text()
