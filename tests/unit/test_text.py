import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.model.text import hidden, printable, shows

# Characters that terminals, browsers and people misread.
HARMFUL = {
    "an escape sequence": "\x1b[2K",
    "an escape sequence of one character": "\x9b2K",
    "a carriage return": "\r",
    "a line feed": "\n",
    "a tab": "\t",
    "a backspace": "\b",
    "a right-to-left override": "\u202e",
    "a right-to-left isolate": "\u2067",
    "a right-to-left mark": "\u200f",
    "a line separator": "\u2028",
    "a paragraph separator": "\u2029",
    "a zero-width space": "\u200b",
    "a joiner between Latin letters": "\u200d",
    "a byte order mark": "\ufeff",
    "a soft hyphen": "\u00ad",
    "a Hangul filler": "\u3164",
    "an empty Braille pattern": "\u2800",
    "a grapheme joiner": "\u034f",
    "a variation selector": "\ufe0f",
    "a supplementary variation selector": "\U000e0100",
    "a tag": "\U000e0041",
}
# Correct spellings in their own script, and emoji.
NEEDED = {
    "Persian": "می‌خواهم",
    "Malayalam, at its end": "അവന്‍",
    "Bengali, before the virama": "র‍্যাব",
    "Sinhala": "ශ්‍රී",
    "Mongolian": "ᠠ᠋",
    "a family": "👨‍👩‍👧",
    "a skin tone and a profession": "👩🏽‍🚀",
    "a heart on fire": "❤️‍🔥",
    "a keycap": "1️⃣",
    "Japanese, of a certain shape": "葛󠄀城",
}

harmful = pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
needed = pytest.mark.parametrize("text", NEEDED.values(), ids=NEEDED)


@harmful
def test_invisible_and_reordering_characters_are_hidden(text: str) -> None:
    assert hidden(f"ab{text}cd")[0] == 2
    assert hidden(text)[0] == 0


@needed
def test_characters_that_a_script_or_an_emoji_needs_are_not_hidden(text: str) -> None:
    assert hidden(text) == []
    assert printable(text) == text
    assert shows(text)


@needed
def test_a_needed_character_is_hidden_when_it_is_repeated(text: str) -> None:
    joiners = [at for at, character in enumerate(text) if hidden(character)]

    for at in joiners:
        assert hidden(text[: at + 1] + text[at] + text[at + 1 :])


@harmful
def test_hidden_characters_alone_show_nothing(text: str) -> None:
    assert shows(text) == (len(text) > 1)  # the rest of an escape sequence shows
    assert not shows(f" {text[0]}\u3000{text[0]}")


@pytest.mark.parametrize("text", ["a", "é", "\u0301", "👋", "日", "-", "\ue000", "\U0001faea"])
def test_everything_else_shows(text: str) -> None:
    assert shows(text)
    assert hidden(text) == []


@given(st.text())
def test_a_printable_text_has_one_line_nothing_hidden_and_the_same_content(text: str) -> None:
    shown = printable(text)

    assert hidden(shown) == []
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in shown)
    assert printable(shown) == shown


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=3))
def test_a_printable_line_of_json_is_the_same_json(value: object) -> None:
    assert json.loads(printable(json.dumps(value, ensure_ascii=False))) == value


def test_an_escape_is_written_as_in_json() -> None:
    assert printable("@spammer\r\x1b[K\x9bA\u202eoh\U000e0041") == (
        "@spammer\\u000d\\u001b[K\\u009bA\\u202eoh\\udb40\\udc41"
    )
