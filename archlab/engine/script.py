"""A job that is a Python program of its own: training by DDP starts its ranks from its command."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from archlab.errors import EngineError

_POLL = 0.2
_PATIENCE = 120.0  # seconds for a program to save after an interrupt


def run_script(command: Sequence[str], folder: str | Path = ".") -> str:
    """Run `python COMMAND` in a folder of the job's node, and return the last line it prints.

    It sees the GPUs that the job was given (Ray sets CUDA_VISIBLE_DEVICES) and no others. When the
    job is cancelled it gets SIGINT and two minutes to save.

    Raises:
        EngineError: no such folder on the node, or the program failed; with its last line.

    Example:
        >>> run_script(["-c", "print(6 * 7)"])
        '42'
    """
    if not Path(folder).is_dir():
        raise EngineError(f"No folder {folder} on this node, to run {' '.join(command)} in.")
    # A file, not a pipe: a program that prints more than a pipe holds would wait for a reader.
    with tempfile.TemporaryFile("w+") as out:
        program = [sys.executable, *command]
        process = subprocess.Popen(  # noqa: S603  the caller names the program, and asks to run it
            program, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        code = waited(process)
        out.seek(0)
        _, _, last = out.read().strip().rpartition("\n")
    if code:
        raise EngineError(f"python {' '.join(command)} ended with {code}: {last or 'no word'}")
    return last


def waited(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process and return its code; a KeyboardInterrupt lets it save, then goes on."""
    try:
        # Ray interrupts a task between two lines of Python: a plain wait() would not be left.
        while process.poll() is None:
            time.sleep(_POLL)
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
