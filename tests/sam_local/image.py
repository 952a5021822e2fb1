"""Lambda's public Python image for `sam local`: `python -m tests.sam_local.image` fetches it.

If the registry cannot be reached, it builds a stand-in image of the same name. That contains this
machine's own Python (so Linux only), Lambda's runtime client and the programs that `sam local` runs in an image.
"""

import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

import docker
import requests

from tests.sam_local.conftest import ARCHITECTURE
from tools.bench.cold import RUNTIME_CLIENT

_REPOSITORY = "public.ecr.aws/lambda/python"
_TAG = f"{sys.version_info.major}.{sys.version_info.minor}-{ARCHITECTURE}"
_PULL_WITHIN = 300  # seconds
_PYTHON = Path(sys.executable).resolve()
_NOT_NEEDED = {"__pycache__", "dist-packages", "ensurepip", "idlelib", "site-packages", "test", "tkinter"}
_PROGRAMS = ("chmod", "cp", "mv", "rm", "sh")
_BOOTSTRAP = f"""#!/bin/sh
export PYTHONPATH=/opt/python:/opt:/var/runtime LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
cd /var/task && exec {_PYTHON} -m awslambdaric "$_HANDLER"
"""


def main() -> None:
    client = docker.from_env(timeout=_PULL_WITHIN)
    try:
        client.images.pull(_REPOSITORY, _TAG)
    except (docker.errors.APIError, requests.RequestException) as error:
        print(f"{_REPOSITORY}:{_TAG} cannot be fetched ({error}): this machine's own Python stands in for it.")
        _make(client)


def _make(client: docker.DockerClient) -> None:
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder) / "runtime"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", runtime, RUNTIME_CLIENT], check=True)
        archive = Path(folder) / "image.tar"
        with tarfile.open(archive, "w", dereference=True) as tar:
            _fill(tar, runtime)
        changes = ["WORKDIR /var/task", "ENV PATH=/bin"]
        client.api.import_image_from_file(str(archive), repository=_REPOSITORY, tag=_TAG, changes=changes)


def _fill(tar: tarfile.TarFile, runtime: Path) -> None:
    """Add Python at its path on this machine, the programs in /bin, the runtime client, and their libraries."""
    standard_library = Path(sysconfig.get_path("stdlib"))
    tar.add(standard_library, filter=lambda entry: None if Path(entry.name).name in _NOT_NEEDED else entry)
    tar.add(_PYTHON)
    tar.add(runtime, "var/runtime")
    bootstrap = tarfile.TarInfo("var/runtime/bootstrap")
    bootstrap.mode, bootstrap.size = 0o755, len(_BOOTSTRAP)
    tar.addfile(bootstrap, io.BytesIO(_BOOTSTRAP.encode()))
    programs = [Path(str(shutil.which(name))) for name in _PROGRAMS]
    for program in programs:
        tar.add(program, f"bin/{program.name}")
    binaries = [_PYTHON, *programs, *standard_library.glob("lib-dynload/*.so"), *runtime.rglob("*.so")]
    for library in {library for binary in binaries for library in _libraries(binary)}:
        tar.add(library)


def _libraries(binary: Path) -> list[str]:
    """The paths of the shared libraries that a binary loads, and of the loader."""
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listed, re.MULTILINE)


if __name__ == "__main__":
    main()
