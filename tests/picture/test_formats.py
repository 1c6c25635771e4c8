"""The formats of a drawing: which one a file name asks for, and a layout that fails."""

from dataclasses import replace

import pytest

from archlab import render
from archlab.errors import LayoutError, OptionError
from archlab.picture import formats
from archlab.picture.formats import FORMATS, picture_format


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_suffix_names_its_format(tmp_path, name) -> None:
    assert picture_format(tmp_path / f"a.{name.upper()}", FORMATS) == name


@pytest.mark.parametrize(("file", "fault"), [
    ("a.gif", r"the suffix '\.gif' names no picture format\. Allowed: \.svg, \.png\."),
    ("a", r"without a suffix it has no picture format\."),
])  # fmt: skip
def test_a_name_without_a_known_format_is_refused(tmp_path, file, fault) -> None:
    with pytest.raises(OptionError, match=fault):
        picture_format(tmp_path / file, ("svg", "png"))


def test_a_layout_that_fails_is_tried_again_with_half_the_boxes(monkeypatch) -> None:
    drawing = render("resnet20", boxes=40).drawing
    budgets = []

    def redraw(boxes):
        budgets.append(boxes)
        return replace(drawing, boxes=drawing.boxes[:boxes])

    def fail_above(sheet, format, _seconds):  # noqa: A002
        if len(sheet.drawing.boxes) > 10:
            raise LayoutError("too large", "")
        return sheet.style.notes[-1].encode()

    monkeypatch.setattr(formats, "_once", fail_above)
    sheet = formats.Sheet(drawing, formats.Style("light"), timeout=60, redraw=redraw)
    size = len(drawing.boxes)
    expected = [size // 2]
    while expected[-1] > 10:
        expected.append(expected[-1] // 2)
    assert FORMATS["svg"](sheet) == (
        f"folded further, to {expected[-1]} boxes: a larger layout failed".encode()
    )
    assert budgets == expected
    with pytest.raises(LayoutError, match="too large"):
        FORMATS["png"](sheet)
