"""The table's stream, once more: what happens in a conversation is told to the open sockets of both people."""

from typing import Any

from messaging.live.delivery import push
from messaging.model.items import UNREADABLE
from messaging.observability import count, logger
from messaging.services.rewrite_inbox import Change
from messaging.settings import Settings
from messaging.storage.sockets import open_sockets
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)
sockets = open_sockets()


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Takes a batch of stream records, and never fails: what could not be told, clients fetch."""
    changes: list[Change] = []
    for record in event["Records"]:
        try:
            changes.append(Change.from_record(record))
        except UNREADABLE as error:
            logger.warning("record not readable", error=type(error).__name__)
    report = push(table, sockets, changes)
    count(
        ConnectionsReached=report.delivered,
        ConnectionsGone=report.gone,
        ConnectionsCut=report.disconnected,
        PushesFailed=report.failed,
        RecordsUnreadable=len(event["Records"]) - len(changes),
    )
