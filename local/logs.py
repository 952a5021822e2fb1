"""`make logs`: follows the functions' logs of the local system."""

import contextlib
import subprocess
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
    command = ["sam", "logs", *NO_CONFIG, "--cw-log-group", group, "--tail"]
    with contextlib.suppress(KeyboardInterrupt):
        return subprocess.run(command, env=sam_environment(here), check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
