"""The lock of a folder of runs or of a scan's rows: one process at a time writes in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from archlab.errors import RunError, WriteError, keyword
from archlab.files import check_is_folder, remove_leftovers

LOCK = ".lock"  # the file in the folder that the lock is held on


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, made where it is absent, so that one process at a time writes in it.

    The system releases the lock when its holder dies, also by `kill -9`.

    Raises:
        RunError: another process holds it.
        WriteError: the folder cannot be written.
    """
    import filelock  # here: 60 ms, and most commands lock nothing

    check_is_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / LOCK, timeout=0, thread_local=False)
        lock.acquire()
    except filelock.Timeout as error:
        raise RunError(
            f"{folder} is in use by another archlab. Wait for it to end, stop it, or write into "
            f"another folder ({keyword('out')})."
        ) from error
    except OSError as error:
        raise WriteError(f"{folder} cannot be written: {error.strerror or error}.") from error
    try:
        remove_leftovers(folder)
        yield
    finally:
        lock.release()
