"""People and handles on a real engine: show_user, find_message_group, pre_sign_up, post_confirmation."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from messaging.model.errors import HandleTaken, Invalid, MessagingError
from messaging.model.person import Person
from messaging.storage.table import Table
from tests.support.functions import Functions, sample_event


def confirm(functions: Functions, **attributes: str) -> object:
    event = sample_event("post_confirmation")
    event["request"]["userAttributes"] |= {"sub": str(uuid4()), **attributes}
    return functions.handler("users.post_confirmation").lambda_handler(event, None)


def test_the_owner_of_a_handle_is_shown_for_any_spelling(functions: Functions, bayko: Person, londo: Person) -> None:
    for handle in ("@londo", "@LONDO"):
        status, user, _ = functions.call(
            "users.show_user",
            bayko.user_uuid,
            parameters={"handle": handle},
        )

        assert status == 200
        assert user == {"uuid": londo.user_uuid, "handle": "londo", "display_name": "Londo", "avatar": None}


@pytest.mark.parametrize("handle", ["@nobody", "londo", "@", "@lon do", "@" + "x" * 31])
def test_a_handle_nobody_has_is_not_found(functions: Functions, londo: Person, handle: str) -> None:
    assert functions.call("users.show_user", londo.user_uuid, parameters={"handle": handle})[0] == 404
    assert functions.find_message_group(londo.user_uuid, handle)[0] == 404


def test_a_conversation_is_found_from_its_first_message_on(
    functions: Functions, bayko: Person, londo: Person, register: Callable[[str], Person]
) -> None:
    eve = register("eve")

    def find(person: Person, handle: str) -> object:
        answer = functions.find_message_group(person.user_uuid, f"@{handle}")
        assert answer[0] == 200
        return answer[1]

    assert find(bayko, "londo") == {"can_write": "yes"}
    _, sent, _ = functions.create_message_group(bayko.user_uuid, handle="londo", message="Hello")
    found = {"message_group_uuid": sent["message_group_uuid"], "can_write": "yes"}
    assert find(bayko, "londo") == {**found, "display_name": "Londo"}
    assert find(londo, "bayko") == {**found, "display_name": "Bayko"}
    assert find(eve, "bayko") == {"can_write": "yes"}
    assert find(bayko, "bayko") == {"can_write": "no"}


def test_a_new_person_gets_profile_and_handle_and_the_event_is_answered_as_it_came(
    functions: Functions, table: Table
) -> None:
    event = sample_event("post_confirmation")

    assert functions.handler("users.post_confirmation").lambda_handler(event, None) == sample_event("post_confirmation")

    attributes = event["request"]["userAttributes"]
    person = Person(attributes["sub"], "vir", "Vir Cotto")
    assert table.person_by_handle("vir") == person
    assert table.sender_and_receiver(person.user_uuid, "vir") == (person, person)


def test_confirming_twice_changes_nothing(functions: Functions) -> None:
    user_uuid = str(uuid4())
    for _ in range(2):
        confirm(functions, sub=user_uuid, preferred_username="vir")


def test_a_forgotten_password_makes_no_profile(functions: Functions, table: Table) -> None:
    event = {**sample_event("post_confirmation"), "triggerSource": "PostConfirmation_ConfirmForgotPassword"}

    functions.handler("users.post_confirmation").lambda_handler(event, None)

    assert table.person_by_handle("vir") is None


def test_a_taken_handle_is_a_clear_error_and_leaves_no_half_of_a_person(functions: Functions, table: Table) -> None:
    confirm(functions, preferred_username="vir")
    second = str(uuid4())

    with pytest.raises(HandleTaken, match="The handle is taken"):
        confirm(functions, sub=second, preferred_username="VIR")

    assert table.sender_and_receiver(second, "nobody") == (None, None)


@pytest.mark.parametrize("handle", ["", "two words", "-x", "x" * 31, "日本"])
def test_a_handle_that_cannot_be_is_a_clear_error(functions: Functions, handle: str) -> None:
    with pytest.raises(Invalid, match="preferred_username must be"):
        confirm(functions, preferred_username=handle)


def test_a_name_too_long_is_a_clear_error(functions: Functions) -> None:
    with pytest.raises(Invalid, match="name must be at most 100 characters"):
        confirm(functions, preferred_username="vir", name="x" * 101)


@pytest.mark.parametrize("name", ["Lon\x1b[2Kdo", "Londo\nVir", "Lon\u202edo", "\u200b", "Deleted User"])
def test_a_name_that_cannot_be_is_a_clear_error_and_makes_nobody(functions: Functions, table: Table, name: str) -> None:
    with pytest.raises(Invalid, match=r"^name must"):
        confirm(functions, preferred_username="vir", name=name)

    assert table.person_by_handle("vir") is None


def test_of_twenty_simultaneous_requests_for_one_handle_one_succeeds(table: Table) -> None:
    def register(_: int) -> bool:
        try:
            table.register(Person(str(uuid4()), "vir", "Vir"))
        except HandleTaken:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(register, range(20))) == 1


@pytest.mark.parametrize(
    ("attributes", "counted"),
    [
        ({"preferred_username": "londo"}, "SignUpsRefused"),
        ({"preferred_username": "l o n d o"}, "SignUpsRefused"),
        ({"preferred_username": "vir", "name": "x" * 1000}, "SignUpsRefused"),
    ],
    ids=["taken", "no handle", "no name"],
)
def test_refused_choices_count_as_no_failure_of_signing_up(
    functions: Functions, londo: Person, capsys: pytest.CaptureFixture[str], attributes: dict[str, str], counted: str
) -> None:
    for _ in range(5):
        with pytest.raises(MessagingError):
            confirm(functions, **attributes)

    written = capsys.readouterr().out
    assert written.count(f'"{counted}":[1]') == 5
    assert "SignUpsFailed" not in written


def test_an_unexpected_error_counts_as_a_failure_of_signing_up(
    functions: Functions, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Table, "register", fail)

    with pytest.raises(RuntimeError):
        confirm(functions)

    written = capsys.readouterr().out
    assert '"SignUpsFailed":[1]' in written
    assert "SignUpsRefused" not in written


# Before there is an account


def sign_up(functions: Functions, **attributes: str) -> object:
    event = sample_event("pre_sign_up")
    event["request"]["userAttributes"] |= attributes
    return functions.handler("users.pre_sign_up").lambda_handler(event, None)


def test_a_free_handle_passes_and_the_event_is_answered_as_it_came(functions: Functions, londo: Person) -> None:
    assert sign_up(functions) == sample_event("pre_sign_up")


@pytest.mark.parametrize(
    ("attributes", "refusal"),
    [
        ({"preferred_username": "LONDO"}, "The handle is taken."),
        ({"preferred_username": "two words"}, "preferred_username must be 1 to 30"),
        ({"preferred_username": "Deleted_User"}, "must not read like a deleted user"),
        ({"name": "Vir\u202e"}, "name must be one line"),
    ],
)
def test_a_sign_up_that_confirmation_would_refuse_makes_no_account(
    functions: Functions, londo: Person, attributes: dict[str, str], refusal: str
) -> None:
    with pytest.raises((HandleTaken, Invalid), match=refusal):
        sign_up(functions, **attributes)
    with pytest.raises((HandleTaken, Invalid), match=refusal):
        confirm(functions, **attributes)


def test_a_sign_up_without_a_handle_is_refused(functions: Functions) -> None:
    event = sample_event("pre_sign_up")
    del event["request"]["userAttributes"]["preferred_username"]

    with pytest.raises(Invalid):
        functions.handler("users.pre_sign_up").lambda_handler(event, None)


def test_people_that_operators_make_are_not_checked_here(functions: Functions, londo: Person) -> None:
    event = {**sample_event("pre_sign_up"), "triggerSource": "PreSignUp_AdminCreateUser"}
    event["request"]["userAttributes"]["preferred_username"] = "londo"

    assert functions.handler("users.pre_sign_up").lambda_handler(event, None) == event
