"""A drawing that can be shown and saved, and the options it is made with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from archlab.errors import LayoutError, check_one_of
from archlab.files import picture_format, write
from archlab.fold import Drawing
from archlab.view.drawing.dot import Style, dot
from archlab.view.drawing.engine import TIMEOUT, laid_out
from archlab.view.drawing.mermaid import mermaid
from archlab.view.drawing.sketch import sketch
from archlab.view.drawing.svg import finished

LEAST = 8  # boxes below which a failed layout is not tried again


@dataclass(frozen=True)
class Picture:
    """A drawing that can be shown and saved.

    Attributes:
        drawing: boxes, groups and edges; with numbers, and heat where asked for.
        style: theme, direction, totals.
        timeout: seconds for one layout.
        redraw: a smaller drawing, for a budget of boxes; None where there is none.

    Example:
        >>> from archlab import render
        >>> picture = render("resnet20", depth=1)
        >>> picture.data("mmd")[:12], len(picture.drawing.boxes)
        (b'%% resnet20:', 8)
    """

    drawing: Drawing
    style: Style
    timeout: float = TIMEOUT
    redraw: Callable[[int], Drawing] | None = None

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text, real text inside.

        Raises:
            LayoutError: Graphviz is missing, or failed at every budget of boxes.
        """
        (data,) = self._laid_out(("svg",))
        return data.decode()

    def data(self, suffix: str) -> bytes:
        """Return the picture as bytes.

        Args:
            suffix: svg, png, pdf, dot, mmd, json or txt.

        Raises:
            OptionError: an unknown format.
            LayoutError: as for `svg`, or a PNG above 32,767 pixels a side.
        """
        check_one_of("format", suffix, FORMATS)
        if suffix == "svg":
            return self.svg.encode()
        if suffix in ("png", "pdf"):
            return self._laid_out((suffix,))[0]
        return (FORMATS[suffix](self) + "\n").encode()

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file and return its path.

        Args:
            path: its suffix is the format.

        Raises:
            OptionError: a suffix that is none of FORMATS.
            OutputError: the file cannot be written.
            LayoutError: as for `data`.
        """
        path = Path(path)
        write(path, self.data(picture_format(path, FORMATS)))
        return path

    def _laid_out(self, formats: Sequence[str]) -> list[bytes]:
        """Lay out; what fails or takes too long is tried again with half the boxes."""
        picture, boxes = self, len(self.drawing.boxes)
        while True:
            try:
                return picture._once(formats)
            except LayoutError:
                boxes //= 2
                if self.redraw is None or boxes < LEAST or "png" in formats:
                    raise
                note = f"folded further, to {boxes} boxes: a larger layout failed"
                style = replace(self.style, notes=(*self.style.notes, note))
                picture = replace(self, drawing=self.redraw(boxes), style=style)

    def _once(self, formats: Sequence[str]) -> list[bytes]:
        theme = self.style.theme
        pieces = laid_out(dot(self.drawing, self.style), ("svg", *formats), timeout=self.timeout)
        svg = finished(pieces[0].decode(), self.drawing, theme)  # checks that no box is lost
        return [
            svg.encode() if style == "svg" else piece
            for style, piece in zip(formats, pieces[1:], strict=True)
        ]

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        """Return the drawing for a terminal."""
        return sketch(self.drawing, self.style)


def _json(picture: Picture) -> str:
    return json.dumps(picture.drawing.to_dict(), indent=2)


FORMATS: dict[str, Callable[[Picture], str]] = {
    "svg": lambda picture: picture.svg,
    "png": lambda _: "",
    "pdf": lambda _: "",
    "dot": lambda picture: dot(picture.drawing, picture.style).rstrip("\n"),
    "mmd": lambda picture: mermaid(picture.drawing, picture.style),
    "json": _json,
    "txt": lambda picture: sketch(picture.drawing, picture.style),
}
"""Suffix -> the picture as text; png and pdf are bytes, see `Picture.data`."""
