"""Until when a message may be changed, and what an edit makes of it."""

from datetime import datetime, timedelta

import pytest

from messaging.model.errors import Gone
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.services.changes import Window

AT = "2026-01-02T03:04:05.000006+00:00"
MESSAGE = Message("a", "b", "Hello", Person("0", "bayko", "Andrew Bayko"), AT, 1, salt="c")
SENT_AT = datetime.fromisoformat(AT)


@pytest.mark.parametrize("hours", [1, 24])
def test_a_window_ends_after_its_hours(hours: int) -> None:
    end = SENT_AT + timedelta(hours=hours)

    Window(hours).require(MESSAGE, end - timedelta(microseconds=1))
    with pytest.raises(Gone):
        Window(hours).require(MESSAGE, end)


def test_a_window_may_be_closed_or_without_end() -> None:
    Window(None).require(MESSAGE, SENT_AT + timedelta(days=10_000))
    with pytest.raises(Gone):
        Window(0).require(MESSAGE, SENT_AT)


def test_an_edit_changes_the_text_its_time_and_the_number_of_the_change() -> None:
    edited = MESSAGE.edited("Hello!", "later", 3)

    assert (edited.message, edited.edited_at, edited.change) == ("Hello!", "later", 3)
    assert edited.edited("Hello", "", 0) == MESSAGE
