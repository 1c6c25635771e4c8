"""The formats of a drawing, and the one that a file name asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archlab.errors import OptionError
from archlab.fold import Drawing
from archlab.view.drawing.dot import dot
from archlab.view.drawing.mermaid import mermaid
from archlab.view.drawing.paint import painted
from archlab.view.drawing.record import record
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.sketch import sketch
from archlab.view.drawing.style import Style
from archlab.view.drawing.svg import svg


@dataclass(frozen=True)
class Sheet:
    """A drawing with all that its formats need."""

    drawing: Drawing
    style: Style


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


def _svg(sheet: Sheet) -> bytes:
    whole, _ = canvas(sheet.drawing, sheet.style)
    return svg(whole, sheet.style.theme, width=sheet.style.theme.width).encode()


def _painted(sheet: Sheet, format: str) -> bytes:  # noqa: A002  the word of every other library
    whole, _ = canvas(sheet.drawing, sheet.style)
    return painted(whole, format, width=sheet.style.theme.width)


def _graph(view: Callable[[Drawing, Style], str], sheet: Sheet) -> bytes:
    if sheet.drawing.insets:
        raise OptionError(
            "DOT and Mermaid have no place for insets: draw without them, or as .svg, .png, .pdf, "
            ".json or .txt."
        )
    return _text(view, sheet)


def _text(view: Callable[[Drawing, Style], str], sheet: Sheet) -> bytes:
    return f"{view(sheet.drawing, sheet.style)}\n".encode()


PAINTED = ("png", "pdf")  # of bytes, drawn with the fonts of this machine
# Suffix -> what makes the file of a drawing. DOT has its line break at the end already.
FORMATS: dict[str, Callable[[Sheet], bytes]] = {
    "svg": _svg,
    "png": partial(_painted, format="png"),
    "pdf": partial(_painted, format="pdf"),
    "dot": partial(_graph, lambda drawing, style: dot(drawing, style).rstrip("\n")),
    "mmd": partial(_graph, mermaid),
    "json": partial(_text, lambda drawing, style: json.dumps(record(drawing, style), indent=2)),
    "txt": partial(_text, sketch),
}
PLACED = ("svg", "png", "pdf", "json")  # those that have every style; the others know no volumes
