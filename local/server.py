"""The process of ministack: guarded, with an access key of its own, and with the resource types that it lacks."""

import asyncio
import os
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Container, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import lambda_runtime
from ministack.core.iam_actions import unsigned_operations
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id
from ministack.services import lambda_svc, sts

from local import corrections, guard, resource_types
from local.lock import Held, hold
from local.state import State

_API = "/_aws/execute-api/"
_DISTRIBUTION = re.compile(r"^\w+\.cloudfront\.(?=localhost:)")  # the host of a local CloudFront, as ministack reads it
_SIGNING_KEYS = re.compile(r"/[\w-]+/\.well-known/jwks\.json")
_COGNITO = "AWSCognitoIdentityProviderService."
_NO_KEY = "This needs the access key of this run, which .local/system.json has."
_INTERNAL = "ministack's own interface is closed."
_STOP_WITHIN = 20  # seconds

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Send], Coroutine[Any, Any, None]]


def main() -> None:
    """Serve as ministack's own `main` does. Removes the administrator's access key from the environment."""
    administrator = f"arn:aws:iam::{get_account_id()}:root"
    secret_key = os.environ.pop("CRUDDUR_SECRET_KEY")
    sts.register_session(
        os.environ.pop("CRUDDUR_ACCESS_KEY"),
        {"Arn": administrator, "UserId": get_account_id(), "SecretAccessKey": secret_key},
    )
    resource_types.add()
    corrections.apply()
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = _credentials
    port = int(os.environ["GATEWAY_PORT"])
    pages = guard.origins(guard.page_port(port)) + os.environ.pop("CRUDDUR_ORIGINS").split()
    app.app = guarded(app.app, port, pages, sts._sessions)
    threading.Thread(target=_end_with_runner, daemon=True).start()
    if os.environ.get("PERSIST_STATE"):
        folder = os.environ["STATE_DIR"]
        try:
            lock = hold(Path(f"{folder}.lock"))
        except Held as held:
            sys.exit(f"{held} It writes {folder}.")
        with lock:
            _serve_saved(State(Path(folder), _tell_runner))
    else:
        app.main()


def _serve_saved(state: State) -> None:
    state.install()
    app.app = saved(app.app, state)
    app.main()
    if state.failure:
        sys.exit(f"The data was not saved: {state.failure}")


def _tell_runner(line: str) -> None:
    """Send a line to the runner. Standard input is a socket, whose other end the runner holds."""
    with suppress(OSError):  # the runner has ended
        os.write(sys.stdin.fileno(), f"{line}\n".encode())


def _end_with_runner() -> None:
    """End this process when the runner has ended in any way."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_WITHIN)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def saved(served: App, state: State) -> App:
    """The ASGI application `served`, its state saved while it runs."""

    async def application(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] != "lifespan":
            state.note_change()
            await served(scope, receive, send)
            state.note_change()
            return
        saving = asyncio.create_task(state.save_regularly())
        try:
            await served(scope, receive, send)
        finally:
            saving.cancel()

    return application


def guarded(served: App, port: int, pages: Container[str], access_keys: Container[str]) -> App:
    """The ASGI application `served` behind the guard, for programs and the pages of these origins.

    A request is signed with one of `access_keys` (ministack checks the signature), or AWS accepts it unsigned, too.
    """

    async def application(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        refusal = None if scope["type"] == "lifespan" else _refusal(scope, port, pages, access_keys)
        if refusal is None:
            await served(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # not accepted before: this is a 403
        else:
            headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(refusal))]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": refusal.encode()})

    return application


def _refusal(scope: Scope, port: int, pages: Container[str], access_keys: Container[str]) -> str | None:
    # As ministack joins them.
    headers = guard.joined((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    plain = headers | {"host": _DISTRIBUTION.sub("", headers.get("host", ""))}
    if refusal := guard.refusal(plain, port, pages):
        return refusal
    if scope["path"].startswith("/_") and not scope["path"].startswith(_API):
        return _INTERNAL
    query = parse_qs(scope["query_string"].decode(errors="replace"), keep_blank_values=True)
    access_key = extract_access_key_id(headers, query)
    return None if (access_key in access_keys if access_key else _is_public(scope, headers)) else _NO_KEY


def _is_public(scope: Scope, headers: dict[str, str]) -> bool:
    """True for the deployed APIs, which ask for tokens and tickets, and for Cognito's public operations."""
    path, method = scope["path"], scope.get("method")
    if path.startswith(_API):
        return "/@connections/" not in path
    if method == "GET":  # the public keys of user pools; ministack's own API Gateway fetches them so
        return _SIGNING_KEYS.fullmatch(path) is not None
    target = headers.get("x-amz-target", "")
    is_for_people = target.startswith(_COGNITO) and target[len(_COGNITO) :] in unsigned_operations("cognito-idp")
    return path == "/" and (method == "OPTIONS" or (method == "POST" and is_for_people))


_computed = lambda_runtime.execution_credentials
_SALT = secrets.token_hex(16)


def _credentials(config: dict[str, Any]) -> dict[str, str]:
    """A function's credentials. Anybody could compute ministack's own from the names of function and role."""
    credentials: dict[str, str] = _computed({**config, "FunctionArn": f"{config['FunctionArn']}:{_SALT}"})
    return credentials


if __name__ == "__main__":
    main()
