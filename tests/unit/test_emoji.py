"""One emoji, in one form, whatever a keyboard sends."""

import pytest
import regex  # type: ignore[import-untyped]

from messaging.model.emoji import PICTOGRAPHS, SHOWN_AS_TEXT, one_emoji


def test_the_sets_are_unicodes() -> None:
    pictographs, text = regex.compile(f"[{PICTOGRAPHS}]"), regex.compile(f"[{SHOWN_AS_TEXT}]")
    is_pictograph = regex.compile(r"\p{Extended_Pictographic}")
    is_text = regex.compile(r"[\p{Extended_Pictographic}&&\p{Emoji}--\p{Emoji_Presentation}]", regex.V1)
    for code in range(0x110000):
        character = chr(code)
        assert bool(pictographs.match(character)) == bool(is_pictograph.match(character)), hex(code)
        assert bool(text.match(character)) == bool(is_text.match(character)), hex(code)


@pytest.mark.parametrize(
    "emoji",
    ["👍", "👍🏽", "❤️", "☝🏽", "🇺🇦", "1️⃣", "#️⃣", "👨‍👩‍👧‍👦", "🤷🏽‍♂️", "👁️‍🗨️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", "🏳️‍⚧️", "❤️‍🔥", "©️", "🧑🏻‍❤️‍💋‍🧑🏿"],
)
def test_an_emoji_is_one_in_any_of_its_forms(emoji: str) -> None:
    assert one_emoji(emoji) == emoji
    assert regex.fullmatch(r"\X", emoji)
    for form in (emoji.replace("\ufe0f", ""), emoji.replace("\ufe0f", "\ufe0e"), f"{emoji}\ufe0f"):
        assert one_emoji(form) == emoji


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "1",
        "#",
        " 👍",
        "👍 ",
        "👍👍",
        "👍a",
        "🇺",
        "🇺🇦🇺🇦",
        "🏽",
        "\u200d",
        "👍\u200d",
        "\u200d👍",
        "👍🏽🏽",
        "\ufe0f",
        "\ufe0f\u20e3",
        "👍\u202e",
        "👍\n",
        "\ud83d",
        "<script>",
        "👍" + "\ufe0f" * 100,
        "👍" + "\u200d👍" * 10,
        "👍\U000e0067",
        "Z̸̧̢",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert one_emoji(text) is None
