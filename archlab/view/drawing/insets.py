"""Modules that occur often, drawn once in panels beside the picture, each under a letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archlab.fold.drawing import Inset
from archlab.layout import Placed, Point
from archlab.view.drawing.fonts import text_width
from archlab.view.drawing.shapes import Canvas, Element, Rectangle, Shape, Words, moved

CHIP = 16.0  # the square that a letter stands in
_GAP = 28.0  # between the picture and panels, and between panels
_PAD, _HEAD = 10.0, 30.0  # around the content of a panel, and above it


@dataclass(frozen=True, slots=True)
class Panel:
    """An inset with its picture, and where the parts are in that."""

    inset: Inset
    content: Canvas
    parts: Placed

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, with the border and the header."""
        width = max(self.content.width, _header_width(self.inset)) + 2 * _PAD
        return width, self.content.height + _HEAD + _PAD

    @property
    def start(self) -> Point:
        """Where the content begins: below the header, in the middle."""
        return (self.size[0] - self.content.width) / 2, _HEAD


def arranged(
    panels: Sequence[Panel], whole: tuple[float, float]
) -> tuple[list[Point], tuple[float, float]]:
    """Return the upper left corners of panels, and the size of a picture with them.

    They stand at the right of it or below, whichever is nearer to a square.
    """
    if not panels:
        return [], whole
    tried = [_along(panels, whole, upright=upright) for upright in (True, False)]
    return min(tried, key=lambda found: max(found[1]) / min(found[1]))


def _along(
    panels: Sequence[Panel], whole: tuple[float, float], *, upright: bool
) -> tuple[list[Point], tuple[float, float]]:
    """Arrange panels in columns at the right of a picture, or (not upright) in rows below it."""
    sizes = [panel.size if upright else panel.size[::-1] for panel in panels]
    # Along the picture, and away from it: rows and columns are the same, turned around.
    length = max(whole[upright], *(size[1] for size in sizes))
    at, along, depth = whole[not upright] + _GAP, 0.0, 0.0
    corners = []
    for away, size in sizes:
        if along and along + size > length:
            at, along, depth = at + depth + _GAP, 0.0, 0.0
        corners.append((at, along))
        along, depth = along + size + _GAP, max(depth, away)
    total = at + depth, length
    if upright:
        return corners, total
    return [(y, x) for x, y in corners], total[::-1]


def placed(panel: Panel, corner: Point) -> Placed:
    """Return where the parts of a panel are whose upper left corner is given."""
    return panel.parts.shifted(corner[0] + panel.start[0], corner[1] + panel.start[1])


def elements(panel: Panel, corner: Point, colours: Mapping[str, str]) -> Iterator[Element]:
    """Yield the panel, then what is in it; ids begin with its letter."""
    x, y = corner
    inset, (w, h) = panel.inset, panel.size
    title, about = _words(inset)
    left = x + _PAD + CHIP + 7.0
    shapes: list[Shape] = [
        Rectangle(x, y, w, h, colours["page"], colours["shape"], 1.2, 6.0),
        *chip(inset.letter, (x + _PAD, y + 7.0), colours),
        Words(left, y + 19.0, title, 11.0, colours["text"], bold=True),
        Words(left + text_width(title, 11.0, bold=True) + 8.0, y + 19.0, about, 9.0,
              colours["quiet"]),
    ]  # fmt: skip
    yield Element(shapes, "inset", f"inset:{inset.letter}", f"{inset.letter}: {title}")
    dx, dy = x + panel.start[0], y + panel.start[1]
    for element in panel.content.elements:
        key = f"{inset.letter}:{element.key}" if element.key else ""
        yield replace(element, key=key, shapes=[moved(part, dx, dy) for part in element.shapes])


def chip(letter: str, corner: Point, colours: Mapping[str, str]) -> list[Shape]:
    """Return a letter in a small square."""
    x, y = corner
    return [
        Rectangle(x, y, CHIP, CHIP, colours["shape"], radius=3.5),
        Words(x + CHIP / 2, y + CHIP / 2 + 4.0, letter, 11.0, colours["page"], bold=True,
              centred=True),
    ]  # fmt: skip


def _words(inset: Inset) -> tuple[str, str]:
    return inset.type.strip("_"), f"in {inset.count} places; drawn is {inset.path}"


def _header_width(inset: Inset) -> float:
    title, about = _words(inset)
    return CHIP + 15.0 + text_width(title, 11.0, bold=True) + text_width(about, 9.0)
