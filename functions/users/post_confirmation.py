"""Cognito's PostConfirmation trigger: a person who has signed up gets a profile and a handle, both or neither.

The event's attributes sub, preferred_username and name become user_uuid, handle and display name. An error here is
what Cognito answers the client that confirms: "PostConfirmation failed with error The handle is taken."
"""

from typing import Any

from messaging.model.cognito_users import person_from_attributes
from messaging.model.errors import HandleTaken, Invalid
from messaging.observability import count, logger
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers the event as it came, as Cognito expects. Raises HandleTaken and Invalid."""
    if event["triggerSource"] == "PostConfirmation_ConfirmSignUp":
        try:
            person = person_from_attributes(event["request"]["userAttributes"])
            table.register(person, has_account=True)
        except (HandleTaken, Invalid):
            count(SignUpsRefused=1)
            raise
        except Exception:
            count(SignUpsFailed=1)  # an alarm that takes deployments back counts these only
            raise
        logger.info("registered", user_uuid=person.user_uuid)
    return event
