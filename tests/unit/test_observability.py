import json
from collections.abc import Callable
from datetime import datetime

import pytest

from messaging.observability import count, log_failure, logger

Written = Callable[[], str]


def test_counts_are_written_as_metrics_cloudwatch_reads(written: Written) -> None:
    count(MessagesSent=1, ConflictsRetried=7)

    (line,) = written().splitlines()
    metrics = json.loads(line)
    (described,) = metrics["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "CruddurMessages"
    assert described["Dimensions"] == [["service"]]
    assert described["Metrics"] == [
        {"Name": "MessagesSent", "Unit": "Count"},
        {"Name": "ConflictsRetried", "Unit": "Count"},
    ]
    assert metrics["service"] == "tests"
    assert (metrics["MessagesSent"], metrics["ConflictsRetried"]) == ([1], [7])


def test_a_count_of_zero_is_not_written(written: Written) -> None:
    count(MessagesSent=1, ConversationsCreated=0)

    assert "ConversationsCreated" not in written()


@pytest.mark.parametrize("counts", [{}, {"MessagesSent": 0}, {"MessagesSent": False, "RecordsFailed": 0}], ids=repr)
def test_nothing_is_written_when_nothing_happened(counts: dict[str, int], written: Written) -> None:
    count(**counts)

    assert written() == ""


def test_true_counts_as_one(written: Written) -> None:
    count(MessagesSent=True, ConversationsCreated=False)

    metrics = json.loads(written())
    assert metrics["MessagesSent"] == [1]
    assert "ConversationsCreated" not in metrics


def test_counts_of_one_request_are_not_in_the_metrics_of_the_next(written: Written) -> None:
    count(MessagesSent=1)
    count(RecordsFailed=1)

    first, second = map(json.loads, written().splitlines())
    assert "RecordsFailed" not in first
    assert "MessagesSent" not in second


def test_a_log_line_is_one_line_of_json(written: Written) -> None:
    logger.info("refused", status=404, codes=None)

    (line,) = written().splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["message"], entry["service"], entry["status"]) == ("INFO", "refused", "tests", 404)
    assert datetime.fromisoformat(entry["timestamp"]).tzinfo
    assert not {"codes", "xray_trace_id"} & entry.keys()


def test_a_log_line_has_the_trace_id(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    logger.warning("record failed")

    entry = json.loads(written())
    assert (entry["level"], entry["xray_trace_id"]) == ("WARNING", "1-5759e988-bd862e3fe1be46a994272793")


def test_a_logged_failure_has_the_place_and_not_the_text(written: Written) -> None:
    secret = "the text of a message"
    try:
        raise ValueError(secret)
    except ValueError as error:
        log_failure(error, request_id="id")

    text = written()
    entry = json.loads(text)
    assert (entry["level"], entry["error"], entry["request_id"]) == ("ERROR", "ValueError", "id")
    assert "test_observability.py" in entry["trace"][0]
    assert secret not in text
