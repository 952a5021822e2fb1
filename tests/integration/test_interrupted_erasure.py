"""An erasure that ends anywhere is finished by the next."""

import pytest

from messaging.model.person import Person
from messaging.services.blocks import block
from tests.conftest import examples
from tests.support.erasure import CutOff, World, archive_pin_and_block
from tests.support.functions import Functions, Stream


@pytest.mark.parametrize(("first", "stream_comes"), [(1, "meanwhile"), (2, "at the end")])
def test_an_erasure_interrupted_at_any_request_is_finished_by_a_second_run(
    world: World, functions: Functions, stream: Stream, first: int, stream_comes: str
) -> None:
    """In `make test` each of the two ways is tried at every eighth request, in `make soak` at all."""
    erased: list[Person] = []
    delivered: str | None = None
    for number in range(examples(quick=first, soak=1), 100, examples(quick=8, soak=1)):
        londo, bayko, kenji, vir = (world.person(f"{handle}{number}x") for handle in ("londo", "bayko", "kenji", "vir"))
        world.open(bayko, londo, replies=3)
        world.open(londo, kenji, replies=2)
        world.open(vir, londo, replies=2)
        archive_pin_and_block(world, londo, kenji)
        block(world.table, londo.user_uuid, world.person(f"delenn{number}x").user_uuid)
        world.erase(vir)
        erased += [londo, vir]
        world.requests, world.cut_off_at = 0, number
        try:
            world.erase(londo)
            break
        except CutOff:
            pass
        finally:
            world.cut_off_at = None
        if stream_comes == "meanwhile":
            records = stream.records(delivered)
            assert functions.stream_handler(records) == []
            delivered = records[-1]["dynamodb"]["SequenceNumber"]

        world.erase(londo)

    assert 20 < number < 99
    world.assert_all_is_well_without(*erased)
