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

    def moved(self, dx: float, dy: float) -> Placed:
        """Return the same drawing elsewhere on its page."""

        def moved(rect: Rect) -> Rect:
            return Rect(rect.x + dx, rect.y + dy, rect.w, rect.h)

        return Placed(
            self.width,
            self.height,
            {key: moved(rect) for key, rect in self.boxes.items()},
            {
                key: Frame(moved(frame.rect), moved(frame.name), moved(frame.facts))
                for key, frame in self.frames.items()
            },
            tuple(tuple((x + dx, y + dy) for x, y in line) for line in self.lines),
            {key: moved(rect) for key, rect in self.labels.items()},
            tuple((edge, (x + dx, y + dy)) for edge, (x, y) in self.dots),
        )
