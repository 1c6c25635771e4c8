"""Frames: a header that no line runs through, and what is in them."""

from small import drawn, sizes
from sound import faults

from archlab.layout import Sizes, Tab, layout
from archlab.layout.placing import MARGIN, PAD


def test_a_frame_holds_its_boxes_and_its_header_stands_beside_the_line() -> None:
    drawing = drawn("ab bc cd", groups=["g"], inside={"b": "g", "c": "g"})
    geometry = layout(drawing, sizes(drawing), goal=0.0)
    frame, box = geometry.frames["g"], geometry.boxes["b"]
    assert box.x - frame.rect.x >= PAD
    assert box.y >= frame.name.bottom
    line = geometry.boxes["a"].x + geometry.boxes["a"].w / 2
    assert frame.name.right + MARGIN <= line or frame.facts.right + MARGIN <= line
    assert faults(drawing, geometry) == []


def test_a_long_name_widens_the_frame() -> None:
    drawing = drawn("ab bc", groups=["g"], inside={"b": "g"})
    long = Sizes(sizes(drawing).boxes, {}, {"g": Tab(400.0, 300.0, 18.0)})
    geometry = layout(drawing, long, goal=0.0)
    assert geometry.frames["g"].rect.w >= 700
    assert faults(drawing, geometry) == []


def test_nothing_to_place_is_an_empty_page() -> None:
    drawing = drawn("")
    geometry = layout(drawing, sizes(drawing))
    assert (geometry.width, geometry.height, geometry.boxes) == (0, 0, {})
