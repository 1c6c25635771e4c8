"""The scale of the heat, in the legend and on the boxes."""

from dataclasses import replace

from archlab.fold.drawing import Drawing, Heat
from archlab.view.drawing.dot import dot
from archlab.view.drawing.style import Style
from archlab.view.drawing.engine import laid_out
from archlab.view.drawing.svg import finished


def picture(drawing: Drawing, style: Style) -> str:
    (raw,) = laid_out(dot(drawing, style), ["svg"])
    return finished(raw.decode(), drawing, style.theme)


def heated(drawing: Drawing, heat: Heat) -> Drawing:
    boxes = [replace(box, amounts=replace(box.amounts, heat=value))
             for box, value in zip(drawing.boxes, (None, 1.0, 10.0, 0.0, 5.0, 2.0, 0.0, None, 1.0,
                                                   None, None), strict=True)]  # fmt: skip
    return replace(drawing, boxes=tuple(boxes), heat=heat)


def test_shares_and_sizes_are_coloured_by_one_scale(drawing, style) -> None:
    share = heated(drawing, Heat("macs", "MACs", share=True, low=0, high=10, total=20))
    svg = picture(share, style)
    assert "share of all MACs, 0 … 50 %" in svg
    assert "50.0 % of MACs, ×8 together" in svg
    assert style.theme.heat[-1] in svg
    pixels = heated(
        drawing, Heat("receptive-field", "receptive field, px", share=False, low=1, high=10)
    )
    svg = picture(pixels, style)
    assert "receptive field 10 px" in svg
    assert "1 … 10 px, logarithmic" in svg
    assert "╱" in svg  # not available is no zero
