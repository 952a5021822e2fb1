"""asyncapi.yaml describes the events that the code makes, and the frames that it takes."""

import json

import pytest
from hypothesis import given

from messaging.api import views
from messaging.model.change import EDIT, MessageChange
from messaging.model.conversation import Head
from tests.support.api import MESSAGE_GROUP, USER
from tests.support.asyncapi import ASYNCAPI, assert_described
from tests.support.strategies import heads

_CODES = ASYNCAPI["components"]["schemas"]["Error"]["properties"]["code"]["enum"]


@given(heads())
def test_each_event_is_described(head: Head) -> None:
    user_uuid = head.last.sender.user_uuid
    assert_described(
        "Events",
        [
            views.message_event(head, head.last, {}),
            views.message_group_event(head.inbox_entry(user_uuid)) | {"unread_count": 0},
            views.read_event(head.message_group_uuid, user_uuid, head.last_seq),
            views.change_event(
                head.message_group_uuid, MessageChange(1, EDIT, head.created_at, head.created_at), None, {}
            ),
            views.hidden_event(head.message_group_uuid, 1),
            views.typing_event(head.message_group_uuid, user_uuid),
            views.presence_event(head.message_group_uuid, user_uuid, online=True),
            views.pong_event(),
            *(views.error_event(code, "…") for code in _CODES),
        ],
    )


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"type": "pong"},
        [{"type": "unknown"}],
        [{"type": "pong", "more": 1}],
        [views.typing_event(MESSAGE_GROUP, "nobody")],
        [views.error_event("strange", "…")],
    ],
)
def test_an_invalid_event_is_not_described(value: object) -> None:
    with pytest.raises(AssertionError):
        assert_described("Events", value)


def test_frames_are_described() -> None:
    assert_described("Frame", {"type": "ping"})
    for kind in ("typing", "subscribe", "unsubscribe"):
        assert_described("Frame", {"type": kind, "message_group_uuid": MESSAGE_GROUP})
        with pytest.raises(AssertionError):
            assert_described("Frame", {"type": kind})
    with pytest.raises(AssertionError):
        assert_described("Frame", {"type": "message", "message_group_uuid": USER})


def test_every_reference_leads_somewhere() -> None:
    references = [
        line.split('"$ref": "')[1].split('"')[0]
        for line in json.dumps(ASYNCAPI, indent=1).splitlines()
        if "$ref" in line
    ]

    assert references
    for reference in references:
        target = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_event_that_is_described_has_a_view_and_every_view_is_described() -> None:
    described = {
        ASYNCAPI["components"]["schemas"][one["$ref"].rpartition("/")[2]]["properties"]["type"]["const"]
        for one in ASYNCAPI["components"]["schemas"]["Events"]["items"]["oneOf"]
    }

    assert described == {name.removesuffix("_event") for name in vars(views) if name.endswith("_event")}
