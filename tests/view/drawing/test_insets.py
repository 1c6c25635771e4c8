"""Panels beside a picture: where they stand, and that nothing in them is lost."""

from itertools import combinations

import pytest

import archlab
from archlab.errors import OptionError
from archlab.layout import Placed, Rect
from archlab.picture.formats import FORMATS, Sheet
from archlab.view.drawing.insets import Panel, arranged
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.style import Style
from archlab.view.theme import THEMES


def panel(width: float, height: float) -> Panel:
    """A panel of a size, border and header included."""

    class Sized(Panel):
        size = (width, height)

    return Sized(None, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("whole", [(100.0, 500.0), (500.0, 100.0), (300.0, 300.0)])
@pytest.mark.parametrize("sizes", [[(80, 60)], [(80, 60), (50, 300), (90, 200)], [(20, 20)] * 12])
def test_panels_stand_beside_the_picture_and_each_other(whole, sizes) -> None:
    corners, (width, height) = arranged([panel(*size) for size in sizes], whole)
    rects = [Rect(*corner, *size) for corner, size in zip(corners, sizes, strict=True)]
    for a, b in combinations([Rect(0, 0, *whole), *rects], 2):
        assert a.right <= b.x or b.right <= a.x or a.bottom <= b.y or b.bottom <= a.y
    for rect in rects:
        assert rect.right <= width
        assert rect.bottom <= height


def test_without_insets_the_picture_keeps_its_size() -> None:
    assert arranged([], (30.0, 40.0)) == ([], (30.0, 40.0))


@pytest.fixture(scope="module")
def drawing():
    return archlab.render("resnet18", insets=True).drawing


def boxes_of(placed: Placed) -> list[Rect]:
    return [*placed.boxes.values(), *(rect for inset in placed.insets for rect in boxes_of(inset))]


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_all_boxes_are_on_the_page_and_apart(drawing, direction) -> None:
    whole, placed = canvas(drawing, Style(THEMES["light"], direction))
    rects = boxes_of(placed)
    assert len(rects) == len(drawing.boxes) + sum(len(i.drawing.boxes) for i in drawing.insets)
    for rect in rects:
        assert 0 <= rect.x < rect.right <= whole.width
        assert 0 <= rect.y < rect.bottom <= whole.height
    for a, b in combinations(rects, 2):
        assert a.right <= b.x or b.right <= a.x or a.bottom <= b.y or b.bottom <= a.y


def test_ids_are_given_once(drawing) -> None:
    whole, _ = canvas(drawing, Style(THEMES["light"]))
    keys = [element.key for element in whole.elements if element.key]
    assert len(keys) == len(set(keys))
    assert {"inset:A", "inset:B"} <= set(keys)


def test_the_legend_explains_what_is_in_insets_alone(drawing) -> None:
    svg = FORMATS["svg"](Sheet(drawing, Style(THEMES["light"]))).decode()
    assert "shortcut, projection" in svg


def test_text_has_letters_and_the_insets_below(drawing) -> None:
    lines = FORMATS["txt"](Sheet(drawing, Style(THEMES["light"]))).decode().splitlines()
    assert sum("ResidualUnit ×2 [A]" in line for line in lines) == 1
    assert "[B] ResidualUnit: in 3 places; drawn is layer2.0" in lines


@pytest.mark.parametrize("name", ["dot", "mmd"])
def test_graphs_of_other_programs_have_no_place_for_them(drawing, name) -> None:
    with pytest.raises(OptionError, match="no place for insets"):
        FORMATS[name](Sheet(drawing, Style(THEMES["light"])))
