"""Reads the table's stream and rewrites the inbox entries of both members after each change of a conversation."""

from typing import Any

from messaging.model.items import UNREADABLE
from messaging.observability import count, logger
from messaging.services.rewrite_inbox import Change, rewrite
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch of stream records; return the sequence numbers of exactly the failed ones."""
    changes: list[Change] = []
    failed: dict[str, Exception] = {}
    for record in event["Records"]:
        try:
            changes.append(Change.from_record(record))
        except UNREADABLE as error:
            failed[record["dynamodb"]["SequenceNumber"]] = error

    rewritten = rewrite(table, changes)
    failed |= rewritten.failed
    for sequence_number, reason in failed.items():
        logger.warning("record failed", sequence_number=sequence_number, error=type(reason).__name__)
    count(InboxRewrites=rewritten.moved + rewritten.rebuilt, InboxRebuilds=rewritten.rebuilt, RecordsFailed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": sequence_number} for sequence_number in failed]}
