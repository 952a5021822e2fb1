"""The API under `sam local start-api`.

It has no JWT authorizer (SAM CLI 1.167), so no claims reach the functions, and they answer 401. `make run` and
tests/e2e cover requests with tokens.
"""

import subprocess
import time
from collections.abc import Iterator

import pytest
import requests

from local import stack
from tests.conftest import free_port
from tests.sam_local.conftest import Sam
from tests.support.functions import sample_event

_EVENTS = (
    "create_message",
    "create_message_group",
    "find_message_group",
    "list_message_groups",
    "list_messages",
    "show_message",
    "mark_read",
    "count_unread",
    "create_ticket",
    "show_user",
    "show_me",
    "update_me",
)


@pytest.fixture(scope="module")
def api(sam: Sam, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("start-api") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sam", "local", "start-api", "--port", str(port), "--warm-containers", "LAZY", *sam.options],
            cwd=stack.ROOT,
            env=sam.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while "CTRL+C" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()  # ends the containers, too
        process.wait()


@pytest.mark.parametrize("event", _EVENTS)
def test_a_route_reaches_its_function_which_asks_for_a_token(api: str, event: str) -> None:
    sample = sample_event(event)

    response = requests.request(
        sample["requestContext"]["http"]["method"],
        f"{api}{sample['rawPath']}?{sample['rawQueryString']}",
        data=sample.get("body"),
        headers=sample["headers"] | {"host": "localhost"},
        timeout=60,
    )

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "A bearer token is required."
