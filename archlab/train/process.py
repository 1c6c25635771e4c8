"""The process of one run: started with one thread, and why it failed when it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

REFUSED = 74  # its exit code where the system refused to write
Started = tuple[subprocess.Popen[bytes], IO[bytes]]


def start(folder: Path, model: str, gradients: int = 0) -> Started:
    """Start the run of a folder, and return its process and the file of its errors.

    `model` is the spec that the user gave.

    Gradient norms by depth are recorded every `gradients` steps; 0 is never.
    """
    errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by `failure`
    # -P: a file of the current folder must not stand in for a module of Python's.
    words = ("archlab.train.worker", folder, gradients, model, os.getpid())
    command = [sys.executable, "-P", "-m", *map(str, words)]
    # These nets are too small to gain from more threads, and one run a core is started.
    serial = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    # What this process imports the child finds too: archlab may be used from its source.
    serial["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
    null = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603  archlab itself; a folder and a number go with it
        command, stdin=null, stdout=null, stderr=errors, env=serial
    )
    return process, errors


def failure(process: subprocess.Popen[bytes], errors: IO[bytes]) -> str:
    """Return why an ended process failed, by its last line; empty where it did not."""
    code = process.wait()
    # The file's position is shared with the process, which has left it at the end.
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    errors.close()
    if code == 0:
        return ""
    if lines:
        return lines[-1]
    return f"its process was killed by signal {-code}" if code < 0 else f"exit code {code}"
