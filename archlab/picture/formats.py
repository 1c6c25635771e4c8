"""The formats of a drawing, and the one that a file name asks for.

A layout that fails is tried again with fewer boxes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from archlab.errors import LayoutError, OptionError
from archlab.fold import Drawing
from archlab.view.drawing.dot import Style, dot
from archlab.view.drawing.engine import laid_out
from archlab.view.drawing.mermaid import mermaid
from archlab.view.drawing.sketch import sketch
from archlab.view.drawing.svg import finished

_SHORTEST = 0.1  # seconds in which a layout may still end
_LEAST = 8  # boxes below which a failed layout is not tried again


@dataclass(frozen=True)
class Sheet:
    """A drawing with all that its formats need; its layout may take `timeout` seconds in all."""

    drawing: Drawing
    style: Style
    timeout: float
    redraw: Callable[[int], Drawing]  # a budget of boxes -> the drawing within it


def picture_format(path: Path, allowed: Collection[str]) -> str:
    """Return the format that a file name asks for by its suffix, which must be an allowed one.

    Example:
        >>> picture_format(Path("graph.SVG"), ("svg", "png"))
        'svg'
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in allowed:
        fault = (
            f"the suffix {path.suffix!r} names no" if path.suffix else "without a suffix it has no"
        )
        raise OptionError(
            f"{path}: {fault} picture format. "
            f"Allowed: {', '.join(f'.{known}' for known in allowed)}."
        )
    return suffix


def _laid_out(sheet: Sheet, format: str) -> bytes:  # noqa: A002  the word of every other library
    """Return an SVG, PNG or PDF; a layout that fails is tried again with half the boxes."""
    boxes = len(sheet.drawing.boxes)
    end = time.monotonic() + sheet.timeout
    while True:
        # A PNG is also refused for its size: fewer boxes would hide that from the reader.
        last = boxes // 2 < _LEAST or format == "png"
        try:
            left = end - time.monotonic()
            # Half of it, so that smaller drawings have their time; the last one takes all.
            return _once(sheet, format, left if last else left / 2)
        except LayoutError as error:
            if last:
                raise
            boxes //= 2
            if time.monotonic() > end - _SHORTEST:
                why = f"No layout ended within {sheet.timeout:g} s."
                raise LayoutError(why, error.dot) from error
            note = f"folded further, to {boxes} boxes: a larger layout failed"
            style = replace(sheet.style, notes=(*sheet.style.notes, note))
            sheet = replace(sheet, drawing=sheet.redraw(boxes), style=style)


def _once(sheet: Sheet, format: str, seconds: float) -> bytes:  # noqa: A002
    text = dot(sheet.drawing, sheet.style)
    svg, picture = laid_out(text, ("svg", format), timeout=max(seconds, _SHORTEST))
    # The SVG is made for a PNG and a PDF, too: in it a box that was lost can be found.
    checked = finished(svg.decode(), sheet.drawing, sheet.style.theme)
    return checked.encode() if format == "svg" else picture


def _text(view: Callable[[Drawing, Style], str], sheet: Sheet) -> bytes:
    return f"{view(sheet.drawing, sheet.style)}\n".encode()


# Suffix -> what makes the file of a drawing. DOT has its line break at the end already.
FORMATS: dict[str, Callable[[Sheet], bytes]] = {
    "svg": partial(_laid_out, format="svg"),
    "png": partial(_laid_out, format="png"),
    "pdf": partial(_laid_out, format="pdf"),
    "dot": partial(_text, lambda drawing, style: dot(drawing, style).rstrip("\n")),
    "mmd": partial(_text, mermaid),
    "json": partial(_text, lambda drawing, _: json.dumps(drawing.to_dict(), indent=2)),
    "txt": partial(_text, sketch),
}
