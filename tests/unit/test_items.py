import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.model import keys
from messaging.model.block_entry import BlockEntry
from messaging.model.conversation import Head
from messaging.model.hidden import Hidden
from messaging.model.inbox_entry import InboxEntry, Unread
from messaging.model.membership import ATTRIBUTES, FOREVER, NO_SETTINGS, Ask, Block, Membership
from messaging.model.message import Draft, Message
from messaging.model.person import Person
from messaging.model.report import Report, ReportedMessage
from messaging.model.sent_record import SentRecord, request_digest
from tests.support.strategies import heads, inbox_entries, messages, moments, people, sent_records, unread, uuids

BAYKO = Person("0d3b7c66-7a0e-4b5c-8c6f-1f6f3f1b7a01", "Bayko", "Andrew Bayko")
LONDO = Person("7c9a53de-2d0a-4a0e-9a3d-5b5c1b0f9e02", "londo", "Londo Mollari")
GROUP = "f2b5de61-1c68-4c2f-9f80-3ea0a2c3d404"
AT = "2026-01-02T03:04:05.000006+00:00"
FIRST = Message(GROUP, "b1f0c2aa-90e4-4a7e-8f65-0c6c7d6f3e03", "Hello 👋", BAYKO, AT, 1)
BLOCK = BlockEntry(BAYKO.user_uuid, LONDO.user_uuid, AT)


def _through_json(item: dict[str, Any]) -> Any:
    """The item as DynamoDB returns it: from text, in another order."""
    return json.loads(json.dumps(item, sort_keys=True))


@given(messages)
def test_a_message_survives_its_item(message: Message) -> None:
    assert Message.from_item(_through_json(message.item)) == message


@given(inbox_entries)
def test_a_message_group_survives_its_item(group: InboxEntry) -> None:
    assert InboxEntry.from_item(_through_json(group.item)) == group


@given(heads())
def test_a_head_survives_its_item(head: Head) -> None:
    assert Head.from_item(_through_json(head.item)) == head


@given(sent_records)
def test_a_sent_record_survives_its_item(sent_record: SentRecord) -> None:
    assert SentRecord.from_item(_through_json(sent_record.item)) == sent_record


def test_a_block_survives_its_item() -> None:
    assert BlockEntry.from_item(_through_json(BLOCK.item)) == BLOCK


def test_each_setting_of_a_member_is_read_alone_and_with_all_others() -> None:
    hour = AT[: keys.HOUR_LENGTH]
    ranges = ((5, 6), (8, None))
    side = Membership(Ask(1, AT), 2, 3, FOREVER, True, 4, ranges, AT, Block(AT, 1, 2), "1:2", hour, 9, 7)

    assert side.attributes.keys() == ATTRIBUTES
    assert Membership.from_attributes(_through_json(side.attributes)) == side
    for name, value in side.attributes.items():
        assert Membership.from_attributes({name: value}).attributes == {name: value}
        assert Membership.from_attributes({name: value}) != NO_SETTINGS


@pytest.mark.parametrize("closed_at", ["", AT])
def test_a_report_with_its_copies_survives_its_item(closed_at: str) -> None:
    edited = FIRST.edited("Hello", AT, 1)
    copies = tuple(ReportedMessage.of(message) for message in (FIRST, edited, edited.unsent(AT, 2)))
    report = Report(GROUP, BAYKO.user_uuid, GROUP, LONDO.user_uuid, "spam", "Often", copies, AT, 2**40, closed_at)

    assert [(one.message, one.edited_at, one.unsent_at) for one in copies] == [
        ("Hello 👋", "", ""),
        ("Hello", AT, ""),
        ("", "", AT),
    ]
    assert {(one.message_uuid, one.seq, one.user_uuid, one.created_at) for one in copies} == {
        (FIRST.message_uuid, 1, BAYKO.user_uuid, AT)
    }
    assert report.item["pk"] == {"S": "RPT#closed" if closed_at else "RPT#open"}
    assert Report.from_item(_through_json(report.item)) == report


def test_hidden_messages_and_ranges_survive_their_item() -> None:
    hidden = Hidden(GROUP, {BAYKO.user_uuid: frozenset({3, 98})}, {LONDO.user_uuid: ((1, 5), (7, 7))})

    assert Hidden.from_item(_through_json(hidden.item)) == hidden


@pytest.mark.parametrize("messages_from", ["", "nobody"])
def test_a_choice_of_who_may_write_is_in_both_items_and_in_no_head(messages_from: str) -> None:
    person = replace(LONDO, messages_from=messages_from)

    for read in (Person.from_profile_item(person.profile_item), Person.from_handle_item(person.handle_item)):
        assert read.messages_from == messages_from
    assert "messages_from" not in str(Head.of_first(FIRST, person).item)


@given(people)
def test_a_person_survives_either_item(person: Person) -> None:
    assert Person.from_profile_item(_through_json(person.profile_item)) == person
    assert Person.from_handle_item(_through_json(person.handle_item)) == person


@given(heads(), st.text(min_size=1))
def test_an_attribute_of_a_later_version_is_ignored(head: Head, name: str) -> None:
    assert Head.from_item({f"later_{name}": {"S": "?"}, **head.item}) == head


@pytest.mark.parametrize(
    ("item", "pk", "sk", "attributes"),
    [
        (
            Head.of_first(FIRST, LONDO).inbox_entries[0].item,
            f"GRP#{BAYKO.user_uuid}",
            AT,
            {
                "message_group_uuid",
                "message",
                "user_uuid",
                "user_display_name",
                "user_handle",
                "last_seq",
                "read_seq",
                "other_read_seq",
                "version",
            },
        ),
        (
            Head.of_first(FIRST, LONDO).unread[0].item,
            f"UNR#{LONDO.user_uuid}",
            GROUP,
            {"last_seq", "read_seq", "version"},
        ),
        (
            FIRST.item,
            f"MSG#{GROUP}",
            AT,
            {"message_uuid", "message", "user_uuid", "user_display_name", "user_handle", "seq"},
        ),
        (
            Head.of_first(FIRST, LONDO).item,
            f"MSG#{GROUP}",
            "HEAD",
            {"members", "last_seq", "message", "user_uuid", "created_at", "message_uuid", "version"},
        ),
        (
            SentRecord.of(FIRST).item,
            f"MID#{FIRST.message_uuid}",
            "MID",
            {"message_group_uuid", "created_at", "digest", "seq"},
        ),
        (BLOCK.item, f"BLK#{BAYKO.user_uuid}", LONDO.user_uuid, {"at"}),
        (BAYKO.profile_item, f"USR#{BAYKO.user_uuid}", "PROFILE", {"handle", "display_name"}),
        (BAYKO.handle_item, "HDL#bayko", "HANDLE", {"user_uuid", "handle", "display_name"}),
    ],
    ids=["message group", "unread", "message", "head", "sent-record", "block", "profile", "handle"],
)
def test_an_item_has_the_keys_and_attributes_the_design_names(
    item: dict[str, Any], pk: str, sk: str, attributes: set[str]
) -> None:
    assert item["pk"] == {"S": pk}
    assert item["sk"] == {"S": sk}
    assert item.keys() - {"pk", "sk"} == attributes


@pytest.mark.parametrize(
    ("item", "numbers"),
    [
        (FIRST.item, {"seq"}),
        (Head.of_first(FIRST, LONDO).item, {"last_seq", "version"}),
        (SentRecord.of(FIRST).item, {"seq"}),
    ],
    ids=["message", "head", "sent-record"],
)
def test_only_numbers_are_stored_as_numbers(item: dict[str, Any], numbers: set[str]) -> None:
    assert {name for name, value in item.items() if value.keys() == {"N"}} == numbers


def test_a_message_group_names_the_other_person_and_a_message_its_sender() -> None:
    mine, theirs = Head.of_first(FIRST, LONDO).inbox_entries

    assert FIRST.item["user_handle"] == {"S": "Bayko"}
    assert (mine.owner_uuid, mine.item["user_handle"]) == (BAYKO.user_uuid, {"S": "londo"})
    assert (theirs.owner_uuid, theirs.item["user_handle"]) == (LONDO.user_uuid, {"S": "Bayko"})


@given(heads())
def test_both_members_have_the_conversation_at_the_time_of_its_last_message(head: Head) -> None:
    one, other = head.inbox_entries

    assert {one.owner_uuid, other.owner_uuid} == set(head.members)
    assert (one.other, other.other) == (head.members[other.owner_uuid], head.members[one.owner_uuid])
    assert {(group.message_group_uuid, group.message, group.sk) for group in (one, other)} == {
        (head.message_group_uuid, head.last.message, head.created_at)
    }


@given(inbox_entries)
def test_a_tiebroken_entry_is_the_same_at_another_key(group: InboxEntry) -> None:
    beside = group.tiebroken()

    assert replace(beside, sk=group.sk) == group
    assert beside.sk == keys.tiebroken_inbox_sk(group.created_at, group.message_group_uuid)
    assert beside.created_at == group.created_at
    assert beside.tiebroken() == beside


@given(heads(), uuids, st.text(), moments, st.data())
def test_the_next_message_has_the_next_number_and_a_later_time(
    head: Head, message_uuid: str, text: str, now: datetime, data: st.DataObject
) -> None:
    sender_uuid = data.draw(st.sampled_from(sorted(head.members)))

    message = head.next_message(sender_uuid, Draft(message_uuid, text), now)

    assert message.seq == head.last_seq + 1
    assert message.created_at == keys.time_after(head.created_at, now)
    assert message.created_at > head.created_at
    assert (message.message_group_uuid, message.message_uuid) == (head.message_group_uuid, message_uuid)
    assert (message.sender, message.message) == (head.members[sender_uuid], text)


def test_a_stranger_cannot_write_the_next_message() -> None:
    with pytest.raises(KeyError):
        Head.of_first(FIRST, LONDO).next_message(
            "a stranger", Draft(FIRST.message_uuid, "Hello"), datetime.fromisoformat(AT)
        )


def test_the_head_of_a_first_message_holds_it_and_both_people() -> None:
    head = Head.of_first(FIRST, LONDO)

    assert head == Head(
        GROUP,
        {BAYKO.user_uuid: BAYKO, LONDO.user_uuid: LONDO},
        FIRST,
        {BAYKO.user_uuid: 1, LONDO.user_uuid: 0},
        1,
        frozenset({BAYKO.user_uuid}),
    )


def test_the_head_after_a_message_holds_it_and_the_same_people() -> None:
    answer = Message(GROUP, "5a1e7f0c-33c5-4d19-a8b6-b0b8fd5f7005", "Hello Bayko", LONDO, f"2027{AT[4:]}", 2)
    head = Head.of_first(FIRST, LONDO)

    assert head.after(answer) == Head(
        GROUP,
        head.members,
        answer,
        {BAYKO.user_uuid: 1, LONDO.user_uuid: 2},
        2,
        frozenset({BAYKO.user_uuid, LONDO.user_uuid}),
    )


def test_a_head_from_before_there_were_marks_and_versions_has_none() -> None:
    item = Head.of_first(FIRST, LONDO).item
    del item["message_uuid"], item["version"]
    for member in item["members"]["M"].values():
        del member["M"]["read_seq"]

    head = Head.from_item(item)

    assert (head.last.message_uuid, head.version) == ("", 0)
    assert head.read_seqs == {BAYKO.user_uuid: 0, LONDO.user_uuid: 0}


@pytest.mark.parametrize("entry", [Head.of_first(FIRST, LONDO).inbox_entries[0], Head.of_first(FIRST, LONDO).unread[0]])
def test_an_entry_from_before_there_were_versions_has_none(entry: InboxEntry | Unread) -> None:
    item = entry.item
    del item["version"]

    assert type(entry).from_item(item) == replace(entry, version=0)


def test_a_sent_record_from_before_there_were_digests_has_none_and_its_expiry_is_not_read() -> None:
    item = {**SentRecord.of(FIRST).item, "ttl": {"N": "1800000000"}}
    del item["digest"]

    assert SentRecord.from_item(item) == SentRecord.of(FIRST)._replace(digest=None)


def test_requests_share_a_digest_only_if_they_ask_for_the_same() -> None:
    parts = [("a", "b", "c"), ("a", "b", ""), ("a", "b", "C"), ("a", "c", "b"), ("ab", "", "c"), ("a", "", '", "c')]
    requests = [
        replace(FIRST, message_group_uuid=group, sender=replace(BAYKO, user_uuid=sender), message=text)
        for group, sender, text in parts
    ]

    assert len({request_digest(one) for one in requests}) == len(parts)
    assert request_digest(FIRST) == request_digest(replace(FIRST, created_at=f"2027{AT[4:]}", seq=9))


def test_members_and_marks_have_one_order_for_either_first_writer() -> None:
    answer = replace(FIRST, sender=LONDO)
    heads_ = [Head.of_first(FIRST, LONDO), Head.of_first(answer, BAYKO)]

    assert all([*head.members] == [*head.read_seqs] == sorted(head.members) for head in heads_)


@given(heads())
def test_a_message_group_has_the_marks_of_both_unless_hidden_or_only_one_has_written(head: Head) -> None:
    is_mutual = head.wrote == head.members.keys()
    for group in head.inbox_entries:
        other = head.members[group.other.user_uuid]
        assert group.last_seq == head.last_seq
        assert group.read_seq == head.read_seqs[group.owner_uuid]
        assert group.other_read_seq == (head.read_seqs[other.user_uuid] if is_mutual and other.read_receipts else None)


@given(heads())
def test_messages_after_a_mark_are_unread(head: Head) -> None:
    behind = {one for one, mark in head.read_seqs.items() if mark < head.last_seq}

    assert {one.owner_uuid for one in head.unread} == behind
    for one in head.unread:
        assert (one.last_seq, one.read_seq) == (head.last_seq, head.read_seqs[one.owner_uuid])


@given(unread)
def test_an_unread_conversation_survives_its_item(one: Unread) -> None:
    assert Unread.from_item(_through_json(one.item)) == one


@given(people)
def test_whether_a_person_shows_receipts_survives_either_item(person: Person) -> None:
    assert Person.from_profile_item(_through_json(person.profile_item)).read_receipts == person.read_receipts
    assert Person.from_handle_item(_through_json(person.handle_item)).read_receipts == person.read_receipts
