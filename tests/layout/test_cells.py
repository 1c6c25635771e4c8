"""Columns side by side: equal gaps, in the order of the code, with the heaviest on the trunk."""

from dataclasses import replace

from small import WIDTH, drawn, sizes

from archlab.fold.drawing import Amounts, Role
from archlab.layout import layout
from archlab.layout.cells import GAP


def test_branches_are_a_gap_apart_and_the_heaviest_is_straight() -> None:
    drawing = drawn("ab ac ad be ce de")
    heavy = [replace(box, amounts=Amounts(macs=9 if box.id == "c" else 1)) for box in drawing.boxes]
    drawing = replace(drawing, boxes=tuple(heavy))
    places = layout(drawing, sizes(drawing), goal=0.0).boxes
    assert [places[name].x for name in "bcd"] == [0, WIDTH + GAP, 2 * (WIDTH + GAP)]
    assert places["a"].x == places["c"].x == places["e"].x


def test_what_leads_around_the_others_stands_at_their_right() -> None:
    # b is a projection: it comes first in the code, and its edges say what it is.
    drawing = drawn("ab ac bd cd", sums="d")
    edges = tuple(
        replace(edge, role=Role.PROJECTION) if "b" in (edge.tail, edge.head) else edge
        for edge in drawing.edges
    )
    drawing = replace(drawing, edges=edges)
    geometry = layout(drawing, sizes(drawing), goal=0.0)
    assert geometry.boxes["b"].x > geometry.boxes["c"].right
    assert geometry.lines[2][-1][0] == geometry.boxes["d"].right  # into ⊕ from the side
