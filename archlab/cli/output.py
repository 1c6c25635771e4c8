"""Where a command's answer goes: the terminal, or a file that is complete or not there.

What cannot be written is refused before the work: each group checks itself when it is made.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archlab.cli.options import listed
from archlab.errors import OptionError, OutputError, check_one_of, keyword
from archlab.files import write
from archlab.result import Answer
from archlab.view import FORMATS, render
from archlab.view.figure.export import FORMATS as PICTURES

if TYPE_CHECKING:
    from archlab.picture.picture import Picture

SUFFIXES = {".json": "json", ".csv": "csv", ".md": "md", ".txt": "tree"}
_TERMINAL = "-"

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
        _show(answer, self.format or default, None)


@dataclass(frozen=True)
class Output:
    """The format of an answer, and the file it goes to."""

    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help=f"{listed(FORMATS)}. Default: the suffix of --out, else tree.",
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write to this file instead of the terminal."),
    ] = None

    def __post_init__(self) -> None:
        check_one_of("format", self.format or _format_of(self.out), FORMATS)
        check_file(self.out)

    def show(self, answer: Answer, *, depth: int | None = None, sort: str | None = None) -> None:
        """Print an answer, or write it to the file.

        Raises:
            OptionError: an unknown column.
            OutputError: the file cannot be written.
        """
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
        typer.Option("--plot", metavar="FILE", help=f"Also write a picture: {suffixes(PICTURES)}."),
    ] = None

    def __post_init__(self) -> None:
        check_suffix("plot", self.plot, PICTURES)
        check_file(self.plot)

    def save(self, picture: Picture) -> None:
        """Write the picture.

        Raises:
            OutputError: the file cannot be written.
        """
        assert self.plot is not None
        put(self.plot, picture.data(self.plot.suffix[1:]))


def put(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all, and say so.

    Raises:
        OutputError: the file cannot be written.
    """
    write(path, content)
    print(f"wrote {path}", file=sys.stderr)


def is_terminal(path: Path | None) -> bool:
    """Whether an answer goes to standard output: no file is named, or `-`."""
    return path is None or str(path) == _TERMINAL


def check_file(path: Path | None) -> None:
    """Raise where a file cannot be written.

    Raises:
        OutputError: a folder, or a place without permission.
    """
    if path is None or is_terminal(path):
        return
    if path.is_dir():
        raise OutputError(f"{path} is a folder; a file is wanted.")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder} to write {path.name} in. Make it first.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"{path} cannot be written: permission denied.")


def check_suffix(name: str, path: Path | None, formats: tuple[str, ...]) -> None:
    """Raise where the suffix of a picture names no format.

    Raises:
        OptionError: with those allowed.
    """
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
    out: Path | None,
    *,
    depth: int | None = None,
    sort: str | None = None,
) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() and out is None else None
    text = render(answer, format, depth=depth, sort=sort, width=width)
    if out is None or is_terminal(out):
        print(text)
    else:
        put(out, text + "\n")


def _format_of(out: Path | None) -> str:
    if out is None or is_terminal(out):
        return "tree"
    if out.is_dir():
        raise OutputError(f"{out} is a folder; a file is wanted.")
    if out.suffix not in SUFFIXES:
        raise OptionError(
            f"{keyword('out')} {out}: the suffix {out.suffix!r} names no format. Allowed: "
            f"{', '.join(SUFFIXES)}, or say {keyword('format')}."
        )
    return SUFFIXES[out.suffix]
