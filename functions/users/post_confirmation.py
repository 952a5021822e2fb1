"""Cognito's PostConfirmation trigger: creates a profile and a handle after a sign-up, both or neither.

The event's attributes sub, preferred_username and name become user_uuid, handle and display name. Cognito passes an
error on to the confirming client: "PostConfirmation failed with error The handle is taken."
"""

from typing import Any

from messaging.observability import logger
from messaging.services.sign_ups import complete_sign_up
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event unchanged, as Cognito expects. Raises HandleTaken and Invalid."""
    if event["triggerSource"] == "PostConfirmation_ConfirmSignUp":
        person = complete_sign_up(table, event["request"]["userAttributes"])
        logger.info("registered", user_uuid=person.user_uuid)
    return event
