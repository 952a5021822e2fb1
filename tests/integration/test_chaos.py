"""When all is quiet, every device has each message once, as it is now, and right counts. tests/soak runs it longer."""

from tests.support.chaos import chaos


def test_each_device_ends_with_every_message_once_and_right_counts(dynamodb_endpoint: str) -> None:
    happened = chaos(dynamodb_endpoint, messages=400, seed=1)

    assert happened["quiet"] == 2
    for what in ("lost", "doubled", "out of order", "cuts", "marks", "changes"):
        assert happened[what] > 3, happened
