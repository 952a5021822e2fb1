"""Shared by the scripts in bin/: arguments, exit statuses, confirmation, progress and tables."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click
from botocore.exceptions import BotoCoreError, ClientError

from messaging.model.errors import MessagingError
from messaging.model.text import printable
from operators.environments import (
    DEFAULT,
    ENVIRONMENTS,
    STACK,
    Environment,
    NotRunning,
    OperatorError,
    environment,
    keep_to_this_machine,
)

if TYPE_CHECKING:
    from rich import progress

_TABLE_ROWS = 100  # in one table: the first rows of a large scan are shown before the last are read


class Declined(Exception):
    """The answer to a question was no."""


class Argument(click.Argument):
    """A positional argument with a line in `--help`, as options have."""

    def __init__(self, *names: Any, help: str, **attributes: Any) -> None:  # noqa: A002
        super().__init__(*names, **attributes)
        self._help = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        return self.human_readable_name, self._help


def environment_argument(names: Sequence[str] = ENVIRONMENTS) -> Callable[..., Any]:
    """The argument ENVIRONMENT: one of these names, by default the local system."""
    return click.argument(
        "environment",
        cls=Argument,
        metavar="[ENVIRONMENT]",
        type=click.Choice(names),
        default=DEFAULT,
        is_eager=True,  # bin/chat reads its other argument by it
        help=f"{', '.join(names[:-1])} or {names[-1]}; default: {DEFAULT}",
    )


stack_option = click.option(
    "--stack", metavar="NAME", default=STACK, show_default=True, help="the stack, or the table on DynamoDB Local"
)
person_argument = click.argument("person", cls=Argument, help="handle, email or user_uuid")
yes_option = click.option("--yes", is_flag=True, help="do not ask before writing to prod")


def run(command: click.Command) -> int:
    """Run a script's command with this process's arguments and the environment they name. An error is one line.

    Returns the exit status: the command's, 2 after an error, 130 after Ctrl-C.
    """
    program = Path(sys.argv[0]).name
    try:
        with command.make_context(program, sys.argv[1:], help_option_names=["-h", "--help"]) as context:
            name, stack = context.params["environment"], context.params.pop("stack", STACK)
            if name != "prod":
                keep_to_this_machine()
            context.params["environment"] = environment(name, stack)
            status: int = command.invoke(context)
            return status
    except click.exceptions.Exit as done:  # --help
        return done.exit_code
    except BrokenPipeError:  # nobody reads the output any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (click.Abort, KeyboardInterrupt):
        say(f"{program}: interrupted", error=True)
        return 130
    except click.UsageError as error:
        say(f"{program}: {' '.join(error.format_message().rstrip('.').split())} (see {program} --help)", error=True)
    except (BotoCoreError, ClientError, Declined, MessagingError, OperatorError) as error:
        say(f"{program}: {error}", error=True)
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException":
            say("bin/ddb/schema-load creates the table on DynamoDB Local; elsewhere the stack does.", error=True)
        if isinstance(error, NotRunning):
            for name in _running(command):
                say(f"{name} is running. To use it, end the command with: {name}", error=True)
    return 2


def _running(command: click.Command) -> Iterator[str]:
    """The environments on this machine that a command may use and that answer."""
    (argument,) = (one for one in command.params if one.name == "environment")
    for name in {"dynamodb-local", "local"}.intersection(argument.type.choices):  # type: ignore[attr-defined]
        with suppress(NotRunning):
            environment(name)
            yield name


def say(line: object, *, error: bool = False) -> None:
    """Print one line. A terminal shows control characters in it and obeys none (messaging.model.text)."""
    print(printable(str(line)), file=sys.stderr if error else sys.stdout, flush=True)


def show(columns: Mapping[str, int], rows: Iterable[Sequence[str]], *, header: bool = False) -> None:
    """Print rows: in tables on a terminal; else as lines, with columns of these widths and two spaces between them.

    `header` puts the names of the columns above the lines; a table always has them.
    """
    rows = iter(rows)
    if not sys.stdout.isatty():
        for row in chain([tuple(columns)] if header else [], rows):
            say("  ".join(f"{cell:<{width}}" for cell, width in zip(row, columns.values(), strict=True)).rstrip())
        return
    # Here, as below, since only a terminal needs it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    while some := list(islice(rows, _TABLE_ROWS)):
        table = Table(*columns)
        for row in some:
            table.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
        Console().print(table)


def confirm(environment: Environment, question: str, *, yes: bool, everywhere: bool = False) -> None:
    """Ask before a write to prod, or before any with `everywhere`; name prod's account and region. Raises Declined."""
    if environment.endpoint and not everywhere:
        return
    declined = Declined("Nothing was written. Answer y, or add --yes.")
    if not (yes or sys.stdin.isatty()):
        raise declined
    if environment.endpoint is None:
        say(f"{environment.stack} is in {environment.account_and_region}.", error=True)
    if not (yes or click.confirm(printable(question))):
        raise declined


class Progress:
    """A counter that threads may add to at once, with a bar on stderr while that is a terminal.

    The bar appears with the first number. Without `total` it says how many and for how long.
    """

    def __init__(self, unit: str, total: int | None = None) -> None:
        self._count = 0
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._bar = _bar(unit, total) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def add(self, count: int) -> None:
        with self._lock:
            self._count += count
        if self._bar:
            self._bar.start()
            self._bar.advance(self._bar.task_ids[0], count)

    @property
    def count(self) -> int:
        return self._count

    @property
    def rate(self) -> float:
        """The average per second."""
        return self._count / ((time.monotonic() - self._start) or 1)


def _bar(unit: str, total: int | None) -> "progress.Progress":
    """A bar on stderr, which is a terminal."""
    from rich import progress
    from rich.console import Console

    columns: list[progress.ProgressColumn] = [progress.TimeElapsedColumn()]
    if total:
        columns = [progress.BarColumn(), progress.TaskProgressColumn(), progress.TimeRemainingColumn()]
    bar = progress.Progress(
        *columns,
        progress.TextColumn("{task.completed:,.0f} {task.description}"),
        console=Console(stderr=True),
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task(unit, total=total)
    return bar
