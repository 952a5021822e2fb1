"""Cognito's PostConfirmation trigger: creates a profile and a handle after a sign-up, both or neither.

The event's attributes sub, preferred_username and name become user_uuid, handle and display name. Cognito passes an
error on to the confirming client: "PostConfirmation failed with error The handle is taken."
"""

from typing import Any

from messaging.model.cognito_users import person_from_attributes
from messaging.model.errors import HandleTaken, Invalid
from messaging.observability import count, logger
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event unchanged, as Cognito expects. Raises HandleTaken and Invalid."""
    if event["triggerSource"] == "PostConfirmation_ConfirmSignUp":
        try:
            person = person_from_attributes(event["request"]["userAttributes"])
            table.register(person, has_account=True)
        except (HandleTaken, Invalid):
            count(SignUpsRefused=1)
            raise
        except Exception:
            count(SignUpsFailed=1)  # the only count of the alarm that rolls deployments back
            raise
        logger.info("registered", user_uuid=person.user_uuid)
    return event
