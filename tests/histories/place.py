"""The environment of operators' scripts: the table of a history, and a user pool."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Attributes = dict[str, str]


class Environment:
    """An environment for scripts. `accounts` returns the attributes of the current accounts."""

    def __init__(self, table_name: str, dynamodb: Any, accounts: Callable[[], list[Attributes]]) -> None:
        self.table_name = table_name
        self.outputs = {"UserPoolId": "pool", "TableName": table_name}
        self._clients = {"dynamodb": dynamodb, "cognito-idp": _Cognito(accounts)}

    def client(self, service: str) -> Any:
        return self._clients[service]

    def sockets(self) -> None:
        """Nobody is online in these histories."""


class _Cognito:
    """A user pool of confirmed users."""

    def __init__(self, accounts: Callable[[], list[Attributes]]) -> None:
        self._accounts = accounts

    def get_paginator(self, _: str) -> "_Cognito":
        return self

    def paginate(self, **_: Any) -> Any:
        return [{"Users": [_user(account, "Attributes") for account in self._accounts()]}]

    def admin_get_user(self, **request: str) -> Any:
        (found,) = (account for account in self._accounts() if account["sub"] == request["Username"])
        return _user(found, "UserAttributes")

    def admin_disable_user(self, **_: Any) -> None:
        pass

    admin_user_global_sign_out = admin_delete_user = admin_disable_user


def _user(account: Attributes, name: str) -> Any:
    pairs = [{"Name": one, "Value": value} for one, value in account.items()]
    created = datetime(2026, 1, 1, tzinfo=UTC)
    return {name: pairs, "UserStatus": "CONFIRMED", "Enabled": True, "UserCreateDate": created}
