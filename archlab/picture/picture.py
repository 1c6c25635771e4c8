"""What can be shown and saved: a drawing of a graph, or a figure with axes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

from archlab.errors import OptionError, check_one_of, check_type
from archlab.files import write
from archlab.fold import Drawing
from archlab.picture.formats import picture_format
from archlab.view.figure.export import FORMATS as FIGURE_FORMATS


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture that a notebook shows and that can be saved; every verb that draws returns one.

    Attributes:
        make: format -> the picture in it, as bytes.
        formats: the formats that there are, as suffixes.
        drawing: boxes, groups and edges, where it is a drawing of a graph.
        sketch: (columns, whether with a terminal's colours) -> a drawing as text.
        notes: format -> sentences that whoever wrote the picture should read: paths of an overlay
            that are no modules, letters that no font on this machine has.

    Example:
        >>> from archlab import render
        >>> picture = render("resnet20", depth=1)
        >>> picture
        Picture('resnet20', 8 boxes, formats: svg, png, pdf, dot, mmd, json, txt)
        >>> picture.data("mmd")[:12], len(picture.drawing.boxes)
        (b'%% resnet20:', 8)
    """

    make: Callable[[str], bytes]
    formats: Collection[str] = FIGURE_FORMATS
    drawing: Drawing | None = None
    sketch: Callable[[int, bool], str] | None = None
    notes: Callable[[str], Sequence[str]] | None = None

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text, real text inside."""
        return self.make("svg").decode()

    def data(self, format: str) -> bytes:  # noqa: A002  the word of every other library
        """Return the picture as bytes.

        Args:
            format: one of `formats`: svg, png or pdf; of a drawing also dot, mmd, json and txt.

        Raises:
            OptionError: a format that there is not.
            LayoutError: a PNG above 32,767 pixels a side.
        """
        check_one_of("format", format, self.formats)
        return self.svg.encode() if format == "svg" else self.make(format)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file and return its path.

        Args:
            path: its suffix is the format.

        Raises:
            OptionError: no file name, or a suffix that is none of `formats`.
            OutputError: the file cannot be written.
            LayoutError: as for `data`.
        """
        check_type("path", path, (str, PathLike), "the name of a file")
        path = Path(path)
        write(path, self.data(picture_format(path, self.formats)))
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def text(self, width: int, *, colours: bool = False) -> str:
        """Return a drawing as text.

        Args:
            width: columns of a row at most; below 40 it is 40.
            colours: with the colours of a terminal, by escape sequences.

        Raises:
            OptionError: a figure with axes, which has no text; a width that is no whole number.
        """
        if self.sketch is None:
            raise OptionError("A figure with axes has no text: save it as .svg, .png or .pdf.")
        check_type("width", width, int, "a whole number of columns, such as 120,")
        return self.sketch(width, colours)

    def __repr__(self) -> str:
        """Return one line: what it shows, how large that is, and its formats."""
        drawing = self.drawing
        what = f"{drawing.title!r}, {len(drawing.boxes)} boxes, " if drawing else ""
        return f"Picture({what}formats: {', '.join(self.formats)})"

    def __str__(self) -> str:
        """Return a drawing as wide as the terminal; a figure has no text and gives its formats."""
        if self.sketch is not None:
            return self.text(shutil.get_terminal_size().columns)
        return repr(self)
