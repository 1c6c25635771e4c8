"""Files that are complete or not there, CSV and JSON among them.

A file is written under a temporary name in its own folder and renamed. A process that is killed
while it writes leaves the temporary file behind; who next takes the folder's lock removes it
(`archlab.lock`).
"""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from archlab.errors import OutputError, RunError

_TEMPORARY = ".partial"


def write(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is never half there.

    A link is followed; a device or a pipe is written as it is.

    Raises:
        OutputError: the system refuses.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        # /dev/stdout cannot be replaced by a file.
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        with replaced(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give an empty temporary file to write; at the end it takes the place of `path`.

    Where an error comes out of the block, the temporary file goes and `path` stays as it was.
    """
    # In the same folder: a file cannot be renamed from one file system into another.
    path = path.resolve()
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


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    write(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping.

    Raises:
        RunError: it is absent or no JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} holds no record.")
    return content


def as_csv(rows: Iterable[Any], kind: type[Any]) -> str:
    """Return dataclasses as CSV, floats in full."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [part.name for part in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def remove_leftovers(folder: Path, name: str = "*") -> None:
    """Remove the temporary files that a killed process left of a file, or of all in a folder.

    Call it only where no other process can be writing these files.
    """
    for temporary in folder.glob(f".{name if name == '*' else glob.escape(name)}.*{_TEMPORARY}"):
        temporary.unlink(missing_ok=True)
