"""The layer is the same wherever it is built: an unchanged layer publishes no version of a function."""

import hashlib
import subprocess
import sys
from pathlib import Path

from operators.schema import TEMPLATE

LAYER = TEMPLATE.parent / "layers" / "shared"


def test_the_layer_built_in_two_folders_is_the_same(tmp_path: Path) -> None:
    built = [tmp_path / "laptop", tmp_path / "a" / "runner"]
    for folder in built:
        folder.mkdir(parents=True)
        # As `sam build` does.
        command = ["make", "-C", str(LAYER), "build-SharedLayer", f"ARTIFACTS_DIR={folder}", f"PYTHON={sys.executable}"]
        subprocess.run(command, check=True, capture_output=True)

    one, other = map(_contents, built)
    assert len([name for name in one if name.endswith(".pyc")]) > 10
    assert one == other


def _contents(folder: Path) -> dict[str, str]:
    """A digest of each file, by its path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
