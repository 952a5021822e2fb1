"""Where the local system answers as AWS does, though ministack does not."""

from uuid import uuid4

import pytest
import requests

from cruddur_messages.session import Session
from local import guard, stack
from tests.e2e.conftest import PASSWORD, Client, System


@pytest.mark.parametrize(("path", "status"), [("/api/message_groups", 401), ("/api/nothing", 404), ("/", 404)])
def test_a_page_may_read_refusals(system: System, path: str, status: int) -> None:
    (origin, *_) = guard.origins(guard.page_port(stack.port(system.environment)))

    response = requests.get(system.api + path, headers={"Origin": origin}, timeout=60)

    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == origin


def test_people_sign_in_with_their_address_in_any_case(system: System, bayko: Client) -> None:
    cognito = system.client("cognito-idp")
    pool_id, client_id = (system.environment.outputs[name] for name in ("UserPoolId", "UserPoolClientId"))

    assert system.sign_in(bayko.email.upper())
    assert Session(cognito, pool_id, client_id, bayko.email.title(), PASSWORD).user_uuid == bayko.user_uuid
    with pytest.raises(cognito.exceptions.UsernameExistsException):
        cognito.sign_up(ClientId=client_id, Username=bayko.email.upper(), Password=PASSWORD)


def test_a_confirmed_sign_up_makes_a_profile(system: System, bayko: Client) -> None:
    cognito = system.client("cognito-idp")
    client_id = system.environment.outputs["UserPoolClientId"]

    def sign_up(handle: str) -> str:
        email = f"{uuid4().hex}@example.com"
        attributes = {"email": email, "preferred_username": handle, "name": "New"}
        cognito.sign_up(
            ClientId=client_id,
            Username=email,
            Password=PASSWORD,
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
        return email

    handle = f"new_{uuid4().hex[:8]}"
    first, second = sign_up(handle), sign_up(handle)
    cognito.confirm_sign_up(ClientId=client_id, Username=first, ConfirmationCode="123456")
    assert bayko.get(f"/api/users/@{handle}/short").json()["display_name"] == "New"
    with pytest.raises(cognito.exceptions.UserLambdaValidationException, match="The handle is taken"):
        cognito.confirm_sign_up(ClientId=client_id, Username=second, ConfirmationCode="123456")


def test_what_a_call_logs_is_in_the_log_when_it_is_answered(system: System, bayko: Client) -> None:
    group = system.environment.physical_ids["FunctionLogs"]
    nobody = f"/api/message_groups/@nobody_{uuid4().hex[:8]}"

    def refusals() -> int:
        pages = system.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"] for page in pages for event in page["events"]]
        return sum('"refused"' in line and "GET /api/message_groups/{message_group}" in line for line in lines)

    before = refusals()
    for number in (1, 2):
        assert bayko.get(nobody).status_code == 404
        assert refusals() == before + number
