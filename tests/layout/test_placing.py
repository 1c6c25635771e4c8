"""Frames: a header that no line runs through, and what is in them."""

import pytest
from small import drawn, sizes
from sound import faults

from archlab.layout import Sizes, Tab, layout
from archlab.layout.placing import CAPTION, MARGIN, PAD


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


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("text", [(160.0, 14.0), (30.0, 90.0)])
def test_a_caption_stands_beside_its_box_whose_lines_run_on_along_it(across, text) -> None:
    drawing = drawn("ab bc bb", groups=["g"], inside={"b": "g"})
    plain = sizes(drawing, across=across)
    size = text[::-1] if across else text
    captions = {box.id: size for box in drawing.boxes}
    geometry = layout(
        drawing, Sizes(plain.boxes, {}, plain.tabs, captions), across=across, goal=0.0
    )
    assert faults(drawing, geometry) == []
    for key, label in geometry.labels.items():
        box = geometry.boxes[key]
        assert (label.w, label.h) == text
        if across:  # below, both in the middle of the same column
            assert label.y - box.bottom == CAPTION
            assert label.x + label.w / 2 == pytest.approx(box.x + box.w / 2)
        else:
            assert label.x - box.right == CAPTION
            assert label.y + label.h / 2 == pytest.approx(box.y + box.h / 2)
    middles = {round(box.y + box.h / 2 if across else box.x + box.w / 2, 6)
               for box in geometry.boxes.values()}  # fmt: skip
    assert len(middles) == 1  # the trunk is straight, however long the captions are


def test_nothing_to_place_is_an_empty_page() -> None:
    drawing = drawn("")
    geometry = layout(drawing, sizes(drawing))
    assert (geometry.width, geometry.height, geometry.boxes) == (0, 0, {})
