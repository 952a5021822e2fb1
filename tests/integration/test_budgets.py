"""The design's budgets: requests and capacity units of each operation, with short messages and a warm function.

docs/cost.md, docs/scale.md and the totals in README.md are up to date with them.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from messaging.model import keys
from messaging.model.change import REACTION, MessageChange
from messaging.model.conversation import Head
from messaging.model.membership import FOREVER, Membership
from messaging.model.message import Message, Quote
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from operators.cost import Consumed
from tests.support import dynamodb_local
from tests.support.budgets import BUDGETS, measure, size
from tools.cost import PAGES


@pytest.fixture(scope="module")
def measured(engine: str) -> dict[str, Consumed]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", next(dynamodb_local.access_keys))
        return measure(dynamodb_local.client(engine), engine)


def test_every_operation_is_within_its_budget(
    measured: dict[str, Consumed], record_property: Callable[[str, object], None]
) -> None:
    record_property("summary", _as_text(measured))
    for operation, budget in BUDGETS.items():
        assert all(is_ <= may for is_, may in zip(measured[operation], budget, strict=True)), operation


def test_make_cost_writes_the_pages(measured: dict[str, Consumed]) -> None:
    for path, page in PAGES.items():
        assert path.read_text() == page(measured), "run `make cost`"


def test_items_of_a_text_of_200_characters_are_at_most_a_kilobyte() -> None:
    """Otherwise a send costs more than 6 write units."""
    people = [
        Person(str(UUID(int=n)), "a" * 20, "A name of thirty characters ab", read_receipts=False, version=99)
        for n in (1, 2)
    ]
    group, at = keys.pair_uuid(*(one.user_uuid for one in people)), "2026-01-02T03:04:05.000006+00:00"
    quote = Quote(str(UUID(int=3)), at, 10**6)
    message = Message(group, str(UUID(int=4)), "x" * 200, people[0], at, 10**6, quote, at, "", 10**6, {}, "s" * 32)
    head = replace(Head.of_first(message, people[1]), wrote=frozenset(one.user_uuid for one in people), version=10**7)
    changed = replace(head, changed=MessageChange(10**6, REACTION, at, at))
    reactions = {one.user_uuid: ("👍🏽", "❤️", "🎉") for one in people}

    for item in (changed.item, replace(message, reactions=reactions).item, SentRecord.of(message).item):
        assert size(item) <= 1024


def test_a_head_with_usual_settings_of_both_is_at_most_a_kilobyte() -> None:
    people = [Person(str(UUID(int=n)), "a" * 20, "A name of thirty characters ab", version=99) for n in (1, 2)]
    group, at = keys.pair_uuid(*(one.user_uuid for one in people)), "2026-01-02T03:04:05.000006+00:00"
    message = Message(group, str(UUID(int=4)), "x" * 200, people[0], at, 10**6, salt="s" * 32)
    often = partial(Membership, muted_until=FOREVER, set_at=at[: keys.HOUR_LENGTH], settings=999, sent="29455384:60")
    settings = {
        people[0].user_uuid: often(archived=10**6),
        people[1].user_uuid: often(begins_after=10**5, marked_unread=True),
    }
    wrote = frozenset(settings)

    head = replace(Head.of_first(message, people[1]), wrote=wrote, version=10**7, memberships=settings)

    assert 900 < size(head.item) <= 1024


def _as_text(measured: dict[str, Consumed]) -> str:
    lines = [
        "Budgets: as measured, of what the design allows",
        f"{'operation':<40}{'requests':>14}{'read units':>14}{'write units':>14}",
    ]
    for operation, budget in BUDGETS.items():
        cells = (f"{is_:g} of {may:g}" for is_, may in zip(measured[operation], budget, strict=True))
        lines.append(f"{operation:<40}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)
