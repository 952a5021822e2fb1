"""`make run`: the whole system on this machine, with people and a conversation in it."""

import argparse
import fcntl
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from local import stack, web
from local.ministack import Ministack, MinistackError
from operators import demo
from operators.environments import LOCAL_DATA, LOCAL_HOME, LOCAL_SYSTEM, Environment, publish_local
from operators.people import PersonRefused

_LOG = LOCAL_HOME / "ministack.log"
_DRAIN = 1.5  # seconds for the stream handler to do what was just sent: ministack keeps no streams


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=4566, help="where ministack listens on 127.0.0.1; the web client on the next"
    )
    parser.add_argument("--clean-data", action="store_true", help="forget all data and end")
    arguments = parser.parse_args()

    LOCAL_HOME.mkdir(exist_ok=True)
    LOCAL_HOME.chmod(0o700)  # other users of the machine could read messages, and what tokens are signed with
    with (LOCAL_HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("The local system is running in another terminal: end that one first (Ctrl-C).", file=sys.stderr)
            return 1
        if arguments.clean_data:
            shutil.rmtree(LOCAL_DATA, ignore_errors=True)
            print("The local data is gone. The next `make run` starts anew.")
            return 0
        return _run(arguments.port)


def _run(port: int) -> int:
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs begin with SIGINT ignored
        signal.signal(ending, _interrupt)
    LOCAL_DATA.mkdir(exist_ok=True)
    ministack = Ministack(port, _LOG, LOCAL_DATA)
    place = ministack.place
    try:
        with _step("starting ministack, the local AWS"):
            ministack.start()
        with _step("building template.yaml (sam build)"):
            stack.build()
        with _step("deploying it (sam deploy)"):
            stack.deploy(place)
        with _step("demo people and conversations"):
            password = demo.local_password()
            for line in demo.load(place, password):
                print(f"\n    {line}", end="", flush=True)
        publish_local(place)
        with web.serving(place, password) as address:
            print(_welcome(place, password, address), flush=True)
            ministack.wait()
        print(f"ministack has ended by itself; its log is {_LOG}", file=sys.stderr)
        return 1
    except (MinistackError, PersonRefused, stack.StackError, web.PortTaken) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnding; the data stays for the next `make run`.", flush=True)
        time.sleep(_DRAIN)
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        LOCAL_SYSTEM.unlink(missing_ok=True)
        ministack.stop()


@contextmanager
def _step(name: str) -> Iterator[None]:
    print(f"  {name} …", end="", flush=True)
    start = time.monotonic()
    yield
    print(f" {time.monotonic() - start:.1f} s", flush=True)


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _welcome(place: Environment, password: str, address: str) -> str:
    api = stack.api_url(place)
    sign_in = json.dumps(
        {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": place.outputs["UserPoolClientId"],
            "AuthParameters": {"USERNAME": demo.PEOPLE[0]["email"], "PASSWORD": password},
        }
    )
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

  Get a token for @{demo.PEOPLE[0]["handle"]}, list the conversations, send a message:

TOKEN=$(curl -sS {place.endpoint}/ \\
  -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' \\
  -d '{sign_in}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["AuthenticationResult"]["AccessToken"])')

curl -sS -H "Authorization: Bearer $TOKEN" '{api}/api/message_groups'

curl -sS -H "Authorization: Bearer $TOKEN" '{api}/api/messages' \\
  -d '{{"handle": "londo", "message": "Hello from the terminal"}}'

  Ctrl-C ends it and keeps the data; `make clean-data` forgets it; `make logs` follows the functions' logs.
"""


if __name__ == "__main__":
    sys.exit(main())
