"""Where a command's answer goes: the terminal, or a file that is complete or not there."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.errors import OptionError, OutputError, check_one_of
from archlab.files import picture_format, write
from archlab.result import Answer
from archlab.view import FORMATS, render

if TYPE_CHECKING:
    from archlab.api.model import Model

PICTURES = (".svg", ".png", ".pdf")
PAGES = (".html", ".htm")
DRAWINGS = ("svg", "png", "pdf", "dot", "mmd", "json", "txt")
SUFFIXES = {".json": "json", ".csv": "csv", ".md": "md", ".txt": "tree"}


def how_to_load(
    input: Sequence[str] | None,  # noqa: A002
    batch: int | None,
    settings: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the keyword arguments of `api.Model` from the command line's texts."""
    from archlab.spec import parse_options

    options = parse_options(list(settings or ()))
    return {"input": list(input) if input else None, "batch": batch, "options": options}


def announced(model: Model) -> Model:
    """Say where a bare name was found, on standard error, and return the model."""
    if model.note:
        print(f"archlab: {model.note}", file=sys.stderr)
    return model


def show(
    result: Answer,
    *,
    style: str | None = None,
    out: Path | None = None,
    depth: int | None = None,
    sort: str | None = None,
) -> None:
    """Print a result, or write it to `out`.

    Raises:
        OptionError: an unknown format, suffix or column.
        OutputError: the file cannot be written.
    """
    style = style or _style_of(out)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() and out is None else None
    text = render(result, style, depth=depth, sort=sort, width=width)
    if out is None or str(out) == "-":
        print(text)
    else:
        write(out, text + "\n")
        print(f"wrote {out}", file=sys.stderr)


def show_plot(answer: Any, path: Path | None) -> None:
    """Write the picture of an answer by depth, where one is wanted.

    Raises:
        OutputError: the file cannot be written.
    """
    if path is None:
        return
    import archlab as api

    write(path, api.plot_by_depth(answer, path.suffix[1:]))
    print(f"wrote {path}", file=sys.stderr)


def check_target(style: str | None, out: Path | None) -> None:
    """Raise early, before the work, where the format is unknown or the file cannot be written.

    Raises:
        OptionError: an unknown format or suffix.
        OutputError: the folder is missing or may not be written.
    """
    if out is not None and out.is_dir():
        raise OutputError(f"{out} is a folder; a file is wanted.")
    chosen = style or _style_of(out)
    check_one_of("--format", chosen, FORMATS)
    if out is None or str(out) == "-":
        return
    _check_file(out)


def check_plot(path: Path | None, option: str = "--plot") -> None:
    """Raise early where a picture cannot be written.

    Raises:
        OptionError: a suffix that is no picture format.
        OutputError: the file cannot be written.
    """
    if path is None:
        return
    if path.suffix not in PICTURES:
        raise OptionError(
            f"{option} {path}: the suffix {path.suffix!r} names no picture format. "
            f"Allowed: {', '.join(PICTURES)}."
        )
    _check_file(path)


def check_page(path: Path) -> None:
    """Raise early where a page cannot be written.

    Raises:
        OptionError: a suffix other than .html or .htm.
        OutputError: the file cannot be written.
    """
    if str(path) == "-":
        return
    if path.suffix.lower() not in PAGES:
        raise OptionError(
            f"--out {path}: a report is a page. Allowed: {', '.join(PAGES)}, or - for standard "
            "output. Pictures alone: archlab render."
        )
    _check_file(path)


def check_picture(style: str | None, out: Path | None) -> str:
    """Return the format of a drawing; raise early where it is unknown or cannot be written.

    Raises:
        OptionError: an unknown format or suffix, or a picture in bytes for a terminal.
        OutputError: the file cannot be written.
    """
    chosen = style.lower() if style else None
    if out is not None and str(out) != "-":
        chosen = chosen or picture_format(out, DRAWINGS)
        _check_file(out)
    chosen = chosen or "txt"
    check_one_of("--format", chosen, DRAWINGS)
    if chosen in ("png", "pdf") and out is None and sys.stdout.isatty():
        raise OptionError(f"A {chosen} is no text for a terminal: add --out FILE.{chosen}.")
    return chosen


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f"{path} is a folder; a file is wanted.")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder} to write {path.name} in. Make it first.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"{path} cannot be written: permission denied.")


def _style_of(out: Path | None) -> str:
    if out is None or str(out) == "-":
        return "tree"
    if out.suffix not in SUFFIXES:
        raise OptionError(
            f"--out {out}: the suffix {out.suffix!r} names no format. Allowed: "
            f"{', '.join(SUFFIXES)}, or say --format."
        )
    return SUFFIXES[out.suffix]
