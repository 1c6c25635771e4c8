"""The process of one run: started with one thread, and why it failed when it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from archlab.errors import WriteError
from archlab.runs import record

REFUSED = 74  # its exit code where the system refused to write
Started = tuple[subprocess.Popen[bytes], Path]
_LONGEST = 64 * 1024  # bytes of a file of errors that are read for its last line


def start(folder: Path, model: str, gradients: int = 0) -> Started:
    """Start the run of a folder, and return its process and the file of its errors.

    What it writes to standard error stands in RUN/stderr.txt, in the place of what the run before
    has left there. `model` is the spec that the user gave.

    Gradient norms by depth are recorded every `gradients` steps; 0 is never.

    Raises:
        WriteError: the folder cannot be written.
    """
    # -P: a file of the current folder must not stand in for a module of Python's. faulthandler: of
    # a fault below Python, too, the lines that led to it are known.
    words = ("archlab.train.worker", folder, gradients, model, os.getpid())
    command = [sys.executable, "-P", "-X", "faulthandler", "-m", *map(str, words)]
    # These nets are too small to gain from more threads, and one run a core is started.
    serial = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    # What this process imports the child finds too: archlab may be used from its source.
    serial["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
    null, path = subprocess.DEVNULL, folder / record.ERRORS
    try:
        # Unbuffered by this process: the child writes into the file itself, also as it dies.
        with path.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603  archlab itself; a folder and a number go with it
                command, stdin=null, stdout=null, stderr=errors, env=serial
            )
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}.") from error
    return process, path


def failure(process: subprocess.Popen[bytes], errors: Path) -> str:
    """Return why an ended process failed; empty where it did not.

    That is the last line of its errors, or the signal that killed it, and the file where they have
    more. An empty file is removed.
    """
    code = process.wait()
    lines = _last_lines(errors)
    if not lines:
        with suppress(OSError):
            errors.unlink()
    if code == 0:
        return ""
    if code < 0:
        # What faulthandler wrote last is no reason: a list of modules, or the first of all calls.
        name = next((each.name for each in signal.Signals if each == -code), "of no name")
        killed = f"its process was killed by signal {-code} ({name})"
        return f"{killed}; see {errors}" if lines else killed
    if not lines:
        return f"exit code {code}"
    return lines[-1] if len(lines) == 1 else f"{lines[-1]} (all of it: {errors})"


def _last_lines(path: Path) -> list[str]:
    """Return the end of a file of errors, line by line; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LONGEST))
            return file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return []
