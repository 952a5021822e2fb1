"""`make run`: the whole system on this machine, with people and a conversation in it."""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

from local import guard, stack, web
from local.lock import Held, hold
from local.ministack import HOST, Ministack, MinistackError, require_free
from operators import demo
from operators.environments import (
    LOCAL_DATA,
    LOCAL_HOME,
    LOCAL_SYSTEM,
    Environment,
    keep_to_this_machine,
    publish_local,
)
from operators.people import PersonRefused

_LOG = LOCAL_HOME / "ministack.log"
_DATA_LOCK = LOCAL_HOME / "data.lock"  # ministack's; the runner's own is `lock`
_LAST_PORT = 65_534
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument(
        "--port", type=_port, default=4566, help="where ministack listens on 127.0.0.1; the web client on the next"
    )
    parser.add_argument(
        "--origins",
        type=_origins,
        default="",
        help="of your own front ends, which may use the API: http://localhost:5173",
    )
    parser.add_argument("--issuer", default="", help="an OpenID Connect issuer of people's tokens, instead of Cognito")
    parser.add_argument("--audience", default="", help="with --issuer: the tokens' aud, comma-separated if several")
    parser.add_argument("--client-id", default="", help="with --issuer: the web client's, if not the first audience")
    parser.add_argument("--clean-data", action="store_true", help="forget all data and end")
    arguments = parser.parse_args()
    if bool(arguments.issuer) != bool(arguments.audience):
        parser.error("--issuer and --audience belong together: make run ISSUER=http://127.0.0.1:9000 AUDIENCE=cruddur")
    keep_to_this_machine()

    LOCAL_HOME.mkdir(exist_ok=True)
    LOCAL_HOME.chmod(0o700)  # other users of the machine could read messages, and the keys that sign tokens
    try:
        with hold(LOCAL_HOME / "lock"):
            hold(_DATA_LOCK).close()
            if arguments.clean_data:
                shutil.rmtree(LOCAL_DATA, ignore_errors=True)
                print("The local data is gone. The next `make run` starts anew.")
                return 0
            return _run(arguments.port, arguments.origins, _parameters(arguments))
    except Held as held:
        print(
            f"The local system is running as process {held.pid}. "
            f"End it with Ctrl-C in its terminal, or with: kill {held.pid}; kill -CONT {held.pid}\n"
            "(The second command wakes it if Ctrl-Z has stopped it.)",
            file=sys.stderr,
        )
        return 1


def _parameters(arguments: argparse.Namespace) -> dict[str, str]:
    """The template's parameters that these arguments set."""
    values = {
        "TokenIssuer": arguments.issuer,
        "TokenAudience": arguments.audience,
        "WebClientId": arguments.client_id,
    }
    return {name: value for name, value in values.items() if value}


def _run(port: int, origins: list[str], parameters: dict[str, str]) -> int:
    for ending in _ENDINGS:  # a shell's background jobs begin with SIGINT ignored; nohup ignores SIGHUP
        if ending != signal.SIGHUP or signal.getsignal(ending) != signal.SIG_IGN:
            signal.signal(ending, _interrupt)
    LOCAL_DATA.mkdir(exist_ok=True)
    ministack = Ministack(port, _LOG, LOCAL_DATA, origins)
    os.environ["TMPDIR"] = str(ministack.temporary)  # sam leaves files, too
    try:
        try:
            status = _serve(ministack, origins, parameters)
        finally:
            _ignore_endings()
            LOCAL_SYSTEM.unlink(missing_ok=True)
            ministack.stop()
    except MinistackError as error:
        _say(str(error), sys.stderr)
        return 1
    if status == 0:
        _say("The data stays for the next `make run`.")
    return status


def _serve(ministack: Ministack, origins: list[str], parameters: dict[str, str]) -> int:
    """Start the system and serve it until it must end; return the exit status."""
    place = ministack.place
    page = guard.page_port(ministack.port)
    try:
        print(f"  ports {ministack.port} (API, sockets, sign-ins) and {page} (web client) of {HOST}", flush=True)
        require_free(page)
        with _step("starting ministack, the local AWS"):
            ministack.start()
        with _step("building template.yaml (sam build)"):
            stack.build()
        with _step("deploying it (sam deploy)"):
            stack.deploy_changes(place, origins, **parameters)
        password = None if parameters else _load_demo(place)
        publish_local(place)
        with web.serving(place, password, origins) as address:
            print(_welcome(place, password, address) if password else _welcome_issuer(place, address), flush=True)
            ministack.wait(_say)
        _say(f"ministack has ended by itself; its log is {_LOG}", sys.stderr)
        return 1
    except (MinistackError, PersonRefused, stack.StackError, web.PortTaken) as error:
        _say(f"\n{error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        _ignore_endings()
        _say("\nEnding …")
        return 0


def _load_demo(place: Environment) -> str:
    """Create the demo people and conversations; return the people's password."""
    password = demo.local_password()
    with _step("demo people and conversations"):
        try:
            for line in demo.load(place, password):
                print(f"\n    {line}", end="", flush=True)
        except PersonRefused as error:
            raise PersonRefused(f"A demo person cannot be made: {error} `make clean-data` begins anew.") from error
    return password


@contextmanager
def _step(name: str) -> Iterator[None]:
    print(f"  {name} …", end="", flush=True)
    start = time.monotonic()
    yield
    print(f" {time.monotonic() - start:.1f} s", flush=True)


def _port(text: str) -> int:
    """Parse a port. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {_LAST_PORT}: the web client has the next one")
    return int(text)


def _origins(text: str) -> list[str]:
    """Parse origins, separated by blanks. Raises ArgumentTypeError."""
    origins = text.split()
    for origin in origins:
        if not guard.is_origin(origin):
            raise argparse.ArgumentTypeError(f"{origin} is no origin; this is one: http://localhost:5173")
    return origins


def _say(line: str, stream: TextIO | None = None) -> None:
    with suppress(OSError):  # the terminal was closed
        print(line, file=stream or sys.stdout, flush=True)


def _ignore_endings() -> None:
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _welcome(place: Environment, password: str, address: str) -> str:
    api = stack.api_url(place)
    port = stack.port(place)
    page = guard.page_port(port)
    sign_in = json.dumps(
        {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": place.outputs["UserPoolClientId"],
            "AuthParameters": {"USERNAME": demo.PEOPLE[0]["email"], "PASSWORD": password},
        }
    )
    me, other = (person["handle"] for person in demo.PEOPLE[:2])
    people = "\n".join(
        f"    @{person['handle']:<12} {person['name']:<22} {person['email']:<26} {password}" for person in demo.PEOPLE
    )
    return f"""
Ready.

  Web       {address}
  API       {api}
  sockets   {stack.socket_url(place)}?ticket=…
  AWS       {place.endpoint}   (region us-east-1, access key {place.access_key}, secret {place.secret_key})
  table     {place.outputs["TableName"]}
  user pool {place.outputs["UserPoolId"]}, client {place.outputs["UserPoolClientId"]}

  Sign-ins: handle, name, email, password
{people}

  Paste into another terminal. The first lines set the variables of all examples in README.md, docs/ and packages/: the
  addresses of the API and the sockets, the conversation of @{me} with @{other}, and a token of @{me}, for an hour.

API='{api}'
SOCKET='{stack.socket_url(place)}'
UUID='{demo.first_conversation(place)}'

TOKEN=$(curl -sS --noproxy '*' {place.endpoint}/ \\
  -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' \\
  -d '{sign_in}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["AuthenticationResult"]["AccessToken"])')

curl -sS --noproxy '*' -H "Authorization: Bearer $TOKEN" "$API/api/message_groups"

curl -sS --noproxy '*' -H "Authorization: Bearer $TOKEN" "$API/api/messages" \\
  -d '{{"handle": "{other}", "message": "Hello from the terminal"}}'

  From another machine (SSH, a hosted IDE) forward both ports under the same numbers, and open the address of Web there:
ssh -N -L {port}:127.0.0.1:{port} -L {page}:127.0.0.1:{page} HOST

  Ctrl-C ends it and keeps the data; `make clean-data` forgets it; `make logs` follows the functions' logs.
"""


def _welcome_issuer(place: Environment, address: str) -> str:
    signed_in = json.loads(place.outputs["WebConfig"])
    return f"""
Ready.

  Web       {address}
  API       {stack.api_url(place)}
  sockets   {stack.socket_url(place)}?ticket=…
  AWS       {place.endpoint}   (region us-east-1, access key {place.access_key}, secret {place.secret_key})
  table     {place.outputs["TableName"]}
  issuer    {signed_in["issuer"]}, client {signed_in["client_id"]}, redirect to {address}

  The first call of a person, with a token that the issuer gives out for {signed_in["audience"]} in place of the dots:

API='{stack.api_url(place)}'
SOCKET='{stack.socket_url(place)}'
TOKEN='…'

curl -sS --noproxy '*' -H "Authorization: Bearer $TOKEN" "$API/api/users/me"

  Ctrl-C ends it and keeps the data; `make clean-data` forgets it; `make logs` follows the functions' logs.
"""


if __name__ == "__main__":
    sys.exit(main())
