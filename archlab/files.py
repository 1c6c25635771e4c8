"""Files that are complete or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from archlab.errors import OptionError, OutputError


def picture_format(path: Path, allowed: Collection[str]) -> str:
    """Return the format that a file name asks for by its suffix.

    Raises:
        OptionError: none of those allowed.

    Example:
        >>> picture_format(Path("graph.SVG"), ("svg", "png"))
        'svg'
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in allowed:
        given = (
            f"the suffix {path.suffix!r} names no" if path.suffix else "without a suffix it has no"
        )
        raise OptionError(
            f"{path}: {given} picture format. "
            f"Allowed: {', '.join(f'.{known}' for known in allowed)}."
        )
    return suffix


def write(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is never half there.

    A link is followed; a device or a pipe is written as it is.

    Raises:
        OutputError: the system refuses.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        path = path.resolve()
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)  # mkstemp's files are private
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
