"""A box as a cuboid: as high as the root of its map's side, as wide as that of its channels.

A cuboid in oblique projection is a map. A bar is a vector, or, by its channels or features, what is
neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, prod, sqrt

from archlab.fold.drawing import Box, Drawing, Shape
from archlab.view.drawing.face import JOINS

# Points. The front of the largest map, from left to right and else, and the lowest of all.
_TALL = {"LR": 104.0, "TB": 68.0}
_LOW = 9.0
_WIDE, _THIN = 46.0, 4.0  # of the most channels, and of the fewest
_BAR, _HIGH = 7.0, 0.8  # width of a vector; height of the largest, as a share of a map's
_DEEP = 0.26  # of a front's height: how far to the right, and up, its back lies
_THICK, _FINE = 4.6, 0.8  # lines: the one with the most bytes, and one with a thousandth
_DECADES = 3.0
_OUTSIDE = frozenset({*JOINS, Shape.FAILURE, Shape.PORT})


@dataclass(frozen=True, slots=True)
class Solid:
    """A cuboid on the page: width and height of its front, and the shift of its back."""

    width: float
    height: float
    depth: float

    @property
    def hull(self) -> tuple[float, float]:
        """Width and height of all of it."""
        return self.width + self.depth, self.height + self.depth


@dataclass(frozen=True, slots=True)
class Scale:
    """The largest of all that is drawn, by which everything else is measured."""

    tall: float  # points of the largest side
    side: float
    channels: int
    features: int
    bytes: int

    def height(self, side: float) -> float:
        """Return the height of a map in points: its root keeps 7×7 visible beside 224×224."""
        return max(self.tall * sqrt(side / self.side), _LOW)

    def width(self, channels: float) -> float:
        """Return the width of a map in points."""
        return max(_WIDE * sqrt(channels / self.channels), _THIN)

    def pen(self, nbytes: float) -> float:
        """Return the thickness of a line in points, by powers of ten."""
        below = log10(self.bytes / nbytes) if nbytes else _DECADES
        return _THICK - (_THICK - _FINE) * min(below / _DECADES, 1.0)

    def solid(self, box: Box) -> Solid:
        """Return the cuboid of a box."""
        if is_map(box):
            high = self.height(side(box))
            # A signal has one axis, and is a sheet.
            return Solid(self.width(box.makes[0]), high, _DEEP * high if box.makes[2:] else _THIN)
        high = self.tall * _HIGH * sqrt(_features(box) / self.features)
        return Solid(_BAR, max(high, _LOW), _BAR * 0.6)


def is_volume(box: Box) -> bool:
    """Whether a box is drawn as a cuboid or bar, and is no join and no failure."""
    return box.shape not in _OUTSIDE


def is_map(box: Box) -> bool:
    """Whether a box makes a map of more than one place."""
    return prod(box.makes[1:]) > 1


def side(box: Box) -> float:
    """Return the side of a square with as many places; of a video, those of one image.

    Example:
        >>> side(Box("conv1", "conv1", Shape.OPERATOR, "Conv", makes=(64, 32, 128)))
        64.0
    """
    sizes = box.makes[1:][-2:]
    return float(prod(sizes) ** (1 / len(sizes)))


def _features(box: Box) -> int:
    return max(box.makes[0] if box.makes else box.width or 1, 1)


def scale_of(drawing: Drawing, direction: str) -> Scale:
    """Return the scale of a drawing; from top to bottom maps are smaller."""
    boxes = [box for box in drawing.boxes if is_volume(box)]
    maps = [box for box in boxes if is_map(box)]
    return Scale(
        tall=_TALL[direction],
        side=max(map(side, maps), default=1.0),
        channels=max((box.makes[0] for box in maps), default=1),
        features=max((_features(box) for box in boxes if not is_map(box)), default=1),
        bytes=max((edge.bytes for edge in drawing.edges), default=0) or 1,
    )
