"""The pinned conversations of a person."""

from messaging.model.pins import Pins

NONE = Pins("bayko")
TWO = NONE.pinned("a").pinned("b")


def test_the_conversation_pinned_last_comes_first() -> None:
    assert Pins("bayko", ("b", "a"), 2) == TWO
    assert TWO.pinned("a") == Pins("bayko", ("a", "b"), 3)
    assert TWO.unpinned("b") == Pins("bayko", ("a",), 3)


def test_what_changes_nothing_has_no_number() -> None:
    assert TWO.pinned("b") is TWO
    assert TWO.unpinned("c") is TWO


def test_pins_survive_their_item() -> None:
    assert Pins.from_item(TWO.item) == TWO
    without_number = {name: value for name, value in TWO.item.items() if name != "number"}
    assert Pins.from_item(without_number) == Pins("bayko", ("b", "a"), 0)
