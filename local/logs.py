"""`make logs`: follows the functions' logs of the local system."""

import os
import sys

from local.stack import NO_CONFIG, sam_environment
from operators.environments import OperatorError, environment, keep_to_this_machine


def main() -> int:
    keep_to_this_machine()
    try:
        here = environment("local")
    except OperatorError as error:
        print(error, file=sys.stderr)
        return 1
    group = here.physical_ids["FunctionLogs"]
    print(f"Following {group}; Ctrl-C ends.", flush=True)
    os.execvpe("sam", ["sam", "logs", *NO_CONFIG, "--cw-log-group", group, "--tail"], sam_environment(here))  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
