"""One line an edge, through all the frames on its way, without needless points."""

from small import drawn, sizes

from archlab.fold.drawing import Group
from archlab.layout import layout


def test_a_line_through_two_frames_is_straight_and_has_two_points() -> None:
    inner = Group("h", "g.h", "Net", parent="g")
    drawing = drawn("ab bc", groups=["g", inner], inside={"b": "h"})
    geometry = layout(drawing, sizes(drawing), goal=0.0)
    first, second = geometry.lines
    assert len(first) == len(second) == 2
    assert first[0] == (geometry.boxes["a"].x + 50, geometry.boxes["a"].bottom)
    assert first[1] == (geometry.boxes["b"].x + 50, geometry.boxes["b"].y)
    assert second[0][1] == geometry.boxes["b"].bottom


def test_every_box_and_frame_has_its_place() -> None:
    drawing = drawn("ab bc", groups=["g"], inside={"b": "g"})
    geometry = layout(drawing, sizes(drawing))
    assert set(geometry.boxes) == set("abc")
    assert set(geometry.frames) == {"g"}
