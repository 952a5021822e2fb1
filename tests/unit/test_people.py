import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.errors import Invalid
from messaging.items import Person
from messaging.people import person_from_attributes
from tests.unit.strategies import handles, uuids


@given(uuids, handles, st.text(min_size=1, max_size=100).filter(str.strip))
def test_a_person_is_who_cognito_says(sub: str, handle: str, name: str) -> None:
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


def test_a_person_whom_cognito_gave_no_sub_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        person_from_attributes({"preferred_username": "bayko", "name": "Andrew Bayko"})
