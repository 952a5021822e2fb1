"""Cognito's PreSignUp trigger: refuses a handle or a name before there is an account.

An account whose handle is refused at confirmation only would stay without a profile. Cognito passes an error on to the
client that signs up: "PreSignUp failed with error The handle is taken."
"""

from typing import Any

from messaging.services.sign_ups import check_sign_up
from messaging.settings import Settings
from messaging.storage.table import open_table

table = open_table(Settings.from_environment().table_name)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event unchanged, as Cognito expects. Raises HandleTaken and Invalid.

    Accounts that operators make are checked by their script.
    """
    if event["triggerSource"] == "PreSignUp_SignUp":
        check_sign_up(table, event["request"]["userAttributes"])
    return event
