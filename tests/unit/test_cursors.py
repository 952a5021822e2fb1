import base64
import string
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.cursors import NEWER, OLDER, BlocksCursor, InboxCursor, MessageCursor
from messaging.model.errors import Unreadable
from messaging.model.membership import ARCHIVE
from tests.support.strategies import inbox_sks, seqs, times, uuids

OWNER = "0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01"
TIME = "2026-01-02T03:04:05.000006+00:00"

# Cursors of one conversation and of one inbox.
message_cursors = st.builds(MessageCursor, st.just(OWNER), times, seqs)
inbox_cursors = st.builds(InboxCursor, st.just(OWNER), st.sampled_from([OLDER, NEWER]), inbox_sks)
both_kinds = pytest.mark.parametrize("parse", [MessageCursor.parse, InboxCursor.parse], ids=["message", "inbox"])
Parse = Callable[[str, str], MessageCursor | InboxCursor]


def _encoded(fields: str) -> str:
    return base64.urlsafe_b64encode(fields.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    return base64.urlsafe_b64decode(cursor + "==").decode()


def _parsed(parse: Parse, text: str) -> MessageCursor | InboxCursor | None:
    """Parse any text as a cursor; None if it is properly refused."""
    try:
        return parse(text, OWNER)
    except Unreadable:
        return None


def _is_usable(cursor: MessageCursor | InboxCursor) -> bool:
    """True for a harmless cursor: a place in the requested list, in the table's format."""
    match cursor:
        case MessageCursor(group, created_at, seq):
            return group == OWNER and keys.is_time(created_at) and seq > 0
        case InboxCursor(owner, direction, sk):
            return owner == OWNER and direction in (OLDER, NEWER) and keys.is_inbox_sk(sk)


@given(uuids, times, seqs)
def test_a_message_cursor_is_read_as_it_was_written(group: str, time: str, seq: int) -> None:
    cursor = MessageCursor(group, time, seq)

    assert MessageCursor.parse(str(cursor), group) == cursor


@given(uuids, st.sampled_from([OLDER, NEWER]), inbox_sks)
def test_an_inbox_cursor_is_read_as_it_was_written(owner: str, direction: str, sk: str) -> None:
    cursor = InboxCursor(owner, direction, sk)

    assert InboxCursor.parse(str(cursor), owner) == cursor


@given(message_cursors | inbox_cursors)
def test_a_cursor_needs_no_escaping_in_a_url(cursor: MessageCursor | InboxCursor) -> None:
    assert set(str(cursor)) <= {*string.ascii_letters, *string.digits, "-", "_"}


@given(uuids, times, seqs)
def test_a_cursor_of_another_conversation_is_refused(group: str, time: str, seq: int) -> None:
    with pytest.raises(Unreadable):
        MessageCursor.parse(str(MessageCursor(group, time, seq)), OWNER)


@given(uuids, st.sampled_from([OLDER, NEWER]), inbox_sks)
def test_a_cursor_of_another_inbox_is_refused(owner: str, direction: str, sk: str) -> None:
    with pytest.raises(Unreadable):
        InboxCursor.parse(str(InboxCursor(owner, direction, sk)), OWNER)


@given(message_cursors, inbox_cursors)
def test_a_cursor_of_the_other_kind_is_refused(message: MessageCursor, inbox: InboxCursor) -> None:
    assert _parsed(MessageCursor.parse, str(inbox)) is None
    assert _parsed(InboxCursor.parse, str(message)) is None


@both_kinds
@given(text=st.text() | st.text(alphabet=st.characters()) | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
@example(text="\ud800")
@example(text="=")
@example(text="A")
@example(text="====")
def test_only_invalid_cursors_are_refused(parse: Parse, text: str) -> None:
    assert _parsed(parse, text) is None


@given(message_cursors | inbox_cursors, st.data())
def test_a_damaged_cursor_is_refused_or_still_one_of_this_list(
    cursor: MessageCursor | InboxCursor, data: st.DataObject
) -> None:
    text = str(cursor)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 2, len(text))))
    instead = data.draw(st.text(max_size=2))

    parsed = _parsed(type(cursor).parse, text[:start] + instead + text[end:])

    assert parsed is None or _is_usable(parsed)


# Forged cursors: a part of a good one, and its replacement.
NOT_OWNERS = ["", OWNER.upper(), OWNER[:-1], f"{OWNER}|"]
NOT_TIMES = ["", "HEAD", "2026-01-02", TIME[:-1], f"{TIME}\n", f" {TIME}", f"{TIME}|"]


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        *((OWNER, text) for text in NOT_OWNERS),
        *((TIME, text) for text in [*NOT_TIMES, f"{TIME}#{OWNER}"]),
        *(("777", text) for text in ["", "0", "01", "-1", "+1", "1.0", "1_0", "٣", "777\n", "1|", str(10**18)]),
        ("|777", ""),
    ],
)
def test_a_message_cursor_made_by_hand_is_refused(part: str, instead: str) -> None:
    good = _decoded(str(MessageCursor(OWNER, TIME, 777)))

    assert _parsed(MessageCursor.parse, _encoded(good)) is not None
    assert part in good
    assert _parsed(MessageCursor.parse, _encoded(good.replace(part, instead))) is None


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        *((OWNER, text) for text in NOT_OWNERS),
        *((TIME, text) for text in [*NOT_TIMES, f"{TIME}#", f"{TIME}#x", f"{TIME}#{OWNER.upper()}"]),
        *(("older", text) for text in ["", "sideways", "OLDER", "older\n", "newer|"]),
        ("|older", ""),
    ],
)
def test_an_inbox_cursor_made_by_hand_is_refused(part: str, instead: str) -> None:
    good = _decoded(str(InboxCursor(OWNER, OLDER, TIME)))

    assert _parsed(InboxCursor.parse, _encoded(good)) is not None
    assert part in good
    assert _parsed(InboxCursor.parse, _encoded(good.replace(part, instead))) is None


@given(message_cursors | inbox_cursors)
def test_a_cursor_is_written_in_one_way_only(cursor: MessageCursor | InboxCursor) -> None:
    text = str(cursor)
    rewritten = [f"{text}{signs}" for signs in ("=", "==", "===", "====", "\n", "=A")]
    # The surplus bits of the last character.
    rewritten += [f"{text[:-1]}{last}" for last in string.ascii_letters if last != text[-1] and len(text) % 4]

    for other in rewritten:
        assert _parsed(type(cursor).parse, other) is None


def test_a_refusal_does_not_reveal_the_owner_of_a_cursor() -> None:
    with pytest.raises(Unreadable) as refused:
        InboxCursor.parse(str(InboxCursor("somebody", OLDER, TIME)), OWNER)

    assert "somebody" not in str(refused.value)


@given(times)
def test_changes_begin_at_a_time_or_at_a_cursor_of_the_same_folder(time: str) -> None:
    cursor = InboxCursor(OWNER, NEWER, time, folder=ARCHIVE)

    assert InboxCursor.since(time, OWNER, ARCHIVE) == cursor
    assert InboxCursor.since(str(cursor), OWNER, ARCHIVE) == cursor
    with pytest.raises(Unreadable):
        InboxCursor.since(str(cursor), OWNER)


@given(uuids, uuids)
def test_a_cursor_of_blocks_belongs_to_the_one_who_blocks(owner: str, after: str) -> None:
    cursor = BlocksCursor(owner, after)

    assert BlocksCursor.parse(str(cursor), owner) == cursor
    with pytest.raises(Unreadable):
        BlocksCursor.parse(str(cursor), owner[::-1])


@pytest.mark.parametrize("after", ["", "bayko", OWNER.upper()])
def test_a_cursor_of_blocks_has_a_uuid(after: str) -> None:
    with pytest.raises(Unreadable):
        BlocksCursor.parse(str(BlocksCursor(OWNER, after)), OWNER)
