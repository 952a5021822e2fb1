"""What the scripts under bin/ have in common: their arguments, their errors, their progress."""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from messaging.model.errors import MessagingError
from messaging.model.text import printable
from operators.environments import ENVIRONMENTS, STACK, Environment, OperatorError, environment, keep_to_this_machine
from operators.people import PersonRefused

_BAR = 24  # characters


class Declined(Exception):
    """The person at the keyboard said no."""


def say(line: object, *, error: bool = False) -> None:
    """Prints one line. Whatever others wrote in it, a terminal shows it and obeys none of it (messaging.model.text)."""
    print(printable(str(line)), file=sys.stderr if error else sys.stdout, flush=True)


def arguments(program: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with the place and the stack. Without a place it is DynamoDB Local (see places.DYNAMODB_LOCAL)."""
    parser = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_place(parser)
    return parser


def add_place(parser: argparse.ArgumentParser) -> None:
    """Adds the place and the stack to the arguments there are."""
    parser.add_argument(
        "place", nargs="?", choices=ENVIRONMENTS, default=ENVIRONMENTS[0], help="where to work; default: %(default)s"
    )
    parser.add_argument("--stack", default=STACK, help="on DynamoDB Local, the table; default: %(default)s")


def system_arguments(program: str, description: str | None, *, person: bool = False) -> argparse.ArgumentParser:
    """A parser for what needs a user pool: with the place and the stack, and before them the one person it is about."""
    parser = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if person:
        parser.add_argument("who", metavar="PERSON", help="handle, email or user_uuid")
    parser.add_argument(
        "place", nargs="?", choices=ENVIRONMENTS[1:], default=ENVIRONMENTS[1], help="default: %(default)s"
    )
    parser.add_argument("--stack", default=STACK, help="default: %(default)s")
    return parser


def run(main: Callable[..., int], parser: argparse.ArgumentParser) -> int:
    """Calls `main` with the place and the other arguments; an error becomes one line and exit status 2."""
    given = vars(parser.parse_args())
    name = given.pop("place")
    if name != "prod":
        keep_to_this_machine()
    try:
        return main(environment(name, given.pop("stack")), **given)
    except (BotoCoreError, ClientError, Declined, MessagingError, PersonRefused, OperatorError) as error:
        say(f"{parser.prog}: {error}", error=True)
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException":
            say("On DynamoDB Local bin/ddb/schema-load makes the table; elsewhere it has the stack's name.", error=True)
        return 2
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        say(f"{parser.prog}: interrupted", error=True)
        return 130


def confirm(environment: Environment, question: str, *, yes: bool, everywhere: bool = False) -> None:
    """Asks before something is written to prod, or `everywhere`, and says which account and region that is.

    Raises Declined.
    """
    if environment.endpoint and not everywhere:
        return
    declined = Declined("Nothing was written. Answer y, or add --yes.")
    if not (yes or sys.stdin.isatty()):
        raise declined
    if environment.endpoint is None:
        say(f"{environment.stack} is in {environment.account_and_region}.", error=True)
    if not yes and input(f"{printable(question)} [y/N] ").lower() not in ("y", "yes"):
        raise declined


class Progress:
    """A line on a terminal that says how much was done and how fast; nothing elsewhere.

    With `total` there is a bar, and the time that is left.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self.count = 0
        self._what = what
        self._total = total
        self._lock = threading.Lock()
        self._start = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)

    def add(self, count: int) -> None:
        with self._lock:
            self.count += count
            now = time.monotonic()
            if sys.stderr.isatty() and now - self._shown > 0.2:
                self._shown = now
                print(f"\r{self._line()}\x1b[K", end="", file=sys.stderr, flush=True)

    @property
    def rate(self) -> float:
        """How many a second, so far."""
        return self.count / (time.monotonic() - self._start)

    def _line(self) -> str:
        rate = self.rate
        done = f"{self.count:,} {self._what}, {rate:,.0f} a second"
        if not self._total:
            return done
        part = min(1.0, self.count / self._total)
        left = (self._total - self.count) / rate if rate else 0
        return f"{'█' * round(part * _BAR):·<{_BAR}} {part:4.0%}  {done}, {left:,.0f} s left"
