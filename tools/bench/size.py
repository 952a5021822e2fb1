"""Deployed sizes, and the modules of the layer that no function imports."""

import io
import json
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local import stack
from tools.bench.cold import LAYER, Function, environment, runtime

# Runs a function's first invocation and prints the modules imported by its end.
_IMPORTED = """
import importlib, json, sys
module, _, handler = sys.argv[1].partition(".")
getattr(importlib.import_module(module), handler)(json.load(sys.stdin), None)
print("\\n" + json.dumps([name for name in sys.modules]))
"""


@dataclass(frozen=True)
class Sizes:
    """Bytes, zipped and unzipped, by name; number of modules in the layer; source bytes of never imported modules."""

    zipped: dict[str, int]
    unzipped: dict[str, int]
    modules: int
    never_imported: dict[str, int]


def measure(functions: list[Function], endpoint: str) -> Sizes:
    """Measure the built functions of template.yaml."""
    folders = {name: stack.BUILD / name for name in (LAYER, *(function.name for function in functions))}
    sources: dict[str, int] = {}
    root = folders[LAYER] / "python"
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.stat().st_size
    imported = set[str]().union(*(_imported(function, endpoint) for function in functions))
    return Sizes(
        {name: _zipped(folder) for name, folder in folders.items()},
        {name: sum(path.stat().st_size for path in _files(folder)) for name, folder in folders.items()},
        len(sources),
        {name: size for name, size in sources.items() if name not in imported},
    )


def _imported(function: Function, endpoint: str) -> set[str]:
    """List the modules a function imports, without the runtime client: its imports are Lambda's."""
    done = subprocess.run(
        [runtime(), "-c", _IMPORTED, function.handler],
        cwd=function.code,
        env=environment(function, endpoint),
        input=json.dumps(function.event),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _zipped(folder: Path) -> int:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(folder):
            archive.write(path, path.relative_to(folder))
    return packed.tell()
