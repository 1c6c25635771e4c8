"""One process a folder: a lock that the system releases when its holder dies, kill -9 included."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from archlab.errors import OutputError, RunError

LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for the time of the `with`.

    Raises:
        RunError: another process holds it; the message says which.
        OutputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a+")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error
    with file:
        try:
            _lock(file)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RunError(
                f"{folder} is in use by another archlab (process {holder}). Wait for it to end, "
                "stop it, or give another --out."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        file.seek(1 << 30)  # the region is locked for reading too: keep the number readable
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
