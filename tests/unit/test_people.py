import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.model.errors import Invalid
from messaging.model.person import ClaimNames, Person, ProfileChange
from messaging.model.profile_values import (
    person_from_attributes,
    person_from_claims,
    usable_avatar,
    usable_name,
    verified_email,
)
from messaging.model.text import hidden
from tests.support.strategies import handles, uuids
from tests.unit.test_text import HARMFUL, NEEDED


def _is_a_name(text: str) -> bool:
    name = text.strip()
    return bool(name) and not hidden(name) and not unicodedata.category(name[0]).startswith("M")


@given(uuids, handles, st.text(min_size=1, max_size=100).filter(_is_a_name))
def test_a_person_is_made_from_cognitos_attributes(sub: str, handle: str, name: str) -> None:
    attributes = {"sub": sub, "preferred_username": handle, "name": name, "email": "bayko@example.com"}

    assert person_from_attributes(attributes) == Person(sub, handle, name.strip())


@pytest.mark.parametrize("name", [{}, {"name": ""}, {"name": " \t\n"}], ids=["none", "empty", "blank"])
def test_a_person_without_a_name_is_called_by_the_handle(name: dict[str, str]) -> None:
    assert person_from_attributes({"sub": "1", "preferred_username": "Bayko", **name}).display_name == "Bayko"


@pytest.mark.parametrize(
    "handle",
    [{}, *({"preferred_username": handle} for handle in ("", "@bayko", "a b", " bayko", "_bayko", "é", "a" * 31))],
    ids=repr,
)
def test_a_person_without_a_usable_handle_is_refused(handle: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        person_from_attributes({"sub": "1", "name": "Andrew Bayko", **handle})

    assert "Andrew Bayko" not in str(refused.value)


def test_a_name_has_up_to_a_hundred_code_points_without_the_space_around() -> None:
    longest = "👋" * 100
    attributes = {"sub": "1", "preferred_username": "bayko"}

    assert person_from_attributes({**attributes, "name": f" {longest} "}).display_name == longest
    with pytest.raises(Invalid) as refused:
        person_from_attributes({**attributes, "name": f"{longest}👋"})
    assert "👋" not in str(refused.value)


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
@pytest.mark.parametrize("name", ["Andrew{}Bayko", "{}Bayko{}x", "{}"])
def test_a_name_with_hidden_characters_is_refused(name: str, text: str) -> None:
    if not name.format(text, text).strip():
        return  # space is no name, see above
    with pytest.raises(Invalid) as refused:
        person_from_attributes({"sub": "1", "preferred_username": "bayko", "name": name.format(text, text)})
    assert "Bayko" not in str(refused.value)


def test_a_name_does_not_begin_with_a_combining_character() -> None:
    with pytest.raises(Invalid, match="combining mark"):
        person_from_attributes({"sub": "1", "preferred_username": "bayko", "name": "\u0336Bayko"})


@pytest.mark.parametrize("name", [*NEEDED.values(), "山田\u3000太郎", "José", "O'Brien-Smith", "日本 🎉"])
def test_names_of_every_script_are_taken_as_they_are(name: str) -> None:
    assert person_from_attributes({"sub": "1", "preferred_username": "bayko", "name": name}).display_name == name


@pytest.mark.parametrize(
    "name",
    [
        "deleted user",
        "Deleted User",
        "DELETED  USER",
        "deleteduser",
        "deleted\u00a0user",
        "deleted-user",
        "\uff44eleted user",
    ],
)
def test_nobody_has_the_name_of_an_erased_person(name: str) -> None:
    with pytest.raises(Invalid, match="name must not"):
        person_from_attributes({"sub": "1", "preferred_username": "bayko", "name": name})


@pytest.mark.parametrize("handle", ["deleteduser", "Deleted.User", "deleted_user-"])
def test_nobody_has_the_handle_of_an_erased_person(handle: str) -> None:
    for name in ({}, {"name": "Bayko"}):
        with pytest.raises(Invalid, match="preferred_username must not"):
            person_from_attributes({"sub": "1", "preferred_username": handle, **name})


def test_the_name_of_an_erased_person_is_the_one_that_is_refused() -> None:
    with pytest.raises(Invalid):
        usable_name(Person("1", "bayko", "Bayko").deleted.display_name)


def test_a_user_without_a_sub_is_a_bug() -> None:
    with pytest.raises(KeyError):
        person_from_attributes({"preferred_username": "bayko", "name": "Andrew Bayko"})


# Of an issuer's claims

NAMES = ClaimNames("nickname", "full_name", "https://example.com/face", "mail")
CLAIMS = {"nickname": "bayko", "full_name": "Andrew Bayko", "https://example.com/face": "https://example.com/b.png"}


def test_a_person_is_made_from_the_claims_with_the_deployments_names() -> None:
    person = person_from_claims("1", CLAIMS, NAMES)

    assert (person.user_uuid, *person.shown) == ("1", "bayko", "Andrew Bayko", "https://example.com/b.png")


@pytest.mark.parametrize("handle", ["", "Andrew Bayko", "bayko@example.com", "deleted_user"])
def test_claims_without_a_usable_handle_make_nobody(handle: str) -> None:
    with pytest.raises(Invalid):
        person_from_claims("1", {**CLAIMS, "nickname": handle}, NAMES)
    with pytest.raises(Invalid):
        person_from_claims("1", {}, NAMES)


def test_a_claimed_name_or_picture_that_is_forbidden_is_left_out() -> None:
    claims = {**CLAIMS, "full_name": "deleted user", "https://example.com/face": "http://example.com/b.png"}

    assert person_from_claims("1", claims, NAMES).shown == ("bayko", "bayko", "")


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"mail": "b@example.com", "email_verified": "true"}, "b@example.com"),
        ({"mail": "b@example.com", "email_verified": "false"}, ""),
        ({"mail": "b@example.com"}, ""),
        ({"email": "b@example.com", "email_verified": "true"}, ""),
        ({"mail": "\ud800@example.com", "email_verified": "true"}, ""),
        ({"mail": f"{'b' * 243}@example.com", "email_verified": "true"}, ""),
    ],
)
def test_an_address_counts_if_the_issuer_has_verified_it(claims: dict[str, str], email: str) -> None:
    assert verified_email(claims, NAMES) == email


# Avatars


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com",
        "https://example.com/",
        "https://xn--bcher-kva.example:8443/a/b.png?s=96&d=x#y",
        "https://s.gravatar.com/avatar/0bc83cb571cd1c50ba6f3e8a78ef1346?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Fa.png",
        "https://e/" + "a" * 190,
    ],
)
def test_an_avatar_is_an_https_url_or_none(url: str) -> None:
    assert usable_avatar(url) == url


@pytest.mark.parametrize(
    "url",
    [
        " ",
        "http://example.com/a.png",
        "HTTPS://example.com/a.png",
        "//example.com/a.png",
        "/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://",
        "https:///a.png",
        "https://user@example.com/a.png",
        "https://example.com@evil.example/a.png",
        "https://-a.example/a.png",
        "https://example.com/a b.png",
        "https://example.com/a.png\n",
        'https://example.com/"onerror=x',
        "https://example.com/<script>",
        "https://bücher.example/a.png",
        "https://example.com/👋",
        "https://example.com/\\a",
        "https://e/" + "a" * 191,
    ],
)
def test_anything_else_is_no_avatar(url: str) -> None:
    with pytest.raises(Invalid):
        usable_avatar(url)


# Changes

PERSON = Person("1", "bayko", "Andrew Bayko", avatar="https://example.com/b.png")


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (ProfileChange(), PERSON.shown),
        (ProfileChange("b"), ("b", "Andrew Bayko", "https://example.com/b.png")),
        (ProfileChange(display_name="B"), ("bayko", "B", "https://example.com/b.png")),
        (ProfileChange(display_name=""), ("bayko", "bayko", "https://example.com/b.png")),
        (ProfileChange("b", ""), ("b", "b", "https://example.com/b.png")),
        (ProfileChange(avatar=""), ("bayko", "Andrew Bayko", "")),
        (ProfileChange(read_receipts=False), PERSON.shown),
    ],
)
def test_a_change_sets_what_it_has(change: ProfileChange, shown: tuple[str, str, str]) -> None:
    new = change.applied_to(PERSON)

    assert new.shown == shown
    assert new.read_receipts == (change.read_receipts is not False)
