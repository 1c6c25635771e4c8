"""Files that are complete or not there, CSV and JSON among them.

A file is written under a temporary name in its own folder and renamed. A process that is killed
while it writes leaves the temporary file behind; who next takes the folder's lock removes it
(`archlab.lock`).
"""

from __future__ import annotations

import contextlib
import csv
import errno
import glob
import io
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from archlab.errors import OutputError, RunError, WriteError
from archlab.quoting import csv_cell

_TEMPORARY = ".partial"


def write(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is never half there.

    A link is followed; a device or a pipe is written as it is.

    Raises:
        WriteError: the system refuses.
    """
    # A file's name may hold bytes that are no text, and stand in what is written.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        # /dev/stdout cannot be replaced by a file.
        if path.exists() and not path.is_file():
            _write_through(path, data)
            return
        with replaced(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}.") from error


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give an empty temporary file to write; at the end it takes the place of `path`.

    Where an error comes out of the block, the temporary file goes and `path` stays as it was.
    """
    # In the same folder: a file cannot be renamed from one file system into another.
    path = Path(os.path.realpath(path))  # `resolve` has an error of its own for a circle of links
    handle, name = tempfile.mkstemp(_TEMPORARY, f".{path.name}.", path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp's files are private; and a mask can only be read by setting another.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_through(path: Path, data: bytes) -> None:
    """Write into a device or a pipe."""
    # Without a reader, opening a pipe would wait for one for ever: so it is an error.
    at_once = getattr(os, "O_NONBLOCK", 0)  # Windows has none
    handle = os.open(path, os.O_WRONLY | at_once)
    if at_once:
        os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as target:
        target.write(data)


def read_text(path: Path, most: int = 64 * 2**20) -> str:
    """Return the text of a file, of so many bytes at most.

    Raises:
        OSError: it cannot be read, is no file but a device or a pipe, or is larger.
        UnicodeDecodeError: it is no UTF-8.
    """
    check_is_file(path)
    if path.stat().st_size > most:
        raise OSError(errno.EFBIG, f"it is larger than {most / 2**20:.0f} MiB", str(path))
    return path.read_text(encoding="utf-8-sig")  # Excel writes a byte order mark


def check_is_file(path: Path) -> None:
    """Raise an OSError for a device or a pipe, a folder, or what is not there."""
    # A pipe without a writer would be waited for, and /dev/zero never ends.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file", str(path))


def check_is_folder(path: Path) -> None:
    """Raise an OutputError where there is a file, and no folder can be."""
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file; a folder is wanted.")


def cache_folder() -> Path:
    """Return where archlab keeps what it can make again, for the user whose process this is.

    Raises:
        OSError: the user has no home.
    """
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "archlab"
    try:
        return Path.home() / ".cache" / "archlab"
    except RuntimeError as error:
        raise OSError(errno.ENOENT, str(error)) from error


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    write(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping.

    Raises:
        RunError: it is absent or no JSON.
    """
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {reason(error)}.") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} holds no record.")
    return content


def reason(error: Exception) -> str:
    """Return why a file could not be read, without its name."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error.strerror) if isinstance(error, OSError) else str(error).rstrip(".")


def as_csv(rows: Iterable[Any], kind: type[Any]) -> str:
    """Return dataclasses as CSV, floats in full."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [part.name for part in fields(kind)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: csv_cell(value) for name, value in asdict(row).items()})
    return text.getvalue()


def remove_leftovers(folder: Path, name: str = "*") -> None:
    """Remove the temporary files that a killed process left of a file, or of all in a folder.

    Call it only where no other process can be writing these files.
    """
    for temporary in folder.glob(f".{name if name == '*' else glob.escape(name)}.*{_TEMPORARY}"):
        temporary.unlink(missing_ok=True)
