"""Reads the table's stream and pushes events to the open sockets of the people they concern."""

from typing import Any

from messaging.live.delivery import push
from messaging.live.events import StreamChange, read_change
from messaging.model.items import UNREADABLE
from messaging.observability import count, logger
from messaging.settings import ProfileSettings
from messaging.storage.sockets import open_sockets
from messaging.storage.table import open_table

settings = ProfileSettings.from_environment()
table = open_table(settings.table_name)
sockets = open_sockets()


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Push the events of a batch of stream records. Never fails: clients fetch undelivered events."""
    changes: list[StreamChange] = []
    for record in event["Records"]:
        try:
            changes.append(read_change(record, settings.messages_from))
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
