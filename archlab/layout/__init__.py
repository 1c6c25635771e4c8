"""Place a drawing by its structure: a straight trunk, branches side by side, shortcuts in lanes.

    Drawing, Sizes ── levels ── divide ── Stack (rows, channels, lanes) ──> Placed

Each group is a level of its own, laid out from the inside out. Pure and deterministic, in time that
grows with the number of boxes.
"""

from __future__ import annotations

from archlab.fold.drawing import Drawing
from archlab.layout.columns import TALL, wrapped
from archlab.layout.flat import flat
from archlab.layout.levels import ROOT, levels
from archlab.layout.placed import Frame, Placed, Point, Rect, Sizes, Tab
from archlab.layout.placing import Placing

__all__ = ["Frame", "Placed", "Point", "Rect", "Sizes", "Tab", "is_bent", "layout"]

GOAL = 1.4  # height to width of a drawing that is broken into columns


def layout(
    drawing: Drawing, sizes: Sizes, *, across: bool = False, goal: float | None = None
) -> Placed:
    """Return the geometry of a drawing.

    Args:
        drawing: boxes, groups and edges.
        sizes: how large the boxes, the labels and the headers are, in points.
        across: from left to right, and not from top to bottom.
        goal: the ratio of height to width that breaks the trunk into columns; None breaks only
            what is longer than 3:1; 0 never breaks it.
    """
    placing = Placing(levels(drawing), sizes, across)
    whole = placing.level(ROOT)
    longest = TALL if goal is None else 0.0
    aim = GOAL if goal is None else goal
    if across and aim:
        aim = 1 / aim if goal is not None else GOAL
    if aim and whole.height > longest * (whole.left + whole.right):
        whole = wrapped(placing, whole, aim)
    return flat(whole, placing.content, across=across)


def is_bent(drawing: Drawing) -> bool:
    """Return whether a drawing from top to bottom has the form of a U, in any of its levels."""
    placing = Placing(levels(drawing), Sizes({}, {}, {}), across=False)
    return any(map(placing.bend, placing.content.levels))
