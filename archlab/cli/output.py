"""Where a command's answer goes: the terminal, or a file that is complete or not there.

What cannot be written is refused before the work: each group checks itself when it is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archlab.cli.options import listed
from archlab.cli.streams import answer as write_answer, is_terminal, say, terminal_width
from archlab.errors import OptionError, OutputError, check_one_of, keyword
from archlab.files import write
from archlab.result import Answer
from archlab.view import FORMATS, render
from archlab.view.figure.export import FORMATS as PICTURES

if TYPE_CHECKING:
    from archlab.picture.picture import Picture

SUFFIXES = {".json": "json", ".csv": "csv", ".md": "md", ".txt": "tree"}

Sort = Annotated[
    str | None,
    typer.Option("--sort", help="Sort by this column (its name in JSON), the largest first."),
]


@dataclass(frozen=True)
class Format:
    """The format of an answer that goes to the terminal."""

    format: Annotated[
        str | None, typer.Option("--format", "-f", help=f"{listed(FORMATS)}. Default: tree.")
    ] = None

    def __post_init__(self) -> None:
        if self.format is not None:
            check_one_of("format", self.format, FORMATS)

    def show(self, answer: Answer, default: str = "tree") -> None:
        """Print an answer."""
        _show(answer, self.format or default)


@dataclass(frozen=True)
class Output:
    """The format of an answer, and the file it goes to."""

    format: Annotated[
        str | None,
        typer.Option(
            "--format", "-f", help=f"{listed(FORMATS)}. Default: the suffix of --out, else tree."
        ),
    ] = None
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write to this file instead of the terminal.")
    ] = None

    def __post_init__(self) -> None:
        check_one_of("format", self.format or _format_of(self.out), FORMATS)
        check_file(self.out)

    def show(self, answer: Answer, *, depth: int | None = None, sort: str | None = None) -> None:
        """Print an answer, or write it to the file; an unknown column to sort by is refused."""
        _show(answer, self.format or _format_of(self.out), self.out, depth=depth, sort=sort)


@dataclass(frozen=True)
class Tree:
    """How deep a module tree is shown, or in which order."""

    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", "-d", min=0, help="Levels of the module tree. Default: what fits a screen."
        ),
    ] = None
    sort: Sort = None


@dataclass(frozen=True)
class Plot:
    """A picture beside the table."""

    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Also write a picture: {suffixes(PICTURES)}."),
    ] = None

    def __post_init__(self) -> None:
        check_suffix("plot", self.plot, PICTURES)
        check_file(self.plot)

    def save(self, picture: Callable[[], Picture]) -> None:
        """Make the picture and write it, where one was asked for."""
        # Drawing takes a second, so it waits until it is known that somebody wants the picture.
        if self.plot is not None:
            put(self.plot, picture().data(self.plot.suffix[1:]))


def put(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all, and say so."""
    write(path, content)
    # Standard output belongs to answers: a pipe must not read about files.
    say(f"wrote {path}")


def file_of(path: Path | None) -> Path | None:
    """Return the file that an answer goes to; None for standard output, which is also `-`."""
    return None if path is None or str(path) == "-" else path


def check_file(path: Path | None) -> None:
    """Raise OutputError for a folder, or a place where nothing can be written."""
    path = file_of(path)
    if path is None:
        return
    if path.is_dir():
        raise OutputError(f"{path} is a folder; a file is wanted.")
    # No folder is made: a mistyped path would be one, and the file in it would be looked for.
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder} to write {path.name} in. Make it first.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"{path} cannot be written: permission denied.")


def check_suffix(name: str, path: Path | None, formats: tuple[str, ...]) -> None:
    """Raise OptionError where the suffix of a picture names no format."""
    if path is not None and path.suffix[1:] not in formats:
        raise OptionError(
            f"{keyword(name)} {path}: the suffix {path.suffix!r} names no picture format. "
            f"Allowed: {', '.join(f'.{name}' for name in formats)}."
        )


def suffixes(formats: tuple[str, ...]) -> str:
    """Return formats as a sentence lists suffixes.

    Example:
        >>> suffixes(("svg", "png"))
        '.svg or .png'
    """
    return listed(f".{name}" for name in formats)


def _show(
    answer: Answer,
    format: str,  # noqa: A002  the word of the option
    out: Path | None = None,
    *,
    depth: int | None = None,
    sort: str | None = None,
) -> None:
    # A pipe and a file get every column in full: only a terminal has a width to fit.
    width = terminal_width() if is_terminal() and out is None else None
    text = render(answer, format, depth=depth, sort=sort, width=width)
    if file := file_of(out):
        put(file, text + "\n")
    else:
        write_answer(text)


def _format_of(out: Path | None) -> str:
    out = file_of(out)
    if out is None:
        return "tree"
    # Said here, too: a folder has no suffix, and a message about that would mislead.
    if out.is_dir():
        raise OutputError(f"{out} is a folder; a file is wanted.")
    if out.suffix not in SUFFIXES:
        raise OptionError(
            f"{keyword('out')} {out}: the suffix {out.suffix!r} names no format. Allowed: "
            f"{', '.join(SUFFIXES)}, or say {keyword('format')}."
        )
    return SUFFIXES[out.suffix]
