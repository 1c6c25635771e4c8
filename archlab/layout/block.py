"""What has been placed so far, relative to the line that runs straight through it.

The trunk of a block lies at x = 0, and its upper edge at y = 0. Edges enter it at the top and leave
it at the bottom, each at an x of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archlab.layout.levels import OUTSIDE, Link
from archlab.layout.placed import Point, Rect


@dataclass(slots=True)
class Block:
    """A placed part. Distances are those from its trunk, both positive."""

    left: float
    right: float
    height: float
    ins: dict[int, float] = field(default_factory=dict)  # edge -> x at the top
    outs: dict[int, float] = field(default_factory=dict)  # edge -> x at the bottom
    parts: list[tuple[float, float, Block]] = field(default_factory=list)
    lines: list[tuple[Link, list[Point]]] = field(default_factory=list)
    dots: list[tuple[int, Point]] = field(default_factory=list)
    item: int = OUTSIDE
    rect: Rect | None = None
    joins: bool = False  # a box that lanes enter from the side
    label: Rect | None = None
    name: Rect | None = None
    facts: Rect | None = None
    rows: list[tuple[float, float, Block]] = field(default_factory=list)  # of a stack: first cells
    gaps: list[float] = field(default_factory=list)  # rows' heights, each with the channel above
    breaks: dict[int, int] = field(
        default_factory=dict
    )  # row that may begin a column -> lines to it
