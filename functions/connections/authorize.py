"""The authorizer of $connect: consumes a ticket, which identifies the person."""

from typing import Any

from messaging.live.tickets import consume_ticket
from messaging.observability import logger
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return a policy for this handshake. API Gateway passes `user_uuid` to all functions of the socket."""
    user_uuid = consume_ticket(table, event["queryStringParameters"]["ticket"])
    if user_uuid is None:
        logger.info("refused", request_id=event["requestContext"]["requestId"])
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if user_uuid else "Deny",
        "Resource": event["methodArn"],
    }
    return {
        "principalId": user_uuid or "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"user_uuid": user_uuid} if user_uuid else {},
    }
