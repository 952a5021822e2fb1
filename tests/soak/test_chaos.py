"""The reference client on a network that fails in every way, at length."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import dynamodb_local
from tests.support.chaos import chaos


def test_each_device_ends_with_every_message_once_and_right_counts(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if not dynamodb_local.is_here():
        pytest.skip("DynamoDB Local is not here: see tests/support/prepare.py")
    with dynamodb_local.running(tmp_path) as endpoint:
        happened = chaos(endpoint, messages=3000, seed=2)

    record_property(
        "reliability",
        [
            "pushes lost, duplicated and out of order, sockets cut",
            f"{happened['messages']:,} messages to four devices; {happened['lost']:,} pushes lost, "
            f"{happened['doubled']:,} duplicated, {happened['out of order']:,} overtaken; {happened['cuts']:,} cuts",
            f"lost 0, duplicated 0; all unread counts right, {happened['quiet']} times when all was quiet",
        ],
    )
