"""Copies of one snapshot share neither connections nor credentials nor random numbers."""

import itertools
import json
import os
import subprocess
import sys
from collections import defaultdict
from datetime import datetime

from operators.schema import template
from tests.support.forked import COPIES, JUMP_SECONDS
from tests.support.raw_server import RawServer, Received, response


def test_copies_of_a_process_share_nothing() -> None:
    functions = [
        f"{resource['Properties']['CodeUri'].removeprefix('functions/').rstrip('/')}.{resource['Properties']['Handler'].partition('.')[0]}"
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    with RawServer(itertools.repeat(response())) as server:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.forked", *functions],
            env=os.environ | {"AWS_ENDPOINT_URL": server.url},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr

    copies: dict[str, list[Received]] = defaultdict(list)
    for received in server.received:
        copies[received.headers["authorization"].partition("Credential=")[2].partition("/")[0]].append(received)
    assert list(copies) == [f"AKID-{function}-{copy}" for function in functions for copy in range(1, COPIES + 1)]

    connections = [{one.connection for one in received} for received in copies.values()]
    assert len(set().union(*connections)) == sum(map(len, connections))

    tokens = [one.json["ClientRequestToken"] for one in server.received if b"ClientRequestToken" in one.body]
    drawn = [json.loads(line) for line in done.stdout.splitlines()]
    for values in (tokens, [one["uuid"] for one in drawn], [one["pause"] for one in drawn]):
        assert len(set(values)) == len(copies)

    times = [datetime.strptime(received[0].headers["x-amz-date"], "%Y%m%dT%H%M%SZ") for received in copies.values()]
    for earlier, later in itertools.pairwise(times[:COPIES]):
        assert abs((later - earlier).total_seconds() - JUMP_SECONDS) < 60
