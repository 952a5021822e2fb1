"""Making people, as signing up does."""

import json

from messaging.errors import Invalid
from messaging.people import person_from_attributes
from operators.places import Place


class PersonRefused(Exception):
    """A person cannot be made; the text says why."""


def create_user(place: Place, handle: str, name: str, email: str, password: str) -> str:
    """Makes a confirmed Cognito user with this permanent password, and the profile. Returns the user_uuid.

    Doing it again finishes what was cut off and sets the password. Raises PersonRefused for a handle, email or
    password that is taken or not acceptable; then nothing stays that was not there before.
    """
    cognito = place.client("cognito-idp")
    pool = place.outputs["UserPoolId"]
    attributes = {"email": email, "email_verified": "true", "preferred_username": handle, "name": name}
    try:
        person_from_attributes({**attributes, "sub": ""})
    except Invalid as error:
        raise PersonRefused(str(error).replace("preferred_username", "HANDLE")) from error

    created = True
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=email,
            UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
            MessageAction="SUPPRESS",
        )
    except cognito.exceptions.UsernameExistsException:
        created = False
    except cognito.exceptions.InvalidParameterException as error:
        raise PersonRefused(error.response["Error"]["Message"]) from error

    try:
        found = cognito.admin_get_user(UserPoolId=pool, Username=email)["UserAttributes"]
        stored: dict[str, str] = {attribute["Name"]: attribute["Value"] for attribute in found if "Value" in attribute}
        if stored["preferred_username"] != handle:
            raise PersonRefused(f"{email} is @{stored['preferred_username']} already.")
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
        _confirm(place, stored)
    except (PersonRefused, cognito.exceptions.InvalidPasswordException) as error:
        if created:
            cognito.admin_delete_user(UserPoolId=pool, Username=email)
        raise PersonRefused(str(error)) from error
    return stored["sub"]


def _confirm(place: Place, attributes: dict[str, str]) -> None:
    """Runs the deployed trigger: Cognito itself calls it only for those who sign up themselves."""
    answer = place.client("lambda").invoke(
        FunctionName=place.physical_ids["PostConfirmationAliaslive"],
        Payload=json.dumps(
            {"triggerSource": "PostConfirmation_ConfirmSignUp", "request": {"userAttributes": attributes}}
        ),
    )
    if "FunctionError" in answer:
        raise PersonRefused(json.load(answer["Payload"])["errorMessage"])
