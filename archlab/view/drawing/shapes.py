"""What a picture is made of: rectangles, lines, polygons, dots and words, in points. Plain data.

`sheet` makes them from a drawing, `svg` and `paint` write them: all formats are one picture.
Colours are hex codes; y points down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from archlab.view.drawing.fonts import text_width

Point = tuple[float, float]
FADED = 0.45  # opacity of what two models have in common


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A filled rectangle, perhaps with a border and round corners."""

    x: float
    y: float
    w: float
    h: float
    fill: str
    border: str = ""
    pen: float = 1.0
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of straight pieces with round corners."""

    points: tuple[Point, ...]
    colour: str
    pen: float
    dashes: tuple[float, ...] = ()
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled polygon without a border."""

    points: tuple[Point, ...]
    fill: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text that begins at x (or is centred there), and stands on y."""

    x: float
    y: float
    content: str
    points: float
    colour: str
    bold: bool = False
    centred: bool = False


Shape: TypeAlias = "Rectangle | Line | Polygon | Dot | Words"


@dataclass(frozen=True, slots=True)
class Element:
    """Shapes that belong together: a box, a frame, an edge; with what a script reads of it."""

    shapes: Sequence[Shape]
    classes: str = ""
    key: str = ""  # its id
    title: str = ""  # what a pointer over it shows
    data: Mapping[str, str] = field(default_factory=dict)
    faded: bool = False  # less than what it stands beside: see FADED


@dataclass(frozen=True)
class Canvas:
    """A whole picture."""

    width: float
    height: float
    page: str  # colour
    name: str  # the picture in a few words
    elements: Sequence[Element]
    notes: str = ""  # what is not drawn: conventions


def corners(line: Line) -> list[tuple[str, tuple[Point, ...]]]:
    """Return a line as commands: M and L to a point, Q by a corner to a point.

    Example:
        >>> corners(Line(((0, 0), (0, 10), (10, 10)), "#000000", 1.0, radius=4))
        [('M', ((0, 0),)), ('L', ((0.0, 6.0),)), ('Q', ((0, 10), (4.0, 10.0))), ('L', ((10, 10),))]
    """
    points = line.points
    commands: list[tuple[str, tuple[Point, ...]]] = [("M", (points[0],))]
    for before, at, behind in zip(points, points[1:], points[2:], strict=False):
        radius = min(line.radius, _distance(before, at) / 2, _distance(at, behind) / 2)
        if radius <= 0:
            commands.append(("L", (at,)))
            continue
        commands.append(("L", (_towards(at, before, radius),)))
        commands.append(("Q", (at, _towards(at, behind, radius))))
    commands.append(("L", (points[-1],)))
    return commands


def shortened(points: Sequence[Point], length: float) -> tuple[Point, ...]:
    """Return a line whose last piece is shorter: room for the head of an arrow."""
    *others, before, last = points
    length = min(length, _distance(before, last))
    return (*others, before, _towards(last, before, length))


def arrow(points: Sequence[Point], length: float, half: float, colour: str) -> Polygon:
    """Return the head of an arrow at the end of a line."""
    before, tip = points[-2], points[-1]
    base = _towards(tip, before, length)
    distance = _distance(before, tip) or 1.0
    dx, dy = (tip[0] - before[0]) / distance, (tip[1] - before[1]) / distance
    left = (base[0] - dy * half, base[1] + dx * half)
    right = (base[0] + dy * half, base[1] - dx * half)
    return Polygon((tip, left, right), colour)


def moved(shape: Shape, dx: float, dy: float) -> Shape:
    """Return a shape elsewhere."""
    if isinstance(shape, (Line, Polygon)):
        return replace(shape, points=tuple((x + dx, y + dy) for x, y in shape.points))
    return replace(shape, x=shape.x + dx, y=shape.y + dy)


def right(shape: Shape) -> float:
    """Return how far a shape reaches to the right, a text that begins at its x."""
    if isinstance(shape, Words):
        return shape.x + text_width(shape.content, shape.points, bold=shape.bold)
    if isinstance(shape, (Line, Polygon)):
        return max(x for x, _ in shape.points)
    return shape.x + (shape.w if isinstance(shape, Rectangle) else shape.radius)


def _distance(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(start: Point, goal: Point, length: float) -> Point:
    """Return the point so far from the start on the way to the goal, along an axis."""
    share = length / (_distance(start, goal) or 1.0)
    return (start[0] + (goal[0] - start[0]) * share, start[1] + (goal[1] - start[1]) * share)
