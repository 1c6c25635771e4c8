"""What a layout takes and gives: sizes of the parts of a drawing, and their places. In points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its upper left corner and its size."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.h

    def shifted(self, dx: float, dy: float) -> Rect:
        """Return a rectangle of the same size in another place."""
        return Rect(self.x + dx, self.y + dy, self.w, self.h)


@dataclass(frozen=True, slots=True)
class Tab:
    """The header of a frame: widths of its two parts, and the height of both."""

    name: float
    facts: float
    height: float


@dataclass(frozen=True)
class Sizes:
    """Widths and heights of what is placed."""

    boxes: Mapping[str, Point]
    labels: Mapping[str, Point]  # box -> the text on the line that leaves it
    tabs: Mapping[str, Tab]  # group -> its header
    # Box -> a text beside it: at its right, or from left to right below it.
    captions: Mapping[str, Point] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a group, with the places of the two parts of its header."""

    rect: Rect
    name: Rect
    facts: Rect

    def shifted(self, dx: float, dy: float) -> Frame:
        """Return the frame in another place."""
        rects = (self.rect, self.name, self.facts)
        return Frame(*(rect.shifted(dx, dy) for rect in rects))


@dataclass(frozen=True)
class Placed:
    """A drawing's geometry; the origin is its upper left corner, y points down."""

    width: float
    height: float
    boxes: Mapping[str, Rect]
    frames: Mapping[str, Frame]
    lines: tuple[tuple[Point, ...], ...]  # of each edge of the drawing, from tail to head
    labels: Mapping[str, Rect] = field(default_factory=dict)  # box -> its caption, or its line's
    dots: tuple[tuple[int, Point], ...] = ()  # an edge, and where it leaves a line it shares
    insets: tuple[Placed, ...] = ()  # of the drawing's insets

    def shifted(self, dx: float, dy: float) -> Placed:
        """Return the same in another place; width and height stay."""
        return Placed(
            self.width,
            self.height,
            {key: rect.shifted(dx, dy) for key, rect in self.boxes.items()},
            {key: frame.shifted(dx, dy) for key, frame in self.frames.items()},
            tuple(tuple((x + dx, y + dy) for x, y in line) for line in self.lines),
            {key: rect.shifted(dx, dy) for key, rect in self.labels.items()},
            tuple((edge, (x + dx, y + dy)) for edge, (x, y) in self.dots),
            tuple(inset.shifted(dx, dy) for inset in self.insets),
        )
