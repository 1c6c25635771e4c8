"""The scale of the heat, in the legend and on the boxes."""

from dataclasses import replace

from archlab.fold.drawing import Drawing, Heat
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.style import Style
from archlab.view.drawing.svg import svg as written


def picture(drawing: Drawing, style: Style) -> str:
    return written(canvas(drawing, style)[0], style.theme)


def heated(drawing: Drawing, heat: Heat) -> Drawing:
    boxes = [replace(box, amounts=replace(box.amounts, heat=value))
             for box, value in zip(drawing.boxes, (None, 1.0, 10.0, 0.0, 5.0, 2.0, 0.0, None, 1.0,
                                                   None, None), strict=True)]  # fmt: skip
    return replace(drawing, boxes=tuple(boxes), heat=heat)


def test_shares_and_sizes_are_coloured_by_one_scale(drawing, style) -> None:
    share = heated(drawing, Heat("macs", "MACs", share=True, low=0, high=10, total=20))
    svg = picture(share, style)
    assert "share of all MACs" in svg
    assert all(f">{tick} %<" in svg for tick in ("0.1", "3.16", "100"))  # √1000 in the middle
    assert "50.0 % of MACs, ×8 together" in svg
    # A half is 2.7 of 3 powers above a thousandth: the last of six colours.
    assert svg.count(f'fill="{style.theme.heat[-1]}"/>') == 2  # a box, and the scale
    pixels = heated(
        drawing, Heat("receptive-field", "receptive field, px", share=False, low=1, high=10)
    )
    svg = picture(pixels, style)
    assert "receptive field 10 px" in svg
    assert "receptive field, logarithmic" in svg
    assert all(f">{tick}<" in svg for tick in ("1 px", "3.16", "10 px"))  # √10 in the middle
    assert style.theme.colours["hatch"] in svg  # not available is no zero
