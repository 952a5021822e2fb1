"""Characters that are invisible, or that change the display of others."""

import re
import unicodedata

# Controls and escapes, bidirectional and zero-width formats, halves of surrogate pairs, line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters, marks and symbols without a glyph: Unicode's Default_Ignorable_Code_Point other than Cf, the empty Braille
# pattern, the null notehead.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001d159\U000e0000-\U000e0fff]"
)
_JOINER = "\u200d"
_JOINERS = frozenset({"\u200c", _JOINER})
_EMOJI_SELECTORS = frozenset({"\ufe0e", "\ufe0f"})
_PICTURES = frozenset("‼⁉\u2139〰")  # shown as emoji with a selector, though not symbols
_KEYCAP = "\u20e3"
_MONGOLIAN_SELECTORS = frozenset(map(chr, range(0x180B, 0x1810)))
_IDEOGRAPH_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE03), *range(0xE0100, 0xE01F0))))
_VIRAMA = 9  # combining class
# Scripts with joining letters, which a non-joiner can keep apart. Scripts with a virama join by that.
_JOINING_SCRIPTS = frozenset({"ARABIC", "SYRIAC", "NKO", "MANDAIC", "MONGOLIAN", "PHAGS-PA"})


def shows(text: str) -> bool:
    """True if a text has a visible character."""
    return any(not character.isspace() and not _is_hidden(character) for character in text)


def hidden(text: str) -> list[int]:
    """The positions of characters that are invisible or change the display of others; see docs/decisions.md.

    A joiner or variation selector that a script or an emoji needs is not among them.
    """
    return [at for at, character in enumerate(text) if _is_hidden(character) and not _is_needed(text, at)]


def printable(text: str) -> str:
    """One line for a terminal: hidden characters become JSON escapes, so that a line of JSON stays the same JSON."""
    at = frozenset(hidden(text))
    return "".join(_escaped(character) if place in at else character for place, character in enumerate(text))


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or _BLANK.match(character) is not None


def _is_needed(text: str, at: int) -> bool:
    character, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if character in _JOINERS:
        return _joins(character, before, after)
    if character in _EMOJI_SELECTORS:
        return _category(before).startswith("S") or before in _PICTURES or (after == _KEYCAP and before.isdecimal())
    if character in _MONGOLIAN_SELECTORS:
        return _script(before) == "MONGOLIAN"
    return character in _IDEOGRAPH_SELECTORS and _script(before) == "CJK"


def _joins(character: str, before: str, after: str) -> bool:
    """True if a joiner or non-joiner between two characters changes their form."""
    if _VIRAMA in (_combining(before), _combining(after)):
        return True
    if _script(before) == _script(after) and _script(before) in _JOINING_SCRIPTS:
        return True
    is_emoji = _category(before) in ("So", "Sk") or before in _EMOJI_SELECTORS
    return character == _JOINER and is_emoji and _category(after).startswith("S")


def _category(character: str) -> str:
    return unicodedata.category(character) if character else ""


def _combining(character: str) -> int:
    return unicodedata.combining(character) if character else 0


def _script(character: str) -> str:
    """The first word of a visible character's name, which is its script; "" for none."""
    return "" if not character or _is_hidden(character) else unicodedata.name(character, "").partition(" ")[0]


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
