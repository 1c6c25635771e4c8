"""PNG and PDF: the same shapes, drawn by matplotlib."""

import io

import numpy as np
import pytest
from PIL import Image

from archlab.errors import LayoutError
from archlab.view.drawing.paint import DPI, painted
from archlab.view.drawing.shapes import Canvas, Dot, Element, Line, Polygon, Rectangle, Words
from archlab.view.drawing.sheet import canvas


def page(*shapes, width=72.0, height=36.0, faded=False) -> Canvas:
    return Canvas(width, height, "#ffffff", "a test", [Element(shapes, faded=faded)])


def pixels(whole: Canvas) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(painted(whole, "png"))).convert("RGB"))


def test_a_rectangle_is_where_it_should_be() -> None:
    # One inch by half an inch at 144 dots an inch; the rectangle is the upper left quarter.
    found = pixels(page(Rectangle(0, 0, 36, 18, "#ff0000")))
    assert found.shape == (DPI / 2, DPI, 3)
    assert (found[10, 10] == (255, 0, 0)).all()
    assert (found[10, 100] == 255).all()
    assert (found[60, 10] == 255).all()


def test_lines_arrows_dots_and_words_leave_their_colour() -> None:
    for shape in (
        Line(((4, 4), (4, 30), (60, 30)), "#0000ff", 2.0, radius=5),
        Line(((4, 18), (60, 18)), "#0000ff", 2.0, dashes=(4.0, 3.0)),
        Polygon(((10, 10), (30, 10), (20, 30)), "#0000ff"),
        Dot(30, 18, 8, "#0000ff"),
        Words(10, 20, "Conv", 12, "#0000ff", bold=True),
        Words(36, 20, "Conv", 12, "#0000ff", centred=True),
    ):
        found = pixels(page(shape)).astype(int)
        assert ((found[..., 2] - found[..., 0]) > 200).sum() > 50


def test_what_is_faded_is_lighter() -> None:
    box = Rectangle(0, 0, 72, 36, "#000000")
    assert pixels(page(box))[20, 20, 0] == 0
    assert 120 < pixels(page(box, faded=True))[20, 20, 0] < 160  # 45 % of black on white


def test_a_pdf_has_its_fonts_inside_and_its_own_size(drawing, style) -> None:
    data = painted(canvas(drawing, style)[0], "pdf")
    assert data.startswith(b"%PDF")
    assert b"/FontFile" in data or b"/CharProcs" in data
    assert b"/MediaBox [ 0 0 72 36 ]" in painted(page(), "pdf")


def test_a_column_of_print_is_no_wider_than_it_may_be() -> None:
    wide = page(width=720.0, height=72.0)
    assert b"/MediaBox [ 0 0 144 14.4 ]" in painted(wide, "pdf", width=2.0)


def test_a_png_that_could_not_be_read_is_refused() -> None:
    # 48 dots an inch and 32,765 pixels are 49,147.5 points.
    with pytest.raises(LayoutError, match=r"32,767 pixels.*\.svg or \.pdf"):
        painted(page(height=49_148.0, width=1.0), "png")


def test_a_pen_of_two_points_is_four_pixels_wide_at_144_dots_an_inch() -> None:
    found = pixels(page(Line(((0, 18), (72, 18)), "#000000", 2.0)))
    assert 3 <= (found[:, 70, 0] < 128).sum() <= 5
