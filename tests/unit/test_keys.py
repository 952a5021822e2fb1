import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from messaging.model import keys
from tests.support.strategies import inbox_sks, moments, times, uuids, zones


@given(uuids, uuids)
def test_a_pair_of_people_has_one_conversation_for_both(one: str, other: str) -> None:
    assert keys.pair_uuid(one, other) == keys.pair_uuid(other, one)


@given(st.lists(uuids, min_size=3, max_size=3, unique=True))
def test_two_pairs_of_people_have_two_conversations(people: list[str]) -> None:
    one, other, third = people

    assert len({keys.pair_uuid(one, other), keys.pair_uuid(one, third), keys.pair_uuid(other, third)}) == 3


def test_the_conversation_of_a_pair_never_changes_its_id() -> None:
    # Stored conversations are found by it.
    pair = keys.pair_uuid("4f6c8a52-0000-4000-8000-000000000001", "4f6c8a52-0000-4000-8000-000000000002")

    assert pair == "29d13a49-a2ea-5ba6-b6a0-9dd91a298413"


@given(uuids, uuids)
def test_the_id_of_a_pair_is_a_uuid_as_the_api_takes_it(one: str, other: str) -> None:
    pair = keys.pair_uuid(one, other)

    assert keys.canonical_uuid(pair) == pair


# user_uuids of an issuer's people

ISSUER = "https://idp.example.com/"


def test_a_subject_that_is_a_uuid_is_the_user_uuid() -> None:
    subject = "0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01"

    assert keys.user_uuid(ISSUER, subject) == subject


@pytest.mark.parametrize(
    "subject",
    ["auth0|1", "1042", "bayko@example.com", "Grüße 👋", " ", "0D3B7C66-7A0E-4B5C-8C6F-1F6F3F1B7A01", "a" * 5000],
)
def test_any_other_subject_has_a_uuid_of_its_own_at_each_issuer(subject: str) -> None:
    one, other = (keys.user_uuid(issuer, subject) for issuer in (ISSUER, "https://other.example.com/"))

    assert keys.canonical_uuid(one) == one != other == keys.canonical_uuid(other)
    assert one == str(uuid5(uuid5(NAMESPACE_URL, ISSUER), subject))


def test_the_user_uuid_of_a_subject_never_changes() -> None:
    # Stored people are found by it.
    assert keys.user_uuid("https://example.auth0.com/", "auth0|1") == "406e96eb-1dba-5c40-a093-2c1eac8a4402"


@given(st.text(min_size=1) | uuids, st.text(min_size=1) | uuids)
def test_two_subjects_are_two_people_even_if_one_is_the_others_user_uuid(one: str, other: str) -> None:
    # Anybody can see a user_uuid. At an issuer where people choose their subject, nobody becomes somebody else by it.
    assume(one != other)
    taken = keys.user_uuid(ISSUER, one)

    assert keys.user_uuid(ISSUER, other) != taken
    assert keys.user_uuid(ISSUER, one.upper()) != taken or one.upper() == one
    if taken != one:
        assert keys.user_uuid(ISSUER, taken) != taken


@given(moments, zones)
def test_a_moment_is_written_the_same_from_any_time_zone(moment: datetime, zone: tzinfo) -> None:
    assert keys.format_time(moment.astimezone(zone)) == keys.format_time(moment)


@given(moments, moments)
def test_order_as_text_is_order_in_time(one: datetime, other: datetime) -> None:
    assert (keys.format_time(one) < keys.format_time(other)) == (one < other)


@given(moments)
def test_a_written_time_is_well_formed_and_reads_as_the_same_moment(moment: datetime) -> None:
    written = keys.format_time(moment)

    assert keys.is_time(written)
    assert len(written) == keys.TIME_LENGTH
    assert datetime.fromisoformat(written) == moment


def test_a_whole_second_has_six_decimals_too() -> None:
    assert keys.format_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000+00:00"


@given(st.lists(moments, min_size=1), zones)
def test_successive_times_rise_for_any_clock(clock: list[datetime], zone: tzinfo) -> None:
    written: list[str] = []
    for now in clock:
        written.append(keys.time_after(written[-1] if written else "", now.astimezone(zone)))

    assert all(keys.is_time(time) for time in written)
    assert all(earlier < later for earlier, later in pairwise(written))
    assert all(time >= keys.format_time(now) for time, now in zip(written, clock, strict=True))


@given(moments, st.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_clock_that_stands_or_goes_back_costs_one_microsecond(moment: datetime, back: timedelta) -> None:
    last = keys.format_time(moment)

    assert keys.time_after(last, moment - back) == keys.format_time(moment + timedelta(microseconds=1))


@given(moments, st.timedeltas(timedelta(microseconds=1), timedelta(days=1)))
def test_a_clock_that_advances_is_used_unchanged(moment: datetime, on: timedelta) -> None:
    assert keys.time_after(keys.format_time(moment), moment + on) == keys.format_time(moment + on)


@given(times)
def test_the_head_sorts_after_every_time(time: str) -> None:
    assert time < keys.HEAD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HEAD",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:00.000000",
        "2026-01-01T00:00:00.000000+01:00",
        "2026-01-01 00:00:00.000000+00:00",
        "2026-01-01T00:00:00.000000+00:00\n",
        " 2026-01-01T00:00:00.000000+00:00",
        "٢٠٢٦-01-01T00:00:00.000000+00:00",
    ],
)
def test_a_time_in_another_format_is_refused(text: str) -> None:
    assert not keys.is_time(text)
    assert not keys.is_inbox_sk(text)


@given(inbox_sks)
def test_the_sort_key_of_a_message_group_is_known_as_one(sk: str) -> None:
    assert keys.is_inbox_sk(sk)


@given(times, uuids, uuids, times)
def test_a_tiebroken_entry_keeps_its_place_in_time(time: str, one: str, other: str, later: str) -> None:
    beside = keys.tiebroken_inbox_sk(time, one)

    assert time < beside
    assert beside[: keys.TIME_LENGTH] == time
    assert (beside < later) == (time < later)
    assert (beside < keys.tiebroken_inbox_sk(later, other)) == ((time, one) < (later, other))


@pytest.mark.parametrize("beside", ["", "x", "4F6C8A52-0000-4000-8000-000000000001", "#"])
def test_the_suffix_of_a_time_must_be_a_message_group_uuid(beside: str) -> None:
    assert not keys.is_inbox_sk(f"2026-01-01T00:00:00.000000+00:00#{beside}")


@given(st.uuids())
def test_a_uuid_is_read_in_either_case(uuid: object) -> None:
    assert keys.canonical_uuid(str(uuid).upper()) == str(uuid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4f6c8a5200004000800000000000000a",
        "{4f6c8a52-0000-4000-8000-00000000000a}",
        "urn:uuid:4f6c8a52-0000-4000-8000-00000000000a",
        "4f6c8a52-0000-4000-8000-00000000000a\n",
        " 4f6c8a52-0000-4000-8000-00000000000a",
        "4f6c8a52-0000-4000-8000-00000000000g",
        "4f6c8a52-0000-4000-8000-00000000000٣",
        "4f6c8a52-0000-4000-8000-00000000000a#",
    ],
)
def test_other_spellings_of_a_uuid_are_none(text: str) -> None:
    assert keys.canonical_uuid(text) is None


@pytest.mark.parametrize("handle", ["a", "7", "Bayko", "andrew.brown_2-3", "a" * 30])
def test_a_handle_is_up_to_thirty_letters_digits_and_signs(handle: str) -> None:
    assert keys.is_handle(handle)


@pytest.mark.parametrize("handle", ["", "_a", ".a", "-a", "@a", "a b", "a#b", "a/b", "é", "a\n", "a" * 31, "٣"])
def test_an_invalid_handle_is_no_handle(handle: str) -> None:
    assert not keys.is_handle(handle)


def test_a_handle_is_found_however_it_is_written() -> None:
    assert keys.handle_pk("Bayko") == keys.handle_pk("bAYKO") == "HDL#bayko"


@given(uuids)
def test_no_two_kinds_of_item_share_a_partition(uuid: str) -> None:
    partitions = [
        keys.inbox_pk(uuid),
        keys.conversation_pk(uuid),
        keys.sent_record_pk(uuid),
        keys.profile_pk(uuid),
        keys.handle_pk(uuid),
    ]

    assert partitions == [f"GRP#{uuid}", f"MSG#{uuid}", f"MID#{uuid}", f"USR#{uuid}", f"HDL#{uuid}"]


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
def test_times_are_utc_wherever_the_machine_is() -> None:
    assert keys.format_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000+00:00"
