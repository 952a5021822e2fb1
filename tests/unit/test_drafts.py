from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.api.bodies import SendRequest, read_send_request
from messaging.model import keys
from messaging.model.errors import Invalid, MessagingError, NotFound, TooLarge, UnknownFields, Unreadable
from messaging.model.text import shows
from tests.support.api import MESSAGE_GROUP, request
from tests.support.strategies import handles, uuids

MAX = 1024
MESSAGE_UUID = "5a1e7f0c-33c5-4d19-a8b6-b0b8fd5f7005"
NO_GROUP, NO_HANDLE = "message_group_uuid_blank", "user_reciever_handle_blank"
BLANK, TOO_LONG = "message_blank", "message_exceed_max_chars"

# A part of a body, and the codes it must cause.
Part = tuple[dict[str, Any], set[str]]

MESSAGES: list[Part] = [
    ({"message": "Hello"}, set()),
    ({"message": "a" * MAX}, set()),
    ({"message": "👋" * MAX}, set()),
    ({}, {BLANK}),
    ({"message": None}, {BLANK}),
    ({"message": ""}, {BLANK}),
    ({"message": " \t\r\n\u2003"}, {BLANK}),
    ({"message": " " * (MAX + 1)}, {BLANK}),
    ({"message": "\u200b\ufeff\u2060"}, {BLANK}),
    ({"message": "\u202e \u202c"}, {BLANK}),
    ({"message": "\x00\x1b\x9b"}, {BLANK}),
    ({"message": "\u3164\u2800\ufe0f"}, {BLANK}),
    ({"message": "\u202eolleH\x00"}, set()),
    ({"message": "a" * (MAX + 1)}, {TOO_LONG}),
    ({"message": "👋" * (MAX + 1)}, {TOO_LONG}),
]
INTO_CONVERSATION: list[Part] = [
    ({"message_group_uuid": MESSAGE_GROUP}, set()),
    ({"message_group_uuid": MESSAGE_GROUP, "handle": ""}, set()),
    ({"handle": "londo"}, set()),
    ({"message_group_uuid": "", "handle": "londo"}, set()),
    ({"message_group_uuid": None, "handle": "@londo"}, set()),
    ({}, {NO_GROUP, NO_HANDLE}),
    ({"message_group_uuid": ""}, {NO_GROUP}),
    ({"message_group_uuid": " "}, {NO_GROUP}),
    ({"message_group_uuid": None}, {NO_GROUP}),
    ({"handle": ""}, {NO_HANDLE}),
    ({"handle": " @ "}, {NO_HANDLE}),
    ({"handle": None}, {NO_HANDLE}),
    ({"message_group_uuid": "", "handle": "@"}, {NO_GROUP, NO_HANDLE}),
]
TO_A_PERSON: list[Part] = [
    ({"handle": "londo"}, set()),
    ({"handle": "@londo"}, set()),
    ({}, {NO_HANDLE}),
    ({"handle": ""}, {NO_HANDLE}),
    ({"handle": "@"}, {NO_HANDLE}),
    ({"handle": None}, {NO_HANDLE}),
]


def _read(body: object, *, into_conversation: bool = True, max_chars: int = MAX) -> SendRequest:
    return read_send_request(request(body), max_chars, into_conversation=into_conversation)


def _codes(body: object, *, into_conversation: bool) -> list[str]:
    try:
        _read(body, into_conversation=into_conversation)
    except Invalid as invalid:
        return list(invalid.codes)
    return []


def _name(part: Part) -> str:
    return repr(part[0])[:40]


@pytest.mark.parametrize("message", MESSAGES, ids=_name)
@pytest.mark.parametrize("target", INTO_CONVERSATION, ids=_name)
def test_all_errors_of_a_message_into_a_conversation_are_reported_at_once(target: Part, message: Part) -> None:
    codes = _codes({**target[0], **message[0]}, into_conversation=True)

    assert sorted(codes) == sorted(target[1] | message[1])


@pytest.mark.parametrize("message", MESSAGES, ids=_name)
@pytest.mark.parametrize("target", TO_A_PERSON, ids=_name)
def test_all_errors_of_a_message_to_a_person_are_reported_at_once(target: Part, message: Part) -> None:
    codes = _codes({**target[0], **message[0]}, into_conversation=False)

    assert sorted(codes) == sorted(target[1] | message[1])


@given(st.text(min_size=1, max_size=10).filter(shows))
def test_a_message_is_kept_as_it_was_written(text: str) -> None:
    assert _read({"message": text, "handle": "londo"}).draft.message == text


@pytest.mark.parametrize("character", ["a", "é", "👋", "\ufffd"])
@pytest.mark.parametrize("max_chars", [1, MAX, 2048])
def test_the_longest_message_is_counted_in_code_points_however_they_are_written(character: str, max_chars: int) -> None:
    # json.dumps escapes non-ASCII characters, so this is the largest body of such a message.
    longest = {"message": character * max_chars, "message_uuid": MESSAGE_UUID, "message_group_uuid": MESSAGE_GROUP}

    assert len(_read(longest, max_chars=max_chars).draft.message) == max_chars
    longest["message"] += character
    with pytest.raises(Invalid, match=TOO_LONG):
        _read(longest, max_chars=max_chars)


def test_a_body_far_beyond_the_longest_message_is_too_large() -> None:
    with pytest.raises(TooLarge):
        _read({"message": "a" * 20_000, "handle": "londo"})


def test_a_message_uuid_is_kept_in_lower_case() -> None:
    send = _read({"message": "Hello", "handle": "londo", "message_uuid": MESSAGE_UUID.upper()})

    assert send.draft.message_uuid == MESSAGE_UUID


@pytest.mark.parametrize("missing", [{}, {"message_uuid": None}], ids=repr)
def test_a_missing_message_uuid_is_generated_each_time(missing: dict[str, Any]) -> None:
    body = {"message": "Hello", "handle": "londo", **missing}

    one, other = _read(body).draft.message_uuid, _read(body).draft.message_uuid

    assert keys.canonical_uuid(one) == one
    assert one != other


@pytest.mark.parametrize(
    "text", ["", " ", "1", "x", MESSAGE_UUID[:-1], f" {MESSAGE_UUID}", MESSAGE_UUID.replace("-", "")]
)
def test_a_message_uuid_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^message_uuid must"):
        _read({"message": "Hello", "handle": "londo", "message_uuid": text})


@pytest.mark.parametrize("text", [MESSAGE_GROUP, MESSAGE_GROUP.upper(), f" {MESSAGE_GROUP}\n"])
def test_a_message_group_uuid_is_read_in_either_case_and_with_space_around(text: str) -> None:
    send = _read({"message": "Hello", "message_group_uuid": text})

    assert (send.message_group_uuid, send.handle) == (MESSAGE_GROUP, "")


@pytest.mark.parametrize("text", ["1", "undefined", MESSAGE_GROUP.replace("-", ""), "MSG#" + MESSAGE_GROUP])
def test_a_message_group_uuid_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^message_group_uuid must"):
        _read({"message": "Hello", "message_group_uuid": text})


@pytest.mark.parametrize("into_conversation", [True, False])
@pytest.mark.parametrize("text", ["Londo", "@Londo", " @Londo ", "Londo\n"])
def test_a_handle_is_read_with_and_without_an_at_sign(text: str, into_conversation: bool) -> None:
    send = _read({"message": "Hello", "handle": text}, into_conversation=into_conversation)

    assert (send.handle, send.message_group_uuid) == ("Londo", "")


@pytest.mark.parametrize("text", ["@@londo", "londo mollari", "londo#", "é", "a" * 31, "..", "_"])
def test_an_invalid_handle_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        _read({"message": "Hello", "handle": text})


def test_a_conversation_goes_before_a_handle() -> None:
    send = _read({"message": "Hello", "message_group_uuid": MESSAGE_GROUP, "handle": "londo"})

    assert (send.message_group_uuid, send.handle) == (MESSAGE_GROUP, "")


def test_a_message_to_a_person_names_no_conversation() -> None:
    body = {"message": "Hello", "handle": "londo", "message_group_uuid": MESSAGE_GROUP}

    with pytest.raises(UnknownFields, match="message_group_uuid_unknown"):
        _read(body, into_conversation=False)


@pytest.mark.parametrize("name", ["message", "message_uuid", "message_group_uuid", "handle"])
@pytest.mark.parametrize("value", ["1", "1e400", "true", "[]", "{}", '["Hello"]', "9" * 4000], ids=lambda v: v[:9])
def test_a_value_that_is_no_string_is_refused_by_name(name: str, value: str) -> None:
    others = {"message": '"Hello"', "message_uuid": f'"{MESSAGE_UUID}"'}
    fields = others | {name: value}
    body = "{" + ", ".join(f'"{field}": {written}' for field, written in fields.items()) + "}"

    with pytest.raises(Unreadable, match=f"{name} must be a string"):
        _read(body)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "undefined", "'Hello'"])
def test_a_body_that_is_not_json_is_refused(value: str) -> None:
    with pytest.raises(Unreadable):
        _read(f'{{"handle": "londo", "message": {value}}}')


@pytest.mark.parametrize("name", ["message", "message_uuid", "message_group_uuid", "handle"])
@pytest.mark.parametrize("half", ["\\ud83d", "\\udc4b", "\\udc4b\\ud83d", "Hello \\ud83d"])
def test_half_of_a_surrogate_pair_is_refused_by_name(name: str, half: str) -> None:
    with pytest.raises(Unreadable, match=f"{name} is not Unicode"):
        _read(f'{{"message": "Hello", "{name}": "{half}"}}')


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "message": st.text() | st.none() | st.integers(),
            "message_uuid": uuids | st.text() | st.none(),
            "message_group_uuid": uuids | st.text() | st.none(),
            "handle": handles | st.text() | st.none(),
            "user_uuid": uuids,
        },
    ),
    st.booleans(),
)
def test_any_body_is_a_whole_draft_or_refused(body: dict[str, Any], into_conversation: bool) -> None:
    try:
        send = _read(body, into_conversation=into_conversation)
    except MessagingError:
        return

    assert send.draft.message == body["message"]
    assert 0 < len(send.draft.message) <= MAX
    assert keys.canonical_uuid(send.draft.message_uuid) == send.draft.message_uuid
    assert bool(send.message_group_uuid) != bool(send.handle)
    assert not send.message_group_uuid or keys.canonical_uuid(send.message_group_uuid) == send.message_group_uuid
    assert not send.handle or keys.is_handle(send.handle)
